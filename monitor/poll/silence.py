"""Silence that somebody asks for, by a command or on the page."""

from datetime import datetime, timedelta

from monitor.model import Level, Snooze
from monitor.store import Tx, casebook


def silence(tx: Tx, account: str, rule: str, length: timedelta | None, now: datetime) -> Snooze | None:
    """Return what to write down, about all of an account where the rule is empty; None if it would end at once."""
    levels = [one.level for one in casebook.open_alerts(tx, account) if rule in {"", one.rule}]
    if length is None and not levels:
        return None
    worst = max([*levels, Level.WARNING])
    return Snooze(account=account, rule=rule, level=worst, until=None if length is None else now + length)
