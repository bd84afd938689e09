"""The database file while it is open: one connection, what that has changed, and whether the file is still there."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from monitor.store.engine import REVISIONS, check_revision, connect, migrate, path_of, raw, spoken
from monitor.store.mirror import COMMANDED, FOLLOWED, NOTES, Mirror, Notes, Rows, read, write_back
from monitor.store.trouble import GoneError


class Disk:
    """The file, opened; a StoreError says why it cannot be."""

    def __init__(self, url: str, *, is_daemon: bool) -> None:
        self.path = path_of(url)
        self._engine = connect(url)
        try:
            with spoken(self.path):
                before = _prepare(self._engine, self.path, is_daemon=is_daemon)
                self.connection = self._engine.connect()
        except BaseException:
            self._engine.dispose()
            raise
        self.is_first = is_daemon and before is None
        self.upgraded_from = before if before != REVISIONS[-1] else None
        """The revision that it was at, if it was an earlier one."""
        self.raw = raw(self.connection)
        self.notes = Notes(self._engine)
        self.connection.info[NOTES] = self.notes.taken
        self._version = self._data_version()
        self._files = [self.path, *(beside for beside in self._beside() if beside.exists())]
        self._marks = self._stats()

    def _beside(self) -> list[Path]:
        return [self.path.with_name(self.path.name + end) for end in ("-wal", "-shm")]

    def _stats(self) -> list[tuple[int, int]]:
        found = [os.stat(file) for file in self._files]  # noqa: PTH116 - before each transaction: half the cost
        return [(one.st_ino, one.st_dev) for one in found]

    def is_at(self, found: os.stat_result) -> bool:
        """Say whether a file is the one that was opened."""
        return self._marks[0] == (found.st_ino, found.st_dev)

    def check(self) -> None:
        """Raise a GoneError if the file was deleted or replaced; SQLite would write on into nowhere."""
        try:
            there = self._stats()
        except FileNotFoundError:
            raise GoneError from None
        if there != self._marks:
            raise GoneError

    def _data_version(self) -> int:
        (found,) = self.raw.execute("PRAGMA data_version").fetchone()
        return int(found)

    def was_changed(self) -> bool:
        """Say whether another process has written since this was asked last."""
        before, self._version = self._version, self._data_version()
        return before != self._version

    def probe(self) -> None:
        """Write something and wait until the disk has it, to see whether it can."""
        self.raw.execute("PRAGMA synchronous=FULL")
        (count,) = self.raw.execute("PRAGMA user_version").fetchone()
        self.raw.execute(f"PRAGMA user_version={(int(count) + 1) % 1000}")
        self.raw.execute("PRAGMA synchronous=NORMAL")

    def save(self, mirror: Mirror, *, is_late: Callable[[], bool] = lambda: False) -> Rows:
        """Write a mirror back, in one transaction, and return what it does not know; undo it if it came too late."""
        with closing(mirror.copy()) as copy, self.connection.begin() as transaction:
            write_back(copy, self.raw, knew_all=mirror.knew_all)
            found = read(self.raw, COMMANDED if mirror.knew_all else FOLLOWED)
            if is_late():
                transaction.rollback()
        return found

    def copy_to(self, path: Path) -> None:
        """Write all of it, history included, into a new file: what is open can be read although it was deleted."""
        self.raw.execute("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        """Close it, whatever the file is like."""
        with suppress(SQLAlchemyError, sqlite3.Error):
            self.connection.close()
        self._engine.dispose()


def _prepare(engine: Engine, path: Path, *, is_daemon: bool) -> str | None:
    if is_daemon:
        return migrate(engine, path)
    check_revision(engine, path)
    return REVISIONS[-1]
