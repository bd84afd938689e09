"""A start and a reload: what is remembered is brought in line with what is configured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from monitor import messages
from monitor.apart import apart
from monitor.config import Channel, Config
from monitor.model import ENDS, MONITOR, Cause, Change, Level, Message, Told
from monitor.poll.letters import by_channel, compose, everybody, keep
from monitor.poll.money import informed
from monitor.poll.outage import let_go
from monitor.poll.own import end_rule, tell_unusable
from monitor.rules import Undelivered
from monitor.store import Tx, casebook, durations, later, life, memory, outbox, snoozes
from monitor.store.life import Life

_FOR_GOOD = {*ENDS, Cause.NEWS}
_DAY = timedelta(days=1)


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
    # Channels first: whoever is passed on an alert that is no longer watched hears that too.
    for channel in sorted(outbox.known_channels(tx) - set(config.channels)):
        left = _drop_channel(tx, config, channel, now)
        outbox.queue(tx, left.told)  # at once: the next channel that goes may have the same fallback
        queued += left.told
        lost += left.lost
    for account, rules in _gone_rules(tx, config).items():
        queued += _unwatch(tx, config, account, rules, now=now)
    for account in memory.known_accounts(tx) - set(config.accounts):
        memory.forget_account(tx, account)
        snoozes.forget_account(tx, account)
    for kept in config.channels.values():
        outbox.keep_fallback(tx, kept.name, kept.fallback)
    queued += let_go(tx, config, now)
    queued += tell_unusable(tx, config, now)
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
    ended = [end_rule(tx, config, account, rule, now=now) for rule in rules]
    standing = informed(tx, memory.recall(tx, account), Level.OK)
    return compose(by_channel(keep(tx, config, one, now) for one in ended), standing, config, now)


def _drop_channel(tx: Tx, config: Config, channel: str, now: datetime) -> Reconciled:
    fallback = outbox.health(tx, channel).fallback
    kept = compose({channel: changes} if (changes := later.take(tx, channel)) else {}, None, config, now)
    outbox.queue(tx, kept)
    left = [queued.message for queued in outbox.forget_channel(tx, channel)]
    if fallback in config.channels and fallback is not None:
        outbox.settle(tx, [message.id for message in left], "dropped", now)
        return Reconciled(pass_on(tx, left, config.channels[fallback]), ())
    return Reconciled(give_up(tx, config, left, why="it has left the configuration", now=now), left)


def pass_on(tx: Tx, left: Sequence[Message], fallback: Channel) -> list[Message]:
    """Return copies for a fallback of what it was not sent itself; what it was told counts as told.

    Channels hear of one event what they want of it, so what its own message leaves out is passed on. An alert of which
    it heard something later already is old news to it: told now, it would seem to be the present. That it does not
    deliver itself is told by others.
    """
    copies: list[Message] = []
    heard = outbox.heard_since(tx, fallback.name, left[0]) if left else {}
    for message in left:
        own = outbox.of_event(tx, fallback.name, message.event)
        fresh = _fresh(message, own, heard, fallback.name)
        if own and fresh:
            fresh = _without_kept(tx, own[0], fresh)
        if not fresh and (message.changes or own):
            continue
        copies += _copies(message, fresh, fallback)
        for change in fresh:
            if change.alert and casebook.is_open(tx, change.alert):
                casebook.tell(tx, change.alert, Told(fallback.name, change.level, message.decided_at))
    outbox.mark_passed_on(tx, left)
    return copies


def _fresh(message: Message, own: Sequence[Message], heard: Mapping[str, datetime], fallback: str) -> list[Change]:
    """Return what a fallback is yet to hear: of one event, channels hear as much as they want."""
    known = {_what(change) for one in own for change in one.changes}
    others = [one for one in message.changes if one.rule != Undelivered.of(fallback) and _what(one) not in known]
    return [one for one in others if heard.get(one.alert, message.decided_at) <= message.decided_at]


def _without_kept(tx: Tx, own: Message, fresh: Sequence[Change]) -> list[Change]:
    """Leave out what was kept for after its channel's quiet hours, and told for good to the fallback at once."""
    told = outbox.decided(tx, own.channel, own.decided_at - _DAY, own.decided_at)
    known = {_what(change) for one in told for change in one.changes if change.cause in _FOR_GOOD}
    return [one for one in fresh if _what(one) not in known]


def _what(change: Change) -> tuple[str, ...]:
    """Return what a change is about: an alert, however each channel is told of it, or a piece of news."""
    return (change.alert,) if change.alert else (change.account, change.rule, change.phrase)


def _copies(message: Message, fresh: Sequence[Change], fallback: Channel) -> list[Message]:
    """Write what is fresh anew for a fallback; for a pager without the news, which would open what nothing closes."""
    is_whole = len(fresh) == len(message.changes) and not fallback.keeps_apart
    parts = [message] if is_whole else [one for one in apart(message) if set(one.changes) <= set(fresh)]
    wanted = [one for one in parts if not (fallback.is_pager and _is_news(one))]
    return [
        replace(one, id=str(uuid4()), channel=fallback.name, body=messages.passed_on(one, fallback.name))
        for one in wanted
    ]


def _is_news(message: Message) -> bool:
    return message.severity is Level.INFO and not any(change.alert for change in message.changes)


def give_up(tx: Tx, config: Config, lost: Sequence[Message], *, why: str, now: datetime) -> list[Message]:
    """End the waiting of messages that cannot be delivered, and return what the other channels are told of it."""
    if not lost:
        return []
    outbox.settle(tx, [message.id for message in lost], "given_up", now)
    change = messages.gave_up(lost, why=why)
    others = [one for one in everybody(config, now) if one.channel != lost[0].channel and one.wants(Level.CRITICAL)]
    return compose(by_channel([keep(tx, config, {one.channel: change for one in others}, now)]), None, config, now)


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
