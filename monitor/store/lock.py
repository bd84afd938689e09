"""The lock of the one daemon of a file: an flock beside it, which the kernel gives back when the process ends."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from monitor.store.engine import StoreError, spoken

_NO_ROOM = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT}
_MODE = 0o640
_USED = "used"
"""Stands in the second line once there was a database: a start that was killed before that has lost none."""


class Lock:
    """Held from the start of a daemon to its end."""

    def __init__(self, path: Path) -> None:
        with spoken(path):
            real = path.resolve()  # whoever comes through a link must meet the same lock
            self._path = real.with_name(real.name + ".lock")
            self._is_new = not self._path.exists()
            self._file = self._open(real)
            try:
                self._take(path)
            except BaseException:
                os.close(self._file)
                raise

    def _open(self, real: Path) -> int:
        """Open the lock; where nothing can be written, what is there will do, be it the database itself."""
        try:
            real.parent.mkdir(parents=True, exist_ok=True)
            self._held = self._path
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        except OSError as error:
            there = next((file for file in (self._path, real) if file.is_file()), None)
            if error.errno not in _NO_ROOM or there is None:
                raise
            self._held = there
            return os.open(there, os.O_RDONLY | os.O_CLOEXEC)

    def _take(self, path: Path) -> None:
        said = os.pread(self._file, 64, 0).decode(errors="replace").split()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = said[0] if said and said[0].isdigit() else "unknown"
            raise StoreError(
                f"another balance-monitor already runs on {path} (process {holder}): stop it, or set another database"
            ) from None
        self.was_used = _USED in said
        """Whether a daemon has had a database at this path."""
        self._write(used=self.was_used)

    def _write(self, *, used: bool) -> None:
        with suppress(OSError):  # on a disk that is full or read-only, the lock itself is what counts
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n{_USED if used else ''}\n".encode(), 0)

    def note_use(self) -> None:
        """Remember, beside the database, that there is one."""
        if not self.was_used:
            self._write(used=True)

    def renew(self, path: Path) -> None:
        """Take it again where another daemon could take one of its own: it was deleted, or is a stand-in."""
        if self._is_weak():
            fresh = Lock(path)
            os.close(self._file)
            self._file, self._held = fresh._file, fresh._held
            self._write(used=True)

    def _is_weak(self) -> bool:
        if self._held != self._path:
            return True
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file))
        except OSError:
            return True

    def release(self) -> None:
        """Let the next daemon have the file."""
        os.close(self._file)

    def undo(self) -> None:
        """Give back a lock that was not to be taken, without a trace if there was none before."""
        if self._is_new:
            self._path.unlink(missing_ok=True)
        self.release()
