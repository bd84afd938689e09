"""What is taken from an account's hours once an hour, so that a poll costs the same after a year."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from zlib import crc32

from monitor.runway import WINDOW, NotYet, Pace, pace
from monitor.spending import HOUR, Hour, Period, Spend, hour_of, period, spent, usual

LONGEST = max(WINDOW, timedelta(days=32))
"""So far back figures look: a calendar month, and what a forecast and the usual rest on."""
_HALF = HOUR / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the hours up to ``until`` come to; those behind it are read at each poll that asks for them."""

    turn: int
    """The hour in which they were taken, in a count of the account's own."""
    since: datetime
    """From when on hours counted when they were taken: what came before is of another account."""
    until: datetime
    pace: Pace | NotYet
    usual: Decimal | None = None
    """What usually falls in an hour such as this one; None if less than a week tells, or nobody asked."""
    gone: Spend | None = None
    """What fell from the beginning of the calendar period that somebody asked for."""
    period_since: datetime | None = None
    """When that period began."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rules of an account ask for beside the pace."""

    period: Period | None = None
    usual: bool = False

    def plus(self, other: "Wanted") -> "Wanted":
        """Return what both ask for."""
        return Wanted(other.period or self.period, usual=self.usual or other.usual)

    @property
    def hours(self) -> bool:
        """Whether any of it needs the hours behind the figures."""
        return self.usual or self.period is not None


NOTHING = Wanted()
"""What most rules ask for."""


def turn_of(account: str, now: datetime) -> int:
    """Return the account's own hour: figures of ten thousand accounts must not be due all at once."""
    return (int(now.timestamp()) + crc32(account.encode()) % 3600) // 3600


def is_due(figures: Figures, turn: int, wanted: Wanted, now: datetime, zone: tzinfo) -> bool:
    """Say whether figures must be taken anew: each hour, or when they tell nothing of the present period."""
    if figures.turn != turn:
        return True
    if wanted.period is None:
        return False
    since, _ = period(now, zone, wanted.period)
    return since < figures.until and since != figures.period_since


def take(hours: Sequence[Hour], now: datetime, wanted: Wanted, zone: tzinfo, *, turn: int, since: datetime) -> Figures:
    """Take figures from the hours of ``LONGEST``, the one that goes on included; ``now`` is the newest reading's."""
    until = hour_of(now) - HOUR  # the hour before is needed by whoever looks at the last sixty minutes
    figures = Figures(turn=turn, since=since, until=until, pace=pace(hours, now))
    if wanted.usual:
        figures = replace(figures, usual=usual(hours, now + _HALF, zone))  # the middle of the time that they are for
    if wanted.period is not None:
        begin, _ = period(now, zone, wanted.period)
        gone = spent(hours, begin, max(begin, until), now=now)
        figures = replace(figures, gone=gone, period_since=begin)
    return figures


@dataclass(frozen=True, slots=True)
class Money:
    """What is known of an account's spending at a reading: figures, and the hours behind them if any rule asks."""

    figures: Figures
    recent: Sequence[Hour]
    read_at: datetime

    def last_hour(self) -> Spend:
        """Return what fell in the last sixty minutes."""
        return spent(self.recent, self.read_at - HOUR, self.read_at, now=self.read_at)

    def since(self, begin: datetime) -> Spend:
        """Return what fell since the beginning of the period that the rules ask for."""
        known = self.figures.gone if self.figures.period_since == begin else None
        later = spent(self.recent, max(begin, self.figures.until), self.read_at, now=self.read_at)
        if known is None:
            return later
        since = known.since if known.since is not None else later.since
        return Spend(known.fell + later.fell, known.watched + later.watched, since)
