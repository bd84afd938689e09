"""Reading beside the daemon's own transactions: however long somebody looks, no poll waits for it."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from monitor.store.disk import Disk
from monitor.worker import Worker

T = TypeVar("T")
REST = 60.0
"""Real seconds after which a connection that nobody uses is given back, with its memory."""


class _Line:
    """A connection to the file, opened when it is needed, and the thread that it belongs to."""

    def __init__(self, url: str) -> None:
        self._url, self._worker = url, Worker("reader")
        self._disk: Disk | None = None

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        return self._worker.submit(partial(self._read, work))

    def _read(self, work: Callable[[Connection], T]) -> T:
        disk = self._disk or Disk(self._url, is_daemon=False)
        self._disk = disk
        try:
            disk.check()
            connection = disk.connection.execution_options(reads=True)
            with connection.begin():
                return work(connection)
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        disk, self._disk = self._disk, None
        with suppress(Exception):  # whatever the file is like by now
            if disk is not None:
                disk.close()

    def close(self) -> Future[None]:
        """Hang up after what was submitted; the thread may wait for its disk until then."""
        closing = self._worker.submit(self._hang_up)
        self._worker.close()
        return closing


class Reader:
    """A line to the file while somebody looks; what goes wrong with it is the caller's."""

    def __init__(self, path: Path, *, rest: float = REST) -> None:
        self._url, self._rest = f"sqlite:///{path}", rest
        self._line: _Line | None = None
        self._used_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction that reads; where the caller has no time left, the next one has a line of its own."""
        line = self._line = self._line or _Line(self._url)
        self._used_at = time.monotonic()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._rest, self._look)
        try:
            return await asyncio.wrap_future(line.submit(work))
        except asyncio.CancelledError:
            if line is self._line:
                self.leave()
            raise

    def _look(self) -> None:
        """Hang up if nobody has called for a while."""
        left = self._used_at + self._rest - time.monotonic()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._look)
        else:
            self.leave()

    def leave(self) -> Future[None] | None:
        """Give the line up, which ends when its disk has answered; None if there was none."""
        if self._timer is not None:
            self._timer.cancel()
        line, self._line, self._timer = self._line, None, None
        return line.close() if line is not None else None
