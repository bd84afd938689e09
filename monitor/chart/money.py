"""The axis of money: from where to where, where it has marks, and how an amount is written in few letters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count, takewhile

from monitor.quantity import plain

_ROOM = Decimal("0.12")
"""So much more there is above the highest point, and below one that is negative, for what is written there."""
_FARTHEST = 100
"""A threshold so many times as far away as any balance would flatten all of them: it is left out."""
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_NAMES = ((12, 12, "T"), (9, 9, "B"), (6, 6, "M"), (4, 3, "k"))
"""From which power of ten on an amount is told in which, and its name."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From which amount to which, in USD, and where the marks are."""

    low: Decimal
    high: Decimal
    marks: Sequence[Decimal]

    def shows(self, amount: Decimal) -> bool:
        """Say whether an amount lies on it."""
        return self.low <= amount <= self.high


def scale(balances: Iterable[Decimal], lines: Iterable[Decimal], *, marks: int) -> Scale:
    """Return an axis that has zero on it, every balance and each threshold that is not far away from all of them."""
    known = [Decimal(0), *balances]
    most = max(map(abs, known))
    known += [line for line in lines if not most or abs(line) <= most * _FARTHEST]
    low, high = min(known), max(known)
    if low == high:
        high = low + 1
    room = (high - low) * _ROOM
    low, high = low - room * (low < 0), high + room
    step = _step((high - low) / marks)
    first = -(-low // step) * step
    return Scale(low, high, list(takewhile(lambda mark: mark <= high, (first + step * n for n in count()))))


def _step(least: Decimal) -> Decimal:
    """Return the next larger number that people count in."""
    power = Decimal(10) ** least.adjusted()
    return next(step * power for step in _STEPS if step * power >= least)


def brief(amount: Decimal) -> str:
    """Write an amount in few letters: ``$250``, ``$12.5k``, ``-$0.05``."""
    power, name = next(((power, name) for least, power, name in _NAMES if amount.adjusted() >= least), (0, ""))
    return f"{'-' * (amount < 0)}${plain(_short(abs(amount).scaleb(-power)))}{name}"


def _short(number: Decimal) -> Decimal:
    """Round to three digits, or to whole ones."""
    places = max(0, 2 - number.adjusted())
    return round(number, places) if number else Decimal(0)
