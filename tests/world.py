"""A small world for tests: the real configuration, store and decisions; only people and time are played."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from monitor import config, poll
from monitor.config import Config
from monitor.model import Failure, Kind, Level, Message, Reading, Seen
from monitor.poll import Common, Polled, digest
from monitor.store import Store, casebook, outbox

START = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)
MAIN = """
[accounts.main]
api_key = "key-of-main-0001"
"""
OPS = """
[channels.ops]
url = "json://localhost/ops"
"""


NO_NEWS = {"BALANCE_MONITOR_RULES__TOP_UP__ENABLED": "false"}
"""Balances go up and down here for the sake of alerts."""


def parse(folder: Path, text: str, environ: Mapping[str, str] = NO_NEWS) -> Config:
    """Load a configuration from its text."""
    path = folder / "config.toml"
    path.write_text(text)
    return config.load(path, {"XDG_STATE_HOME": str(folder), **environ}, secrets_dirs=[])


class World:
    """Accounts that are read or fail, channels that hear, and time that passes as the test says."""

    def __init__(self, folder: Path, text: str = MAIN + OPS, environ: Mapping[str, str] = NO_NEWS) -> None:
        self.folder, self.now = folder, START
        self.config = parse(folder, text, environ)
        self.store = Store.start(f"sqlite:///{folder / 'monitor.db'}")
        self.start()

    def start(self) -> list[Message]:
        with self.store.transaction() as tx:
            return list(poll.reconcile(tx, self.config, self.now).told)

    def restart(self, after: timedelta = timedelta(0)) -> None:
        self.store.close()
        self.now += after
        self.store = Store.start(f"sqlite:///{self.folder / 'monitor.db'}")
        self.start()

    def reload(self, text: str) -> None:
        self.config = parse(self.folder, text)
        self.start()

    def sees(self, seen: Seen, account: str = "main", after: timedelta | None = None) -> Polled:
        """Let one poll of an account, an interval later, see this."""
        who = self.config.accounts[account]
        self.now += who.interval if after is None else after
        with self.store.transaction() as tx:
            return poll.settle(tx, self.config, who, seen, self.now)

    def reads(self, *balances: object, account: str = "main", **rest: Any) -> "World":
        for balance in balances:
            self.sees(reading(balance, **rest), account)
        return self

    def sees_balance(self, balance: object, *, after: timedelta, account: str = "main") -> Polled:
        """Let one poll, so long after the one before, read this balance."""
        return self.sees(reading(balance), account, after)

    def rouses(self, *channels: str) -> list[Message]:
        """Let the daemon see that the quiet hours of these channels are over, if they are."""
        with self.store.transaction() as tx:
            return poll.rouse(tx, self.config, channels or list(self.config.channels), self.now)

    def digests(self) -> list[Message]:
        """Let the daemon look, as it does every few seconds, whether a digest is due, and send it."""
        with self.store.transaction() as tx:
            found = digest.due(tx, self.config, self.now)
        if found is None:
            return []
        entries = {}
        for name in digest.named(self.config):
            with self.store.transaction() as tx:
                entries[name] = digest.entry(tx, name, found.period, self.config.retention)
        with self.store.transaction() as tx:
            return digest.send(tx, self.config, found, entries, self.now) or []

    def watches(self) -> Common:
        """Let the daemon look after what accounts have in common, as it does every ten seconds."""
        with self.store.transaction() as tx:
            return poll.watch_outages(tx, self.config, self.now)

    def fails(self, kind: str = "unreachable", times: int = 1, account: str = "main", reason: str = "boom") -> "World":
        for _ in range(times):
            self.sees(Failure(Kind(kind), reason), account)
        return self

    def heard(self, channel: str = "ops") -> list[Message]:
        """Deliver what waits for a channel, and return it."""
        with self.store.transaction() as tx:
            waiting = [queued.message for queued in outbox.waiting(tx, channel)]
            outbox.settle(tx, [message.id for message in waiting], "sent", self.now)
        return waiting

    def titles(self, channel: str = "ops") -> list[str]:
        return [message.title for message in self.heard(channel)]

    def level(self, account: str = "main") -> Level:
        with self.store.transaction() as tx:
            return casebook.level_of(tx, account)

    def close(self) -> None:
        self.store.close()


def reading(balance: object, **rest: Any) -> Reading:
    amounts: Mapping[str, Any] = {
        name: Decimal(str(value)) if name in {"available_credits", "available_points", "alert_threshold"} else value
        for name, value in rest.items()
    }
    return Reading(balance_usd=Decimal(str(balance)), **amounts)
