"""Everything remembered: the only package that speaks SQL.

All work of the daemon goes through one thread, in order, so that a slow disk never blocks the event loop and no two
transactions of ours ever meet. When the disk fails, or does not answer for five seconds, the same work goes on in a
mirror of what is live, until it can be written back. Other processes (status, outbox) open the same file beside it.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from monitor.store import (
    casebook,
    digests,
    durations,
    history,
    hourly,
    later,
    life,
    memory,
    outbox,
    outline,
    snoozes,
    steps,
    trouble,
)
from monitor.store.disk import Disk
from monitor.store.engine import REVISIONS, StoreError, as_of, path_of
from monitor.store.ground import Ground
from monitor.store.lock import Lock
from monitor.store.reader import Reader
from monitor.store.rescue import Mender, begin, verify
from monitor.store.trouble import GoneError, Kept, Trouble
from monitor.worker import Worker

__all__ = [
    "REVISIONS",
    "Kept",
    "Lock",
    "Store",
    "StoreError",
    "Trouble",
    "Tx",
    "as_of",
    "casebook",
    "digests",
    "durations",
    "history",
    "hourly",
    "later",
    "life",
    "memory",
    "outbox",
    "outline",
    "path_of",
    "snoozes",
    "steps",
]

Tx = Connection
"""One transaction, as the functions of this package take it."""
T = TypeVar("T")

RETRY = 30.0
"""Real seconds between two tries to come back to a disk that failed."""
VERIFY = 60.0
"""Real seconds between two looks at the file with fresh eyes: what an open connection has in its cache seems whole."""
_LOOK = 1.0
"""Real seconds between two looks at whether the disk answers."""
_STUCK = 5
"""So many looks at the same transaction, and the disk does not answer. Looks are counted, not seconds: a process that
was stopped for an hour has not waited for its disk."""
_STUCK_COMING_BACK = 30
"""Likewise for writing back, which may be much."""


@dataclass(eq=False, slots=True)
class _Job:
    """Work that somebody waits for."""

    work: Callable[[Tx], Any]
    answer: "asyncio.Future[Any]"


class Store:
    """The database of the daemon, or, with ``open_existing``, of a command beside it."""

    def __init__(self, path: Path, ground: Ground, *, lock: Lock | None = None, mender: Mender | None = None) -> None:
        self.path = path
        self.is_first_start = False
        self.upgraded_from: str | None = None
        """The revision at which an earlier version left the database, if one did."""
        self._ground, self._lock, self._mender = ground, lock, mender
        self._retry, self._try_at, self._known = RETRY, 0.0, 0
        self._verify, self._verified_at = VERIFY, time.monotonic()
        self._is_mending = False
        """Whether a thread other than the disk's is at the file: to open it again, or to verify it."""
        self._mending: Future[Disk | None] = Future()
        """What it comes to."""
        self._is_closed = False
        self._worker, self._reader = Worker("store"), Reader(path)
        self._jobs: dict[_Job, None] = {}
        """What is waited for, in order."""
        self._at_work: object | None = None
        self._seen: object | None = None
        self._looks, self._patience = 0, _STUCK
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def start(cls, url: str, *, retry: float = RETRY, verify: float = VERIFY) -> "Store":
        """Open the daemon's database: create it if need be, lock it, bring it up to date; a StoreError says why not.

        A disk in trouble is no reason: the daemon goes on from memory, ``trouble`` says why, and the disk is tried
        again every ``retry`` real seconds. Every ``verify`` seconds the file is looked at for damage.
        """
        path = path_of(url)
        lock = Lock(path)
        try:
            found = begin(url, lock)
        except BaseException:
            lock.undo()
            raise
        if path.exists():
            lock.note_use()
        had = found.ill or (Trouble(found.kept.reason, damaged=True) if found.kept else None)
        ground = Ground(found.disk, found.mirror, had)
        store = cls(path, ground, lock=lock, mender=Mender(url, lock, found.kept))
        store.is_first_start = found.is_first
        store.upgraded_from = found.disk.upgraded_from if found.disk else None
        store._retry, store._try_at, store._verify = retry, time.monotonic() + retry, verify
        return store

    @classmethod
    def open_existing(cls, url: str) -> "Store":
        """Open the database beside a daemon; a StoreError names the path if there is none, or says why not."""
        return cls(path_of(url), Ground(Disk(url, is_daemon=False)))

    @property
    def trouble(self) -> Trouble | None:
        """Why everything goes on from memory; None while the disk works."""
        return self._ground.ill

    @property
    def losses(self) -> int:
        """How often the disk was lost; such trouble may be over before anybody asks."""
        return self._ground.losses

    @property
    def latest(self) -> Trouble | None:
        """The latest trouble, be it over or not."""
        return self._ground.latest

    @property
    def kept(self) -> Kept | None:
        """The damaged file that was moved aside, if there was one."""
        return self._mender.kept if self._mender else None

    @property
    def is_lost(self) -> bool:
        """Say whether there was no file at the start although a daemon had run on this path before."""
        was_used = self._lock is not None and self._lock.was_used
        return self.is_first_start and was_used and self.latest is None

    # -- working ------------------------------------------------------------------------------------------------------

    def transaction(self, *, reads: bool = False) -> AbstractContextManager[Tx]:
        """Run a transaction in this thread: for commands, and for the daemon before and after its loop runs."""
        return self._ground.transaction(reads=reads)

    async def do(self, work: Callable[[Tx], T]) -> T:
        """Run a transaction in the disk's thread, and return what the work returns.

        Cancelling the caller does not undo it: a transaction that began is finished. If the disk fails, the work is
        begun again in memory: it must do nothing but read and write its transaction.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        self._jobs[job] = None
        self._hand(job, loop)
        if self._loop is not loop:
            self._loop, self._timer = loop, loop.call_later(_LOOK, self._look, loop)
        try:
            found: T = await job.answer
        finally:
            del self._jobs[job]
        return found

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run a transaction that only reads, beside those of the daemon: however long it takes, no poll waits for it.

        While the disk is in trouble it runs in memory, where only what is live is known.
        """
        if self.trouble is None:
            with suppress(sqlite3.Error, SQLAlchemyError, StoreError, GoneError, OSError):
                return await self._reader.do(work)
        return await self.do(work)

    def _hand(self, job: _Job, loop: asyncio.AbstractEventLoop) -> None:
        self._worker.submit(partial(self._perform, job, self._ground.epoch, loop))

    def _perform(self, job: _Job, epoch: int, loop: asyncio.AbstractEventLoop) -> None:
        """Do the work, in the disk's thread, and send the answer to the loop."""
        if job.answer.cancelled() or epoch != self._ground.epoch:
            return
        self._at_work = job
        try:
            answer: Callable[[], None] = partial(job.answer.set_result, self._ground.run(job.work, epoch))
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, and the thread must go on
            answer = partial(job.answer.set_exception, error)
        self._rest(epoch)
        self._tell(loop, epoch, partial(self._answer, job, answer))

    def _rest(self, epoch: int) -> None:
        if epoch == self._ground.epoch:
            self._at_work = None

    def _tell(self, loop: asyncio.AbstractEventLoop, epoch: int, call: Callable[[], object]) -> None:
        """Call something in the loop, unless this thread was left behind."""
        with suppress(RuntimeError):  # the loop has ended: nobody is left to care
            loop.call_soon_threadsafe(lambda: call() if epoch == self._ground.epoch else None)

    def _answer(self, job: _Job, answer: Callable[[], None]) -> None:
        if not job.answer.done():
            answer()

    # -- a disk in trouble --------------------------------------------------------------------------------------------

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look whether the disk's thread is stuck, and whether it is time to try the disk again."""
        self._timer = loop.call_later(_LOOK, self._look, loop)
        before, self._seen = self._seen, self._at_work
        self._looks = self._looks + 1 if self._seen is not None and self._seen is before else 0
        may_hang = self._ground.is_on_disk or isinstance(self._seen, Disk)
        if self._looks >= self._patience and may_hang and self._mender is not None:
            self._leave_behind(loop)
        self._plan_try()
        if self._is_mending or self._mender is None:
            return
        now = time.monotonic()
        if self.trouble is not None and now >= self._try_at:
            self._beside("mender", partial(self._mend, self._ground.epoch, loop))
        elif self.trouble is None and now - self._verified_at >= self._verify:
            self._verified_at = now
            self._beside("verifier", partial(self._look_closely, self._ground.epoch, loop))

    def _beside(self, name: str, call: Callable[[], Disk | None]) -> None:
        """Call something in a thread of its own, which may hang as long as the disk does."""
        self._is_mending = True
        worker = Worker(name)
        self._mending = worker.submit(call)
        worker.close()

    def _look_closely(self, epoch: int, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the file for damage that the open connection cannot see, and take a lock again that was deleted."""
        if self._lock is not None:
            with suppress(StoreError):  # somebody else was faster: two daemons, as there would be without a lock
                self._lock.renew(self.path)
        ill = verify(self.path)
        if ill is not None:
            self._worker.submit(partial(self._ground.give_up, ill, epoch))
        self._tell(loop, epoch, partial(self._mended, None))

    def _plan_try(self) -> None:
        """Try the disk after a while; a file that no waiting will mend, at the next look."""
        before, self._known = self._known, self._ground.losses
        if before != self._known and self.trouble is not None:
            at_once = self.trouble.damaged or self.trouble.gone
            self._try_at = time.monotonic() + (0 if at_once else self._retry)

    def _leave_behind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave the thread to the disk that it waits for, and do in memory all that it has not done."""
        self._ground.leave_behind()
        self._worker.close()
        self._worker = Worker("store")
        self._at_work, self._looks, self._patience = None, 0, _STUCK
        self._is_mending, self._try_at = False, time.monotonic() + self._retry
        self._worker.submit(self._ground.live.take_over)
        for job in self._jobs:
            self._hand(job, loop)

    def _mend(self, epoch: int, loop: asyncio.AbstractEventLoop) -> Disk | None:
        """Open the disk again, in the mender's thread, and have it taken by the disk's thread."""
        try:
            disk = self._open_again()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is why memory goes on
            self._tell(loop, epoch, partial(self._mended, error))
            return None
        if epoch != self._ground.epoch:
            disk.close()
        self._tell(loop, epoch, lambda: self._take_back(disk, epoch, loop))
        return disk

    def _open_again(self) -> Disk:
        assert self._mender is not None  # noqa: S101 - a store without one has no trouble of its own
        return self._mender.mend(self._ground.old, self._ground.ill or trouble.HANGS)

    def _take_back(self, disk: Disk, epoch: int, loop: asyncio.AbstractEventLoop) -> None:
        self._patience = _STUCK_COMING_BACK
        self._worker.submit(partial(self._come_back, disk, epoch, loop))

    def _come_back(self, disk: Disk, epoch: int, loop: asyncio.AbstractEventLoop) -> None:
        self._at_work, failed = disk, None
        try:
            self._ground.come_back(disk, epoch)
        except Exception as error:  # noqa: BLE001 - see above
            failed = error
        self._rest(epoch)
        self._tell(loop, epoch, partial(self._mended, failed))

    def _mended(self, error: Exception | None) -> None:
        """Note that the disk is back, or why not yet."""
        self._is_mending, self._patience = False, _STUCK
        if error is not None:
            self._try_at = time.monotonic() + self._retry
            self._ground.note(trouble.of(error) or Trouble(str(error)))

    # -- ending -------------------------------------------------------------------------------------------------------

    def close(self, timeout: float = 1.0) -> bool:
        """Give the file back; say whether the disk's thread did so in time. ``trouble`` stays if memory is lost.

        One that is stuck keeps the file until it comes back or the process ends, which loses nothing: what it had not
        committed did not happen.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._is_closed:
            return True
        self._is_closed = True
        leaving = self._reader.leave()
        closing = self._worker.submit(self._close)
        self._worker.close()
        try:
            closing.result(timeout)
            if leaving is not None:
                leaving.result(timeout)
        except TimeoutError:
            return False
        return True

    def _close(self) -> None:
        if self.trouble is not None:
            with suppress(Exception):  # a last try; what it fails at is what ``trouble`` says
                disk = self._mending.result() if self._is_mending else None
                self._ground.come_back(disk or self._open_again(), self._ground.epoch)
        self._ground.close()
        if self._lock is not None:
            self._lock.release()
