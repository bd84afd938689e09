"""What is remembered of accounts: their latest reading, their runs of readings and failures, their rules and alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Table, bindparam, delete, insert, select, true, type_coerce, update

from monitor.alerts import Case, Ruling, State
from monitor.messages import Standing
from monitor.model import Alert, Change, Failure, Kind, Level, Reading, Seen, Told
from monitor.rules import Rule
from monitor.store import schema

_FIELDS = tuple(field.name for field in fields(Reading))


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


_RECALL = select(schema.accounts).where(schema.accounts.c.name == bindparam("account"))


def recall(tx: Connection, account: str) -> Memory:
    """Return what is remembered of an account; nothing, for a new one."""
    row = tx.execute(_RECALL, {"account": account}).one_or_none()
    return Memory(account=account) if row is None else _memory(row)


def recall_all(tx: Connection) -> dict[str, Memory]:
    """Return what is remembered of every account."""
    return {row.name: _memory(row) for row in tx.execute(select(schema.accounts))}


def _memory(row: Row[Any]) -> Memory:
    return Memory(
        account=row.name,
        reading=None if row.balance_usd is None else Reading(**{name: getattr(row, name) for name in _FIELDS}),
        read_at=row.read_at,
        reading_id=row.reading_id,
        owner=row.owner,
        failure=None if row.failure_kind is None else Failure(Kind(row.failure_kind), row.failure_reason),
        failing_since=row.failing_since,
        failure_id=row.failure_id,
        polled_at=row.polled_at,
        wait_until=row.wait_until,
    )


def remember(tx: Connection, before: Memory, seen: Seen, now: datetime, *, gap: timedelta) -> Memory:
    """Write down what a poll saw; a run of equal readings, or of equal failures, is one row that grows.

    A pause longer than ``gap`` ends a run, so that history shows when nobody looked.
    """
    if before.polled_at is not None and now - before.polled_at > gap:
        before = replace(before, reading_id=None, failure_id=None)
    if isinstance(seen, Reading):
        after = _remember_reading(tx, before, seen, now)
    else:
        after = _remember_failure(tx, before, seen, now)
    _save(tx, after, is_new=before.polled_at is None)
    return after


def _remember_reading(tx: Connection, before: Memory, reading: Reading, now: datetime) -> Memory:
    if before.reading_id is not None and reading == before.reading and before.failure is None:
        tx.execute(_GROW_READING, {"run": before.reading_id, "now": now})
        return replace(before, read_at=now, polled_at=now, wait_until=None)
    values = {name: getattr(reading, name) for name in _FIELDS}
    run = _new_run(tx, schema.readings, _first(before.account, now) | values)
    owner = reading.account_id or before.owner
    return Memory(account=before.account, reading=reading, read_at=now, reading_id=run, owner=owner, polled_at=now)


def _remember_failure(tx: Connection, before: Memory, failure: Failure, now: datetime) -> Memory:
    known = replace(failure, retry_after=None)
    run = before.failure_id
    if run is not None and known == before.failure:
        tx.execute(_GROW_FAILURE, {"run": run, "now": now})
    else:
        values = {"kind": failure.kind.value, "reason": failure.reason}
        run = _new_run(tx, schema.failures, _first(before.account, now) | values)
    wait = now + failure.retry_after if failure.retry_after else before.wait_until
    return replace(
        before,
        failure=known,
        failing_since=before.failing_since or now,
        failure_id=run,
        polled_at=now,
        wait_until=wait if wait and wait > now else None,
    )


def _new_run(tx: Connection, table: Table, values: dict[str, Any]) -> int:
    (run,) = tx.execute(insert(table), values).inserted_primary_key or (None,)
    return int(run or 0)


def _first(account: str, now: datetime) -> dict[str, Any]:
    return {"account": account, "first_at": now, "last_at": now, "polls": 1}


def _grow(table: Any) -> Any:  # noqa: ANN401 - readings or failures; SQLAlchemy's own types say no more
    grown = {"last_at": bindparam("now", type_=schema.Time), "polls": table.c.polls + 1}
    return update(table).where(table.c.id == bindparam("run")).values(grown)


_GROW_READING = _grow(schema.readings)
_GROW_FAILURE = _grow(schema.failures)
_ADD_ACCOUNT = insert(schema.accounts)
_SAVE_ACCOUNT = update(schema.accounts).where(schema.accounts.c.name == bindparam("account"))


def _save(tx: Connection, memory: Memory, *, is_new: bool) -> None:
    values = {
        "read_at": memory.read_at,
        "reading_id": memory.reading_id,
        "owner": memory.owner,
        "failing_since": memory.failing_since,
        "failure_kind": memory.failure.kind.value if memory.failure else None,
        "failure_reason": memory.failure.reason if memory.failure else None,
        "failure_id": memory.failure_id,
        "polled_at": memory.polled_at,
        "wait_until": memory.wait_until,
    }
    if memory.reading is not None:
        values |= {name: getattr(memory.reading, name) for name in _FIELDS}
    if is_new:
        tx.execute(_ADD_ACCOUNT, {"name": memory.account} | values)
    else:
        tx.execute(_SAVE_ACCOUNT, {"account": memory.account} | values)


_STATES = select(schema.states).where(schema.states.c.account == bindparam("account"))


def cases(tx: Connection, account: str, rules: Sequence[Rule]) -> list[Case]:
    """Return what is remembered of each rule of an account, in the order given."""
    rows = {row.rule: row for row in tx.execute(_STATES, {"account": account})}
    open_alerts = _open_alerts(tx, [row.alert for row in rows.values() if row.alert])
    told = told_of(tx, open_alerts)
    return [
        Case(
            rule,
            _state(rows[rule.name]) if rule.name in rows else State(),
            alert := open_alerts.get(rows[rule.name].alert) if rule.name in rows else None,
            {one.channel: one for one in told.get(alert.id if alert else "", [])},
        )
        for rule in rules
    ]


def _state(row: Row[Any]) -> State:
    return State(
        level=Level(row.level),
        up_warning=row.up_warning,
        up_critical=row.up_critical,
        down_warning=row.down_warning,
        down_critical=row.down_critical,
        limits=row.limits,
        was=row.was,
    )


def _open_alerts(tx: Connection, ids: Sequence[str]) -> dict[str, Alert]:
    if not ids:
        return {}
    rows = tx.execute(select(schema.alerts).where(schema.alerts.c.id.in_(ids)))
    return {row.id: _alert(row) for row in rows}


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id,
        account=row.account,
        rule=row.rule,
        level=Level(row.level),
        worst=Level(row.worst),
        started_at=row.started_at,
        phrase=row.phrase,
    )


def alert_of(tx: Connection, account: str, rule: str) -> tuple[Alert | None, dict[str, Told]]:
    """Return the open alert of a rule, if there is one, and what each channel was last told of it."""
    here = (schema.states.c.account == account) & (schema.states.c.rule == rule)
    ids = [found for found in tx.execute(select(schema.states.c.alert).where(here)).scalars() if found]
    alerts = _open_alerts(tx, ids)
    told = told_of(tx, alerts)
    return next(iter(alerts.values()), None), {one.channel: one for alert in alerts for one in told.get(alert, [])}


def is_open(tx: Connection, alert: str) -> bool:
    """Say whether an alert has not ended."""
    here = (schema.alerts.c.id == alert) & schema.alerts.c.ended_at.is_(None)
    return tx.execute(select(schema.alerts.c.id).where(here)).first() is not None


def open_alerts(tx: Connection) -> list[Alert]:
    """Return every alert that has not ended, the oldest first."""
    query = select(schema.alerts).where(schema.alerts.c.ended_at.is_(None)).order_by(schema.alerts.c.started_at)
    return [_alert(row) for row in tx.execute(query)]


def told_of(tx: Connection, alerts: Mapping[str, Alert]) -> dict[str, list[Told]]:
    """Return what each channel was last told of these alerts."""
    found: dict[str, list[Told]] = {}
    if alerts:
        for row in tx.execute(select(schema.told).where(schema.told.c.alert.in_(alerts))):
            found.setdefault(row.alert, []).append(Told(row.channel, Level(row.level), row.at))
    return found


def save(tx: Connection, account: str, rulings: Sequence[Ruling], now: datetime) -> None:
    """Write down what a poll made of the rules of an account: states, alerts, and who was told."""
    for ruling in rulings:
        if ruling.alert != ruling.case.alert and ruling.alert is not None:
            save_alert(tx, ruling.alert, now, is_new=ruling.case.alert is None)
        if ruling.state != ruling.case.state:
            _save_state(tx, account, ruling.case.rule.name, ruling.state, ruling.alert)
        if ruling.alert is not None and ruling.alert.level is not Level.OK:
            for channel, change in ruling.changes.items():
                tell(tx, ruling.alert.id, Told(channel, change.level, now))


def save_alert(tx: Connection, alert: Alert, now: datetime, *, is_new: bool) -> None:
    """Write down an alert; at its end, who was told of it is no longer needed."""
    ended = alert.level is Level.OK
    values = {
        "level": int(alert.level),
        "worst": int(alert.worst),
        "phrase": alert.phrase,
        "ended_at": now if ended else None,
    }
    if is_new:
        known = {"id": alert.id, "account": alert.account, "rule": alert.rule, "started_at": alert.started_at}
        tx.execute(insert(schema.alerts), known | values)
    else:
        tx.execute(update(schema.alerts).where(schema.alerts.c.id == alert.id), values)
    if ended:
        tx.execute(delete(schema.told).where(schema.told.c.alert == alert.id))


def end_alert(tx: Connection, alert: Alert, now: datetime) -> None:
    """End an alert that is no longer watched; it keeps the level that it had."""
    tx.execute(update(schema.alerts).where(schema.alerts.c.id == alert.id), {"ended_at": now})
    tx.execute(delete(schema.told).where(schema.told.c.alert == alert.id))


def save_own(tx: Connection, alert: Alert, changes: Mapping[str, Change], now: datetime, *, is_new: bool) -> None:
    """Write down an alert of the monitor's own, and who was told."""
    save_alert(tx, alert, now, is_new=is_new)
    _save_state(tx, alert.account, alert.rule, State(level=alert.level), alert)
    if alert.level is not Level.OK:
        for channel, change in changes.items():
            tell(tx, alert.id, Told(channel, change.level, now))


