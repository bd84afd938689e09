"""Pictures of the page for the README, taken by a real browser: ``make pictures``. Needs chromium."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crowded import week
from real.browser import chromium, window
from site_of import Site
from world import World

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
SHOTS = {"page": ("/", 740), "account": ("/accounts/main", 840)}
"""The path of each, and how many pixels of it are shown."""
_WIDTH = 1100


@contextmanager
def _crowd() -> Iterator[World]:
    made: list[World] = []

    def make(text: str, **rest: Any) -> World:
        made.append(World(Path(folder), text, **rest))
        return made[-1]

    with tempfile.TemporaryDirectory() as folder:
        try:
            yield week(make)
        finally:
            for world in made:
                world.close()


def take(folder: Path) -> None:
    """Take them."""
    with _crowd() as world, Site(world) as site, chromium() as browser:
        for name, (path, height) in SHOTS.items():
            with window(browser, site, width=_WIDTH) as found:
                found.page.set_viewport_size({"width": _WIDTH, "height": height})
                found.go(path)
                found.page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    take(FOLDER)
