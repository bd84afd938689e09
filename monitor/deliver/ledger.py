"""What a lane reads and writes of the outbox: which message is next, and what an attempt at it came to."""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor import poll
from monitor.config import Channel, Config
from monitor.deliver import late, merge
from monitor.deliver.words import Parcel, opening, parcel
from monitor.messages import LATE
from monitor.model import Message, NotSent, Outcome, Sent
from monitor.store import Tx, outbox, turns
from monitor.store.outbox import Health, Queued
from monitor.store.turns import Waiting

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 900.0
GIVE_UP = timedelta(days=2)
FALLBACK = timedelta(minutes=15)
ASIDE = timedelta(minutes=30)
"""A head that fails for so long lets those behind it pass, if the service takes them: within the hour promised.

The next attempt is a quarter of an hour later at most; before, up to ten minutes may go to finding out which it is.
"""
ASIDE_PAUSE = timedelta(minutes=15)
DOZE = 30.0
"""Seconds between two looks at whether quiet hours are over."""
LOOKED_AT = 500
"""Waiting messages that a look reads, of thousands perhaps: the first of them goes within half a minute, so that none
behind them waits for its turn for long, and no look takes more than some milliseconds."""
LATE_LOOK = 5000
"""The same where the first is late: it goes with all that waits about its account, up to its end if there is one."""


def pause(failures: int, chance: float) -> timedelta:
    """Return the wait after so many failures in a row: 10 s, doubling to 15 min; ``chance`` (0 to 1) shortens it."""
    full = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
    return timedelta(seconds=full * (1 - 0.2 * chance))


@dataclass(frozen=True, slots=True)
class Next:
    """What a lane does next: send this, or wait so many seconds of the clock (None: until woken)."""

    parcel: Parcel | None = None
    wait: float | None = None
    passed_on: Sequence[Message] = ()
    """The copies that now wait for the fallback."""


def plan(tx: Tx, config: Config, channel: Channel, now: datetime) -> Next:
    """Find the next message of a channel, late words included; pass on to its fallback what waited too long."""
    health = outbox.health(tx, channel.name)
    copies, passes_at = _pass_on(tx, config, channel, health, now)
    if health.next_attempt_at is not None and health.next_attempt_at > now:
        return Next(wait=_until([health.next_attempt_at, passes_at], now), passed_on=copies)
    sleeps = config.sleeps(channel, now)
    choice = _choose(tx, config, channel, health, now)
    if choice.together:
        return Next(_parcel(tx, config, channel, choice.together, now), passed_on=copies)
    later = [now + timedelta(seconds=DOZE)] if sleeps else [outbox.next_aside(tx, channel.name), passes_at]
    return Next(wait=_until([choice.at, *later], now), passed_on=copies)


def _parcel(tx: Tx, config: Config, channel: Channel, ids: Sequence[str], now: datetime) -> Parcel:
    parts: Sequence[Queued] = outbox.load(tx, ids)
    return parcel(tx, config, opening(parts) if channel.keeps_apart else parts, now)


def _choose(tx: Tx, config: Config, channel: Channel, health: Health, now: datetime) -> merge.Choice:
    """Choose what goes next, in quiet hours of what is urgent; where changes are kept apart, the first, at once."""
    urgent, most = config.sleeps(channel, now), merge.width(health.failures)
    queue = turns.upcoming(tx, channel.name, now, most=LOOKED_AT, urgent=urgent)
    if _is_late(tx, config, queue, now):
        queue = turns.upcoming(tx, channel.name, now, most=LATE_LOOK, urgent=urgent)
        return merge.Choice(late.of_one_alert(queue) if channel.keeps_apart else late.together(queue, most=most))
    if channel.keeps_apart:
        return merge.Choice([one.id for one in queue[:1]])
    asked = functools.cache(lambda kind: turns.latest(tx, channel.name, kind, now - merge.SPAN, now))
    return merge.choose(queue, asked, now, most=most)


def _is_late(tx: Tx, config: Config, queue: Sequence[Waiting], now: datetime) -> bool:
    """Say whether the first of what waits is late; only what is old enough is looked at whole."""
    first = [one.id for one in queue[:1] if now - one.decided_at > LATE]
    return any(late.is_late(one.message, config, now) for one in outbox.load(tx, first)) if first else False


def _until(moments: Sequence[datetime | None], now: datetime) -> float | None:
    """Return the seconds to the first of these moments; never 0, which would be a busy loop."""
    return min((max((when - now).total_seconds(), 0.01) for when in moments if when is not None), default=None)


def _pass_on(
    tx: Tx, config: Config, channel: Channel, health: Health, now: datetime
) -> tuple[list[Message], datetime | None]:
    """Queue for the fallback what this channel could not deliver in time; say when to look for more.

    What can wait for the end of quiet hours was not tried in them: the channel has the same time for it afterwards.
    """
    since, fallback = health.failing_since, config.channels.get(channel.fallback or "")
    if fallback is None or since is None:
        return [], None
    if now - since < FALLBACK:
        return [], since + FALLBACK
    urgent = any(config.sleeps(channel, when) for when in (now, now - FALLBACK))
    due, later = outbox.unpassed(tx, channel.name, now - FALLBACK, urgent=urgent)
    copies = poll.pass_on(tx, due, fallback)
    outbox.queue(tx, copies)
    looks = [now + timedelta(seconds=DOZE)] * urgent + ([later + FALLBACK] if later else [])
    return copies, min(looks, default=None)


