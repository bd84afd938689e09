"""What went down and up, one row an hour and account, and the figures that are taken from the rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import TypeAdapter
from sqlalchemy import Connection, Double, bindparam, cast, delete, insert, select, update

from monitor.figures import Figures
from monitor.spending import Balance, Hour, Tally, hour_of, known, plus, together
from monitor.store import schema
from monitor.store.mirror import PARTIAL
from monitor.store.quick import Quick

KEPT_AT_LEAST = timedelta(days=63)
"""Two calendar months, so that one can be told beside the other."""
_its = schema.hours.c
_ITS = _its.account == bindparam("account")
_START = bindparam("start", type_=schema.Time)
_SINCE = Quick(select(_its.start, _its.fell, _its.rose, _its.watched).where(_ITS, _its.start >= _START))
_ONE = Quick(select(_its.start, _its.fell, _its.rose, _its.watched).where(_ITS, _its.start == _START))
_VALUES = {
    name: bindparam(f"its_{name}", type_=column.type)
    for name, column in (("fell", _its.fell), ("rose", _its.rose), ("watched", _its.watched))
}
_ADD = Quick(insert(schema.hours).values(account=bindparam("account"), start=_START, **_VALUES))
_CHANGE = Quick(update(schema.hours).where(_ITS, _its.start == _START).values(_VALUES))


def add(tx: Connection, account: str, hours: Sequence[Hour]) -> None:
    """Add to the rows what has become known of hours that are over."""
    for hour in hours:
        values = {"account": account, "start": hour.start}
        there = _ONE.rows(tx, values)
        whole = plus(_hour(there[0]), hour) if there else hour
        values |= {"its_fell": whole.fell, "its_rose": whole.rose, "its_watched": whole.watched}
        (_CHANGE if there else _ADD).run(tx, values)


def _hour(row: object) -> Hour:
    return Hour(*row)  # type: ignore[misc]  # the columns are its fields, in their order


def read(tx: Connection, account: str, tally: Tally, latest: Balance, since: datetime) -> list[Hour]:
    """Return every hour from a moment on, in order, the one that goes on included, as known at the latest reading.

    In memory, while the disk fails, only those behind the figures are there.
    """
    start = max(hour_of(since), hour_of(tally.since))
    rows = [_hour(row) for row in _SINCE.rows(tx, {"account": account, "start": start})]
    return together([*rows, *(hour for hour in known(tally, latest) if hour.start >= start)])


def rises(
    tx: Connection, account: str, since: datetime, until: datetime, least: Decimal, *, most: int
) -> list[datetime]:
    """Return when the hours began in which at least so much came in, those with the most of it first."""
    usd = cast(_its.rose, Double)
    query = select(_its.start).where(_its.account == account, _its.start >= hour_of(since), _its.start <= until)
    return list(tx.execute(query.where(usd >= float(least)).order_by(usd.desc()).limit(most)).scalars())


def is_whole(tx: Connection) -> bool:
    """Say whether all rows are there: in memory, while the disk fails, only the latest are."""
    return PARTIAL not in tx.info


# -- figures ----------------------------------------------------------------------------------------------------------

_FIGURES = TypeAdapter(Figures)
_KEPT = schema.figures.c
_FIND = Quick(select(_KEPT.figures).where(_KEPT.account == bindparam("account")))


def figures(tx: Connection, account: str) -> Figures | None:
    """Return the figures of an account that were taken last."""
    rows = _FIND.rows(tx, {"account": account})
    return _FIGURES.validate_json(rows[0].figures) if rows else None


def save_figures(tx: Connection, account: str, found: Figures) -> None:
    """Keep figures, for commands, for a start, and for when the disk fails."""
    values = {"until": found.until, "figures": _FIGURES.dump_json(found).decode()}
    here = _KEPT.account == account
    if tx.execute(update(schema.figures).where(here), values).rowcount == 0:
        tx.execute(insert(schema.figures), {"account": account} | values)


def forget_figures(tx: Connection, account: str) -> None:
    """Drop the figures of an account whose spending starts afresh."""
    tx.execute(delete(schema.figures).where(_KEPT.account == account))
