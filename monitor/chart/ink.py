"""The colours of a picture: each has a name, by which a page may give it another one; all text is easy to read (AA).

They stand in presentation attributes and classes, never in ``style``, so that a picture can stand in a page whose
Content-Security-Policy forbids inline styles: that page serves ``STYLESHEET`` itself.
"""

from collections.abc import Mapping
from typing import Final

Palette = Mapping[str, str]
"""The colour of each name."""

LIGHT: Final[Palette] = {
    "ground": "#ffffff",
    "ink": "#171c26",
    "muted": "#596273",
    "grid": "#e4e8ee",
    "axis": "#a8b1bf",
    "line": "#1f5fd0",
    "unknown": "#eef0f4",
    "ok": "#17784a",
    "info": "#17784a",
    "warning": "#8f5700",
    "critical": "#c3202a",
}
DARK: Final[Palette] = {
    "ground": "#12161d",
    "ink": "#eef1f6",
    "muted": "#a4aebd",
    "grid": "#262d38",
    "axis": "#5b6676",
    "line": "#7db0ff",
    "unknown": "#1d232d",
    "ok": "#56cf97",
    "info": "#56cf97",
    "warning": "#f0b23a",
    "critical": "#ff8080",
}


def _rules(palette: Palette) -> str:
    fills = (f".bm-fill-{name}{{fill:{colour}}}" for name, colour in palette.items())
    strokes = (f".bm-stroke-{name}{{stroke:{colour}}}" for name, colour in palette.items())
    return "".join((*fills, *strokes))


STYLESHEET: Final = f"@media (prefers-color-scheme:dark){{{_rules(DARK)}}}"
"""What makes a picture drawn with LIGHT dark where people want it so."""
