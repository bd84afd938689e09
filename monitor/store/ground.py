"""Where transactions run: on the disk, or, while that is in trouble, in the mirror. All of it in the disk's thread."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection

from monitor.store import trouble
from monitor.store.disk import Disk
from monitor.store.mirror import COMMANDED, Mirror, Rows, read
from monitor.store.trouble import HANGS, Trouble

T = TypeVar("T")


class Ground:
    """The disk and its mirror; without a mirror, as for commands, trouble is the caller's.

    ``epoch`` counts the threads that were left behind with a disk that does not answer: whatever such a thread still
    brings about must not reach the mirror, which others use by then.
    """

    def __init__(self, disk: Disk | None, mirror: Mirror | None = None, had: Trouble | None = None) -> None:
        self.ill = None if disk else had
        self.latest = had
        """Why everything goes on from memory, None while the disk works; and the latest such trouble, be it over."""
        self.losses = 0 if had is None else 1
        """How often the disk was lost."""
        self.old: Disk | None = None
        """The disk that failed, not yet closed."""
        self.epoch = 0
        self._disk, self._mirror = disk, mirror
        self._guard = threading.Lock()
        if disk is None:
            self.live.take_over()

    @property
    def live(self) -> Mirror:
        """The mirror, where there must be one."""
        assert self._mirror is not None  # noqa: S101 - only commands have none, and they never come here
        return self._mirror

    @property
    def is_on_disk(self) -> bool:
        """Say whether work goes to the disk, which may hang; memory is only slow."""
        return self._disk is not None

    @contextmanager
    def transaction(self, *, reads: bool) -> Iterator[Connection]:
        """Open a transaction wherever they run now; what goes wrong is the caller's."""
        disk = self._disk
        connection = (disk or self.live).connection.execution_options(reads=reads)
        with connection.begin():
            yield connection
        if disk is None:
            self.live.bound()
        elif self._mirror is not None:
            self._follow(disk, self._commanded(disk))

    def run(self, work: Callable[[Connection], T], epoch: int) -> T:
        """Do the work in one transaction: on the disk, or else in memory."""
        disk = self._disk
        if disk is None:
            return self._in_memory(work)
        try:
            return self._on_disk(disk, work, epoch)
        except Exception as error:
            ill = trouble.of(error)
            if ill is None or self._mirror is None:
                raise
            return self._lose(ill, work, error, epoch)

    def _on_disk(self, disk: Disk, work: Callable[[Connection], T], epoch: int) -> T:
        disk.check()
        with disk.connection.begin():
            found = work(disk.connection)
        if self._mirror is not None:
            commanded = self._commanded(disk)  # the disk may hang at it: the loop waits for the guard
            with self._guard:
                if epoch == self.epoch:
                    self._follow(disk, commanded)
        return found

    def _commanded(self, disk: Disk) -> Rows:
        """Read what commands may have changed, if anybody has written since.

        What was committed is committed: a disk that fails just now is met again by the next transaction.
        """
        with suppress(sqlite3.Error):
            if disk.was_changed():
                return read(disk.raw, COMMANDED)
        return []

    def _follow(self, disk: Disk, commanded: Rows) -> None:
        """Let the mirror follow what was committed, by us and by commands; if it cannot, it begins anew."""
        try:
            self.live.follow(disk.notes.taken)
            self.live.take(commanded)
        except sqlite3.Error:
            self.live.load(disk.raw)

    def _in_memory(self, work: Callable[[Connection], T]) -> T:
        with self.live.connection.begin():
            found = work(self.live.connection)
        self.live.bound()
        return found

    def _lose(self, ill: Trouble, work: Callable[[Connection], T], error: Exception, epoch: int) -> T:
        """Go on in memory with the work that the disk has failed at."""
        with self._guard:
            if epoch != self.epoch:
                raise error  # nobody waits for it any more
            self.live.take_over()
            try:
                found = self._in_memory(work)
            except Exception:
                if trouble.may_be_ours(error):
                    raise error from None  # it fails in memory too: a mistake of ours, and the disk is fine
                self._go_without(ill)
                raise
            self._go_without(ill)
        return found

    def _go_without(self, ill: Trouble) -> None:
        self.old, self._disk = self._disk, None
        self.losses += 1
        self.ill = self.latest = ill

    def give_up(self, ill: Trouble, epoch: int) -> None:
        """Go on in memory although the disk still answers: what it answers with is damaged."""
        with self._guard:
            if epoch == self.epoch and self._disk is not None:
                self.live.take_over()
                self._go_without(ill)

    def note(self, ill: Trouble) -> None:
        """Take note of why the disk cannot be used now; that it was damaged or deleted stays so until it is back."""
        known = self.ill
        if known is not None:
            self.ill = replace(ill, damaged=ill.damaged or known.damaged, gone=ill.gone or known.gone)

    def leave_behind(self) -> None:
        """Go on in memory, whatever the thread that waits for the disk may still do."""
        with self._guard:
            self.epoch += 1
            if self._disk is not None:
                self._go_without(HANGS)

    def come_back(self, disk: Disk, epoch: int) -> None:
        """Write back what happened in memory, and go on on the disk; raises what keeps it from that."""
        try:
            live = disk.save(self.live, is_late=lambda: epoch != self.epoch)
        except BaseException:
            disk.close()
            raise
        with self._guard:
            is_late = epoch != self.epoch
            if not is_late:
                self.live.come_home(live)
                self._disk, self.old, self.ill = disk, None, None
        if is_late:  # memory has gone on
            disk.close()

    def close(self) -> None:
        """Give the file back."""
        for disk in (self._disk, self.old):
            if disk is not None:
                disk.close()
        if self._mirror is not None:
            self._mirror.close()
