"""Messages not yet delivered, each attempt at them, and how each channel is doing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, literal, select, update

from monitor import merged
from monitor.model import Cause, Change, Level, Message
from monitor.store import schema
from monitor.store.turns import URGENT

_box = schema.outbox.c
_WAITING = _box.state == "waiting"


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in the outbox, and what became of it so far."""

    message: Message
    state: str
    attempts: int
    waits_since: datetime
    """Its decision, or the command to try it anew."""
    first_attempt_at: datetime | None
    aside_until: datetime | None
    """Set aside: until then those behind it go first, and that it fails says nothing about its channel."""
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a channel is doing; back-off belongs to the channel, since only the head of its queue is tried."""

    channel: str
    failures: int = 0
    failing_since: datetime | None = None
    next_attempt_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    last_success_at: datetime | None = None
    gave_up_at: datetime | None = None
    fallback: str | None = None


def queue(tx: Connection, messages: Iterable[Message]) -> None:
    """Put messages at the end of their channels' queues; one that is there already stays as it is."""
    for message in messages:
        if tx.execute(select(_box.id).where(_box.id == message.id)).first() is None:
            tx.execute(insert(schema.outbox), _row(message))


def _row(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "event": message.event,
        "channel": message.channel,
        "account": message.account,
        "decided_at": message.decided_at,
        "severity": int(message.severity),
        "title": message.title,
        "body": message.body,
        "changes": json.dumps([asdict(change) for change in message.changes]),
        "state": "waiting",
        "attempts": 0,
        "waits_since": message.decided_at,
        "passed_on": False,
        "kind": merged.kind(message),
    }


def _queued(row: Row[Any]) -> Queued:
    message = Message(
        id=row.id,
        event=row.event,
        channel=row.channel,
        account=row.account,
        decided_at=row.decided_at,
        severity=Level(row.severity),
        title=row.title,
        body=row.body,
        changes=tuple(_change(values) for values in json.loads(row.changes)),
    )
    return Queued(
        message,
        state=row.state,
        attempts=row.attempts,
        waits_since=row.waits_since,
        first_attempt_at=row.first_attempt_at,
        aside_until=row.aside_until,
        settled_at=row.settled_at,
    )


def write_change(change: Change) -> str:
    """Write a change as JSON."""
    return json.dumps(asdict(change))


def read_change(text: str) -> Change:
    """Read a change back."""
    return _change(json.loads(text))


def _change(values: dict[str, Any]) -> Change:
    kinds = {"cause": Cause(values["cause"]), "level": Level(values["level"]), "before": Level(values["before"])}
    return Change(**values | kinds)


def load(tx: Connection, ids: Sequence[str]) -> list[Queued]:
    """Return these messages, in order."""
    return [_queued(row) for row in tx.execute(select(schema.outbox).where(_box.id.in_(ids)).order_by(_box.position))]


def behind(tx: Connection, queued: Queued, *, urgent: bool) -> Queued | None:
    """Return the message behind another of the same channel that was tried least often, so that each has its turn.

    ``urgent`` leaves out what can wait for the end of quiet hours.
    """
    others = _WAITING & (_box.channel == queued.message.channel) & _box.aside_until.is_(None)
    others = others & URGENT if urgent else others
    query = select(schema.outbox).where(others, _box.id != queued.message.id)
    row = tx.execute(query.order_by(_box.attempts, _box.position).limit(1)).first()
    return None if row is None else _queued(row)


def next_aside(tx: Connection, channel: str) -> datetime | None:
    """Return when the first of a channel's messages that were set aside has its next turn."""
    query = select(_box.aside_until).where(_WAITING, _box.channel == channel, _box.aside_until.is_not(None))
    return tx.execute(query.order_by(_box.aside_until).limit(1)).scalar()


def find(tx: Connection, message: str) -> Queued | None:
    """Return a message by its id, or by the beginning of its id if only one begins so."""
    rows = tx.execute(select(schema.outbox).where(_box.id.startswith(message, autoescape=True)).limit(2)).all()
    return _queued(rows[0]) if len(rows) == 1 else None


