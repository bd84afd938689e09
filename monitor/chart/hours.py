"""The axis of time: marks at whole hours, days and months of the configured zone, also when its clocks change."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile

from monitor.chart.shape import Span

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 3, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_SHORT = timedelta(days=15)
"""In a shorter time, days are told by their weekdays."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the axis, and what is written there."""

    at: datetime
    label: str


def marks(span: Span, zone: tzinfo, *, most: int) -> list[Mark]:
    """Return marks that are as close as they may be: at most so many, at even distances by the clock on the wall."""
    start, least = span.since.astimezone(zone), (span.until - span.since) / (most + 1)
    ways = (list(_within(span, walk(start, span), zone)) for length, walk in _WALKS if length >= least)
    return next((way for way in ways if len(way) <= most), [])


_Walls = Iterator[tuple[datetime, str]]
"""Times on the wall, and what is written there."""


def _within(span: Span, walls: _Walls, zone: tzinfo) -> Iterator[Mark]:
    """Turn times on the wall into moments; one that a spring night leaves out is not told twice."""
    last = None
    moments = ((wall.replace(tzinfo=zone).astimezone(UTC), label) for wall, label in walls)
    for at, label in takewhile(lambda moment: moment[0] <= span.until, moments):
        if span.since <= at != last:
            yield Mark(at, label)
        last = at


def _by_minutes(step: int) -> Callable[[datetime, Span], _Walls]:
    def walk(start: datetime, _: Span) -> _Walls:
        wall = start.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        while True:
            yield wall, f"{wall:%H:%M}" if wall.hour or wall.minute else _day(wall)
            wall += step * _MINUTE

    return walk


def _by_days(step: int) -> Callable[[datetime, Span], _Walls]:
    def walk(start: datetime, span: Span) -> _Walls:
        wall = start.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        wall -= _DAY * ((wall.toordinal() - 1) % step)  # the same days wherever a span begins; weeks from Monday
        while True:
            yield wall, _day(wall) if span.until - span.since <= _SHORT else f"{wall.day} {wall:%b}"
            wall += step * _DAY

    return walk


def _by_months(step: int) -> Callable[[datetime, Span], _Walls]:
    def walk(start: datetime, _: Span) -> _Walls:
        month = (start.year * 12 + start.month - 1) // step * step
        while True:
            wall = datetime(month // 12, month % 12 + 1, 1)  # noqa: DTZ001 - on the wall
            yield wall, f"{wall:%b}" if wall.month > 1 else f"{wall.year}"
            month += step

    return walk


def _day(wall: datetime) -> str:
    return f"{wall:%a} {wall.day}"


_WALKS = (
    *((step * _MINUTE, _by_minutes(step)) for step in _MINUTES),
    *((step * _DAY, _by_days(step)) for step in _DAYS),
    *((step * 28 * _DAY, _by_months(step)) for step in _MONTHS),
)
"""The ways to mark a time, the closest first: at least so long from mark to mark."""
