"""Use case 1: remember, decide, queue what to tell; the decision and its messages are one transaction."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from monitor import alerts, messages
from monitor.alerts import Found, Listener, Ruling
from monitor.config import Account, Channel, Config, Unusable
from monitor.messages import Standing
from monitor.model import MONITOR, Change, Level, Message, Reading, Seen, Told
from monitor.rules import Look, Undelivered
from monitor.store import Tx, casebook, durations, life, memory, outbox, snoozes
from monitor.store.life import Life
from monitor.store.memory import Memory

CHANNELS = "channels"
"""The monitor's own rule: every configured channel can be used."""
DATABASE = "database"
"""Another one: what is decided is on the disk, and not in memory only."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought, for the log and for waking the channels."""

    before: Memory
    after: Memory
    level: Level
    moves: Sequence[Ruling]
    """The rules whose level moved."""
    messages: Sequence[Message]


def settle(tx: Tx, config: Config, account: Account, seen: Seen, now: datetime) -> Polled:
    """Remember what was seen, decide, and queue the messages."""
    before = memory.recall(tx, account.name)
    after = memory.remember(tx, before, seen, now, gap=3 * account.interval + account.timeout)
    listeners = audience(config, account)
    rulings = alerts.decide(
        casebook.cases(tx, account.name, account.rules),
        _look(account, before, after, seen, now),
        listeners,
        say=messages.phrase,
        new_id=_new_id,
        snoozes=lambda: snoozes.of(tx, account.name),
    )
    casebook.save(tx, account.name, rulings, now)
    _end_snoozes(tx, account, rulings, now)
    level = max((ruling.state.level for ruling in rulings), default=Level.OK)
    heard = _by_channel([ruling.changes for ruling in rulings] + [_owner_news(before, seen, listeners)])
    queued = compose(heard, memory.standing(after, level), config, now)
    outbox.queue(tx, queued)
    moves = [ruling for ruling in rulings if ruling.state.level is not ruling.case.state.level]
    return Polled(before, after, level, moves, queued)


def _end_snoozes(tx: Tx, account: Account, rulings: Sequence[Ruling], now: datetime) -> None:
    """End the silence that has run out; nobody asks where there is no alert, which is nearly everywhere."""
    alerting = [ruling for ruling in rulings if ruling.alert is not None]
    if alerting and (asked := snoozes.of(tx, account.name)):
        still = [one.case.rule.name for one in alerting if not one.is_over]
        snoozes.drop_over(tx, asked, still, now)


def _new_id(_rule: str) -> str:
    return str(uuid4())


def _look(account: Account, before: Memory, after: Memory, seen: Seen, now: datetime) -> Look:
    return Look(
        account=account.name,
        seen=seen,
        now=now,
        interval=account.interval,
        failing_since=after.failing_since or before.failing_since,
        needed={rule.needs: rule.name for rule in account.rules if rule.needs},
    )


def audience(config: Config, account: Account) -> list[Listener]:
    """Return every channel as this account sees it: a message goes where the account and the channel both agree."""
    return [_listener(channel, account) for channel in config.channels.values()]


def _listener(channel: Channel, account: Account) -> Listener:
    agrees = channel.accounts is None or account.name in channel.accounts
    return Listener(
        channel.name,
        channel.min_level,
        hears=agrees and (account.channels is None or channel.name in account.channels),
    )


def _everybody(config: Config) -> list[Listener]:
    return [Listener(channel.name, channel.min_level) for channel in config.channels.values()]


def _owner_news(before: Memory, seen: Seen, listeners: Iterable[Listener]) -> Mapping[str, Change]:
    """Tell that the key now belongs to another account."""
    owner = seen.account_id if isinstance(seen, Reading) else None
    if owner is None or before.owner is None or owner == before.owner:
        return {}
    change = messages.account_changed(before.account, before.owner, owner)
    return {listener.channel: change for listener in listeners if listener.wants(change.level)}


def _by_channel(told: Iterable[Mapping[str, Change]]) -> dict[str, list[Change]]:
    heard: dict[str, list[Change]] = {}
    for changes in told:
        for channel, change in changes.items():
            heard.setdefault(channel, []).append(change)
    return heard


