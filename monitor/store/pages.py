"""Long lists, read a page a transaction: whoever takes them slowly, as through a pager, holds up nobody."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from sqlalchemy import Connection

P = TypeVar("P")
T = TypeVar("T")
Begin = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction that reads."""

ROWS = 1000
"""Rows of a page."""


def pages(
    begin: Begin, read: Callable[[Connection, P, int], Sequence[tuple[P, T]]], place: P, *, rows: int = ROWS
) -> Iterator[T]:
    """Yield all that is behind a place; ``read`` returns so many at most, each with its own place, in order."""
    is_more = True
    while is_more:
        with begin() as tx:
            found = read(tx, place, rows)
        yield from (one for _, one in found)
        is_more = len(found) == rows
        place = found[-1][0] if found else place
