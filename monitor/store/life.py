"""The one row that says how the daemon is: for ``status``, ``healthcheck`` and the next start."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from monitor.store import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The daemon as it was at its last beat."""

    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    config: str
    accounts: int
    overdue: int = 0
    """Accounts whose poll is overdue."""
    stopped_at: datetime | None = None
    reloaded_at: datetime | None = None
    reload_error: str | None = None


def read(tx: Connection) -> Life | None:
    """Return the row, or None if no daemon ever ran on this file."""
    row = tx.execute(select(schema.daemon)).one_or_none()
    return None if row is None else Life(**{field.name: getattr(row, field.name) for field in fields(Life)})


def write(tx: Connection, life: Life) -> None:
    """Write the row down."""
    values = asdict(life)
    if tx.execute(update(schema.daemon).where(schema.daemon.c.id == 1), values).rowcount == 0:
        tx.execute(insert(schema.daemon), {"id": 1} | values)
