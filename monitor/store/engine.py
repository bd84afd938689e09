"""One SQLite file: how it is opened, locked and brought to the present revision."""

import fcntl
import os
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

REVISIONS = ("0001",)
"""Every revision there has been; the last is the present one."""


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
        connect_args={"check_same_thread": False, "timeout": 5.0},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.isolation_level = None
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def revision(connection: Connection) -> str | None:
    """Return the revision that the tables are at; None for an empty file."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def check_revision(engine: Engine, path: Path) -> None:
    """Refuse a file that is not at the present revision."""
    with _reading(engine, path) as connection:
        found = revision(connection)
    _refuse_newer(found, path)
    if found != REVISIONS[-1]:
        raise StoreError(f"{path} is of an older version: start balance-monitor run once, which brings it up to date")


def migrate(engine: Engine, path: Path) -> None:
    """Bring the tables to the present revision. Alembic costs 9 MB and 0.1 s: imported only when there is work."""
    with _reading(engine, path) as connection:
        found = revision(connection)
    _refuse_newer(found, path)
    if found == REVISIONS[-1]:
        return
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _reading(engine: Engine, path: Path) -> Connection:
    try:
        return engine.connect().execution_options(reads=True)
    except DatabaseError as error:
        raise StoreError(f"{path} cannot be opened: {error.orig}; give the path of a database of ours") from error


def _refuse_newer(found: str | None, path: Path) -> None:
    if found is not None and found not in REVISIONS:
        raise StoreError(
            f"{path} was written by a newer balance-monitor (revision {found}): "
            "install that version again, or move the file away to start afresh"
        )


class Lock:
    """Held by the one daemon of a file, through an flock beside it; given back by the kernel when the process ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + ".lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StoreError(
                f"another balance-monitor already runs on {path} (process {holder}): stop it, or set another database"
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let the next daemon have the file."""
        self._file.close()
