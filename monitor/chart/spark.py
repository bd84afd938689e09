"""The course of a balance in a few characters: ``▇▆▅▄▃▂▁``; a time at which nobody looked is left blank."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from monitor.chart.shape import Span
from monitor.spending import Balance, Hour

BARS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*%#"
"""The same where only ASCII is known."""
_ZERO = Decimal(0)


def spark(hours: Sequence[Hour], latest: Balance, span: Span, width: int, *, bars: str = BARS) -> str:
    """Draw the balance in so many characters, from nothing to the most that there was.

    It is reckoned back from the latest reading by what went and came in each hour, so that no reading is read again.
    """
    part = (span.until - span.since) / width
    places = {int((at - span.since) / part): amount for at, amount in _known(hours, latest) if span.since <= at}
    most, least = max([_ZERO, *places.values()]), min([_ZERO, *places.values()])
    shown = (_bar(places.get(place), least, most, bars) for place in range(width))
    return "".join(shown)


def _known(hours: Iterable[Hour], latest: Balance) -> Iterator[tuple[datetime, Decimal]]:
    """Yield when each hour that was looked at began and how much there was at its end, the first one first."""
    amount, found = latest.amount, []
    for hour in sorted(hours, key=lambda hour: hour.start, reverse=True):
        if hour.watched or hour.rose:
            found.append((hour.start, amount))
        amount += hour.fell - hour.rose
    yield from reversed(found)


def _bar(amount: Decimal | None, least: Decimal, most: Decimal, bars: str) -> str:
    if amount is None:
        return " "
    if most == least:
        return bars[0]
    return bars[round((amount - least) / (most - least) * (len(bars) - 1))]
