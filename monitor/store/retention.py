"""What is kept, and for how long: every run for a while, one an hour after that, then nothing. In small steps.

A row is a run of equal readings, or of equal failures, that may last for hours. It stands for the hours up to its last
poll, so of those that *begin* in the same hour the last one is kept: whenever there was a reading in an hour, one row
says what the balance was at its end. The run that goes on is never touched.

Each step is one short transaction with a bounded number of rows, so that no poll waits for long. Thinning walks along
the ids, which are in the order of time: neighbours share a page, and each row is looked at once in its life. What is
too old is swept account by account, along the index. How far both have come is on disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from monitor.store import hourly, schema

ROWS = 100
"""Rows of a table that a step looks at, at most: a few milliseconds."""
SPARE = 0.1
"""Free pages that are kept, as a part of all: what is given back and soon needed again costs twice."""
_ACCOUNTS = 20
"""Accounts that a step sweeps, at most."""
_HOUR = timedelta(hours=1)


class Keep(Protocol):
    """How long history is kept."""

    @property
    def raw(self) -> timedelta:
        """Every run."""

    @property
    def hourly(self) -> timedelta:
        """One an hour; likewise alerts that ended, and messages that were settled."""


@dataclass(frozen=True, slots=True)
class _Due:
    """What a step is to do."""

    until: datetime
    """Runs that began before this hour become one an hour."""
    oldest: datetime
    """What ended before then goes."""
    now: datetime
    rows: int


def step(tx: Connection, keep: Keep, now: datetime, *, rows: int = ROWS) -> bool:
    """Do one small piece of what is to be done; say whether more of it is left before a rest."""
    due = _Due(until=_hour(now - keep.raw), oldest=now - max(keep.raw, keep.hourly), now=now, rows=rows)
    left = [_follow(tx, runs, due) for runs in (_READINGS, _FAILURES)]
    left += [_drop_hours(tx, due), _drop_messages(tx, due), _drop_alerts(tx, due), _give_back(tx, due)]
    return any(left)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


# -- runs -------------------------------------------------------------------------------------------------------------


class _Runs:
    """A table of runs, and its statements; ``going_on`` is where ``accounts`` has the id of the run that goes on."""

    def __init__(self, table: Table, going_on: ColumnElement[int]) -> None:
        self.name = table.name
        self.newest = select(func.max(table.c.id))
        self.account_after = select(func.min(table.c.account)).where(table.c.account > bindparam("swept"))
        self.after = _after(table, going_on)
        self.old = _old(table, going_on)
        self._drop = delete(table).where(table.c.id == bindparam("run"))

    def drop(self, tx: Connection, runs: Sequence[int]) -> None:
        if runs:
            tx.execute(self._drop, [{"run": run} for run in runs])


def _after(table: Table, going_on: ColumnElement[int]) -> Select[Any]:
    """Select runs along their ids, each with the beginning of the next one of its account."""
    its, later = table.c, table.alias("later").c
    is_later = (later.account == its.account) & (tuple_(later.last_at, later.id) > tuple_(its.last_at, its.id))
    following = select(later.first_at).where(is_later).order_by(later.last_at, later.id).limit(1)
    next_at, goes_on = following.scalar_subquery().label("next_at"), _goes_on(its, going_on).label("goes_on")
    return (
        select(its.id, its.first_at, next_at, goes_on)
        .where(its.id > bindparam("thinned"))
        .order_by(its.id)
        .limit(bindparam("rows"))
    )


def _old(table: Table, going_on: ColumnElement[int]) -> Select[Any]:
    """Select the oldest runs of an account."""
    its = table.c
    old = (its.account == bindparam("account")) & (its.last_at < bindparam("oldest", type_=schema.Time))
    return select(its.id).where(old, ~_goes_on(its, going_on)).order_by(its.last_at).limit(bindparam("rows"))


def _goes_on(its: Any, going_on: ColumnElement[int]) -> ColumnElement[bool]:  # noqa: ANN401 - a table's columns
    now = select(going_on).where(schema.accounts.c.name == its.account).scalar_subquery()
    found: ColumnElement[bool] = func.coalesce(now, 0) == its.id
    return found


_READINGS = _Runs(schema.readings, schema.accounts.c.reading_id)
_FAILURES = _Runs(schema.failures, schema.accounts.c.failure_id)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a table has been gone through."""

    thinned: int = 0
    """Up to this id."""
    swept: str = ""
    """Up to this account, by name."""


def _follow(tx: Connection, runs: _Runs, due: _Due) -> bool:
    """Thin and sweep a table from where the last step left off."""
    place = _recall(tx, runs.name)
    thinned, was_thinned = _thin(tx, runs, place.thinned, due)
    swept, was_swept = _sweep(tx, runs, place.swept, due)
    # Ids at the end whose rows are gone are given out anew: what gets them has not been looked at.
    after = _Place(min(thinned, tx.execute(runs.newest).scalar() or 0), swept)
    if after != place:
        _save(tx, runs.name, after)
    return not (was_thinned and was_swept)


def _recall(tx: Connection, table: str) -> _Place:
    its = schema.retention.c
    row = tx.execute(select(its.thinned, its.swept).where(its.runs == table)).one_or_none()
    return _Place() if row is None else _Place(row.thinned, row.swept)


def _save(tx: Connection, table: str, place: _Place) -> None:
    values = {"thinned": place.thinned, "swept": place.swept}
    if tx.execute(update(schema.retention).where(schema.retention.c.runs == table), values).rowcount == 0:
        tx.execute(insert(schema.retention), {"runs": table} | values)


