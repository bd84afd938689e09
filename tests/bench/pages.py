"""(i) What the page costs at the server: an account with a year of readings a minute, and a thousand accounts."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from site_of import GUARDED, TOKEN, Site
from world import MAIN, OPS, World

from bench.figure import Figure
from bench.ground import scale
from bench.year import fill

_TIMES = scale(15, 2)
_ACCOUNTS = scale(1000, 120)
_LOGIN = ("anybody", TOKEN)


def measure(folder: Path) -> list[Figure]:
    """Return how long each takes in the median, and how large it is."""
    return [*_year(folder / "year"), *_thousand(folder / "thousand")]


def _year(folder: Path) -> list[Figure]:
    folder.mkdir()
    fill(folder / "monitor.db")
    world = World(folder, MAIN + OPS + GUARDED, {})
    world.now = datetime.now(UTC)
    with Site(world) as site:
        page, size = _asked(site, "/accounts/main?range=1y")
        week, _ = _asked(site, "/accounts/main?range=7d")
        api, _ = _asked(site, "/api/v1/accounts/main/history?since=365d")
    world.close()
    return [
        Figure("i", "an account's page, a year of readings a minute", page * 1000, "ms", bound=100, goal=60),
        Figure("i", "the same, its last week", week * 1000, "ms", bound=100, goal=60),
        Figure("i", "its size", size / 1000, "kB", bound=200, goal=150),
        Figure("i", "its year by the API", api * 1000, "ms", bound=100, goal=60),
    ]


def _thousand(folder: Path) -> list[Figure]:
    folder.mkdir()
    names = [f"a{place:04}" for place in range(_ACCOUNTS)]
    accounts = "".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n' for name in names)
    world = World(folder, accounts + OPS + GUARDED)
    for hour in range(3):
        for place, name in enumerate(names):
            world.sees_balance(4 if place % 9 == 0 else 100 - hour, after=timedelta(0), account=name)
        world.now += timedelta(hours=1)
    with Site(world) as site:
        page, size = _asked(site, "/")
    world.close()
    return [
        Figure("i", "the page of 1,000 accounts", page * 1000, "ms", bound=300, goal=200),
        Figure("i", "its size", size / 1000, "kB", bound=1000, goal=300),
    ]


def _asked(site: Site, path: str) -> tuple[float, int]:
    """Ask often, and return the seconds in the median and the bytes."""
    with httpx.Client(base_url=site.url, auth=_LOGIN, headers={"Accept": "text/html"}, timeout=30) as client:
        client.get(path).raise_for_status()
        took = [_timed(lambda: client.get(path)) for _ in range(_TIMES)]
        return statistics.median(took), len(client.get(path).content)


def _timed(ask: Callable[[], httpx.Response]) -> float:
    began = time.perf_counter()
    ask().raise_for_status()
    return time.perf_counter() - began
