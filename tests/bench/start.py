"""(e) From the start of the process to the first poll, and how long ``check`` takes."""

import statistics
import time
from pathlib import Path

from live import Api, Run, settings

from bench.figure import Figure
from bench.ground import requests, scale

_TIMES = scale(15, 2)


def measure(folder: Path) -> list[Figure]:
    """Say how long a person waits: the medians of some starts on a database that is there, and of some checks."""
    with Api() as api:
        text = settings(api, "json://127.0.0.1:9/nobody", interval="1m")
        first = _start(folder, api, text)
        later = statistics.median(_start(folder, api, text) for _ in range(_TIMES))
        checks = statistics.median(_check(folder) for _ in range(_TIMES))
    return [
        Figure("e", "from the start to the first poll", later, "s", bound=1.0, goal=0.6),
        Figure("e", "  at the very first start, which makes the database", first, "s"),
        Figure("e", "check", checks, "s", bound=0.8, goal=0.5),
    ]


def _start(folder: Path, api: Api, text: str) -> float:
    known = api.requests()
    with Run(folder, text) as run:
        wall = time.time()
        run.start(wait=False)
        api.wait_for_poll(known)
        return requests(api, "main")[-1].at - wall


def _check(folder: Path) -> float:
    began = time.monotonic()
    assert Run(folder).command("check").returncode == 0
    return time.monotonic() - began
