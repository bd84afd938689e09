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
_TRACED = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
"""What tells a process of ours that coverage is to be measured."""

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("here")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let the processes of a slow proof run untraced: they take half as long, and what they cover others do, too."""
    is_slow = item.get_closest_marker("slow") is not None
    traced = {name: os.environ.pop(name) for name in _TRACED if is_slow and name in os.environ}
    result = yield
    os.environ.update(traced)
    return result


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
