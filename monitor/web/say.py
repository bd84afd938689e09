"""Cells of a page in words: short, and never a guess where something is unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from monitor.messages import Standing
from monitor.model import Level
from monitor.outlook import span, went
from monitor.quantity import Unit, tell
from monitor.runway import NotYet, Runway
from monitor.store.memory import Memory, level_word

_NONE = "unknown"
_LATE = timedelta(seconds=60)
"""No poll takes as long."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence; the level, if any, is its colour."""

    said: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, for people and for programs."""

    said: str
    iso: str

    @classmethod
    def of(cls, at: datetime, zone: tzinfo) -> "Moment":
        """Say a time in a zone."""
        return cls(stamp(at, zone), at.isoformat())


def stamp(at: datetime, zone: tzinfo) -> str:
    """Say a time: ``2026-01-13 10:33:56 UTC``."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def balance(known: Memory) -> str:
    """Say what there is."""
    return tell(known.reading.balance_usd, Unit.USD) if known.reading else "unknown"


def amounts(known: Memory) -> list[str]:
    """Say what there is beside dollars."""
    reading = known.reading
    if reading is None:
        return []
    found = ((reading.available_credits, Unit.CREDITS), (reading.available_points, Unit.POINTS))
    return [tell(amount, unit) for amount, unit in found if amount is not None]


def gone(standing: Standing) -> str:
    """Say what went in the last 24 hours."""
    if standing.spent is None or standing.read_at is None:
        return _NONE
    return went(standing.spent, standing.read_at)


def lasts(standing: Standing) -> str:
    """Say how long it lasts."""
    match standing.runway:
        case Runway() as found:
            return span(found)
        case NotYet():
            return "not known yet"
    return _NONE


def level(known: Memory, worst: Level, *, is_late: bool = False) -> str:
    """Say how bad it is; only what a poll in time has read can be ok."""
    said = hue(known, worst, is_late=is_late)
    if said != "unknown" or known.reading is None:
        return said
    return "polls fail" if known.failure else "polls are overdue"


def hue(known: Memory, worst: Level, *, is_late: bool = False) -> str:
    """Name the colour of that."""
    said = level_word(known, worst)
    return "unknown" if is_late and said == "ok" else said


def is_late(known: Memory, interval: timedelta, now: datetime) -> bool:
    """Say whether its poll is overdue; to be asked only while the daemon says that some are."""
    return known.polled_at is None or now - known.polled_at > interval + _LATE


def counted(count: int, what: str) -> str:
    """Say how many there are: ``1 account``, ``12 accounts``."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Name a few: ``a, b, c and 4 more``."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
