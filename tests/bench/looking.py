"""(h) Whoever looks all the time at a daemon of many accounts, and what that does to its polls and its memory."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from live import Api, Run, settings, until

from bench.figure import Figure
from bench.ground import Request, memory_megabytes, requests, scale
from monitor.schedule import phase_of

_COUNT, _INTERVAL = scale(1000, 40), scale(30, 5)
_PATHS = (
    "/",
    "/accounts/some_1",
    "/metrics",
    "/api/v1/accounts",
    "/api/v1/alerts",
    "/api/v1/accounts/some_1/history",
    "/badge/some_1.svg",
)


def measure(folder: Path) -> list[Figure]:
    """Say how late polls start while every address is asked for in a loop, and how long the answers take."""
    scenario = folder / "crowd.toml"
    scenario.write_text(f'[accounts.some]\ncopies = {_COUNT}\nbalance_usd = 5000\nspend_usd_per_hour = "60"\n')
    with Api(str(scenario)) as api:
        text = settings(api, interval=f"{_INTERVAL}s", accounts=tuple(api.keys))
        environment = {"BALANCE_MONITOR_WEB__LISTEN": "127.0.0.1:0"}
        with Run(folder, text, **environment) as run:
            page = str(run.start().wait_event("page", seconds=60)["address"])
            until(lambda: api.requests("some_1") > 1, "the second poll", 3 * _INTERVAL + 30)
            before = memory_megabytes(run.pid, "VmRSS")
            with _looking(page) as took:
                late = _late(api, 2 * _INTERVAL)
            after = memory_megabytes(run.pid, "VmRSS")
    quantiles = statistics.quantiles(late, n=100)
    slowest = {path: max(seconds) for path, seconds in took.items() if seconds}
    return [
        Figure("h", f"99 % of {len(late):,} polls start late by less than, looked at", quantiles[98], "s", bound=1.0),
        Figure("h", f"  the slowest /metrics of {_COUNT:,} accounts", slowest["/metrics"], "s"),
        Figure("h", f"  the slowest page of {_COUNT:,} accounts", slowest["/"], "s"),
        Figure("h", f"  the slowest JSON of {_COUNT:,} accounts", slowest["/api/v1/accounts"], "s"),
        Figure("h", "  resident memory before", before, "MB"),
        Figure("h", "  and after it", after, "MB"),
    ]


def _late(api: Api, seconds: float) -> list[float]:
    """Return how late the polls of some time started, as the simulator saw them."""
    began, end = time.time(), time.monotonic() + seconds
    found: set[Request] = set()
    while time.monotonic() < end:
        time.sleep(1)
        found |= {one for one in requests(api) if one.at >= began}
    return [(one.at - phase_of(one.account, _INTERVAL)) % _INTERVAL for one in found]


@contextmanager
def _looking(page: str) -> Iterator[dict[str, list[float]]]:
    """Ask for every address, each in a loop of its own."""
    took: dict[str, list[float]] = {path: [] for path in _PATHS}
    over = threading.Event()

    def look(path: str) -> None:
        with httpx.Client(base_url=page, timeout=60) as client:
            while not over.is_set():
                began = time.monotonic()
                client.get(path).raise_for_status()
                took[path].append(time.monotonic() - began)

    threads = [threading.Thread(target=look, args=[path]) for path in _PATHS]
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        over.set()
        for thread in threads:
            thread.join()
