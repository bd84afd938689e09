"""(b) and (d): ten thousand accounts a minute, and what a daemon holds in memory with one and with all of them.

Both ends are processes as people run them. How late a poll starts is what the simulator saw: when the request came in,
against the phase of its account (``monitor.schedule``). So it counts what happens on the way, connecting included.
"""

import functools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from live import Api, Run, settings, until
from receivers import Webhook

from bench.figure import Figure
from bench.ground import cpu_seconds, memory_megabytes, requests, scale
from monitor.schedule import phase_of

INTERVAL = scale(60, 5)
_COUNT = scale(10_000, 300)
_WINDOW = scale(2 * INTERVAL, 5)
_LOOKS_EVERY = 3.0
"""Seconds between two looks at the simulator's log, which holds a thousand requests."""


@dataclass(frozen=True)
class Crowd:
    """What was seen of a daemon with many accounts, from its second minute on."""

    share: float
    """Of a core."""
    late: tuple[float, ...]
    """Seconds that polls started after they were due."""
    resident: float
    peak: float


def measure(_: Path) -> list[Figure]:
    """Say what the crowd costs, and how late its polls start."""
    crowd = _look()
    late = statistics.quantiles(crowd.late, n=100)
    return [
        Figure("b", f"share of a core, {_COUNT:,} accounts a minute", crowd.share, "", bound=0.5, goal=0.3),
        Figure("b", f"99 % of {len(crowd.late):,} polls start late by less than", late[98], "s", bound=1.0),
        Figure("b", "  half of them by less than", late[49] * 1000, "ms"),
    ]


def measure_memory(folder: Path) -> list[Figure]:
    """Say what a daemon that polls and has loaded its channel holds in memory."""
    crowd, alone = _look(), _alone(folder)
    return [
        Figure("d", "resident memory, 1 account", alone, "MB", bound=100, goal=80),
        Figure("d", f"resident memory, {_COUNT:,} accounts", crowd.resident, "MB", bound=200, goal=150),
        Figure("d", "  its peak, which is at the start", crowd.peak, "MB"),
    ]


def _alone(folder: Path) -> float:
    with (
        Api("drain") as api,
        Webhook() as webhook,
        Run(folder, settings(api, webhook.url)) as run,
    ):
        run.start()
        _let_send(api, webhook, "main")
        before = api.requests()
        until(lambda: api.requests() > before + scale(4, 1), "some more polls", 60)
        return memory_megabytes(run.pid, "VmRSS")


def _let_send(api: Api, webhook: Webhook, name: str) -> None:
    """Let a message go out, so that all that sending needs is loaded."""
    api.change(name, balance_usd="1")
    webhook.wait_posts(1, timeout=3 * INTERVAL + 30)


@functools.cache
def _look() -> Crowd:
    """Watch the crowd, once for all figures of a run."""
    with TemporaryDirectory(prefix="balance-monitor-bench-") as name:
        folder = Path(name)
        scenario = folder / "crowd.toml"
        scenario.write_text(f'[accounts.some]\ncopies = {_COUNT}\nbalance_usd = 5000\nspend_usd_per_hour = "1.20"\n')
        with Api(str(scenario)) as api, Webhook() as webhook:
            text = settings(api, webhook.url, interval=f"{INTERVAL}s", accounts=tuple(api.keys))
            with Run(folder, text) as run:
                run.start(wait=False)
                until(lambda: run.events("started"), "the start", 120)
                time.sleep(scale(INTERVAL, 8))
                _let_send(api, webhook, "some_1")
                return _watch(api, run.pid)


def _watch(api: Api, pid: int) -> Crowd:
    wall, began, before = time.time(), time.monotonic(), cpu_seconds(pid)
    late: dict[tuple[str, float], float] = {}
    while (left := began + _WINDOW - time.monotonic()) > 0:
        time.sleep(min(_LOOKS_EVERY, left))
        late |= {(name, at): (at - phase_of(name, INTERVAL)) % INTERVAL for name, at in _polls(api) if at >= wall}
    share = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    return Crowd(share, tuple(late.values()), memory_megabytes(pid, "VmRSS"), memory_megabytes(pid, "VmHWM"))


def _polls(api: Api) -> Iterator[tuple[str, float]]:
    return ((one.account, one.at) for one in requests(api))
