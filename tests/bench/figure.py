"""A figure, what bounds it, and the table of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number that was measured; without a bound it is only said."""

    letter: str
    what: str
    value: float
    unit: str = ""
    bound: float | None = None
    goal: float | None = None

    @property
    def verdict(self) -> str:
        """Say how it stands: the goal is met, the bound is kept, or neither."""
        if self.bound is None:
            return ""
        if self.value > self.bound:
            return "TOO HIGH"
        return "goal met" if self.goal is None or self.value <= self.goal else "within bound"

    @property
    def is_kept(self) -> bool:
        """Say whether it is within its bound."""
        return self.bound is None or self.value <= self.bound

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        limits = [f"{limit:g}" if limit is not None else "" for limit in (self.bound, self.goal)]
        return (f"({self.letter})", self.what, f"{_short(self.value)} {self.unit}".strip(), *limits, self.verdict)


def _short(value: float) -> str:
    """Write three digits that count; whole numbers from a hundred up."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a table for people."""
    rows = [("", "figure", "measured", "bound", "goal", ""), *(figure.cells() for figure in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(max(lines, key=len)), *lines[1:]])
