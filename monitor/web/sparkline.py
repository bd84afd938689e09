"""The course of a balance as small as a word, as paths of SVG; a time at which nobody looked is a gap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from monitor.chart import Span
from monitor.quantity import Unit, tell
from monitor.spending import Balance, Hour

WIDTH, HEIGHT = 136.0, 32.0
_EDGE = 2.0
"""Room for the line's own thickness."""
_GAP = timedelta(hours=3)
"""Without a look, at least."""
_PART = timedelta(hours=2)
Point = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True)
class Spark:
    """What is drawn, and what it says to those who cannot see it."""

    ways: Sequence[str]
    areas: Sequence[str]
    said: str


def spark(hours: Sequence[Hour], latest: Balance | None, span: Span) -> Spark | None:
    """Draw a balance, reckoned back from its latest reading by what went and came in each hour; None if too little."""
    points = _points(hours, latest, span) if latest else []
    if len(points) < 2:  # noqa: PLR2004 - it takes two to be a line
        return None
    amounts = [amount for _, amount in points]
    least, most = min(Decimal(0), *amounts), max(Decimal(0), *amounts)
    stretches = [
        [(_x(at, span), _y(amount, least, most)) for at, amount in part] for part in _stretches(points) if len(part) > 1
    ]
    said = f"From {tell(amounts[0], Unit.USD)} to {tell(amounts[-1], Unit.USD)}, at most {tell(most, Unit.USD)}"
    bottom = _y(max(least, Decimal(0)), least, most)
    return Spark([_way(part) for part in stretches], [_area(part, bottom) for part in stretches], said)


def _points(hours: Sequence[Hour], latest: Balance, span: Span) -> list[Point]:
    """Return how much there was at the end of each hour that was looked at, of every second one at most."""
    amount, found = latest.amount, [(latest.at, latest.amount)]
    for hour in sorted(hours, key=lambda hour: hour.start, reverse=True):
        end = min(hour.start + timedelta(hours=1), latest.at)
        is_far = found[-1][0] - end >= _PART or hour.rose
        if hour.start >= span.since and (hour.watched or hour.rose) and is_far:
            found.append((end, amount))
        amount += hour.fell - hour.rose
    return found[::-1]


def _stretches(points: Sequence[Point]) -> Iterator[list[Point]]:
    part = [points[0]]
    for point in points[1:]:
        if point[0] - part[-1][0] > _GAP:
            yield part
            part = []
        part.append(point)
    yield part


def _x(at: datetime, span: Span) -> float:
    return (at - span.since) / (span.until - span.since) * WIDTH


def _y(amount: Decimal, least: Decimal, most: Decimal) -> float:
    share = float((amount - least) / (most - least)) if most > least else 0.0
    return HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE)


def _way(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _area(points: Sequence[tuple[float, float]], bottom: float) -> str:
    return f"{_way(points)}L{points[-1][0]:.1f} {bottom:.1f}L{points[0][0]:.1f} {bottom:.1f}Z"
