"""From SVG to PNG, with a font of our own, also on a machine without any; loaded when the first one is drawn."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.resources import as_file, files
from typing import Final

from monitor.chart import FONT

SHARPNESS: Final = 2
"""Pixels of a picture for each pixel of its size: phones have two or three."""
_FILE: Final = "Inter[opsz,wght].ttf"


def png(svg: str) -> bytes:
    """Rasterise a picture; raises if the font is not there, since all words would then be missing in silence."""
    draw = import_module("resvg_py").svg_to_bytes
    with as_file(files("fontpkg_inter") / "files" / _FILE) as font:
        if not font.is_file():
            raise FileNotFoundError(f"the font of pictures is missing: {font}")
        drawn = draw(
            svg_string=svg, zoom=SHARPNESS, skip_system_fonts=True, font_files=[str(font)], sans_serif_family=FONT
        )
    return bytes(drawn)


@contextmanager
def offered(picture: bytes | None, name: str) -> Iterator[str | None]:
    """Offer a PNG by an address for as long as it is needed: some who read it want a path. It is on no disk."""
    if picture is None:
        yield None
        return
    with os.fdopen(os.memfd_create(name), "wb") as file:
        file.write(picture)
        file.flush()
        yield f"file:///proc/self/fd/{file.fileno()}?name={name}.png&mime=image/png&cache=yes"