def _thin(tx: Connection, runs: _Runs, thinned: int, due: _Due) -> tuple[int, bool]:
    """Of the runs that began in the same hour keep the last; say how far it came, and whether that was the end.

    Ids are in the order of time, except after a clock that was ahead: such runs hold up nobody, and are kept.
    """
    rows = tx.execute(runs.after, {"thinned": thinned, "rows": due.rows})
    found = list(takewhile(lambda run: not due.until <= run.first_at <= due.now, rows))
    runs.drop(tx, [run.id for run in found if run.first_at < due.until and _is_superseded(run)])
    return found[-1].id if found else thinned, len(found) < due.rows


def _is_superseded(run: Row[Any]) -> bool:
    return run.next_at is not None and run.next_at < _hour(run.first_at) + _HOUR and not run.goes_on


def _sweep(tx: Connection, runs: _Runs, swept: str, due: _Due) -> tuple[str, bool]:
    """Drop what is too old of the accounts after one, until some was; say how far it came, and whether to the end."""
    for _ in range(_ACCOUNTS):
        account = tx.execute(runs.account_after, {"swept": swept}).scalar()
        if account is None:
            return "", True
        doomed = tx.execute(runs.old, {"account": account, "oldest": due.oldest, "rows": due.rows}).scalars().all()
        runs.drop(tx, doomed)
        if len(doomed) == due.rows:
            break  # there may be more
        swept = account
        if doomed:
            break
    return swept, False


# -- hours ------------------------------------------------------------------------------------------------------------

_HOURS = schema.hours.c
_NEXT = select(func.min(_HOURS.account)).where(_HOURS.account > bindparam("swept"))
_OLD_HOURS = (
    select(_HOURS.account, _HOURS.start)
    .where(_HOURS.account == bindparam("whose"), _HOURS.start < bindparam("oldest", type_=schema.Time))
    .limit(bindparam("rows"))
)
_ONE_HOUR = delete(schema.hours).where(
    _HOURS.account == bindparam("whose"), _HOURS.start == bindparam("begun", type_=schema.Time)
)


def _drop_hours(tx: Connection, due: _Due) -> bool:
    """Drop the oldest hours of the accounts after the one that was looked at last; say whether there are more."""
    place = _recall(tx, schema.hours.name)
    swept, oldest = place.swept, min(due.oldest, due.now - hourly.KEPT_AT_LEAST)
    for _ in range(_ACCOUNTS):
        account = tx.execute(_NEXT, {"swept": swept}).scalar() or ""
        found = tx.execute(_OLD_HOURS, {"whose": account, "oldest": oldest, "rows": due.rows}).all()
        if found:
            tx.execute(_ONE_HOUR, [{"whose": row.account, "begun": row.start} for row in found])
        if len(found) == due.rows:
            break  # there may be more
        swept = account
        if found or not account:
            break
    if swept != place.swept:
        _save(tx, schema.hours.name, _Place(swept=swept))
    return swept != ""


# -- messages, alerts, space ------------------------------------------------------------------------------------------

_box = schema.outbox.c
_WAITING = _box.state == "waiting"
_OLD_MESSAGES = select(_box.id).where(_box.settled_at < bindparam("oldest", type_=schema.Time), ~_WAITING)
_MESSAGE = delete(schema.outbox).where(_box.id == bindparam("message_id"))
"""By the id, which is the same in the mirror; positions need not be."""
_ATTEMPTS = delete(schema.deliveries).where(schema.deliveries.c.message == bindparam("message_id"))
_ALERT = delete(schema.alerts).where(schema.alerts.c.id == bindparam("alert"))


def _drop_messages(tx: Connection, due: _Due) -> bool:
    """Drop messages settled before then, with the attempts at them; say whether more may be left.

    What a fallback is told depends on what it was told already: while a message waits, what belongs to the same event
    stays, and so does all that was queued after it.
    """
    query = _OLD_MESSAGES.limit(due.rows)
    first = tx.execute(select(func.min(_box.position)).where(_WAITING)).scalar()
    if first is not None:
        query = query.where(_box.position < first, _box.event.not_in(select(_box.event).where(_WAITING)))
    found = tx.execute(query, {"oldest": due.oldest}).all()
    if found:
        tx.execute(_ATTEMPTS, [{"message_id": row.id} for row in found])
        tx.execute(_MESSAGE, [{"message_id": row.id} for row in found])
    return len(found) == due.rows


def _drop_alerts(tx: Connection, due: _Due) -> bool:
    """Drop alerts that ended before then, to which nothing refers any more; say whether more may be left."""
    ended = select(schema.alerts.c.id).where(schema.alerts.c.ended_at < due.oldest).limit(due.rows)
    found = tx.execute(ended).scalars().all()
    if found:
        tx.execute(_ALERT, [{"alert": alert} for alert in found])
    return len(found) == due.rows


def _give_back(tx: Connection, due: _Due) -> bool:
    """Give free pages of the file back, if it was made so that it can; say whether more are left.

    One at a time: Python's driver takes only the first step of such a statement.
    """
    if tx.dialect.name != "sqlite" or _pragma(tx, "auto_vacuum") != _INCREMENTAL:
        return False
    surplus = _pragma(tx, "freelist_count") - int(_pragma(tx, "page_count") * SPARE)
    for _ in range(min(surplus, due.rows)):
        tx.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return surplus > due.rows


_INCREMENTAL = 2


def _pragma(tx: Connection, name: str) -> int:
    return int(tx.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
