"""What channels are told once their quiet hours are over: changes that are nowhere else any more."""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select

from monitor.model import Change
from monitor.store import outbox, schema

_its = schema.later.c


def keep(tx: Connection, told: Mapping[str, Change], now: datetime) -> None:
    """Keep a change for each of these channels."""
    for channel, change in told.items():
        values = {"id": str(uuid4()), "channel": channel, "account": change.account, "at": now}
        tx.execute(insert(schema.later), values | {"change": outbox.write_change(change)})


def take(tx: Connection, channel: str, account: str | None = None) -> list[Change]:
    """Return what is kept for a channel, or of it what is about one account, in order; it is kept no longer."""
    here = (_its.channel == channel) & (_its.account == account if account else _its.account.is_not(None))
    rows = tx.execute(select(_its.change).where(here).order_by(_its.at)).all()
    if rows:
        tx.execute(delete(schema.later).where(here))
    return [outbox.read_change(row.change) for row in rows]


def channels(tx: Connection) -> list[str]:
    """Return the channels for which something is kept."""
    return list(tx.execute(select(_its.channel).distinct()).scalars())
