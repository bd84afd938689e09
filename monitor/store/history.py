"""What polls saw, for good: a run of equal readings, or of equal failures, is one row that grows."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    case,
    func,
    insert,
    select,
    tuple_,
    type_coerce,
    update,
)

from monitor.model import Failure, Kind, Reading, Seen
from monitor.store import schema
from monitor.store.pages import ROWS, Begin, pages
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


# -- reading it -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Polls in a row that saw the same."""

    first_at: datetime
    last_at: datetime
    polls: int
    seen: Seen


_Place = tuple[datetime, int]
"""The end of a run, and its id."""


def runs(transaction: Begin, account: str, *, since: datetime, until: datetime, rows: int = ROWS) -> Iterator[Run]:
    """Yield what polls of an account saw, in order: every run that had a poll from one time to the other.

    Failures are among them: between two readings they say what was tried, and that nothing is known.
    """
    readings = _reader(_READINGS, _reading, account, until)
    failures = _reader(_FAILURES, _failure, account, until)
    both = [pages(transaction, read, (since, 0), rows=rows) for read in (readings, failures)]
    return heapq.merge(*both, key=lambda run: run.last_at)


def _reader(
    query: Quick, make: Callable[[Any], Seen], account: str, until: datetime
) -> Callable[[Connection, _Place, int], list[tuple[_Place, Run]]]:
    """Return how to read so many runs behind a place."""

    def read(tx: Connection, behind: _Place, rows: int) -> list[tuple[_Place, Run]]:
        values = {"account": account, "at": behind[0], "run": behind[1], "until": until, "rows": rows}
        return [((row.last_at, row.id), _run(row, make(row))) for row in query.rows(tx, values)]

    return read


def _run(row: Any, seen: Seen) -> Run:  # noqa: ANN401 - a row as Quick makes it
    return Run(first_at=row.first_at, last_at=row.last_at, polls=row.polls, seen=seen)


def _behind(table: Table) -> Quick:
    """Select runs behind a place; not the one there, should it be the one that grows."""
    its = table.c
    at, until = (bindparam(name, type_=schema.Time) for name in ("at", "until"))
    there = tuple_(its.last_at, its.id) > tuple_(at, bindparam("run"))
    found = select(table).where(its.account == bindparam("account"), there, its.id != bindparam("run"))
    order = found.where(its.first_at <= until).order_by(its.last_at, its.id)
    return Quick(order.limit(bindparam("rows")))


def _reading(row: Any) -> Reading:  # noqa: ANN401 - a row as Quick makes it
    return Reading(**{name: getattr(row, name) for name in FIELDS})


def _failure(row: Any) -> Failure:  # noqa: ANN401 - see above
    return Failure(Kind(row.kind), row.reason)


_READINGS, _FAILURES = _behind(schema.readings), _behind(schema.failures)


@dataclass(frozen=True, slots=True)
class Tried:
    """Polls of a span of time."""

    readings: int
    """Those that brought one."""
    polls: int
    """All of them."""


def tried(tx: Connection, account: str, since: datetime, until: datetime) -> Tried:
    """Count the polls of an account after a moment and up to another; of a run that reaches beyond, in proportion."""
    values = {"account": account, "since": schema.to_micros(since), "until": schema.to_micros(until)}
    readings, failures = (query.rows(tx, values)[0].polls or 0 for query in (_READINGS_TRIED, _FAILURES_TRIED))
    return Tried(readings, readings + failures)


def _tried(table: Table) -> Quick:
    """Add up the polls of runs; those of a run are at even distances."""
    first, last = (type_coerce(column, BigInteger) for column in (table.c.first_at, table.c.last_at))
    since, until = (bindparam(name, type_=BigInteger) for name in ("since", "until"))
    begin, end = case((first < since, since), else_=first), case((last > until, until), else_=last)
    part = case((first > since, 1), else_=0) + (table.c.polls - 1) * (end - begin) // (last - first)
    counted = case(((first > since) & (last <= until), table.c.polls), else_=part)
    here = (table.c.account == bindparam("account")) & (last > since) & (first <= until)
    return Quick(select(func.sum(counted).label("polls")).where(here))


_READINGS_TRIED, _FAILURES_TRIED = _tried(schema.readings), _tried(schema.failures)


def newest(tx: Connection, account: str, since: datetime, until: datetime, most: int) -> tuple[list[Run], int]:
    """Return the newest runs that had a poll from one time to the other, the newest last, and how many there are."""
    values = {"account": account, "since": since, "until": until}
    count = sum(query.rows(tx, values)[0].runs for query in (_READINGS_COUNT, _FAILURES_COUNT))
    return recent(tx, account, since, until, most), count


def recent(tx: Connection, account: str, since: datetime, until: datetime, most: int) -> list[Run]:
    """Return the newest runs that had a poll from one time to the other, the newest last."""
    values = {"account": account, "since": since, "until": until, "rows": most}
    found = [
        _run(row, make(row))
        for query, make in ((_NEWEST_READINGS, _reading), (_NEWEST_FAILURES, _failure))
        for row in query.rows(tx, values)
    ]
    return sorted(found, key=lambda run: run.last_at)[-most:]


def _between(table: Table) -> ColumnElement[bool]:
    since, until = (bindparam(name, type_=schema.Time) for name in ("since", "until"))
    return (table.c.account == bindparam("account")) & (table.c.last_at >= since) & (table.c.first_at <= until)


def _newest(table: Table) -> Quick:
    its = table.c
    return Quick(
        select(table).where(_between(table)).order_by(its.last_at.desc(), its.id.desc()).limit(bindparam("rows"))
    )


def _count(table: Table) -> Quick:
    return Quick(select(func.count().label("runs")).where(_between(table)))


_NEWEST_READINGS, _NEWEST_FAILURES = _newest(schema.readings), _newest(schema.failures)
_READINGS_COUNT, _FAILURES_COUNT = _count(schema.readings), _count(schema.failures)


def latest(tx: Connection, account: str) -> datetime | None:
    """Return when an account was polled last, as far as anything of it is still kept."""
    tables = (schema.readings, schema.failures)
    ends = [tx.execute(select(func.max(t.c.last_at)).where(t.c.account == account)).scalar() for t in tables]
    return max((end for end in ends if end is not None), default=None)


def earliest(tx: Connection, account: str) -> datetime | None:
    """Return when the oldest reading of an account that is still kept was made."""
    its = schema.readings.c
    query = select(its.first_at).where(its.account == account).order_by(its.last_at, its.id).limit(1)
    return tx.execute(query).scalar()


def accounts(tx: Connection) -> list[str]:
    """Return every account with a history, also those that have left the configuration."""
    return sorted({name for table in (schema.readings, schema.failures) for name in _accounts(tx, table)})


def _accounts(tx: Connection, table: Table) -> Iterator[str]:
    """Yield the accounts of a table, along its index: one step for each of them, not for each row."""
    following = select(func.min(table.c.account)).where(table.c.account > bindparam("before"))
    name = ""
    while (name := tx.execute(following, {"before": name}).scalar() or "") != "":
        yield name
