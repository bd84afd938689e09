"""Whose turn it is: what waits for a channel, in short, and what it was sent last."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from monitor.model import Level
from monitor.store import schema

_box = schema.outbox.c
_WAITING = _box.state == "waiting"
URGENT = or_(_box.severity == int(Level.CRITICAL), _box.changes.contains(f'"before": {int(Level.CRITICAL)}'))
"""About what is or was critical. A quotation mark inside a text would have a backslash before it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits, without its words."""

    id: str
    account: str
    kind: str
    """What is of one kind may go as one; empty: goes alone."""
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Latest:
    """When messages of one kind were sent last."""

    at: datetime
    account: str
    """What the last one was about."""
    other_at: datetime | None
    """When the last one before it about another account was sent."""


def upcoming(tx: Connection, channel: str, now: datetime, *, most: int, urgent: bool = False) -> list[Waiting]:
    """Return the first that wait for a channel and are not set aside, in order; of those set aside whose turn is now.

    ``urgent`` leaves out what can wait for the end of quiet hours.
    """
    here = and_(_WAITING, _box.channel == channel, or_(_box.aside_until.is_(None), _box.aside_until <= now))
    query = select(_box.id, _box.account, _box.kind, _box.aside_until, _box.decided_at)
    query = query.where(here, URGENT) if urgent else query.where(here)
    return [
        Waiting(one, account, (kind or "") if aside is None else "", at)
        for one, account, kind, aside, at in tx.execute(query.order_by(_box.position).limit(most))
    ]


def latest(tx: Connection, channel: str, kind: str, since: datetime, now: datetime) -> Latest | None:
    """Return when a channel was sent messages of a kind last, if after ``since``: two looks into an index."""
    last = _last(tx, channel, kind, since, now)
    if last is None:
        return None
    other = _last(tx, channel, kind, since, now, but=last[1])
    return Latest(*last, other_at=None if other is None else other[0])


def _last(
    tx: Connection, channel: str, kind: str, since: datetime, now: datetime, *, but: str | None = None
) -> tuple[datetime, str] | None:
    # What was sent after now was so by a clock that has been set back: it counts as long ago.
    here = and_(_box.state == "sent", _box.channel == channel, _box.kind == kind)
    query = select(_box.settled_at, _box.account).where(here, _box.settled_at > since, _box.settled_at <= now)
    query = query if but is None else query.where(_box.account != but)
    row = tx.execute(query.order_by(_box.settled_at.desc()).limit(1)).first()
    return None if row is None else (row.settled_at, row.account)
