"""What polls saw, for good: a run of equal readings, or of equal failures, is one row that grows."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, insert, update

from monitor.model import Reading, Seen
from monitor.store import schema
from monitor.store.quick import Quick

FIELDS = tuple(field.name for field in fields(Reading))
"""The columns that hold a reading, here and in the table of accounts."""


def begin(tx: Connection, account: str, seen: Seen, now: datetime) -> int:
    """Begin a run, and return its id."""
    first = {"account": account, "first_at": now, "last_at": now, "polls": 1}
    if isinstance(seen, Reading):
        run = _BEGIN_READINGS.run(tx, first | {name: getattr(seen, name) for name in FIELDS}).lastrowid
    else:
        run = _BEGIN_FAILURES.run(tx, first | {"kind": seen.kind.value, "reason": seen.reason}).lastrowid
    return run or 0


def grow(tx: Connection, run: int, seen: Seen, now: datetime) -> None:
    """Add one more poll that saw the same to a run."""
    (_GROW_READINGS if isinstance(seen, Reading) else _GROW_FAILURES).run(tx, {"run": run, "now": now})


def _begin(table: Table) -> Quick:
    values = {column.name: bindparam(column.name, type_=column.type) for column in table.c if column.name != "id"}
    return Quick(insert(table).values(values))


def _grow(table: Table) -> Quick:
    grown = {"last_at": bindparam("now", type_=schema.Time), "polls": table.c.polls + 1}
    return Quick(update(table).where(table.c.id == bindparam("run")).values(grown))


_BEGIN_READINGS = _begin(schema.readings)
_BEGIN_FAILURES = _begin(schema.failures)
_GROW_READINGS = _grow(schema.readings)
_GROW_FAILURES = _grow(schema.failures)
