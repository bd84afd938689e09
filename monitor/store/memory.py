"""What is remembered of accounts: the latest reading, why there is none now, and since when."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, insert, select, true, update

from monitor.alerts.outage import Failing
from monitor.messages import Standing
from monitor.model import Failure, Kind, Level, Reading, Seen
from monitor.spending import Balance, Hour, Tally, count, hour_of
from monitor.store import history, hourly, schema
from monitor.store.quick import Quick


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered of one account."""

    account: str
    reading: Reading | None = None
    read_at: datetime | None = None
    reading_id: int | None = None
    owner: str | None = None
    """The account_id seen last; a reading may lack one."""
    failure: Failure | None = None
    """Why the latest poll brought no reading."""
    failing_since: datetime | None = None
    failure_id: int | None = None
    polled_at: datetime | None = None
    wait_until: datetime | None = None
    """What the API asked us to wait."""
    tally: Tally | None = None
    """How far its hours are counted."""

    @property
    def balance(self) -> Balance | None:
        """The latest balance in USD, and when it was read last."""
        return Balance(self.read_at, self.reading.balance_usd) if self.reading and self.read_at else None

    def is_of_another(self, reading: Reading) -> bool:
        """Say whether the key is of another account now; not where the API does not say of which."""
        return None not in {reading.account_id, self.owner} and reading.account_id != self.owner


_RECALL = Quick(select(schema.accounts).where(schema.accounts.c.name == bindparam("account")))


def recall(tx: Connection, account: str) -> Memory:
    """Return what is remembered of an account; nothing, for a new one."""
    rows = _RECALL.rows(tx, {"account": account})
    return _memory(rows[0]) if rows else Memory(account=account)


def recall_all(tx: Connection) -> dict[str, Memory]:
    """Return what is remembered of every account."""
    return {row.name: _memory(row) for row in tx.execute(select(schema.accounts))}


def _memory(row: Row[Any]) -> Memory:
    return Memory(
        account=row.name,
        reading=None if row.balance_usd is None else Reading(**{name: getattr(row, name) for name in history.FIELDS}),
        read_at=row.read_at,
        reading_id=row.reading_id,
        owner=row.owner,
        failure=None if row.failure_kind is None else Failure(Kind(row.failure_kind), row.failure_reason),
        failing_since=row.failing_since,
        failure_id=row.failure_id,
        polled_at=row.polled_at,
        wait_until=row.wait_until,
        tally=_tally(row),
    )


def _tally(row: Row[Any]) -> Tally | None:
    if row.counted_at is None:
        return None
    hour = Hour(hour_of(row.counted_at), row.hour_fell, row.hour_rose, row.hour_watched)
    return Tally(row.counted_since, row.counted_at, hour)


def follow(
    before: Memory, seen: Seen, now: datetime, *, gap: timedelta, new: int | None = None
) -> tuple[Memory, Sequence[Hour]]:
    """Return what is known after a poll, and the hours that are over with it. Pure.

    A run of equal readings, or of equal failures, that goes on keeps its id; one that begins has ``new``. A pause
    longer than ``gap`` ends a run, so that history shows when nobody looked.
    """
    if before.polled_at is not None and now - before.polled_at > gap:
        before = replace(before, reading_id=None, failure_id=None)
    if isinstance(seen, Failure):
        return _after_failure(before, seen, now, new), ()
    if before.reading_id is not None and seen == before.reading and before.failure is None:
        return replace(before, read_at=now, polled_at=now, wait_until=None), ()
    over, tally = _count(before, seen, now)
    after = Memory(
        account=before.account,
        reading=seen,
        read_at=now,
        reading_id=new,
        owner=seen.account_id or before.owner,
        polled_at=now,
        tally=tally,
    )
    return after, over


def _count(before: Memory, reading: Reading, now: datetime) -> tuple[Sequence[Hour], Tally]:
    """Count what went down or up since the reading before; afresh, where that was none, or another account's."""
    if before.tally is None or before.balance is None or before.is_of_another(reading):
        return (), Tally.begin(now)
    return count(before.tally, before.balance, Balance(now, reading.balance_usd))


def _after_failure(before: Memory, failure: Failure, now: datetime, new: int | None) -> Memory:
    known = replace(failure, retry_after=None)
    wait = now + failure.retry_after if failure.retry_after else before.wait_until
    return replace(
        before,
        failure=known,
        failing_since=before.failing_since or now,
        failure_id=before.failure_id if before.failure_id is not None and known == before.failure else new,
        polled_at=now,
        wait_until=wait if wait and wait > now else None,
    )


def remember(tx: Connection, before: Memory, seen: Seen, now: datetime, *, gap: timedelta) -> Memory:
    """Write down what a poll saw; a run of equal readings, or of equal failures, is one row that grows."""
    after, over = follow(before, seen, now, gap=gap)
    if isinstance(seen, Failure):
        after = replace(after, failure_id=_run(tx, before.account, after.failure_id, seen, now))
    elif after.reading_id is None:
        after = replace(after, reading_id=_run(tx, before.account, None, seen, now))
        hourly.add(tx, before.account, over)
    else:
        _run(tx, before.account, after.reading_id, seen, now)
        _SAVE_TIME.run(tx, {"account": before.account, "now": now})
        return after
    return _save(tx, after, is_new=before.polled_at is None)


