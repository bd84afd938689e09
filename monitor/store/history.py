"""What polls saw, for good: a run of equal readings, or of equal failures, is one row that grows."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, update

from monitor.model import Reading, Seen
from monitor.store import schema

FIELDS = tuple(field.name for field in fields(Reading))
"""The columns that hold a reading, here and in the table of accounts."""


def begin(tx: Connection, account: str, seen: Seen, now: datetime) -> int:
    """Begin a run, and return its id."""
    first = {"account": account, "first_at": now, "last_at": now, "polls": 1}
    if isinstance(seen, Reading):
        return _insert(tx, schema.readings, first | {name: getattr(seen, name) for name in FIELDS})
    return _insert(tx, schema.failures, first | {"kind": seen.kind.value, "reason": seen.reason})


def _insert(tx: Connection, table: Table, values: dict[str, Any]) -> int:
    (run,) = tx.execute(insert(table), values).inserted_primary_key or (None,)
    return int(run or 0)


def grow(tx: Connection, run: int, seen: Seen, now: datetime) -> None:
    """Add one more poll that saw the same to a run."""
    tx.execute(_GROW_READINGS if isinstance(seen, Reading) else _GROW_FAILURES, {"run": run, "now": now})


def _grow(table: Any) -> Any:  # noqa: ANN401 - readings or failures; SQLAlchemy's own types say no more
    grown = {"last_at": bindparam("now", type_=schema.Time), "polls": table.c.polls + 1}
    return update(table).where(table.c.id == bindparam("run")).values(grown)


_GROW_READINGS = _grow(schema.readings)
_GROW_FAILURES = _grow(schema.failures)