def compose(
    heard: Mapping[str, Sequence[Change]], standing: Standing | None, config: Config, now: datetime
) -> list[Message]:
    """Write one message a channel of all that one decision has for it."""
    event = str(uuid4()) if heard else ""
    return [
        Message(
            id=str(uuid4()),
            event=event,
            channel=channel,
            account=changes[0].account,
            decided_at=now,
            severity=messages.severity(changes),
            title=messages.headline(changes),
            body=messages.body(changes, standing, config.timezone),
            changes=tuple(changes),
        )
        for channel, changes in heard.items()
    ]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a changed configuration led to."""

    told: Sequence[Message]
    lost: Sequence[Message]
    """What waited for channels that are gone, and was given up."""


def reconcile(tx: Tx, config: Config, now: datetime) -> Reconciled:
    """Bring what is remembered in line with the configuration, at a start or a reload.

    What is no longer watched is told to whoever was told of it; what waits for a channel that is gone goes to its
    fallback or is given up, loudly; a channel whose secret is missing is told to the others.
    """
    queued: list[Message] = []
    lost: list[Message] = []
    for account, rules in _gone_rules(tx, config).items():
        queued += _unwatch(tx, config, account, rules, now=now)
    for account in memory.known_accounts(tx) - set(config.accounts):
        memory.forget_account(tx, account)
        snoozes.forget_account(tx, account)
    for channel in sorted(outbox.known_channels(tx) - set(config.channels)):
        left = _drop_channel(tx, config, channel, now)
        queued += left.told
        lost += left.lost
    for kept in config.channels.values():
        outbox.keep_fallback(tx, kept.name, kept.fallback)
    queued += _tell_unusable(tx, config, now)
    outbox.queue(tx, queued)
    return Reconciled(queued, lost)


def _gone_rules(tx: Tx, config: Config) -> dict[str, list[str]]:
    watched = {(account.name, rule.name) for account in config.accounts.values() for rule in account.rules}
    gone: dict[str, list[str]] = {}
    for account, rule in casebook.known_states(tx):
        if (account, rule) not in watched and account != MONITOR:
            gone.setdefault(account, []).append(rule)
    return gone


def _unwatch(tx: Tx, config: Config, account: str, rules: Sequence[str], *, now: datetime) -> list[Message]:
    ended = [_end(tx, config, account, rule, now=now) for rule in rules]
    standing = memory.standing(memory.recall(tx, account), Level.OK)
    return compose(_by_channel(ended), standing, config, now)


def _end(tx: Tx, config: Config, account: str, rule: str, *, now: datetime) -> Mapping[str, Change]:
    """End what a rule that is no longer watched had found."""
    alert, told = casebook.alert_of(tx, account, rule)
    casebook.forget_rule(tx, account, rule)
    if alert is None:
        return {}
    casebook.end_alert(tx, alert, now)
    return alerts.unwatch(alert, [one for one in told.values() if one.channel in config.channels])


def _drop_channel(tx: Tx, config: Config, channel: str, now: datetime) -> Reconciled:
    fallback = outbox.health(tx, channel).fallback
    left = [queued.message for queued in outbox.forget_channel(tx, channel)]
    if fallback in config.channels and fallback is not None:
        outbox.settle(tx, [message.id for message in left], "dropped", now)
        return Reconciled(pass_on(tx, left, fallback), ())
    return Reconciled(give_up(tx, config, left, why="it has left the configuration", now=now), left)


def pass_on(tx: Tx, left: Sequence[Message], fallback: str) -> list[Message]:
    """Return copies for a fallback of what it was not sent itself; what it was told counts as told.

    An alert of which it heard something later already is old news to it: told now, it would seem to be the present.
    That it does not deliver itself is told by others.
    """
    copies = []
    heard = outbox.heard_since(tx, fallback, left[0]) if left else {}
    for message in left:
        others = [one for one in message.changes if one.rule != Undelivered.of(fallback)]
        fresh = [one for one in others if heard.get(one.alert, message.decided_at) <= message.decided_at]
        if outbox.has_event(tx, fallback, message.event) or (message.changes and not fresh):
            continue
        body = messages.passed_on(message, fallback)
        copies.append(dataclasses.replace(message, id=str(uuid4()), channel=fallback, body=body))
        for change in fresh:
            if change.alert and casebook.is_open(tx, change.alert):
                casebook.tell(tx, change.alert, Told(fallback, change.level, message.decided_at))
    outbox.mark_passed_on(tx, left)
    return copies


def give_up(tx: Tx, config: Config, lost: Sequence[Message], *, why: str, now: datetime) -> list[Message]:
    """End the waiting of messages that cannot be delivered, and return what the other channels are told of it."""
    if not lost:
        return []
    outbox.settle(tx, [message.id for message in lost], "given_up", now)
    change = messages.gave_up(lost, why=why)
    others = [one for one in _everybody(config) if one.channel != lost[0].channel and one.wants(Level.CRITICAL)]
    return compose({one.channel: [change] for one in others}, None, config, now)


def _tell_unusable(tx: Tx, config: Config, now: datetime) -> list[Message]:
    reasons = {name: one.url.reason for name, one in config.channels.items() if isinstance(one.url, Unusable)}
    level = Level.WARNING if reasons else Level.OK
    phrase = messages.unusable(reasons) if reasons else "every channel can be used"
    return tell_own(tx, config, CHANNELS, (level, phrase), now)


@dataclass(frozen=True, slots=True)
class Home:
    """How the disk does: which trouble it had last, if it has any still, and which damaged file was moved aside."""

    database: str
    last: str = ""
    is_over: bool = True
    kept: str = ""


def tell_home(tx: Tx, config: Config, home: Home, now: datetime) -> list[Message]:
    """Tell the disk's trouble and its end; both, if it came and went before anybody looked."""
    found = [(Level.WARNING, messages.without_disk(home.database, home.last))] if home.last else []
    found += [(Level.OK, messages.with_disk(home.database, home.kept))] if home.is_over else []
    queued = [message for one in found for message in tell_own(tx, config, DATABASE, one, now)]
    outbox.queue(tx, queued)
    return queued