def listing(tx: Connection) -> list[Queued]:
    """Return what waits and what was given up, in order."""
    query = select(schema.outbox).where(_box.state.in_(("waiting", "given_up"))).order_by(_box.position)
    return [_queued(row) for row in tx.execute(query)]


def about(tx: Connection, account: str, most: int) -> list[Queued]:
    """Return the latest messages about an account, the last one first."""
    query = select(schema.outbox).where(_box.account == account).order_by(_box.position.desc()).limit(most)
    return [_queued(row) for row in tx.execute(query)]


def waiting(tx: Connection, channel: str) -> list[Queued]:
    """Return what waits for a channel, in order."""
    query = select(schema.outbox).where(_WAITING, _box.channel == channel).order_by(_box.position)
    return [_queued(row) for row in tx.execute(query)]


def unpassed(tx: Connection, channel: str, until: datetime, *, urgent: bool) -> tuple[list[Message], datetime | None]:
    """Return what was decided until then, waits and has not been passed on, in order; and the next decision after.

    ``urgent`` leaves out what can wait for the end of quiet hours.
    """
    here = _WAITING & (_box.channel == channel) & _box.passed_on.is_(False)
    here = here & URGENT if urgent else here
    query = select(schema.outbox).where(here, _box.decided_at <= until).order_by(_box.position)
    later = select(func.min(_box.decided_at)).where(here, _box.decided_at > until)
    return [_queued(row).message for row in tx.execute(query)], tx.execute(later).scalar()


def mark_passed_on(tx: Connection, messages: Iterable[Message]) -> None:
    """Remember that these went to the fallback: once for each message."""
    for message in messages:
        tx.execute(update(schema.outbox).where(_box.id == message.id), {"passed_on": True})


def of_event(tx: Connection, channel: str, event: str) -> list[Message]:
    """Return the messages of an event that a channel was sent, or waits for, itself."""
    query = select(schema.outbox).where(_box.event == event, _box.channel == channel).order_by(_box.position)
    return [_queued(row).message for row in tx.execute(query)]


def decided(tx: Connection, channel: str, since: datetime, until: datetime) -> list[Message]:
    """Return what was decided between two moments, and a channel was sent or waits for."""
    here = (_box.channel == channel) & _box.state.in_(("waiting", "sent")) & _box.decided_at.between(since, until)
    return [_queued(row).message for row in tx.execute(select(schema.outbox).where(here).order_by(_box.position))]


def heard_since(tx: Connection, channel: str, message: Message) -> dict[str, datetime]:
    """Return each alert of which a channel got something queued after a message, with the time of its last decision."""
    first = select(_box.position).where(_box.id == message.id).scalar_subquery()
    query = select(_box.decided_at, _box.changes).where(_box.position > first, _box.channel == channel)
    heard: dict[str, datetime] = {}
    for at, changes in tx.execute(query.where(_box.state.in_(("waiting", "sent")))):
        for change in json.loads(changes):
            if change["alert"]:
                heard[change["alert"]] = max(at, heard.get(change["alert"], at))
    return heard


def counts(tx: Connection) -> dict[tuple[str, str], int]:
    """Return how many messages wait or were given up, by channel and state."""
    query = (
        select(_box.channel, _box.state, func.count())
        .where(_box.state.in_(("waiting", "given_up")))
        .group_by(_box.channel, _box.state)
    )
    return {(channel, state): count for channel, state, count in tx.execute(query)}


def channels_waiting(tx: Connection) -> set[str]:
    """Return the channels for which something waits."""
    return set(tx.execute(select(_box.channel).where(_WAITING).distinct()).scalars())


def record(tx: Connection, message: Message, at: datetime, *, seconds: float, error: str | None) -> None:
    """Write down an attempt: when, how long, and the error if the service did not take it."""
    values = {"message": message.id, "channel": message.channel, "at": at, "seconds": round(seconds, 3), "error": error}
    tx.execute(insert(schema.deliveries), values)
    tried = {
        "attempts": _box.attempts + 1,
        "first_attempt_at": func.coalesce(_box.first_attempt_at, literal(at, schema.Time)),
    }
    tx.execute(update(schema.outbox).where(_box.id == message.id).values(tried))


