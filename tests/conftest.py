"""Fixtures shared by the tests."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from receivers import MailServer, Webhook
from site_of import Site
from world import MAIN, OPS, World

pytest.register_assert_rewrite("day")
os.environ["TERM"] = "xterm-256color"  # who runs the tests may have a dumb one
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("here")


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make worlds that are closed at the end."""
    made: list[World] = []

    def make(text: str = MAIN + OPS, **rest: Any) -> World:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(World(folder, text, **rest))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:
    """Give one account, main, and one channel, ops, with the default rules."""
    return worlds()


@pytest.fixture
def sites() -> Iterator[Callable[..., Site]]:
    """Serve the pages of worlds until the end."""
    with ExitStack() as stack:
        yield lambda world, **rest: stack.enter_context(Site(world, **rest))


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Give a webhook of its own."""
    with Webhook() as it:
        yield it


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    """Give a mail server to the tests of a file."""
    with MailServer() as it:
        yield it