def _save_state(tx: Connection, account: str, rule: str, state: State, alert: Alert | None) -> None:
    open_alert = alert.id if alert and alert.level is not Level.OK else None
    values = {field.name: getattr(state, field.name) for field in fields(state)}
    values |= {"level": int(state.level), "alert": open_alert}
    here = (schema.states.c.account == account) & (schema.states.c.rule == rule)
    if tx.execute(update(schema.states).where(here), values).rowcount == 0:
        tx.execute(insert(schema.states), {"account": account, "rule": rule} | values)


def tell(tx: Connection, alert: str, told: Told) -> None:
    """Write down what a channel has now been told of an alert."""
    here = (schema.told.c.alert == alert) & (schema.told.c.channel == told.channel)
    values = {"level": int(told.level), "at": told.at}
    if tx.execute(update(schema.told).where(here), values).rowcount == 0:
        tx.execute(insert(schema.told), {"alert": alert, "channel": told.channel} | values)


def forget_rule(tx: Connection, account: str, rule: str) -> None:
    """Drop the state of a rule that is no longer watched."""
    here = (schema.states.c.account == account) & (schema.states.c.rule == rule)
    tx.execute(delete(schema.states).where(here))


def forget_account(tx: Connection, account: str) -> None:
    """Drop what is remembered of an account that is no longer watched; its history stays."""
    tx.execute(delete(schema.states).where(schema.states.c.account == account))
    tx.execute(delete(schema.accounts).where(schema.accounts.c.name == account))


