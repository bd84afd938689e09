"""Of very many balances those that a picture shows, picked while they are read, which costs a fraction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, select

from monitor.store import schema
from monitor.store.quick import Quick

_MICROSECOND = timedelta(microseconds=1)
_ITS = schema.readings.c
_SINCE, _UNTIL = (bindparam(name, type_=schema.Time) for name in ("since", "until"))
_BALANCES = Quick(
    select(_ITS.first_at, _ITS.last_at, _ITS.balance_usd, _ITS.account_id)
    .where(_ITS.account == bindparam("account"), _ITS.last_at >= _SINCE, _ITS.first_at <= _UNTIL)
    .order_by(_ITS.last_at, _ITS.id)
)
"""Its rows are taken as the database has them: microseconds and text."""


@dataclass(frozen=True, slots=True)
class Held:
    """A balance in USD that polls in a row read, from the first of them to the last."""

    since: datetime
    until: datetime
    usd: Decimal
    owner: str | None
    """The account_id that the API named."""
    follows: datetime | None
    """When the reading before it ended, be that among those picked or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grain:
    """What must not be lost."""

    part: timedelta
    """Of each such part of the time, the first, the lowest, the highest and the last balance."""
    gap: timedelta
    """What is on both sides of a pause that is longer."""
    rise: Decimal
    """What was before and after a rise by so much."""


def outline(tx: Connection, account: str, since: datetime, until: datetime, grain: Grain) -> list[Held]:
    """Return the telling balances of an account, in order, out of all that polls saw from one moment to another."""
    rows = _BALANCES.run(tx, {"account": account, "since": since, "until": until})
    found = sorted(set(_telling(rows, schema.to_micros(since), grain)))
    times = schema.to_time
    return [
        Held(times(first), times(last), Decimal(usd), owner, None if before is None else times(before))
        for _, first, last, usd, owner, before in found
    ]


_Row = tuple[int, int, int, str, str | None, int | None]
"""Its place, from when to when in microseconds, the balance as text, whose it is, and when the one before ended."""


def _telling(rows: Iterable[Any], since: int, grain: Grain) -> Iterator[_Row]:
    """Yield the rows that tell, some of them more than once."""
    gap, rise, width = grain.gap // _MICROSECOND, float(grain.rise), max(grain.part // _MICROSECOND, 1)
    part, usd_before = -1, 0.0
    before: _Row | None = None
    low: tuple[float, _Row | None] = (0.0, None)
    high = low
    for place, values in enumerate(rows):
        row: _Row = (place, *values, before[2] if before else None)
        usd = float(row[3])
        if before is not None and (row[1] - before[2] > gap or usd - usd_before >= rise):
            yield from (before, row)
        if (number := max(row[1] - since, 0) // width) != part:
            yield from (one for one in (low[1], high[1], before, row) if one is not None)
            part, low, high = number, (usd, row), (usd, row)
        elif usd < low[0]:
            low = (usd, row)
        elif usd > high[0]:
            high = (usd, row)
        before, usd_before = row, usd
    yield from (one for one in (low[1], high[1], before) if one is not None)
