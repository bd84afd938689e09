"""From readings to some hundred points, however many they are: no dip and no peak is lost, no gap is bridged."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import nlargest
from itertools import groupby, pairwise

from monitor.chart.shape import Course, Rise, Seen, Span
from monitor.spending import Balance

PARTS = 150
"""The time is cut into so many parts; of each the first and the last point stay, and the lowest and the highest."""
RISES = 24
"""So many rises are shown, the largest."""
_HOUR = timedelta(hours=1)
_SILENCE = 3
"""So many polls without a reading are no longer an accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How readings are looked at."""

    span: Span
    interval: timedelta
    """The time between two polls."""
    thinned_until: datetime
    """Of the time before, only one reading an hour is kept."""
    least_rise: Decimal

    @property
    def part(self) -> timedelta:
        """How long each part of the time is."""
        return (self.span.until - self.span.since) / PARTS or timedelta.resolution

    def breaks(self, at: datetime) -> timedelta:
        """Return how long nothing may be read after a moment for the line to go on; less could not be seen anyway."""
        hourly = 2 * _HOUR if at < self.thinned_until else timedelta(0)
        return max(_SILENCE * self.interval + hourly, self.part / 2)


def course(readings: Iterable[Seen], terms: Terms) -> Course:
    """Return what to draw of readings that follow each other in time, some of them perhaps from before the span."""
    rises: list[Rise] = []
    inside = list(_gathered(_noted(readings, terms, rises), terms))
    largest = sorted(nlargest(RISES, rises, key=lambda rise: rise.after - rise.before), key=lambda rise: rise.at)
    return Course(stretches=inside, unknown=_unknown(inside, terms), rises=largest)


def _noted(readings: Iterable[Seen], terms: Terms, rises: list[Rise]) -> Iterator[Seen]:
    """Hand readings on, and note what came in between two of them."""
    before: Seen | None = None
    for seen in readings:
        if before is not None and _is_rise(before, seen, terms):
            rises.append(Rise(seen.since, before.usd, seen.usd))
        yield seen
        before = seen


def _is_rise(before: Seen, seen: Seen, terms: Terms) -> bool:
    """Say whether money came in; another account's balance is no rise."""
    is_other = None not in {before.owner, seen.owner} and before.owner != seen.owner
    is_next = seen.follows in {None, before.until} and terms.span.since <= seen.since
    return is_next and seen.usd - before.usd >= terms.least_rise and not is_other


def _gathered(readings: Iterable[Seen], terms: Terms) -> Iterator[list[Balance]]:
    """Yield one stretch after another, thinned out."""
    places = _placed(readings, terms)
    for _, stretch in groupby(places, key=lambda place: place[0]):
        parts = groupby(stretch, key=lambda place: place[1])
        yield [point for _, part in parts for point in _telling(point for _, _, point in part)]


def _placed(readings: Iterable[Seen], terms: Terms) -> Iterator[tuple[int, int, Balance]]:
    """Yield each point with the numbers of its stretch and of its part of the time."""
    span = terms.span
    stretch, before = 0, span.since
    for seen in readings:
        first, last = max(seen.since, span.since), min(seen.until, span.until)
        if first > last:
            continue
        before = max(before, seen.follows or before)
        stretch += first - before > terms.breaks(before)
        before = last
        for at in dict.fromkeys((first, last)):
            yield stretch, (at - span.since) // terms.part, Balance(at, seen.usd)


def _telling(points: Iterable[Balance]) -> list[Balance]:
    """Return the first, the lowest, the highest and the last of some points, each once and in order."""
    found = iter(points)
    first = low = high = last = next(found)
    for point in found:
        low, high, last = min(low, point, key=_usd), max(high, point, key=_usd), point
    return sorted({first, low, high, last}, key=lambda point: point.at)


def _usd(point: Balance) -> Decimal:
    return point.amount


def _unknown(stretches: Sequence[Sequence[Balance]], terms: Terms) -> list[Span]:
    """Return the time before, between and after the stretches, as far as it is more than a pause of some polls."""
    span = terms.span
    edges = [(one[0].at, one[-1].at) for one in stretches]
    bounds = [(span.since, span.since), *edges, (span.until, span.until)]
    gaps = [Span(before, after) for (_, before), (after, _) in pairwise(bounds)]
    return [gap for gap in gaps if gap.until - gap.since > terms.breaks(gap.since)]
