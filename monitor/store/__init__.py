"""Everything remembered: the only package that speaks SQL.

All work of the daemon goes through one thread, in order, so that a slow disk never blocks the event loop and no two
transactions of ours ever meet. Other processes (status, outbox) open the same file beside it.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from monitor.store import life, memory, outbox, schema
from monitor.store.engine import REVISIONS, Lock, StoreError, check_revision, connect, migrate, path_of
from monitor.worker import Worker

__all__ = ["REVISIONS", "Lock", "Store", "StoreError", "Tx", "life", "memory", "outbox", "path_of"]

Tx = Connection
"""One transaction, as the functions of this package take it."""
T = TypeVar("T")


class Store:
    """The database of the daemon, or, with ``open_existing``, of a command beside it."""

    def __init__(self, engine: Engine, path: Path, lock: Lock | None = None) -> None:
        self.path = path
        self.is_first_start = False
        self._engine = engine
        self._connection = engine.connect()
        self._lock = lock
        self._worker = Worker("store")

    @classmethod
    def start(cls, url: str) -> "Store":
        """Open the daemon's database: create it if need be, lock it, bring it up to date; a StoreError says why not."""
        path = path_of(url)
        is_first = not path.exists()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = Lock(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}; set database to a path that can") from error
        engine = connect(url)
        try:
            migrate(engine, path)
            store = cls(engine, path, lock)
        except BaseException:
            engine.dispose()
            lock.release()
            raise
        store.is_first_start = is_first
        return store

    @classmethod
    def open_existing(cls, url: str) -> "Store":
        """Open the database beside a daemon. StoreError names the path if there is none."""
        path = path_of(url)
        if not path.is_file():
            raise StoreError(f"there is no database at {path}: start balance-monitor run, or set database to its path")
        engine = connect(url)
        try:
            check_revision(engine, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, path)

    @contextmanager
    def transaction(self, *, reads: bool = False) -> Iterator[Tx]:
        """Run a transaction in this thread: for commands, and for the daemon before its loop runs."""
        connection = self._connection.execution_options(reads=reads)
        with connection.begin():
            yield connection

    async def do(self, work: Callable[[Tx], T]) -> T:
        """Run a transaction in the disk's thread, and return what the work returns.

        Cancelling the caller does not undo it: a transaction that began is finished.
        """
        return await asyncio.wrap_future(self._worker.submit(lambda: self._run(work)))

    def _run(self, work: Callable[[Tx], T]) -> T:
        with self.transaction() as tx:
            return work(tx)

    def close(self) -> None:
        """Give the file back."""
        self._worker.submit(self._close).result(timeout=5)
        self._worker.close()

    def _close(self) -> None:
        self._connection.close()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()


_DURATIONS = (
    schema.accounts.c.read_at,
    schema.accounts.c.failing_since,
    schema.accounts.c.polled_at,
    schema.accounts.c.wait_until,
    schema.told.c.at,
    schema.channels.c.failing_since,
    schema.channels.c.next_attempt_at,
)


def move_clock(tx: Tx, step: timedelta) -> None:
    """Move every time from which a duration is being counted as the clock was stepped: nothing fires early or late."""
    memory.shift(tx, step, _DURATIONS)
    memory.shift(tx, step, (schema.alerts.c.started_at,), where=schema.alerts.c.ended_at.is_(None))
    waiting = schema.outbox.c.state == "waiting"
    times = (schema.outbox.c.decided_at, schema.outbox.c.first_attempt_at, schema.outbox.c.aside_until)
    memory.shift(tx, step, times, where=waiting)
    memory.end_runs(tx)


def absence(tx: Tx, now: datetime) -> timedelta:
    """Return how long no daemon ran on this file."""
    last = life.read(tx)
    return max(now - last.beat_at, timedelta(0)) if last else timedelta(0)
