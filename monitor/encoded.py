"""Base64 in foreign words, where a secret hides from whoever looks for it as it is written. Pure."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

_RUN = re.compile(r"(?:[A-Za-z0-9+_-]|\\?/|%2[BbFf]){8,}(?:=|%3[Dd])*")
"""Both alphabets, also as JSON and URLs escape them."""
_STANDARD = str.maketrans("-_", "+/", "\\=")


def blot(text: str, hides: Callable[[str], bool], mask: str) -> str:
    """Put ``mask`` for each run of base64 that ``hides`` a secret, wherever in the run the encoding begins."""
    return _RUN.sub(lambda run: mask if _is_mixed(run[0]) and any(map(hides, _decoded(run[0]))) else run[0], text)


def _is_mixed(run: str) -> bool:
    """Tell base64 from most words, dates and names, at next to no cost."""
    return run not in (run.lower(), run.upper())


def _decoded(run: str) -> Iterator[str]:
    digits = unquote(run).translate(_STANDARD)
    for before in range(4):  # such as the "20" of a "Basic%20…"
        part = digits[before:]
        try:
            yield base64.b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
        except binascii.Error:  # one digit too many, which belongs to something else
            yield base64.b64decode(part[:-1]).decode("utf-8", "replace")