def known_states(tx: Connection) -> list[tuple[str, str]]:
    """Return the account and rule of every state."""
    return [(row.account, row.rule) for row in tx.execute(select(schema.states.c.account, schema.states.c.rule))]


def known_accounts(tx: Connection) -> set[str]:
    """Return every account of which something is remembered."""
    return set(tx.execute(select(schema.accounts.c.name)).scalars())


def levels(tx: Connection) -> dict[str, Level]:
    """Return the worst level of each account that has an open alert."""
    worst: dict[str, Level] = {}
    for alert in open_alerts(tx):
        worst[alert.account] = max(worst.get(alert.account, Level.OK), alert.level)
    return worst


def standing(memory: Memory, level: Level) -> Standing:
    """Return how an account stands, for messages."""
    return Standing(
        account=memory.account, level=level, reading=memory.reading, read_at=memory.read_at, failure=memory.failure
    )


def skip_silence(tx: Connection, absence: timedelta) -> None:
    """Do not count the daemon's own absence as silence of the API."""
    shift(tx, absence, [schema.accounts.c.failing_since])


def end_runs(tx: Connection) -> None:
    """Let every account begin a new run of readings, since times before and after cannot be compared."""
    tx.execute(update(schema.accounts), {"reading_id": None, "failure_id": None})


def shift(tx: Connection, by: timedelta, columns: Sequence[Any], *, where: Any = true()) -> None:  # noqa: ANN401, B008 - a condition
    """Move times, as a clock step or an absence asks."""
    micros = by // timedelta(microseconds=1)
    for column in columns:
        plain = type_coerce(column, BigInteger) + micros
        moved = (
            update(column.table)
            .where(column.is_not(None), where)
            .values({column.name: type_coerce(plain, schema.Time)})
        )
        tx.execute(moved)