def attempts(tx: Connection, message: str) -> list[tuple[datetime, float, str | None]]:
    """Return the attempts at a message: when, seconds, error."""
    table = schema.deliveries.c
    query = select(table.at, table.seconds, table.error).where(table.message == message).order_by(table.id)
    return [(at, seconds, error) for at, seconds, error in tx.execute(query)]


_SETTLE = update(schema.outbox).where(_WAITING, _box.id == bindparam("message"))
"""One statement for each message: an IN of all that a channel lost in two days could be too long for SQLite."""


def settle(tx: Connection, messages: Iterable[str], state: str, now: datetime) -> int:
    """End the waiting of messages: ``sent``, ``given_up`` or ``dropped``; return how many still waited."""
    each = [{"message": message, "state": state, "settled_at": now} for message in messages]
    return tx.execute(_SETTLE, each).rowcount if each else 0


def set_aside(tx: Connection, message: Message, until: datetime) -> None:
    """Let those behind a message go first until then."""
    tx.execute(update(schema.outbox).where(_box.id == message.id), {"aside_until": until})


def set_tried_aside(tx: Connection, channel: str, now: datetime) -> None:
    """Set aside, for one more try each, every message that a channel refused while it takes others."""
    refused = _WAITING & (_box.channel == channel) & _box.first_attempt_at.is_not(None) & _box.aside_until.is_(None)
    tx.execute(update(schema.outbox).where(refused), {"aside_until": now})


def retry(tx: Connection, message: Message, now: datetime) -> None:
    """Let a message wait again, as if it had never been tried, and its channel try at once: it waits for no others."""
    values = {
        "state": "waiting",
        "settled_at": None,
        "waits_since": now,
        "first_attempt_at": None,
        "aside_until": None,
        "kind": "",
    }
    here = (_box.id == message.id) & _box.state.in_(("waiting", "given_up"))
    tx.execute(update(schema.outbox).where(here), values)
    hurry(tx, message.channel)


def hurry(tx: Connection, channel: str) -> None:
    """Let a channel try at once, whatever its back-off."""
    tx.execute(update(schema.channels).where(schema.channels.c.name == channel), {"next_attempt_at": None})


def drop(tx: Connection, message: Message, now: datetime) -> None:
    """Let a message go for good."""
    tx.execute(update(schema.outbox).where(_box.id == message.id), {"state": "dropped", "settled_at": now})


def health(tx: Connection, channel: str) -> Health:
    """Return how a channel is doing."""
    row = tx.execute(select(schema.channels).where(schema.channels.c.name == channel)).one_or_none()
    return Health(channel=channel) if row is None else _health(row)


def _health(row: Row[Any]) -> Health:
    names = [field.name for field in fields(Health) if field.name != "channel"]
    return Health(channel=row.name, **{name: getattr(row, name) for name in names})


def all_health(tx: Connection) -> dict[str, Health]:
    """Return how every channel is doing that ever sent something."""
    return {row.name: _health(row) for row in tx.execute(select(schema.channels))}


def save_health(tx: Connection, health: Health) -> None:
    """Write down how a channel is doing."""
    values = asdict(health)
    name = values.pop("channel")
    if tx.execute(update(schema.channels).where(schema.channels.c.name == name), values).rowcount == 0:
        tx.execute(insert(schema.channels), {"name": name} | values)


def keep_fallback(tx: Connection, channel: str, fallback: str | None) -> None:
    """Remember a channel's fallback, for when the channel has left the configuration."""
    known = health(tx, channel)
    if known.fallback != fallback:
        save_health(tx, replace(known, fallback=fallback))


def known_channels(tx: Connection) -> set[str]:
    """Return every channel that has something waiting, now or for later, was told something, or ever sent."""
    waits = (select(_box.channel).where(_WAITING), select(schema.later.c.channel))
    queries = (*waits, select(schema.told.c.channel), select(schema.channels.c.name))
    return {name for query in queries for name in tx.execute(query).scalars()}


def forget_channel(tx: Connection, channel: str) -> Sequence[Queued]:
    """Drop a channel that has left the configuration; return what still waited for it."""
    tx.execute(schema.told.delete().where(schema.told.c.channel == channel))
    tx.execute(schema.channels.delete().where(schema.channels.c.name == channel))
    return waiting(tx, channel)
