"""Everything remembered: the only package that speaks SQL.

All work of the daemon goes through one thread, in order, so that a slow disk never blocks the event loop and no two
transactions of ours ever meet. Other processes (status, outbox) open the same file beside it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from monitor.store import casebook, durations, history, life, memory, outbox
from monitor.store.engine import REVISIONS, Lock, StoreError, check_revision, connect, migrate, path_of
from monitor.worker import Worker

__all__ = [
    "REVISIONS",
    "Lock",
    "Store",
    "StoreError",
    "Tx",
    "casebook",
    "durations",
    "history",
    "life",
    "memory",
    "outbox",
    "path_of",
]

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
        with contextlib.ExitStack() as undo:
            lock = Lock(path)
            undo.callback(lock.release)
            engine = connect(url)
            undo.callback(engine.dispose)
            is_first = migrate(engine, path) is None
            store = cls(engine, path, lock)
            undo.pop_all()
        store.is_first_start = is_first
        return store

    @classmethod
    def open_existing(cls, url: str) -> "Store":
        """Open the database beside a daemon; a StoreError names the path if there is none, or says why not."""
        path = path_of(url)
        with contextlib.ExitStack() as undo:
            engine = connect(url)
            undo.callback(engine.dispose)
            check_revision(engine, path)
            store = cls(engine, path)
            undo.pop_all()
        return store

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

    def close(self, timeout: float = 1.0) -> bool:
        """Give the file back; say whether the disk's thread did so in time.

        One that is stuck keeps the file until it comes back or the process ends, which loses nothing: what it had not
        committed did not happen.
        """
        closing = self._worker.submit(self._close)
        self._worker.close()
        try:
            closing.result(timeout)
        except TimeoutError:
            return False
        return True

    def _close(self) -> None:
        self._connection.close()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()
