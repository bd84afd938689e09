"""What is remembered of rules: their states, the alerts that they opened, and who was told what of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, literal, select, tuple_, update

from monitor.alerts import Case, Ruling, State
from monitor.model import Alert, Change, Level, Told
from monitor.rules import Rule
from monitor.store import schema
from monitor.store.pages import ROWS, Begin, pages
from monitor.store.quick import Quick

_STATES = Quick(select(schema.states).where(schema.states.c.account == bindparam("account")))


def cases(tx: Connection, account: str, rules: Sequence[Rule]) -> list[Case]:
    """Return what is remembered of each rule of an account, in the order given."""
    rows = {row.rule: row for row in _STATES.rows(tx, {"account": account})}
    open_alerts = _open_alerts(tx, [row.alert for row in rows.values() if row.alert])
    told = told_of(tx, open_alerts)
    return [
        _case(rule, rows[rule.name], open_alerts, told) if rule.name in rows else Case(rule, _FRESH) for rule in rules
    ]


_FRESH = State()


def _case(rule: Rule, row: Row[Any], open_alerts: Mapping[str, Alert], told: Mapping[str, Sequence[Told]]) -> Case:
    alert = open_alerts.get(row.alert)
    if alert is None:
        return Case(rule, _state(row))
    return Case(rule, _state(row), alert, {one.channel: one for one in told.get(alert.id, ())})


def _state(row: Row[Any]) -> State:
    return State(
        level=Level(row.level),
        up_warning=row.up_warning,
        up_critical=row.up_critical,
        down_warning=row.down_warning,
        down_critical=row.down_critical,
        limits=row.limits,
        was=row.was,
        ended_at=row.ended_at,
        cooling=row.cooling,
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


def open_alerts(tx: Connection, account: str | None = None) -> list[Alert]:
    """Return every alert that has not ended, or those of one account, the oldest first."""
    query = select(schema.alerts).where(schema.alerts.c.ended_at.is_(None)).order_by(schema.alerts.c.started_at)
    query = query.where(schema.alerts.c.account == account) if account else query
    return [_alert(row) for row in tx.execute(query)]


@dataclass(frozen=True, slots=True)
class Ended:
    """An alert that is over: its level is OK, or what it was when it was no longer watched."""

    alert: Alert
    at: datetime


_LONG_AGO = datetime.fromtimestamp(0, UTC)


def ended_alerts(transaction: Begin, accounts: Collection[str] = (), *, rows: int = ROWS) -> Iterator[Ended]:
    """Yield every alert that is over, or those of some accounts, in the order in which they ended."""
    its = schema.alerts.c
    query = select(schema.alerts).where(its.ended_at.is_not(None)).order_by(its.ended_at, its.id)
    query = query.where(its.account.in_(accounts)) if accounts else query

    def read(tx: Connection, behind: tuple[datetime, str], rows: int) -> list[tuple[tuple[datetime, str], Ended]]:
        place = tuple_(literal(behind[0], schema.Time), literal(behind[1]))
        found = tx.execute(query.where(tuple_(its.ended_at, its.id) > place).limit(rows))
        return [((row.ended_at, row.id), Ended(_alert(row), row.ended_at)) for row in found]

    return pages(transaction, read, (_LONG_AGO, ""), rows=rows)


def past_alerts(tx: Connection, account: str, most: int) -> list[Ended]:
    """Return the latest alerts that are over, of an account or, if that is empty, of all; the last to end first."""
    its = schema.alerts.c
    query = select(schema.alerts).where(its.ended_at.is_not(None)).order_by(its.ended_at.desc(), its.id).limit(most)
    rows = tx.execute(query.where(its.account == account) if account else query)
    return [Ended(_alert(row), row.ended_at) for row in rows]


def latest_alerts(tx: Connection, account: str, most: int) -> list[tuple[Alert, datetime | None]]:
    """Return the latest alerts of an account and when each ended, those that are open first."""
    its = schema.alerts.c
    query = select(schema.alerts).where(its.account == account)
    rows = tx.execute(query.order_by(its.ended_at.is_not(None), its.started_at.desc()).limit(most))
    return [(_alert(row), row.ended_at) for row in rows]


@dataclass(frozen=True, slots=True)
class Lasted:
    """From when to when an alert was open, and the worst that it came to; it goes on if it has no end."""

    level: Level
    since: datetime
    until: datetime | None


def lasted(tx: Connection, account: str, since: datetime, until: datetime) -> list[Lasted]:
    """Return the alerts of an account that were open at any time between two moments, the oldest first."""
    its = schema.alerts.c
    is_near = its.ended_at.is_(None) | (its.ended_at >= since)
    query = select(its.worst, its.started_at, its.ended_at).where(
        its.account == account, its.started_at <= until, is_near
    )
    return [Lasted(Level(level), *span) for level, *span in tx.execute(query.order_by(its.started_at))]


def accounts(tx: Connection) -> set[str]:
    """Return every account that has or had an alert, as far as it is still kept."""
    return set(tx.execute(select(schema.alerts.c.account).distinct()).scalars())


def levels(tx: Connection) -> dict[str, Level]:
    """Return the worst level of what is open, by account."""
    worst = func.max(schema.alerts.c.level)
    is_open = schema.alerts.c.ended_at.is_(None) & (schema.alerts.c.level > int(Level.OK))
    query = select(schema.alerts.c.account, worst).where(is_open)
    return {account: Level(level) for account, level in tx.execute(query.group_by(schema.alerts.c.account))}


def rule_levels(tx: Connection) -> dict[tuple[str, str], Level]:
    """Return the level of each rule that is not ok, by account and rule."""
    its = schema.states.c
    rows = tx.execute(select(its.account, its.rule, its.level).where(its.level > int(Level.OK)))
    return {(row.account, row.rule): Level(row.level) for row in rows}


def states(tx: Connection, account: str) -> dict[str, State]:
    """Return the state of each rule of an account; of the monitor's own, all that ever was one."""
    return {row.rule: _state(row) for row in _STATES.rows(tx, {"account": account})}


