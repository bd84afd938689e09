"""The one row that says which digest was sent last: so that a restart sends none twice, and leaves none out."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from monitor.store import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The digest that was sent last, or what stands for it before the first one."""

    schedule: str
    """The one it belongs to, with its time zone: another one counts from when it was seen."""
    done_at: datetime
    """Up to then the schedule was kept."""
    since: datetime
    """From then on the next digest tells."""
    before: datetime
    """From then on the last one told."""


def read(tx: Connection) -> Latest | None:
    """Return the row, or None if no digest was wanted yet."""
    row = tx.execute(select(schema.digest)).one_or_none()
    return None if row is None else Latest(**{field.name: getattr(row, field.name) for field in fields(Latest)})


def write(tx: Connection, latest: Latest) -> None:
    """Write the row down."""
    values = asdict(latest)
    if tx.execute(update(schema.digest).where(schema.digest.c.id == 1), values).rowcount == 0:
        tx.execute(insert(schema.digest), {"id": 1} | values)


def forget(tx: Connection) -> None:
    """Drop the row: no digest is wanted any more."""
    tx.execute(delete(schema.digest))
