"""One SQLite file: how it is opened and brought to the present revision."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool

from monitor.withheld import withheld

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every revision there has been; the last is the present one."""

BUSY = 4.0
"""Seconds to wait for another program's transaction: less than what counts as a disk that does not answer."""

_SMALLEST = 512
"""Bytes of the smallest SQLite file; it would take a smaller one of whatever kind for empty, and overwrite it."""


class StoreError(Exception):
    """The database cannot be used: one sentence that names the file and the remedy."""


def path_of(url: str) -> Path:
    """Return the file of a ``sqlite:///…`` URL."""
    return Path(make_url(url).database or "")


def connect(url: str) -> Engine:
    """Return an engine whose transactions begin with BEGIN IMMEDIATE.

    The driver's own mode would let a SELECT-then-UPDATE overwrite what another process wrote between, and leave half
    a migration behind.
    """
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": BUSY},
        hide_parameters=True,  # an error in the log needs no texts of messages
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.isolation_level = None
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # takes effect only on a file that is still empty
        cursor.execute("PRAGMA journal_mode=WAL")
        # A power cut may undo the last transactions, whole and from the end: what they told is then decided again.
        cursor.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads")
    statement = "BEGIN" if reads else "BEGIN IMMEDIATE"
    try:
        raw(connection).execute(statement)
    except sqlite3.OperationalError as error:  # as it would be through SQLAlchemy
        raise OperationalError(statement, None, error) from error


def raw(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection: what goes through SQLAlchemy costs ten times as much and more."""
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)  # noqa: S101 - the only driver there is
    return found


def check_revision(engine: Engine, path: Path) -> None:
    """Refuse a file that is missing or not at the present revision."""
    with spoken(path):
        if not path.is_file():
            raise StoreError(f"there is no database at {path}: start balance-monitor run, or set database to its path")
        found = _revision(engine, path)
    if found != REVISIONS[-1]:
        raise StoreError(f"{path} is of an older version: start balance-monitor run once, which brings it up to date")


def migrate(engine: Engine, path: Path) -> str | None:
    """Bring the tables to the present revision, and return the one that they were at; None for a new file.

    What an earlier version wrote is kept beside it, for whoever goes back to that version. Alembic costs 9 MB and
    0.1 s: imported only when there is work.
    """
    with spoken(path):
        found = _revision(engine, path)
        if found != REVISIONS[-1]:
            if found is not None:
                _keep(path, as_of(path, found))
            _upgrade(engine)
    return found


def as_of(path: Path, revision: str) -> Path:
    """Return where a database is kept as it was at an earlier revision."""
    return path.with_name(f"{path.name}.of-{revision}")


def _keep(path: Path, there: Path) -> None:
    """Copy a database before it is changed; a disk that has no room for a copy must not stop the monitoring."""
    fresh = there.with_name(f"{there.name}.new")
    with suppress(OSError, sqlite3.Error), closing(sqlite3.connect(path)) as source:
        fresh.unlink(missing_ok=True)
        source.execute("VACUUM INTO ?", (str(fresh),))
        shutil.copymode(path, fresh)
        fresh.rename(there)
    with suppress(OSError):
        fresh.unlink(missing_ok=True)


def _upgrade(engine: Engine) -> None:
    with withheld("pygments"):  # which colours errors of templates: 5 MB in a daemon that never shows one
        from alembic import command  # noqa: PLC0415 - see above
        from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(engine: Engine, path: Path) -> str | None:
    """Return the revision that the tables are at, None for an empty file; refuse what is not ours or newer."""
    if path.is_file() and 0 < path.stat().st_size < _SMALLEST:
        raise StoreError(f"{path} cannot be used: file is not a database; set database to a path that can")
    with engine.connect().execution_options(reads=True) as connection:
        tables = inspect(connection).get_table_names()
        known = "alembic_version" in tables
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    if found is None and tables:
        raise StoreError(f"{path} is a database of another program: set database to a path of its own")
    if found is not None and found not in REVISIONS:
        older = as_of(path, REVISIONS[-1])
        way = f"put back {older}, which it has kept" if older.is_file() else "move the file away to start afresh"
        newer = f"{path} was written by a newer balance-monitor (revision {found})"
        raise StoreError(f"{newer}: install that version again, or {way}")
    return found


@contextmanager
def spoken(path: Path) -> Iterator[None]:
    """Put what the disk or SQLite complain of into a sentence."""
    try:
        if path.is_dir():
            raise StoreError(f"{path} is a folder: set database to the path of a file")
        yield
    except PermissionError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}; run this as its owner or with sudo") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}; set database to a path that can") from error
    except DatabaseError as error:
        raise StoreError(f"{path} cannot be used: {error.orig}; set database to a path that can") from error
