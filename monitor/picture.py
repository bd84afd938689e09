"""From SVG to PNG, with a font of our own, also on a machine without any.

``apart`` does it in a process of its own: the rasteriser holds up every thread of the process it runs in for 50 ms, and
whatever it does wrong stays there. That process runs this file, which therefore imports nothing that takes time.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from typing import Final

SHARPNESS: Final = 2
"""Pixels of a picture for each pixel of its size: phones have two or three."""
LONGEST: Final = 10.0
"""Real seconds for one picture."""
PATIENCE: Final = 2.0
"""Real seconds that one picture waits for others to be drawn."""
_FILE: Final = "Inter[opsz,wght].ttf"
_turns: Final = threading.BoundedSemaphore(2)
_looking: Final = threading.Lock()
_NEEDED: Final = ("PATH", "PYTHON", "LD_", "LANG", "LC_")
"""Beginnings of the variables that a Python may need; none of ours, which may be secret."""


def png(svg: str) -> bytes:
    """Rasterise a picture here; raises if the font is not there, since all words would then be missing in silence."""
    from resvg_py import svg_to_bytes  # noqa: PLC0415 - only who draws has it in memory

    return bytes(svg_to_bytes(svg_string=svg, zoom=SHARPNESS, skip_system_fonts=True, font_files=[_font()]))


def _font() -> str:
    found = find_spec("fontpkg_inter")
    for folder in (found.submodule_search_locations if found else None) or ():
        path = os.path.join(folder, "files", _FILE)  # noqa: PTH118 - pathlib takes 3 ms
        if os.path.isfile(path):  # noqa: PTH113 - see above
            return path
    raise FileNotFoundError(f"the font of pictures is missing: {_FILE} of fontpkg-inter")


def apart(svg: str) -> bytes:
    """Rasterise a picture in a process of its own, two at a time; raises if that fails or takes long.

    What several channels are sent at once is drawn once.
    """
    with _looking:
        same = _turn_of(svg)
    with _turn(same):
        return _apart(svg)


@lru_cache(maxsize=8)
def _turn_of(_svg: str) -> threading.Semaphore:
    """Let who wants a picture that is being drawn wait for that one, as channels do that are sent the same at once."""
    return threading.BoundedSemaphore()


@contextmanager
def _turn(of: threading.Semaphore) -> Iterator[None]:
    if not of.acquire(timeout=PATIENCE):
        raise TimeoutError("too many pictures at once")
    try:
        yield
    finally:
        of.release()


@lru_cache(maxsize=8)
def _apart(svg: str) -> bytes:
    with _turn(_turns):
        command = [sys.executable, "-P", "-m", "monitor.picture"]
        done = subprocess.run(  # noqa: S603 - ourselves
            command, input=svg.encode(), capture_output=True, timeout=LONGEST, env=_environment(), check=False
        )
    if done.returncode or not done.stdout:
        raise RuntimeError(
            f"the rasteriser ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}"
        )
    return done.stdout


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_NEEDED)}


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


def go_first() -> None:
    """Let the kernel end this process before any other, should memory run out: a picture is worth no daemon."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - see above
        file.write("1000")


if __name__ == "__main__":
    go_first()
    sys.stdout.buffer.write(png(sys.stdin.buffer.read().decode()))
