"""What is wrong with the disk, in words: which errors are its doing and not ours, and which mean a damaged file."""

import errno
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the database cannot be used; meanwhile everything goes on from memory."""

    reason: str
    damaged: bool = False
    """The file itself is spoilt: it is moved aside, since no waiting will mend it."""
    gone: bool = False
    """The file that is open is no longer the one at its path."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A damaged file that was moved aside."""

    path: Path
    reason: str


class GoneError(Exception):
    """The database was deleted or replaced while it was open."""


HANGS = Trouble("the disk does not answer")
GONE = Trouble("it was deleted or replaced while it was open", gone=True)
CANNOT_OPEN = Trouble("it cannot be opened")
READ_ONLY = Trouble("it is read-only")

_CODES = {
    sqlite3.SQLITE_BUSY: "another program keeps it locked",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked",
    sqlite3.SQLITE_READONLY: READ_ONLY.reason,
    sqlite3.SQLITE_PERM: READ_ONLY.reason,
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk fails (I/O error)",
    sqlite3.SQLITE_CANTOPEN: CANNOT_OPEN.reason,
    sqlite3.SQLITE_PROTOCOL: "it cannot be locked",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_ERRNOS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EROFS: READ_ONLY.reason,
    errno.EIO: "the disk fails (I/O error)",
    errno.ESTALE: HANGS.reason,
}
PASSING = {_ERRNOS[errno.ENOSPC], _ERRNOS[errno.EIO]}
"""Reasons for which even a first start goes on without a file: nobody wrote a wrong path."""


def of(error: BaseException) -> Trouble | None:
    """Return the disk's trouble behind an error, or None: then the mistake is ours."""
    for link in _links(error):
        match link:
            case GoneError():
                return GONE
            case sqlite3.Error():
                return _of_sqlite(link)
            case OSError():
                return Trouble(_ERRNOS.get(link.errno or 0, f"the disk fails ({link.strerror})"))
    return None


def _of_sqlite(error: sqlite3.Error) -> Trouble | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The driver raises some errors itself, without a code, such as for a closed connection.
        return None
    primary = code & 0xFF
    if primary in _DAMAGED:
        return Trouble(f"it is damaged ({error})", damaged=True)
    if primary == sqlite3.SQLITE_ERROR:
        # A table that is missing, perhaps; or a statement of ours that is wrong, which memory will show.
        return Trouble(f"it is not as it was left ({error})")
    known = _CODES.get(primary)
    return None if known is None else Trouble(known)


def may_be_ours(error: BaseException) -> bool:
    """Say whether an error may as well be a mistake in one of our statements."""
    codes = [getattr(link, "sqlite_errorcode", None) for link in _links(error)]
    return sqlite3.SQLITE_ERROR in codes


def _links(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to its causes; SQLAlchemy keeps the driver's own in ``orig``."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.orig if isinstance(link, DBAPIError) else link.__cause__
