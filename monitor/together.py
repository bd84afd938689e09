"""Accounts of one API that fail alike, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from monitor.model import Kind
from monitor.quantity import to_the_minute

_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Part:
    """So many of all accounts of an API."""

    some: int
    total: int
    place: str
    """The API: host, port and path."""

    def words(self, every: str = "all") -> str:
        """Say how many: ``all 1,000 accounts``, ``998 of the 1,000 accounts``."""
        return f"{every if self.some == self.total else f'{self.some:,} of the'} {self.total:,} accounts"


def failing(kind: Kind, part: Part, *, silence: timedelta, reason: str) -> str:
    """Say that accounts of one API fail alike, since when, and why."""
    what = {
        Kind.UNREACHABLE: f"no reading from {part.words('any of the')} of {part.place} for {to_the_minute(silence)}",
        Kind.REFUSED: f"{part.place} refuses the keys of {part.words()}",
        Kind.UNREADABLE: f"the answers of {part.place} to {part.words()} cannot be used",
    }[kind]
    return f"{what} ({reason})"


def read_again(part: Part, lasted: timedelta) -> str:
    """Say that accounts of an API are read again, after how long."""
    return f"readings again from {part.words()} of {part.place}, after {to_the_minute(lasted)}"


def names(what: str, accounts: Sequence[str]) -> str:
    """List the first ten accounts, and how many more there are; nothing, if there are none."""
    more = f" and {len(accounts) - _MOST_NAMES:,} more" if len(accounts) > _MOST_NAMES else ""
    return f"{what}: {', '.join(accounts[:_MOST_NAMES])}{more}." if accounts else ""