def _run(tx: Connection, account: str, run: int | None, seen: Seen, now: datetime) -> int:
    """Let a run grow, or begin one; return its id."""
    if run is None:
        return history.begin(tx, account, seen, now)
    history.grow(tx, run, seen, now)
    return run


_ITS = schema.accounts.c.name == bindparam("account")
_SAVED = {
    column.name: bindparam(f"its_{column.name}", type_=column.type)
    for column in schema.accounts.c
    if column.name != "name"
}
_ADD_ACCOUNT = Quick(insert(schema.accounts).values(name=bindparam("account"), **_SAVED))
_SAVE_ACCOUNT = Quick(update(schema.accounts).where(_ITS).values(_SAVED))
_NOW = bindparam("now", type_=schema.Time)
_SAVE_TIME = Quick(update(schema.accounts).where(_ITS).values(read_at=_NOW, polled_at=_NOW, wait_until=None))
"""For a reading that is the same as before, as nearly all are."""


def _save(tx: Connection, memory: Memory, *, is_new: bool) -> Memory:
    values = {
        "account": memory.account,
        "its_read_at": memory.read_at,
        "its_reading_id": memory.reading_id,
        "its_owner": memory.owner,
        "its_failing_since": memory.failing_since,
        "its_failure_kind": memory.failure.kind.value if memory.failure else None,
        "its_failure_reason": memory.failure.reason if memory.failure else None,
        "its_failure_id": memory.failure_id,
        "its_polled_at": memory.polled_at,
        "its_wait_until": memory.wait_until,
    }
    values |= _TALLY_OF_NONE if memory.tally is None else _tally_values(memory.tally)
    values |= {f"its_{name}": getattr(memory.reading, name, None) for name in history.FIELDS}
    (_ADD_ACCOUNT if is_new else _SAVE_ACCOUNT).run(tx, values)
    return memory


_TALLY_OF_NONE = dict.fromkeys(
    ("its_counted_since", "its_counted_at", "its_hour_fell", "its_hour_rose", "its_hour_watched")
)


def _tally_values(tally: Tally) -> dict[str, Any]:
    hour = tally.hour
    counts = (tally.since, tally.at, hour.fell, hour.rose, hour.watched)
    return dict(zip(_TALLY_OF_NONE, counts, strict=True))


def forget_account(tx: Connection, account: str) -> None:
    """Drop what is remembered of an account that is no longer watched; its history stays."""
    hourly.forget_figures(tx, account)
    tx.execute(delete(schema.accounts).where(schema.accounts.c.name == account))


_its = schema.accounts.c
_FAILING = Quick(
    select(_its.name, _its.failing_since, _its.failure_kind, _its.failure_reason, _its.polled_at).where(
        _its.failing_since.is_not(None)
    )
)


def failing(tx: Connection) -> list[Failing]:
    """Return every account whose latest poll brought no reading: in an outage all of them, every few seconds."""
    return [
        Failing(
            account=row.name,
            since=row.failing_since,
            kind=Kind(row.failure_kind),
            reason=row.failure_reason,
            polled_at=row.polled_at,
        )
        for row in _FAILING.rows(tx, {})
    ]


def last_reading(tx: Connection, names: Collection[str] | None) -> datetime | None:
    """Return when any of these accounts (None: any at all) was read last."""
    found: datetime | None = tx.execute(select(func.max(_its.read_at)).where(_any_of(names))).scalar()
    return found


def read_since(tx: Connection, names: Collection[str] | None, when: datetime) -> tuple[int, datetime]:
    """Return how many of these accounts were read after that and do not fail, and when one of them was last."""
    query = select(func.count(), func.max(_its.read_at)).where(_any_of(names), _its.failing_since.is_(None))
    count, last = tx.execute(query.where(_its.read_at > when)).one()
    return count, last or when


def _any_of(names: Collection[str] | None) -> ColumnElement[bool]:
    return true() if names is None else _its.name.in_(names)


def known_accounts(tx: Connection) -> set[str]:
    """Return every account of which something is remembered."""
    return set(tx.execute(select(schema.accounts.c.name)).scalars())


def ranked(names: Iterable[str], accounts: Mapping[str, Memory], levels: Mapping[str, Level]) -> list[str]:
    """Return accounts in the order in which somebody should look at them: worst first, then those that are not read."""
    return sorted(names, key=lambda name: (-levels.get(name, Level.OK), accounts[name].failure is None, name))


def level_word(known: Memory, worst: Level) -> str:
    """Say how bad it is, by its worst alert; only what the last poll read can be ``ok``, else it is ``unknown``."""
    return "unknown" if worst is Level.OK and (known.failure or known.reading is None) else worst.word


def standing(memory: Memory, level: Level) -> Standing:
    """Return how an account stands, for messages."""
    return Standing(
        account=memory.account, level=level, reading=memory.reading, read_at=memory.read_at, failure=memory.failure
    )


def end_runs(tx: Connection) -> None:
    """Let every account begin a new run of readings, since times before and after cannot be compared."""
    tx.execute(update(schema.accounts), {"reading_id": None, "failure_id": None})
