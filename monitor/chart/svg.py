"""The few shapes that a picture is made of, as SVG: presentation attributes and classes, no styles, no ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from monitor.chart.ink import Palette

FONT = "Inter"
_FONTS = f"{FONT}, system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[] "), frozenset("mwMW@%—…")
Anchor = Literal["start", "middle", "end"]
Spot = tuple[float, float]
"""A place in the picture: from the left and from the top, in pixels."""


def width(words: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide words are, rather more than less."""
    units = sum(0.31 if letter in _NARROW else 0.87 if letter in _WIDE else 0.61 for letter in words)
    return units * size * (1.06 if bold else 1)


def fit(words: str, size: float, room: float, *, bold: bool = False) -> str:
    """Return words, cut off with an ellipsis if there is no room for them."""
    while width(words, size, bold=bold) > room and len(words) > 1:
        words = words.removesuffix("…")[:-1] + "…"
    return words


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in the colours of a palette, by their names."""

    palette: Palette

    def fill(self, name: str) -> str:
        """Return the attributes of what is filled."""
        return f'class="bm-fill-{name}" fill="{self.palette[name]}"'

    def stroke(self, name: str, size: float, *, dashes: str = "") -> str:
        """Return the attributes of a line."""
        dashed = f' stroke-dasharray="{dashes}"' * bool(dashes)
        joined = 'stroke-linejoin="round" stroke-linecap="round"'
        return f'class="bm-stroke-{name}" stroke="{self.palette[name]}" stroke-width="{_n(size)}"{dashed} {joined}'

    def text(
        self, at: Spot, words: str, name: str, size: float = 12, *, anchor: Anchor = "start", bold: bool = False
    ) -> str:
        """Write words."""
        weight = ' font-weight="600"' * bold
        return self._text(at, words, f'{weight} font-size="{_n(size)}" {self.fill(name)}', anchor)

    def label(self, at: Spot, words: str, name: str, *, anchor: Anchor = "start") -> str:
        """Write words in the plot, on a halo of the ground so that lines behind them do no harm."""
        ground, colour = self.palette["ground"], self.palette[name]
        halo = f'stroke="{ground}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
        both = f'class="bm-fill-{name} bm-stroke-ground" fill="{colour}" {halo}'
        return self._text(at, words, f' font-size="12" {both}', anchor)

    @staticmethod
    def _text(at: Spot, words: str, rest: str, anchor: Anchor) -> str:
        return f'<text x="{_n(at[0])}" y="{_n(at[1])}" text-anchor="{anchor}"{rest}>{escape(words)}</text>'

    def box(self, corner: Spot, size: Spot, name: str, *, opacity: float = 1, radius: float = 0) -> str:
        """Fill a rectangle."""
        place = f'x="{_n(corner[0])}" y="{_n(corner[1])}" width="{_n(size[0])}" height="{_n(size[1])}"'
        seen = f' fill-opacity="{opacity:g}"' * (opacity < 1)
        round_ = f' rx="{_n(radius)}"' * bool(radius)
        return f"<rect {place}{round_}{seen} {self.fill(name)}/>"

    def path(self, spots: Sequence[Spot], name: str, size: float, *, dashes: str = "") -> str:
        """Draw a line from spot to spot."""
        return f'<path d="{_way(spots)}" fill="none" {self.stroke(name, size, dashes=dashes)}/>'

    def area(self, spots: Sequence[Spot], name: str, *, opacity: float = 1) -> str:
        """Fill what lies between spots."""
        return f'<path d="{_way(spots)}Z" fill-opacity="{opacity:g}" {self.fill(name)}/>'

    def dot(self, at: Spot, name: str, radius: float) -> str:
        """Set a dot, with a thin ring of the ground around it."""
        x, y = _n(at[0]), _n(at[1])
        ring = f'<circle cx="{x}" cy="{y}" r="{_n(radius + 1.5)}" {self.fill("ground")}/>'
        return f'{ring}<circle cx="{x}" cy="{y}" r="{_n(radius)}" {self.fill(name)}/>'


def document(size: Spot, title: str, description: str, parts: Iterable[str], *, style: str = "") -> str:
    """Put a picture together; whoever cannot see it hears title and description."""
    w, h = _n(size[0]), _n(size[1])
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}"'
    named = f'role="img" aria-label="{escape(title)}" font-family="{escape(_FONTS)}"'
    said = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    styled = f"<style>{style}</style>" * bool(style)
    return "\n".join([f"{head} {named}>{said}{styled}", *parts, "</svg>", ""])


def _way(spots: Sequence[Spot]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in spots)


def _n(number: float) -> str:
    """Write a number of pixels."""
    return f"{number:.1f}".removesuffix(".0")
