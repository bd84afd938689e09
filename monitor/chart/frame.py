"""Where on a picture things lie: the frame of the plot, its two axes, and room for labels that hide nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from monitor.chart.money import Scale
from monitor.chart.shape import Span
from monitor.chart.svg import Anchor, Spot, width


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Say whether two have any room in common."""
        is_beside = self.right <= other.left or other.right <= self.left
        return not is_beside and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "Box") -> bool:
        """Say whether another lies within."""
        is_wide = self.left <= other.left and other.right <= self.right
        return is_wide and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The plot: a box of pixels, a span of time and a scale of money."""

    box: Box
    span: Span
    scale: Scale

    def x(self, at: datetime) -> float:
        """Return where a moment lies; one beyond the span at its edge."""
        length = self.span.until - self.span.since
        share = (at - self.span.since) / length if length else 0.5
        return self.box.left + min(max(share, 0.0), 1.0) * (self.box.right - self.box.left)

    def y(self, usd: Decimal) -> float:
        """Return where an amount lies; one beyond the scale at its edge."""
        share = float((usd - self.scale.low) / (self.scale.high - self.scale.low))
        return self.box.bottom - min(max(share, 0.0), 1.0) * (self.box.bottom - self.box.top)


@dataclass(frozen=True, slots=True)
class Label:
    """Words at a place."""

    at: Spot
    words: str
    anchor: Anchor = "start"

    @property
    def box(self) -> Box:
        """The room that they take."""
        length = width(self.words, 12)
        left = self.at[0] - {"start": 0.0, "middle": length / 2, "end": length}[self.anchor]
        return Box(left=left, top=self.at[1] - 10, right=left + length, bottom=self.at[1] + 3)


@dataclass(slots=True)
class Room:
    """What of a frame is taken already, by lines and by labels."""

    frame: Box
    lines: list[Box] = field(default_factory=list)
    labels: list[Box] = field(default_factory=list)

    def take_line(self, spots: Sequence[Spot]) -> None:
        """Keep labels away from a line, as far as that is possible."""
        for (x, y), (to_x, to_y) in pairwise(spots):
            self.lines.append(Box(left=min(x, to_x), top=min(y, to_y), right=max(x, to_x) + 1, bottom=max(y, to_y) + 1))

    def find(self, labels: Iterable[Label], *, over_lines: bool = False) -> Label | None:
        """Return the first label for which there is room, which is then taken; None if there is none for any."""
        taken = self.labels if over_lines else [*self.labels, *self.lines]
        for label in labels:
            if self.frame.holds(label.box) and not any(label.box.meets(one) for one in taken):
                self.labels.append(label.box)
                return label
        return None
