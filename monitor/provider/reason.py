"""Reasons that people may read: one printable line, short, and never the key, however it is written. Pure."""

import html
import re

from monitor.encoded import blot

_LONGEST = 160
_HIDDEN = "***"
LEAST_SECRET = 6
"""A key that is shorter protects nothing, and blotting it out would tear holes into ordinary words."""


def printable(text: str) -> str:
    """Make one line of it: what does not print (controls, lone surrogates, text direction) becomes a space."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def fit(text: str, key: str) -> str:
    """Make a reason of foreign words: first printable, then without the key, then short; any other order could leak."""
    line = without(printable(text), key)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def without(text: str, key: str) -> str:
    """Blot out the key, be it as it is, escaped or in base64."""
    if not LEAST_SECRET <= len(key) <= len(text):
        return text
    text = re.sub(f"{re.escape(key)}|{''.join(map(_escaped, key))}", _HIDDEN, text, flags=re.IGNORECASE)
    return blot(text, lambda plain: key in plain, _HIDDEN)


def _escaped(char: str) -> str:
    """Return a pattern for a character of the key as JSON, URLs or HTML escape it, once or more, or as it is.

    Bounded and atomic, so that no answer, however long, can make the search slow.
    """
    code = ord(char)
    itself = re.escape(char.strip("\\"))  # a backslash is covered by what may precede the next character
    ways = (
        rf"\\{{1,4}}u{code:04x}",
        f"%(?:25){{0,3}}{code:02x}",
        f"&#(?:0{{0,4}}{code}|x0{{0,4}}{code:x});",
        re.escape(html.escape(char)),
        rf"\\{{0,16}}{itself}",
    )
    return f"(?>{'|'.join(ways)})"
