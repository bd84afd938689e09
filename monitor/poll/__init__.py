"""Use case 1: remember, decide, queue what to tell; the decision and its messages are one transaction."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor import alerts, messages
from monitor.alerts import Listener, Ruling
from monitor.config import Account, Config
from monitor.figures import Figures
from monitor.model import Change, Level, Message, Reading, Seen
from monitor.poll.letters import audience, by_channel, catch_up, compose, keep, keep_missed, new_id
from monitor.poll.money import informed, money
from monitor.poll.outage import Common, Sight, share, watch_outages
from monitor.poll.own import (
    CHANNELS,
    DATABASE,
    Home,
    Move,
    follow_own,
    rouse,
    tell_home,
    tell_lost,
    tell_own,
    unwatch_own,
)
from monitor.poll.reconcile import Reconciled, TakenUp, give_up, pass_on, reconcile, take_up
from monitor.rules import Look
from monitor.store import Tx, casebook, memory, outbox, snoozes
from monitor.store.memory import Memory

__all__ = [
    "CHANNELS",
    "DATABASE",
    "Common",
    "Home",
    "Move",
    "Polled",
    "Reconciled",
    "TakenUp",
    "follow_own",
    "give_up",
    "informed",
    "pass_on",
    "reconcile",
    "rouse",
    "settle",
    "take_up",
    "tell_home",
    "tell_lost",
    "tell_own",
    "unwatch_own",
    "watch_outages",
]


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought, for the log and for waking the channels."""

    before: Memory
    after: Memory
    level: Level
    moves: Sequence[Ruling]
    """The rules whose level moved."""
    common: Sequence[Move]
    """The alerts about accounts that fail alike of which the level moved."""
    messages: Sequence[Message]
    figures: Figures | None
    """What the hours come to, for the next poll."""


def settle(
    tx: Tx, config: Config, account: Account, seen: Seen, now: datetime, *, figures: Figures | None = None
) -> Polled:
    """Remember what was seen, decide, and queue the messages; ``figures`` are those that the poll before left."""
    before = memory.recall(tx, account.name)
    after = memory.remember(tx, before, seen, now, gap=_gap(account))
    listeners = audience(config, account, now)
    known = money(tx, config, account, after, figures) if isinstance(seen, Reading) else None
    look = replace(_look(account, before, after, seen, now), money=known, zone=config.timezone)
    say = functools.partial(messages.phrase, zone=config.timezone)
    judged = alerts.judge(casebook.cases(tx, account.name, account.rules), look, say=say, new_id=new_id)
    common = share(tx, config, judged, Sight(account=account, before=before, after=after, now=now))
    asked = functools.partial(snoozes.of, tx, account.name)
    rulings = alerts.tell(judged, listeners, now, snoozes=asked, covered=common.covered)
    casebook.save(tx, account.name, rulings, now)
    _end_snoozes(tx, account, rulings, now)
    level = max((ruling.state.level for ruling in rulings), default=Level.OK)
    for ruling in rulings:
        keep_missed(tx, ruling.alert, ruling.later, now)
    told = (_owner_news(before, seen, listeners), _rise_news(tx, account, before, look, listeners))
    news = [keep(tx, config, one, now) for one in told if one]
    heard = catch_up(tx, account.name, by_channel([*(ruling.changes for ruling in rulings), *news]))
    own = compose(heard, informed(tx, after, level) if heard else None, config, now)
    queued = [*common.told, *own]
    outbox.queue(tx, queued)
    moves = [ruling for ruling in rulings if ruling.state.level is not ruling.case.state.level]
    return Polled(before, after, level, moves, common.moves, queued, known.figures if known else figures)


def _end_snoozes(tx: Tx, account: Account, rulings: Sequence[Ruling], now: datetime) -> None:
    """End the silence that has run out; nobody asks where there is no alert, which is nearly everywhere."""
    alerting = [ruling for ruling in rulings if ruling.alert is not None]
    if alerting and (asked := snoozes.of(tx, account.name)):
        still = [one.case.rule.name for one in alerting if not one.is_over]
        snoozes.drop_over(tx, asked, still, now)


def _rise_news(
    tx: Tx, account: Account, before: Memory, look: Look, listeners: Iterable[Listener]
) -> Mapping[str, Change]:
    """Tell what came in, unless the key is of another account now, or somebody has asked for silence."""
    old, new = before.reading, look.seen
    if old is None or before.read_at is None or not isinstance(new, Reading) or new.balance_usd <= old.balance_usd:
        return {}
    if before.is_of_another(new):
        return {}
    gap = before.failure is not None or look.now - before.read_at > _gap(account)
    found = {rule.name: fact for rule in account.rules if (fact := rule.notice(old, look, gap=gap)) is not None}
    asked = [one for one in snoozes.of(tx, account.name) if one.holds(look.now)] if found else []
    said = [fact for name, fact in found.items() if not any(one.is_about(name) for one in asked)]
    news = [messages.news(account.name, messages.phrase(fact, Level.INFO, look.now)) for fact in said]
    return {one.channel: change for change in news for one in listeners if one.wants(change.level)}


def _gap(account: Account) -> timedelta:
    """Return after how long without a poll nobody has looked."""
    return 3 * account.interval + account.timeout


def _look(account: Account, before: Memory, after: Memory, seen: Seen, now: datetime) -> Look:
    return Look(
        account=account.name,
        seen=seen,
        now=now,
        interval=account.interval,
        failing_since=after.failing_since or before.failing_since,
        read_before=before.read_at,
        needed={rule.needs: rule.name for rule in account.rules if rule.needs},
    )


def _owner_news(before: Memory, seen: Seen, listeners: Iterable[Listener]) -> Mapping[str, Change]:
    """Tell that the key now belongs to another account."""
    if not isinstance(seen, Reading) or not before.is_of_another(seen):
        return {}
    change = messages.account_changed(before.account, str(before.owner), str(seen.account_id))
    return {listener.channel: change for listener in listeners if listener.wants(change.level)}
