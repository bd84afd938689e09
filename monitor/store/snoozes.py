"""Silence that people asked for: commands write it down, the daemon keeps to it and drops what has run out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select

from monitor.model import Level, Snooze
from monitor.store import schema

_its = schema.snoozes.c


def of(tx: Connection, account: str) -> list[Snooze]:
    """Return what was asked about an account, also what has run out since the last look."""
    return [_snooze(row) for row in tx.execute(select(schema.snoozes).where(_its.account == account))]


def present(tx: Connection, now: datetime) -> list[Snooze]:
    """Return all that holds now, by account and rule."""
    holds = or_(_its.until.is_(None), _its.until > now)
    return [_snooze(row) for row in tx.execute(select(schema.snoozes).where(holds).order_by(_its.account, _its.rule))]


def _snooze(row: Row[Any]) -> Snooze:
    return Snooze(account=row.account, rule=row.rule, level=Level(row.level), until=row.until)


def ask(tx: Connection, snooze: Snooze) -> None:
    """Begin a silence, in place of the one before about the same."""
    drop(tx, [snooze])
    values = {"account": snooze.account, "rule": snooze.rule, "level": int(snooze.level), "until": snooze.until}
    tx.execute(insert(schema.snoozes), values)


def drop(tx: Connection, snoozes: Iterable[Snooze]) -> None:
    """End these."""
    for one in snoozes:
        tx.execute(delete(schema.snoozes).where(_its.account == one.account, _its.rule == one.rule))


def drop_over(tx: Connection, asked: Sequence[Snooze], open_rules: Sequence[str], now: datetime) -> None:
    """End what has run out, and what has nothing left to be silent about."""
    drop(
        tx,
        [one for one in asked if not (one.holds(now) if one.until is not None else any(map(one.is_about, open_rules)))],
    )


def forget_account(tx: Connection, account: str) -> None:
    """End all that was asked about an account that is no longer watched."""
    tx.execute(delete(schema.snoozes).where(_its.account == account))
