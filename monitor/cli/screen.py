"""What people see on a terminal: its size, its colours and its characters; made with rich, which nothing else loads."""

import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.text import Text

USUAL = (80, 24)
"""Columns and lines of a terminal that does not say."""
_MOST = 1000
_DUMB = {"dumb", "unknown"}
_STYLES = {
    "ok": "green",
    "info": "cyan",
    "warning": "black on yellow",  # yellow alone cannot be read on white
    "critical": "bold white on red",
    "polls fail": "black on yellow",
    "unknown": "black on yellow",
    "ok-dot": "green",
    "warning-dot": "yellow",
    "critical-dot": "red",
    "alarmed": "red",
    "muted": "bright_black",
    "strong": "bold",
    "line": "cyan",
    "axis": "bright_black",
    "": "",
}
"""How each thing looks, in the colours that people have chosen for their terminal, be it light or dark."""
_PLAIN = str.maketrans({"…": "~", "●": "*"})
"""Where only ASCII is known: as wide as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A terminal, as far as drawing needs to know it."""

    width: int = USUAL[0]
    height: int = USUAL[1]
    colours: bool = True
    unicode: bool = True

    def draw(self, lines: Iterable[Text]) -> list[str]:
        """Return lines as the terminal is sent them."""
        sheet = io.StringIO()
        console = Console(
            file=sheet,
            width=self.width,
            force_terminal=True,
            color_system="standard" if self.colours else None,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )
        for line in lines:
            console.print(line, no_wrap=True, overflow="ignore", crop=False)
        drawn = sheet.getvalue()
        return (drawn if self.unicode else drawn.translate(_PLAIN)).splitlines()

    def wrapped(self, text: Text, width: int) -> list[Text]:
        """Break a text into lines of at most so many columns, between words if that is possible."""
        console = Console(file=io.StringIO(), width=max(width, 1), _environ={})
        return list(text.wrap(console, max(width, 1))) or [Text()]


def look_of(name: str) -> str:
    """Return the style of a level, or of another thing by its name."""
    return _STYLES[name]


def is_level(word: str) -> bool:
    """Say whether a cell of a table is a level."""
    return word in {"ok", "info", "warning", "critical", "polls fail", "unknown"}


def of(stream: TextIO, environ: Mapping[str, str]) -> Screen:
    """Return the terminal behind a stream, as large as it is now."""
    width, height = _size(stream, environ)
    term = environ.get("TERM", "").strip().lower()
    return Screen(
        width=width,
        height=height,
        colours=not environ.get("NO_COLOR") and term not in _DUMB,
        unicode=(stream.encoding or "").lower().replace("-", "").startswith("utf"),
    )


def _size(stream: TextIO, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return columns and lines: what the environment says, else what the terminal says, else what is usual."""
    try:
        told = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        told = os.terminal_size((0, 0))
    wanted = (environ.get(name, "") for name in ("COLUMNS", "LINES"))
    found = [
        int(text) if text.isdecimal() and 0 < int(text) <= _MOST else here or usual
        for text, here, usual in zip(wanted, told, USUAL, strict=True)
    ]
    return found[0], found[1]
