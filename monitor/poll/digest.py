"""The digest: when it is due, what it knows of each account, and the messages that tell it.

When it is due follows from the schedule and the row that says which one was sent last, whenever that is asked: clocks
that are stepped, a machine that slept, a restart and a reload are no special cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from monitor import digest as words
from monitor import messages
from monitor.config import Channel, Config, Retention
from monitor.cron import Cron
from monitor.digest import Entry, Period
from monitor.model import MONITOR, Alert, Level, Message
from monitor.poll.letters import agree
from monitor.poll.money import hours_since, informed
from monitor.spending import HOUR, Hour, hour_of, spent
from monitor.store import Tx, casebook, digests, history, memory, outbox
from monitor.store.digests import Latest

MISSED = timedelta(hours=12)
"""One that could not be sent for so long is left out."""
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Due:
    """A digest that is to be sent."""

    at: datetime
    """Its time by the schedule: it tells of what was until then, so that each moment is told of once."""
    after: Latest
    """What was sent before it."""

    @property
    def period(self) -> Period:
        """What it tells of."""
        return Period(before=self.after.before, since=self.after.since, until=self.at)


def due(tx: Tx, config: Config, now: datetime) -> Due | None:
    """Say whether a digest is due; the first time that one is wanted, its schedule begins, and none is."""
    latest = digests.read(tx)
    if config.digest is None:
        if latest is not None:
            digests.forget(tx)
        return None
    schedule = f"{config.digest.schedule} {config.timezone.key}"
    if latest is None or latest.done_at > now + MISSED:  # by a clock that was far ahead
        digests.write(tx, _first(config, config.digest.schedule, schedule, now))
        return None
    if latest.schedule != schedule:
        digests.write(tx, replace(latest, schedule=schedule, done_at=now))
        return None
    at = config.digest.schedule.latest(max(latest.done_at, now - MISSED), now, config.timezone)
    return None if at is None else Due(at, latest)


def _first(config: Config, cron: Cron, schedule: str, now: datetime) -> Latest:
    """Return what stands for the one before the first: as if it had been sent at its time."""
    since = cron.before(now, config.timezone) or now - _WEEK
    before = cron.before(since, config.timezone) or since - _WEEK
    return Latest(schedule=schedule, done_at=now, since=since, before=before)


def up_to_now(latest: Latest | None, now: datetime) -> Period:
    """Return what a digest would tell of now; the last seven days where none is wanted."""
    if latest is None:
        return Period(before=now - 2 * _WEEK, since=now - _WEEK, until=now, goes_on=True)
    since = min(latest.since, now)
    return Period(before=min(latest.before, since), since=since, until=now, goes_on=True)


def channels(config: Config) -> list[Channel]:
    """Return the channels that get it: those that were named, or all that are not only a fallback; no pager."""
    named = config.digest.channels if config.digest else None
    every = [one for one in config.channels.values() if not one.is_pager]
    return [one for one in every if (one.min_level is not None if named is None else one.name in named)]


def named(config: Config) -> list[str]:
    """Return the accounts that are told of to anybody."""
    heard = {name for channel in channels(config) for name in hears(config, channel)}
    return [name for name in config.accounts if name in heard]


def hears(config: Config, channel: Channel) -> list[str]:
    """Return the accounts of which a channel hears."""
    return [account.name for account in config.accounts.values() if agree(channel, account)]


def entry(tx: Tx, account: str, asked: Period, keep: Retention) -> Entry:
    """Return what is known of an account."""
    known, still = memory.recall(tx, account), alerts(tx, account)
    hours = hours_since(tx, known, asked.before)
    latest = known.read_at or asked.since
    counted = max(asked.since, hour_of(asked.until - keep.raw))
    tried = history.tried(tx, account, counted, asked.until)
    return Entry(
        standing=informed(tx, known, max((alert.level for alert in still), default=Level.OK)),
        spent=spent(hours, asked.since, asked.until, now=latest),
        former=spent(hours, asked.before, asked.since, now=latest),
        rose=_rose(hours, asked),
        alerts=still,
        ended=casebook.ended_between(tx, account, asked.since, asked.until),
        readings=tried.readings,
        polls=tried.polls,
        polls_since=counted,
    )


def _rose(hours: Sequence[Hour], asked: Period) -> Decimal:
    """Return what came in: an hour that is not over belongs to the next digest, so that each is told of once."""
    until = asked.until + HOUR if asked.goes_on else asked.until
    return sum((hour.rose for hour in hours if asked.since < hour.start + HOUR <= until), Decimal(0))


def alerts(tx: Tx, account: str) -> list[Alert]:
    """Return the open alerts of an account, the worst ones first."""
    still = [alert for alert in casebook.open_alerts(tx, account) if alert.level is not Level.OK]
    return sorted(still, key=lambda alert: -alert.level)


def compose(
    config: Config, entries: Mapping[str, Entry], own: Sequence[Alert], asked: Period, now: datetime
) -> list[Message]:
    """Write one message for each channel, about the accounts of which it hears; none about nothing."""
    events: dict[str, str] = {}
    composed = []
    for channel in channels(config):
        heard = [entries[name] for name in hears(config, channel) if name in entries]
        if heard:
            body = words.body(heard, own, asked, config.timezone)
            said = words.headline(len(heard), asked, config.timezone)
            event = events.setdefault(body, str(uuid4()))
            composed.append(_message(channel.name, said, body, event=event, now=now))
    return composed


def _message(channel: str, said: str, body: str, *, event: str, now: datetime) -> Message:
    change = messages.news(MONITOR, said)
    return Message(
        id=str(uuid4()),
        event=event,
        channel=channel,
        account=MONITOR,
        decided_at=now,
        severity=messages.severity([change]),
        title=messages.title(change),
        body=body,
        changes=(change,),
    )


def send(tx: Tx, config: Config, found: Due, entries: Mapping[str, Entry], now: datetime) -> list[Message] | None:
    """Queue a digest, and return its messages; None if it was sent meanwhile, or is no longer wanted."""
    if config.digest is None or digests.read(tx) != found.after:
        return None
    composed = compose(config, entries, alerts(tx, MONITOR), found.period, now)
    outbox.queue(tx, composed)
    digests.write(tx, replace(found.after, done_at=found.at, since=found.at, before=found.after.since))
    return composed
