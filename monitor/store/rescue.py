"""A file in trouble: how a daemon begins without it, and how it is opened again."""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError

from monitor.store import trouble
from monitor.store.disk import Disk
from monitor.store.engine import StoreError, path_of
from monitor.store.lock import Lock
from monitor.store.mirror import FOLLOWED, Mirror
from monitor.store.trouble import Kept, Trouble

_BESIDE = ("-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a daemon begins with."""

    mirror: Mirror
    disk: Disk | None
    ill: Trouble | None = None
    """Why there is no disk."""
    kept: Kept | None = None
    """A damaged file that was moved aside for it."""
    is_first: bool = False
    """Nothing is remembered."""


def begin(url: str, lock: Lock) -> Beginning:
    """Open a daemon's file, or go on without it; a StoreError says why neither is right.

    A path that was never ours, or where nothing can ever be, is a mistake of the user's, and is refused.
    """
    mirror, path = Mirror(), path_of(url)
    try:
        disk = Disk(url, is_daemon=True)
    except StoreError as error:
        ill = _clearer(trouble.of(error), path)
        if ill is None or not _goes_on(path, ill, lock):
            mirror.close()
            raise
        return _without(url, mirror, ill)
    try:
        mirror.load(disk.raw)
    except sqlite3.Error as error:
        disk.close()
        return _without(url, mirror, trouble.of(error) or Trouble(str(error)))
    return Beginning(mirror, disk, is_first=disk.is_first)


def _clearer(ill: Trouble | None, path: Path) -> Trouble | None:
    """Say that a folder is read-only where SQLite says only that it cannot open what it would write there."""
    if ill == trouble.CANNOT_OPEN and path.is_file() and not os.access(path.resolve().parent, os.W_OK):
        return trouble.READ_ONLY
    return ill


def _goes_on(path: Path, ill: Trouble, lock: Lock) -> bool:
    if not path.exists():
        return ill.reason in trouble.PASSING
    return path.is_file() and (lock.was_used or not ill.damaged)


def _without(url: str, mirror: Mirror, ill: Trouble) -> Beginning:
    """Remember what can be read; begin a new file in the place of a damaged one."""
    path = path_of(url)
    is_first = not _peek(mirror, path)
    if not ill.damaged:
        return Beginning(mirror, None, ill, is_first=is_first)
    try:
        kept = move_aside(path, ill.reason)
    except OSError:
        return Beginning(mirror, None, ill, is_first=is_first)
    try:
        disk = Disk(url, is_daemon=True)
    except StoreError as error:
        return Beginning(mirror, None, trouble.of(error) or ill, kept, is_first=is_first)
    try:
        disk.save(mirror)
    except (SQLAlchemyError, sqlite3.Error) as error:
        disk.close()  # it is opened again when it is mended: one connection at a time
        return Beginning(mirror, None, trouble.of(error) or ill, kept, is_first=is_first)
    return Beginning(mirror, disk, kept=kept, is_first=is_first)


def _peek(mirror: Mirror, path: Path) -> bool:
    """Read what is live in a file that cannot be opened for writing; say whether there was anything to read.

    A write-ahead log on a read-only disk can be read only where its index is there; without it, the file alone.
    """
    for way in ("mode=ro", "immutable=1"):
        with suppress(sqlite3.Error), _reading(path, way, seconds=5) as disk:
            disk.execute("SELECT name FROM accounts LIMIT 1").fetchone()
            mirror.knew_all = mirror.salvage(disk) and (way == "mode=ro" or not _has_log(path))
            return True
    mirror.knew_all = False
    return False


def _reading(path: Path, way: str, *, seconds: float) -> closing[sqlite3.Connection]:
    """Open a file for reading only, apart from any connection that writes; a lock is waited for so long."""
    return closing(sqlite3.connect(f"file:{quote(str(path))}?{way}", uri=True, timeout=seconds))


def _has_log(path: Path) -> bool:
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except OSError:
        return False


def move_aside(path: Path, reason: str) -> Kept:
    """Give a damaged file another name, with what belongs to it, and say which."""
    real = path.resolve()
    numbers = (real.with_name(f"{real.name}.damaged-{number}") for number in range(1, 1_000_000))
    target = next(name for name in numbers if not name.exists())
    for beside in ("", *_BESIDE):
        with suppress(FileNotFoundError):
            real.with_name(real.name + beside).rename(target.with_name(target.name + beside))
    return Kept(target, reason)


def verify(path: Path) -> Trouble | None:
    """Look at the tables that matter with fresh eyes; return the damage, None for none or where nobody can tell."""
    try:
        with _reading(path, "mode=ro", seconds=1) as disk:
            for table in FOLLOWED:
                (found,) = disk.execute(f"PRAGMA quick_check({table.name})").fetchone()
                if found != "ok":
                    return Trouble(f"it is damaged ({found})", damaged=True)
    except sqlite3.Error as error:
        ill = trouble.of(error)
        return ill if ill and ill.damaged else None
    return None


class Mender:
    """Opens the file again after trouble; what it has done stays done when it must try again."""

    def __init__(self, url: str, lock: Lock, kept: Kept | None) -> None:
        self.kept = kept
        """The damaged file that was moved aside last."""
        self._url, self._lock = url, lock
        self._path = path_of(url)
        self._made: int | None = None
        """The number of the file that was put in a damaged one's place."""

    def mend(self, old: Disk | None, ill: Trouble) -> Disk:
        """Return the file, opened, once it can be written; raises what keeps it from that; takes as long as the disk.

        The old connection is closed first: two of one process on the same file would not know of each other's locks.
        """
        if old is not None:
            self._copy_deleted(old, ill)
            old.close()
        self._lock.renew(self._path)
        if ill.damaged and self._path.exists() and not self._is_new(old):
            self.kept = move_aside(self._path, ill.reason)
        return self._open(ill)

    def _is_new(self, old: Disk | None) -> bool:
        """Say whether the file is one that an earlier try has put in the damaged one's place."""
        found = self._path.stat()
        return found.st_ino == self._made and not (old and old.is_at(found))

    def _open(self, ill: Trouble) -> Disk:
        try:
            return self._open_probed()
        finally:
            with suppress(OSError):
                self._made = self._path.stat().st_ino if ill.damaged else None

    def _open_probed(self) -> Disk:
        disk = Disk(self._url, is_daemon=True)
        try:
            disk.probe()
        except BaseException:
            disk.close()
            raise
        return disk

    def _copy_deleted(self, old: Disk, ill: Trouble) -> None:
        """Write a deleted file anew from what is still open of it: with its history."""
        if not ill.gone or self._path.exists():
            return
        real = self._path.resolve()
        fresh = real.with_name(real.name + ".new")
        with suppress(SQLAlchemyError, sqlite3.Error, OSError):
            fresh.parent.mkdir(parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            old.copy_to(fresh)
            fresh.rename(real)
