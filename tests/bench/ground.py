"""What several figures stand on: a daemon without its schedule, and what the kernel says of a process."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from live import Api

from monitor import config, log
from monitor.app import Daemon
from monitor.clock import Clock
from monitor.store import Store
from monitor.worker import Loose

_TICKS = os.sysconf("SC_CLK_TCK")


def scale(full: int, small: int) -> int:
    """Return how much to measure: ``BENCH_SMALL`` is for the test that every figure can still be measured."""
    return small if "BENCH_SMALL" in os.environ else full


@asynccontextmanager
async def daemon_on(folder: Path, text: str) -> AsyncIterator[Daemon]:
    """Give the real daemon with its store and provider; its polls are made by whoever measures."""
    daemon, store = _daemon(folder, text)
    asyncio.get_running_loop().set_default_executor(Loose())
    try:
        yield daemon
    finally:
        await daemon._end()
        store.close()


def _daemon(folder: Path, text: str) -> tuple[Daemon, Store]:
    folder.mkdir(exist_ok=True)
    path = folder / "config.toml"
    path.write_text(text)
    log.setup(level="info", format="json", stream=io.StringIO(), environ={})
    loaded = config.load(path, {"XDG_STATE_HOME": str(folder)}, secrets_dirs=[])
    store = Store.start(loaded.database)
    return Daemon(loaded, store, clock=Clock()), store


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far, all its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_megabytes(pid: int, which: str) -> float:
    """Return ``VmRSS``, the memory of a process that is really there, or ``VmHWM``, the most that it ever was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{which}:")]
    return int(line.split()[1]) / 1024


@dataclass(frozen=True)
class Request:
    """A poll as the simulator saw it, by the wall clock."""

    account: str
    at: float


def requests(api: Api, account: str | None = None) -> list[Request]:
    """Return the latest thousand polls, or what is among them of one account, the oldest first."""
    log = api.log(account)
    return [Request(entry["account"], _moment(entry["at"])) for entry in log if entry["account"] is not None]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text[:26]).replace(tzinfo=UTC).timestamp()  # to the microsecond