def tell_lost(tx: Tx, config: Config, database: str, now: datetime) -> list[Message]:
    """Tell that nothing is remembered although something was."""
    change = messages.lost_disk(database)
    heard = {one.channel: [change] for one in _everybody(config) if one.wants(change.level)}
    queued = compose(heard, None, config, now)
    outbox.queue(tx, queued)
    return queued


def tell_own(tx: Tx, config: Config, rule: str, found: tuple[Level, str], now: datetime) -> list[Message]:
    """Follow an alert of the monitor's own (level and phrase as found now), and return what each channel is told."""
    level, phrase = found
    return follow_own(tx, config, rule, Found(level=level, phrase=phrase), now, listeners=_everybody(config))


def follow_own(
    tx: Tx, config: Config, rule: str, found: Found, now: datetime, *, listeners: Sequence[Listener]
) -> list[Message]:
    """Follow an alert of the monitor's own that reminds, or that is not for everybody."""
    alert, told = casebook.alert_of(tx, MONITOR, rule)
    fresh = functools.partial(alerts.opened, _new_id, MONITOR, rule, found.since or now)
    moved, changes = alerts.own(alert, told, found, now, listeners=listeners, fresh=fresh)
    if moved is not None and (changes or moved != alert):
        casebook.save_own(tx, moved, changes, now, is_new=alert is None)
    return compose(_by_channel([changes]), None, config, now)


def unwatch_own(tx: Tx, config: Config, rule: str, now: datetime) -> list[Message]:
    """End an alert of the monitor's own that is no longer watched, and return what those who were told are told."""
    return compose(_by_channel([_end(tx, config, MONITOR, rule, now=now)]), None, config, now)


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What a start found."""

    waits: dict[str, datetime]
    """Until when the API asked to wait, by account."""
    lost: Sequence[Message]
    away: timedelta
    """For how long no daemon ran, by the clock."""


def take_up(tx: Tx, *, config: Config, born: Life, now: datetime) -> TakenUp:
    """Take up what is remembered, in one transaction."""
    away = durations.skip_absence(tx, now)
    found = reconcile(tx, config, now)
    life.write(tx, born)
    known = memory.recall_all(tx).items()
    return TakenUp({name: one.wait_until for name, one in known if one.wait_until is not None}, found.lost, away)