def open_rules(tx: Connection, account: str) -> list[str]:
    """Return the rules of an account whose alerts have not ended."""
    here = (schema.states.c.account == account) & schema.states.c.alert.is_not(None)
    return list(tx.execute(select(schema.states.c.rule).where(here)).scalars())


def ended_between(tx: Connection, account: str, since: datetime, until: datetime) -> int:
    """Return how many alerts of an account ended after a moment and up to another."""
    its = schema.alerts.c
    query = select(func.count()).where(its.account == account, its.ended_at > since, its.ended_at <= until)
    return tx.execute(query).scalar() or 0


def told_of(tx: Connection, alerts: Mapping[str, Alert]) -> dict[str, list[Told]]:
    """Return what each channel was last told of these alerts."""
    found: dict[str, list[Told]] = {}
    if alerts:
        for row in tx.execute(select(schema.told).where(schema.told.c.alert.in_(alerts))):
            found.setdefault(row.alert, []).append(Told(row.channel, Level(row.level), row.at))
    return found


def all_told(tx: Connection) -> dict[str, list[Told]]:
    """Return what each channel was last told of every alert that has not ended."""
    found: dict[str, list[Told]] = {}
    for row in tx.execute(select(schema.told).order_by(schema.told.c.at, schema.told.c.channel)):
        found.setdefault(row.alert, []).append(Told(row.channel, Level(row.level), row.at))
    return found


def save(tx: Connection, account: str, rulings: Sequence[Ruling], now: datetime) -> None:
    """Write down what a poll made of the rules of an account: states, alerts, and who was told."""
    for ruling in rulings:
        if ruling.alert != ruling.case.alert and ruling.alert is not None:
            save_alert(tx, ruling.alert, now, is_new=ruling.case.alert is None, is_over=ruling.is_over)
        elif ruling.is_over and ruling.alert is not None:
            end_alert(tx, ruling.alert, now)
        if ruling.state != ruling.case.state:
            _save_state(tx, account, ruling.case.rule.name, ruling.state, None if ruling.is_over else ruling.alert)
        if ruling.alert is not None and ruling.alert.level is not Level.OK:
            for channel, change in ruling.changes.items():
                tell(tx, ruling.alert.id, Told(channel, change.level, now))


def save_alert(tx: Connection, alert: Alert, now: datetime, *, is_new: bool, is_over: bool) -> None:
    """Write down an alert; at its end, who was told of it is no longer needed."""
    values = {
        "level": int(alert.level),
        "worst": int(alert.worst),
        "phrase": alert.phrase,
        "ended_at": now if is_over else None,
    }
    if is_new:
        known = {"id": alert.id, "account": alert.account, "rule": alert.rule, "started_at": alert.started_at}
        tx.execute(insert(schema.alerts), known | values)
    else:
        tx.execute(update(schema.alerts).where(schema.alerts.c.id == alert.id), values)
    if is_over:
        tx.execute(delete(schema.told).where(schema.told.c.alert == alert.id))


def end_alert(tx: Connection, alert: Alert, now: datetime) -> None:
    """End an alert that is no longer watched; it keeps the level that it had."""
    tx.execute(update(schema.alerts).where(schema.alerts.c.id == alert.id), {"ended_at": now})
    tx.execute(delete(schema.told).where(schema.told.c.alert == alert.id))


def save_own(tx: Connection, alert: Alert, changes: Mapping[str, Change], now: datetime, *, is_new: bool) -> None:
    """Write down an alert of the monitor's own, and who was told."""
    is_over = alert.level is Level.OK
    save_alert(tx, alert, now, is_new=is_new, is_over=is_over)
    _save_state(tx, alert.account, alert.rule, State(level=alert.level), None if is_over else alert)
    if alert.level is not Level.OK:
        for channel, change in changes.items():
            tell(tx, alert.id, Told(channel, change.level, now))


def _save_state(tx: Connection, account: str, rule: str, state: State, alert: Alert | None) -> None:
    values = {field.name: getattr(state, field.name) for field in fields(state)}
    values |= {"level": int(state.level), "alert": alert.id if alert else None}
    here = (schema.states.c.account == account) & (schema.states.c.rule == rule)
    if tx.execute(update(schema.states).where(here), values).rowcount == 0:
        tx.execute(insert(schema.states), {"account": account, "rule": rule} | values)


def keep_state(tx: Connection, account: str, rule: str, state: State) -> None:
    """Write down the state of a rule that has one; its alert stays."""
    values = {field.name: getattr(state, field.name) for field in fields(state)} | {"level": int(state.level)}
    here = (schema.states.c.account == account) & (schema.states.c.rule == rule)
    tx.execute(update(schema.states).where(here), values)


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


def known_states(tx: Connection) -> list[tuple[str, str]]:
    """Return the account and rule of every state."""
    return [(row.account, row.rule) for row in tx.execute(select(schema.states.c.account, schema.states.c.rule))]


def level_of(tx: Connection, account: str) -> Level:
    """Return the worst level of an account."""
    query = select(func.max(schema.states.c.level)).where(schema.states.c.account == account)
    return Level(tx.execute(query).scalar() or Level.OK)
