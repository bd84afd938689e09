"""What the daemon says in its log: events, an outage at its two edges only."""

from collections.abc import Sequence

from monitor.alerts import Ruling
from monitor.config import Config
from monitor.log import Logger
from monitor.model import MONITOR, Message
from monitor.poll import Home, Move, Polled
from monitor.store import Store, as_of
from monitor.store.life import Life


def start(log: Logger, config: Config, store: Store, life: Life) -> None:
    """Say with what the daemon starts; a first start loudly, since it may be a database that was lost."""
    database = str(store.path)
    if store.is_first_start:
        log.warning("first_start", database=database, note="no earlier database: nothing is remembered")
    if store.upgraded_from is not None:
        kept = as_of(store.path, store.upgraded_from)
        log.warning("database_upgraded", database=database, kept=str(kept) if kept.is_file() else "nothing: no room")
    log.info(
        "started",
        version=life.version,
        config=life.config,
        database=database,
        accounts=len(config.accounts),
        channels=len(config.channels),
    )
    warnings(log, config)


def warnings(log: Logger, config: Config) -> None:
    """Say what is odd about the configuration."""
    for warning in config.warnings:
        log.warning("configuration", note=warning)


def polled(log: Logger, found: Polled, *, is_first: bool = False) -> None:
    """Say what a poll changed; of the first one also what it read, for who looks on after a start."""
    name, before, after = found.after.account, found.before.failure, found.after.failure
    if after is not None and (before is None or before.kind is not after.kind):
        log.warning("account_failing", account=name, kind=after.kind.value, reason=after.reason)
    elif before is not None and after is None:
        log.info("account_recovered", account=name, after=before.kind.value)
    for ruling in found.moves:
        _moved(log, name, ruling)
    own(log, found.common)
    if after is None and found.after.reading is not None:
        say = log.info if is_first else log.debug
        say("polled", account=name, balance_usd=found.after.reading.balance_usd)


def _moved(log: Logger, account: str, ruling: Ruling) -> None:
    now, before = ruling.state.level, ruling.case.state.level
    say = log.warning if now > before else log.info
    said = ruling.alert.phrase if ruling.alert else ""
    say("alert", account=account, rule=ruling.case.rule.name, now=now.word, before=before.word, said=said)


def home(log: Logger, found: Home, *, was_well: bool) -> None:
    """Say that the disk is in trouble, or no longer."""
    if found.last:
        log.error("database_failing", database=found.database, reason=found.last, note="all goes on from memory")
    if found.is_over and (found.last or not was_well):
        log.warning("database_recovered", database=found.database, kept=found.kept or None)


def own(log: Logger, moves: Sequence[Move]) -> None:
    """Say what the monitor's own alerts came to: channels that do not deliver, accounts that fail alike."""
    for move in moves:
        say = log.warning if move.now > move.before else log.info
        say("alert", account=MONITOR, rule=move.rule, now=move.now.word, before=move.before.word, said=move.said)


def lost(log: Logger, messages: Sequence[Message]) -> None:
    """Say what was given up."""
    for message in messages:
        log.error("gave_up", channel=message.channel, message=message.id, title=message.title)