def probe(tx: Tx, config: Config, failed: Queued, now: datetime) -> Parcel | None:
    """Return what shows whether the service takes others than a head that has failed for long; in quiet hours, urgent.

    What was sent with that head goes alone: it may be any of them that the service does not take.
    """
    channel = config.channels.get(failed.message.channel)
    sleeps = channel is not None and config.sleeps(channel, now)
    if failed.aside_until or not failed.first_attempt_at or now - failed.first_attempt_at < ASIDE:
        return None
    behind = outbox.behind(tx, failed, urgent=sleeps)
    return None if behind is None else parcel(tx, config, [behind], now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at what goes as one: what it came to, when it ended and how many seconds it took."""

    parcel: Parcel
    outcome: Outcome
    now: datetime
    seconds: float
    is_probe: bool = False

    @property
    def began(self) -> datetime:
        """When it began."""
        return self.now - timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a channel with an attempt."""

    before: Health
    after: Health
    lost: Sequence[Message] = ()
    """What was given up."""
    told: Sequence[Message] = ()
    """What other channels are told of that."""
    passed_on: Sequence[Message] = ()
    """The copies that now wait for the fallback."""


def settle(tx: Tx, config: Config, attempt: Attempt, chance: float) -> Settled:
    """Write down what an attempt came to; give up, loudly, what has been waiting for two days.

    One that failed is the first message's alone: the next one may well be with others.
    """
    message, outcome = attempt.parcel.queued.message, attempt.outcome
    error = outcome.reason if isinstance(outcome, NotSent) else None
    outbox.record(tx, message, attempt.began, seconds=attempt.seconds, error=error)
    before = outbox.health(tx, message.channel)
    if error is None:
        return _taken(tx, config, attempt, before)
    if attempt.parcel.queued.aside_until is not None:
        return _refused_again(tx, config, attempt, before, error=error)
    return _failed(tx, config, attempt, before, chance=chance)


def healthier(health: Health, attempt: Attempt, chance: float) -> Health:
    """Return how a channel is doing after one more attempt; the last error stays to be seen."""
    if isinstance(attempt.outcome, Sent):
        fine = Health(channel=health.channel, last_success_at=attempt.now, fallback=health.fallback)
        return dataclasses.replace(fine, last_error=health.last_error, last_error_at=health.last_error_at)
    return dataclasses.replace(
        health,
        failures=health.failures + 1,
        failing_since=health.failing_since or attempt.began,
        next_attempt_at=attempt.now + max(pause(health.failures + 1, chance), attempt.outcome.wait or timedelta(0)),
        last_error=attempt.outcome.reason,
        last_error_at=attempt.now,
    )


def _taken(tx: Tx, config: Config, attempt: Attempt, before: Health) -> Settled:
    message = attempt.parcel.queued.message
    for other in attempt.parcel.others:
        outbox.record(tx, other.message, attempt.began, seconds=attempt.seconds, error=None)
    outbox.settle(tx, [message.id, *(other.message.id for other in attempt.parcel.others)], "sent", attempt.now)
    if attempt.is_probe:
        outbox.set_tried_aside(tx, message.channel, attempt.now)
    after = healthier(before, attempt, 0)
    _save(tx, config, after)
    return Settled(before, after)


def _save(tx: Tx, config: Config, health: Health) -> None:
    """Write down how a channel does, unless it left during the attempt: back one day, it would seem to fail since."""
    if health.channel in config.channels:
        outbox.save_health(tx, health)


def _failed(tx: Tx, config: Config, attempt: Attempt, before: Health, *, chance: float) -> Settled:
    """Note that the channel fails; give up what has waited for two days, and tell others so once an outage."""
    after = healthier(before, attempt, chance)
    limit = attempt.now - GIVE_UP
    lost: list[Message] = []
    if after.failing_since is not None and after.failing_since <= limit:
        lost = [one.message for one in outbox.waiting(tx, after.channel) if one.waits_since <= limit]
    told = poll.give_up(tx, config, lost, why=f"failing for two days: {after.last_error}", now=attempt.now)
    if before.gave_up_at is not None:
        told = []
    outbox.queue(tx, told)
    _save(tx, config, dataclasses.replace(after, gave_up_at=attempt.now if lost else before.gave_up_at))
    return Settled(before, after, lost, told)


def _refused_again(tx: Tx, config: Config, attempt: Attempt, before: Health, *, error: str) -> Settled:
    """Let the message alone wait, pass it on, and give it up after two days: the channel takes others."""
    queued, now = attempt.parcel.queued, attempt.now
    since = queued.first_attempt_at or now
    outbox.set_aside(tx, queued.message, now + ASIDE_PAUSE)
    copies = _pass_on_alone(tx, config, queued.message) if since <= now - FALLBACK else []
    lost = [queued.message] if since <= now - GIVE_UP else []
    told = poll.give_up(tx, config, lost, why=f"refused for two days: {error}", now=now)
    outbox.queue(tx, told)
    return Settled(before, before, lost, told, copies)


def _pass_on_alone(tx: Tx, config: Config, message: Message) -> list[Message]:
    """Queue for the fallback, if it was not yet, what a channel refuses while it takes others."""
    channel = config.channels.get(message.channel)
    fallback = config.channels.get(channel.fallback or "") if channel else None
    if fallback is None:
        return []
    unpassed, _ = outbox.unpassed(tx, message.channel, message.decided_at, urgent=False)
    copies = poll.pass_on(tx, [one for one in unpassed if one.id == message.id], fallback)
    outbox.queue(tx, copies)
    return copies
