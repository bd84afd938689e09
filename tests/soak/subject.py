"""The daemon that is measured, in a process of its own: a sample a line, until SIGTERM."""

import asyncio
import gc
import json
import os
import sqlite3
import sys
import threading
import time
import tracemalloc
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

from monitor import config as configuration
from monitor import log
from monitor.app import Daemon
from monitor.app.outside import Outside
from monitor.app.signals import signals
from monitor.clock import Clock
from monitor.config import Config
from monitor.model import Failure, Seen
from monitor.provider import PAUSES, Legnext
from monitor.store import Store
from monitor.worker import Loose
from soak.slopes import Sample

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Counted:
    """The real provider in the clock's time; counts."""

    def __init__(self, clock: Clock) -> None:
        self._legnext = Legnext(pauses=[clock.real(pause) for pause in PAUSES], now=clock.now)
        self.polls = self.failures = 0

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ASYNC109 - its shape
        seen = await self._legnext.observe(api_key=api_key, base_url=base_url, timeout=timeout)
        self.polls += 1
        self.failures += isinstance(seen, Failure)
        return seen


class Subject:
    """A daemon, and its figures."""

    def __init__(self, path: Path, speed: float, deadline: float) -> None:
        self._path, self._clock, self._reloads, self._began = path, Clock(speed), 0, time.monotonic()
        settings = configuration.load(path, {}, secrets_dirs=[])
        self._store = Store.start(settings.database)
        self._provider = Counted(self._clock)
        outside = Outside(provider=self._provider, deadline=deadline)
        self._daemon = Daemon(settings, self._store, clock=self._clock, load=self._load, outside=outside)

    def _load(self) -> Config:
        self._reloads += 1
        return configuration.load(self._path, {}, secrets_dirs=[])

    async def run(self, every: float) -> None:
        """Run until SIGTERM, with so many seconds between two samples."""
        asyncio.get_running_loop().set_default_executor(Loose())
        sampling = asyncio.ensure_future(self._sample_on(every))
        with signals(self._daemon):
            await self._daemon.run()
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
        self._store.close()

    async def _sample_on(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            gc.collect()
            sys.stdout.write(json.dumps(asdict(self.sample())) + "\n")
            sys.stdout.flush()

    def sample(self) -> Sample:
        """Measure this process."""
        files = [self._store.path, self._store.path.with_name(self._store.path.name + "-wal")]
        return Sample(
            polls=self._provider.polls,
            failures=self._provider.failures,
            reloads=self._reloads,
            seconds=time.monotonic() - self._began,
            cpu=time.process_time(),
            rss=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
            objects=len(gc.get_objects()),
            threads=threading.active_count(),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            tasks=len(asyncio.all_tasks()),
            database=sum(file.stat().st_size for file in files if file.exists()),
            waiting=_waiting(self._store.path),
        )


def _waiting(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as other:
        (count,) = other.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()
    return int(count)


def main() -> None:
    """Run: configuration, log, speed, seconds between samples, the deadline of a send, where memory was taken."""
    path, log_path, speed, every, deadline, traced = sys.argv[1:]
    with Path(log_path).open("a") as stream:
        log.setup(level="info", format="json", stream=stream, environ={})
        subject = Subject(Path(path), float(speed), float(deadline))
        if traced == "traced":
            _trace()
        asyncio.run(subject.run(float(every)))


def _trace() -> None:
    """Say on standard error, each minute, where memory was taken since the first minute."""
    tracemalloc.start(12)

    def say() -> None:
        time.sleep(60)
        first = tracemalloc.take_snapshot()
        while True:
            time.sleep(60)
            for line in tracemalloc.take_snapshot().compare_to(first, "lineno")[:12]:
                sys.stderr.write(f"{line}\n")
            sys.stderr.write("\n")

    threading.Thread(target=say, daemon=True).start()


if __name__ == "__main__":
    main()
