"""The rule ``undelivered``: a channel that has failed for too long is told of through others, never through itself.

What is open, who was told and since when a channel fails are all in the database, so that a restart repeats nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor import messages, poll
from monitor.alerts import Found, Listener
from monitor.config import Channel, Config, Unusable
from monitor.model import MONITOR, Alert, Change, Level, Message
from monitor.poll import Move
from monitor.rules import Undelivered
from monitor.store import Tx, casebook, outbox
from monitor.store.outbox import Health

ENOUGH = 1000
"""Changes that one look tells, each to one channel, after which the others have their turn at the next one, ten seconds
later: when fifty channels die at once there are 2,450, and one transaction for all would hold up the polls."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look at the channels brought."""

    told: Sequence[Message] = ()
    moves: Sequence[Move] = ()


@dataclass(frozen=True, slots=True)
class _Way:
    """A channel and how it is doing."""

    channel: Channel
    health: Health
    waiting: int
    """Messages."""

    @property
    def rule(self) -> str:
        return Undelivered.of(self.channel.name)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at one channel brought: what each other channel is told of it."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    moves: Sequence[Move] = ()


def watch(tx: Tx, config: Config, now: datetime) -> Watched:
    """Follow the alert of each channel, and queue what others are told of it."""
    opened = {rule for rule in casebook.open_rules(tx, MONITOR) if rule.startswith(Undelivered.of(""))}
    ways = list(_ways(tx, config))
    gone = sorted(opened - {way.rule for way in ways})
    ailing = [way for way in ways if way.rule in opened or way.health.failing_since is not None]
    ends = [_end(tx, config, rule, now) for rule in gone]
    looks = _some(_follow(tx, config, way, now) for way in ailing)
    told = [message for end in ends for message in end.told]
    told += poll.tell_together(tx, config, [look.changes for look in looks], now)
    outbox.queue(tx, told)
    moves = [*(move for end in ends for move in end.moves), *(move for look in looks for move in look.moves)]
    return Watched(told, moves)


def _some(looks: Iterable[_Look]) -> list[_Look]:
    """Take looks until they are enough; none after that is made."""
    found, count = list[_Look](), 0
    for look in looks:
        found.append(look)
        count += len(look.changes)
        if count >= ENOUGH:
            break
    return found


def _ways(tx: Tx, config: Config) -> Iterator[_Way]:
    """Tell the channels that are watched; of one without a secret another rule tells."""
    if not config.undelivered.is_on:
        return
    health, counts = outbox.all_health(tx), outbox.counts(tx)
    for name, channel in config.channels.items():
        if not isinstance(channel.url, Unusable):
            yield _Way(channel, health.get(name, Health(channel=name)), counts.get((name, "waiting"), 0))


def _end(tx: Tx, config: Config, rule: str, now: datetime) -> Watched:
    """End what is no longer watched: told to whoever was told of it."""
    move = Move(rule=rule, before=Level.WARNING, now=Level.OK, said="no longer watched")
    return Watched(poll.unwatch_own(tx, config, rule, now), [move])


def _follow(tx: Tx, config: Config, way: _Way, now: datetime) -> _Look:
    alert, _ = casebook.alert_of(tx, MONITOR, way.rule)
    found = _judge(config.undelivered, way, alert, now)
    if found is None:
        return _Look()
    changes = poll.find_own(tx, way.rule, found, now, listeners=audience(config, way.channel, now))
    before = alert.level if alert else Level.OK
    move = Move(rule=way.rule, before=before, now=found.level, said=found.phrase)
    return _Look(changes, [move] if found.level is not before else [])


def _judge(rule: Undelivered, way: _Way, alert: Alert | None, now: datetime) -> Found | None:
    """Say what a channel has come to; None changes nothing: it fails, but not for so long."""
    health, level = way.health, rule.judge(way.health.failing_since, now)
    if level is None:
        return None
    if health.failing_since is None:
        began = alert.started_at if alert else now
        said = messages.delivers_again(health.channel, (health.last_success_at or now) - began)
        return Found(level=level, phrase=said)
    return Found(
        level=level,
        phrase=messages.undelivered(
            health.channel, now - health.failing_since, error=health.last_error, waiting=way.waiting
        ),
        since=health.failing_since,
        pause=rule.remind_every.at(level),
        words_count=False,
    )


def audience(config: Config, failing: Channel, now: datetime) -> list[Listener]:
    """Return every other channel: the fallback hears of it whatever its own level; without one, who wants a warning."""
    others = [one for one in config.channels.values() if one.name != failing.name]
    fallback = next((one for one in others if one.name == failing.fallback), None)
    alone = fallback is None or isinstance(fallback.url, Unusable)
    return [
        Listener(
            one.name,
            one.min_level if alone else Level.WARNING,
            hears=alone or one is fallback,
            sleeps=config.sleeps(one, now),
        )
        for one in others
    ]
