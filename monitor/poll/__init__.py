"""Use case 1: remember, decide, queue what to tell; the decision and its messages are one transaction."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor import alerts
from monitor.alerts import Ruling
from monitor.config import Account, Config
from monitor.figures import Figures
from monitor.model import Level, Message, Reading, Seen
from monitor.poll.decision import Poll, pause
from monitor.poll.letters import audience, by_channel, catch_up, compose, keep, keep_missed
from monitor.poll.money import informed, money
from monitor.poll.outage import Common, Sight, share, watch_outages
from monitor.poll.own import (
    CHANNELS,
    DATABASE,
    Home,
    Move,
    find_own,
    follow_own,
    rouse,
    tell_home,
    tell_lost,
    tell_own,
    tell_together,
    unwatch_own,
)
from monitor.poll.reconcile import Reconciled, TakenUp, give_up, pass_on, reconcile, take_up
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
    "find_own",
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
    "tell_together",
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
    after = memory.remember(tx, before, seen, now, gap=pause(account))
    known = money(tx, config, account, after, figures) if isinstance(seen, Reading) else None
    poll = Poll(config=config, account=account, before=before, after=after, seen=seen, now=now, money=known)
    figures = known.figures if known else figures
    cases = casebook.cases(tx, account.name, account.rules)
    if poll.is_calm(cases):  # nearly every one
        return Polled(before, after, Level.OK, (), (), (), figures)
    judged = poll.judge(cases)
    common = share(tx, config, judged, Sight(account=account, before=before, after=after, now=now))
    listeners, asked = audience(config, account, now), functools.partial(snoozes.of, tx, account.name)
    rulings = alerts.tell(judged, listeners, now, snoozes=asked, covered=common.covered)
    casebook.save(tx, account.name, rulings, now)
    _end_snoozes(tx, account, rulings, now)
    level = max((ruling.state.level for ruling in rulings), default=Level.OK)
    for ruling in rulings:
        keep_missed(tx, ruling.alert, ruling.later, now)
    news = [keep(tx, config, told, now) for told in poll.news(listeners, asked)]
    heard = catch_up(tx, account.name, by_channel([*(ruling.changes for ruling in rulings), *news]))
    own = compose(heard, informed(tx, after, level) if heard else None, config, now)
    queued = [*common.told, *own]
    outbox.queue(tx, queued)
    moves = [ruling for ruling in rulings if ruling.state.level is not ruling.case.state.level]
    return Polled(before, after, level, moves, common.moves, queued, figures)


def _end_snoozes(tx: Tx, account: Account, rulings: Sequence[Ruling], now: datetime) -> None:
    """End the silence that has run out; nobody asks where there is no alert, which is nearly everywhere."""
    alerting = [ruling for ruling in rulings if ruling.alert is not None]
    if alerting and (asked := snoozes.of(tx, account.name)):
        still = [one.case.rule.name for one in alerting if not one.is_over]
        snoozes.drop_over(tx, asked, still, now)
