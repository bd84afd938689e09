"""What the monitor tells of itself: channels that cannot be used, its disk, and what waited for a quiet channel."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor import alerts, messages
from monitor.alerts import Found, Listener
from monitor.config import Config, Unusable
from monitor.model import MONITOR, Change, Level, Message
from monitor.poll.letters import by_channel, catch_up, compose, everybody, keep, keep_missed, new_id
from monitor.poll.money import informed
from monitor.store import Tx, casebook, later, memory, outbox

CHANNELS = "channels"
"""The monitor's own rule: every configured channel can be used."""
DATABASE = "database"
"""Another one: what is decided is on the disk, and not in memory only."""


def end_rule(tx: Tx, config: Config, account: str, rule: str, *, now: datetime) -> Mapping[str, Change]:
    """End what a rule that is no longer watched had found."""
    alert, told = casebook.alert_of(tx, account, rule)
    casebook.forget_rule(tx, account, rule)
    if alert is None:
        return {}
    casebook.end_alert(tx, alert, now)
    return alerts.unwatch(alert, [one for one in told.values() if one.channel in config.channels])


def tell_unusable(tx: Tx, config: Config, now: datetime) -> list[Message]:
    """Follow the alert about channels without a usable secret."""
    reasons = {name: one.url.reason for name, one in config.channels.items() if isinstance(one.url, Unusable)}
    level = Level.WARNING if reasons else Level.OK
    phrase = messages.unusable(reasons) if reasons else "every channel can be used"
    return tell_own(tx, config, CHANNELS, (level, phrase), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An alert of the monitor's own that began, moved or ended, for the log."""

    rule: str
    before: Level
    now: Level
    said: str


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
    told = {one.channel: change for one in everybody(config, now) if one.wants(change.level)}
    queued = compose(by_channel([keep(tx, config, told, now)]), None, config, now)
    outbox.queue(tx, queued)
    return queued


def tell_own(tx: Tx, config: Config, rule: str, found: tuple[Level, str], now: datetime) -> list[Message]:
    """Follow an alert of the monitor's own (level and phrase as found now), and return what each channel is told."""
    level, phrase = found
    return follow_own(tx, config, rule, Found(level=level, phrase=phrase), now, listeners=everybody(config, now))


def follow_own(
    tx: Tx, config: Config, rule: str, found: Found, now: datetime, *, listeners: Sequence[Listener]
) -> list[Message]:
    """Follow an alert of the monitor's own that reminds, or that is not for everybody."""
    return tell_together(tx, config, [find_own(tx, rule, found, now, listeners=listeners)], now)


def tell_together(tx: Tx, config: Config, found: Sequence[Mapping[str, Change]], now: datetime) -> list[Message]:
    """Return one message a channel of all that one look at the monitor itself has for it."""
    return compose(catch_up(tx, MONITOR, by_channel(found)), None, config, now)


def find_own(tx: Tx, rule: str, found: Found, now: datetime, *, listeners: Sequence[Listener]) -> Mapping[str, Change]:
    """Follow an alert of the monitor's own, and return what each channel is to be told."""
    alert, told = casebook.alert_of(tx, MONITOR, rule)
    fresh = functools.partial(alerts.opened, new_id, MONITOR, rule, found.since or now)
    own = alerts.own(alert, told, found, now, listeners=listeners, fresh=fresh)
    if own.alert is not None and (own.changes or own.alert != alert):
        casebook.save_own(tx, own.alert, own.changes, now, is_new=alert is None)
        keep_missed(tx, own.alert, own.later, now)
    return own.changes


def unwatch_own(tx: Tx, config: Config, rule: str, now: datetime) -> list[Message]:
    """End an alert of the monitor's own that is no longer watched, and return what those who were told are told."""
    return compose(by_channel([keep(tx, config, end_rule(tx, config, MONITOR, rule, now=now), now)]), None, config, now)


def rouse(tx: Tx, config: Config, channels: Sequence[str], now: datetime) -> list[Message]:
    """Tell channels whose quiet hours are over what was kept for them, and what is still wrong with the monitor.

    What is still wrong with an account follows at its next poll.
    """
    queued: list[Message] = []
    for listener in everybody(config, now):
        if listener.channel in channels and not listener.sleeps:
            queued += _rouse(tx, config, listener, now)
    outbox.queue(tx, queued)
    return queued


def _rouse(tx: Tx, config: Config, listener: Listener, now: datetime) -> list[Message]:
    heard = {listener.channel: later.take(tx, listener.channel)}
    for rule in (CHANNELS, DATABASE):
        alert, told = casebook.alert_of(tx, MONITOR, rule)
        found = {} if alert is None else alerts.still_open(alert, told.get(listener.channel), listener, now)
        if alert is not None and found:
            casebook.save_own(tx, alert, found, now, is_new=False)
            heard[listener.channel] += found.values()
    names = {change.account for changes in heard.values() for change in changes}
    one = names.pop() if len(names) == 1 else MONITOR
    known = None if one == MONITOR else informed(tx, memory.recall(tx, one), casebook.level_of(tx, one))
    return compose({name: changes for name, changes in heard.items() if changes}, known, config, now)
