"""Every time from which a duration is counted, and how it follows a stepped clock or the daemon's own absence."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, true, type_coerce, update

from monitor.model import MONITOR
from monitor.store import life, memory, schema

_box = schema.outbox.c
_WAITING = _box.state == "waiting"


def move_clock(tx: Connection, step: timedelta) -> None:
    """Move all that counts a duration as the clock was stepped: nothing fires early or late; history stays as it is."""
    accounts, channels = schema.accounts.c, schema.channels.c
    _shift(tx, step, (accounts.read_at, accounts.failing_since, accounts.polled_at, accounts.wait_until))
    _shift(tx, step, (accounts.counted_at,))
    _shift(tx, step, (schema.states.c.ended_at, schema.states.c.cooling))
    _shift(tx, step, (schema.snoozes.c.until,))
    _shift(tx, step, (schema.told.c.at, channels.failing_since, channels.next_attempt_at))
    _shift(tx, step, (schema.alerts.c.started_at,), where=schema.alerts.c.ended_at.is_(None))
    _shift(tx, step, (_box.decided_at, _box.waits_since, _box.first_attempt_at, _box.aside_until), where=_WAITING)
    memory.end_runs(tx)


def skip_absence(tx: Connection, now: datetime) -> timedelta:
    """Return for how long no daemon ran, and count that neither as silence of the API nor as failure of a channel.

    Nor do accounts that fail alike come back while nobody polls.

    If the clock shows less than at the last beat, it was set back meanwhile, or has not been set yet: what lies ahead
    of it now would hold up polls, reminders and deliveries until it comes to pass.
    """
    last = life.read(tx)
    away = now - last.beat_at if last else timedelta(0)
    if away < timedelta(0):
        move_clock(tx, away)
        return away
    _shift(tx, away, (schema.accounts.c.failing_since, schema.channels.c.failing_since))
    _shift(tx, away, (schema.states.c.cooling,), where=schema.states.c.account == MONITOR)
    _shift(tx, away, (_box.first_attempt_at,), where=_WAITING)
    return away


def _shift(tx: Connection, by: timedelta, columns: Sequence[Any], *, where: Any = true()) -> None:  # noqa: ANN401, B008 - a condition
    micros = by // timedelta(microseconds=1)
    for column in columns:
        moved = type_coerce(type_coerce(column, BigInteger) + micros, schema.Time)
        tx.execute(update(column.table).where(column.is_not(None), where).values({column.name: moved}))
