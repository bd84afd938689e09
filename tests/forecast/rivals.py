"""What others would say: a plain mean of seven days, and straight lines through the raw balance."""

from bisect import bisect_left
from math import inf

from forecast.traces import DAY


class Rivals:
    """The readings of one trace, kept as running sums."""

    def __init__(self) -> None:
        self._slots: list[int] = []
        self._balance = 0
        self._fallen = [0]
        self._sums: list[tuple[float, ...]] = [(0.0,) * 5]

    def see(self, slot: int, balance: int) -> None:
        """Take a reading, in thousandths."""
        fell = max(self._balance - balance, 0) if self._slots else 0
        self._slots.append(slot)
        self._balance = balance
        self._fallen.append(self._fallen[-1] + fell)
        x, y = slot / DAY, balance / 1000
        self._sums.append(tuple(map(sum, zip(self._sums[-1], (1, x, y, x * x, x * y), strict=True))))

    def mean(self) -> float:
        """Return the days left if money goes as it did on average of the last seven days."""
        first = self._since(7)
        days = (self._slots[-1] - self._slots[first]) / DAY
        gone = self._fallen[-1] - self._fallen[first + 1]
        return self._balance * days / gone if gone else inf

    def line(self, days: int) -> float:
        """Return the days until the least-squares line through the readings of so many days meets zero."""
        old, new = self._sums[self._since(days)], self._sums[-1]
        n, x, y, xx, xy = (b - a for a, b in zip(old, new, strict=True))
        breadth = n * xx - x * x
        slope = (n * xy - x * y) / breadth if breadth > 0 else 0
        now = (y - slope * x) / n + slope * self._slots[-1] / DAY
        return max(now, 0) / -slope if slope < 0 else inf

    def _since(self, days: int) -> int:
        return bisect_left(self._slots, self._slots[-1] - days * DAY)
