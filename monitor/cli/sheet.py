"""Readings from a CSV file: what ``history --format csv`` writes, or somebody's own, one row after the other.

The first line names the columns, in any order. A mistake ends it with one sentence: the file, the line, what to do. It
is streamed: a file may be larger than the memory.
"""

import csv
import difflib
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from monitor.cli.common import WRONG_USE, Stop
from monitor.model import Reading
from monitor.quantity import parse_amount
from monitor.store.history import FIELDS, Run

STANDARD_INPUT = "-"
_NEEDED = ("time", "balance_usd")
_COLUMNS = ("time", *FIELDS, "polls")
_EPOCH = re.compile(r"\d{9,11}(?:\.\d+)?", re.ASCII)
"""Seconds since 1970, from 1973 on: what is shorter is a date without its dashes, what is longer has milliseconds."""
_COUNT = re.compile(r"[1-9]\d{0,6}", re.ASCII)
_LONGEST_QUOTE = 40
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_MANY = 1000
"""Values of a column of which it is remembered what they mean: most are like one above."""

_Parse = Callable[[str], Any]


def runs(file: str, zone: tzinfo, warn: Callable[[str], None]) -> Iterator[Run]:
    """Yield the readings of a file, ``-`` for standard input, in order; a time without an offset is in ``zone``.

    A column ``polls`` says how many polls there were since the row before, if both rows are alike. A column that means
    nothing is left out, and ``warn`` is told.
    """
    name = "standard input" if file == STANDARD_INPUT else file
    with _open(file, name) as source:
        reader = csv.reader(io.TextIOWrapper(source, encoding="utf-8-sig", newline=""), strict=True)
        try:
            names = _header(reader, lambda what: warn(f"{name}: {what}"))
            yield from _runs(reader, names, zone)
        except UnicodeDecodeError:
            raise Stop(f"{name}: is not UTF-8: save it as CSV in UTF-8", code=WRONG_USE) from None
        except csv.Error as error:
            raise Stop(f"{name}, line {reader.line_num}: {error}: correct the line", code=WRONG_USE) from None
        except ValueError as error:
            raise Stop(f"{name}, line {max(reader.line_num, 1)}: {error}", code=WRONG_USE) from None


@contextmanager
def _open(file: str, name: str) -> Iterator[BinaryIO]:
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise Stop(f"{name}: {error.strerror}: name a CSV file, or - for standard input", code=WRONG_USE) from None
    with source:
        yield source


def _header(reader: Iterator[list[str]], warn: Callable[[str], None]) -> list[str]:
    """Return the names of the columns."""
    names = [name.strip().lower() for name in next(reader, [])]
    for name in _NEEDED:
        if name not in names:
            raise ValueError(f"no column is named {name}: the first line names the columns, such as time,balance_usd")
    for name in names:
        if name in _COLUMNS and names.count(name) > 1:
            raise ValueError(f"two columns are named {name}: leave one of them out")
        if name not in _COLUMNS:
            close = difflib.get_close_matches(name, _COLUMNS, 1)
            warn(f"the column {_quoted(name)} is not used" + (f": did you mean {close[0]}?" if close else ""))
    return names


def _runs(reader: Iterator[list[str]], names: Sequence[str], zone: tzinfo) -> Iterator[Run]:
    before: Run | None = None
    values, place = _values(names, zone), names.index("time")
    for row in reader:
        if not row:
            continue
        if len(row) != len(names):
            raise ValueError(f"{len(row)} values in {len(names)} columns: write one for each, if only an empty one")
        known = {name: parse(row[column]) for name, column, parse in values}
        polls = known.pop("polls", None) or 1
        at = _time(row[place], zone, before.last_at if before else None)
        if before and at < before.last_at:
            raise ValueError(f"{_quoted(row[place])} is earlier than the row before: sort the rows by time")
        before = _run(before, Reading(**known), at, polls)
        yield before


def _run(before: Run | None, seen: Reading, at: datetime, polls: int) -> Run:
    """Return the polls since the row before; where the rows differ, nothing is known of those between them."""
    if before is None or before.seen != seen:
        return Run(first_at=at, last_at=at, polls=1, seen=seen)
    return Run(first_at=before.last_at + (at - before.last_at) / polls, last_at=at, polls=polls, seen=seen)


# -- values -----------------------------------------------------------------------------------------------------------


def _values(names: Sequence[str], zone: tzinfo) -> list[tuple[str, int, _Parse]]:
    """Return the columns beside the time: the name, the place, and how a value is read."""
    known = [(name, place) for place, name in enumerate(names) if name in _COLUMNS and name != "time"]
    return [(name, place, lru_cache(_MANY)(partial(_value, name, zone))) for name, place in known]


def _value(name: str, zone: tzinfo, text: str) -> object:
    text = text.strip()
    if not text and name == "balance_usd":
        raise ValueError("balance_usd is empty: leave out the rows of polls that brought no balance")
    try:
        return _understood(name, zone, text) if text else None
    except ValueError as error:
        raise ValueError(f"{name} {_quoted(text)}: {error}") from None


def _understood(name: str, zone: tzinfo, text: str) -> object:
    match name:
        case "account_id":
            return text
        case "updated_at":
            return _moment(text, zone).astimezone(UTC)
        case "low_balance_alert":
            return _flag(text)
        case "polls":
            return _polls(text)
        case _:
            return parse_amount(text)


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("write true or false, or nothing")
    return text.lower() == "true"


def _polls(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError("write how many polls there were since the row before, or nothing")
    return int(text)


def _time(text: str, zone: tzinfo, before: datetime | None) -> datetime:
    """Read when a row was; in an hour that clocks show twice, its place says which of the two is meant."""
    try:
        at = _moment(text.strip(), zone)
    except ValueError as error:
        raise ValueError(f"time {_quoted(text)}: {error}") from None
    if before and at.astimezone(UTC) < before:
        at = at.replace(fold=1)
    return at.astimezone(UTC)


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        at = datetime.fromtimestamp(float(text), UTC) if _EPOCH.fullmatch(text) else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        at = None
    if at is None or not _FIRST_YEAR <= at.year < _LAST_YEAR:
        raise ValueError('not a time: write it like "2026-01-13T10:00:00Z", or in seconds since 1970')
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…")
