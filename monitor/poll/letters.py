"""Who is told, and messages of what they are told; what can wait is kept for after their quiet hours."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from monitor import messages
from monitor.alerts import Listener
from monitor.config import Account, Channel, Config
from monitor.messages import Standing
from monitor.model import Alert, Change, Level, Message
from monitor.store import Tx, later


def new_id(_rule: str) -> str:
    """Return the identity of an alert of that rule."""
    return str(uuid4())


def audience(config: Config, account: Account, now: datetime) -> list[Listener]:
    """Return every channel as this account sees it: a message goes where the account and the channel both agree."""
    return audience_of_any(config, [account], now)


def audience_of_any(config: Config, accounts: Sequence[Account], now: datetime) -> list[Listener]:
    """Return every channel as these accounts see it together: it hears of them if it hears of one."""
    return [
        Listener(
            channel.name,
            channel.min_level,
            hears=any(agree(channel, account) for account in accounts),
            sleeps=config.sleeps(channel, now),
        )
        for channel in config.channels.values()
    ]


def agree(channel: Channel, account: Account) -> bool:
    """Say whether a channel hears of an account."""
    invited = channel.accounts is None or account.name in channel.accounts
    return invited and (account.channels is None or channel.name in account.channels)


def everybody(config: Config, now: datetime) -> list[Listener]:
    """Return every channel as the monitor itself sees it."""
    return [
        Listener(channel.name, channel.min_level, sleeps=config.sleeps(channel, now))
        for channel in config.channels.values()
    ]


def by_channel(told: Iterable[Mapping[str, Change]]) -> dict[str, list[Change]]:
    """Put together what each channel is told."""
    heard: dict[str, list[Change]] = {}
    for changes in told:
        for channel, change in changes.items():
            heard.setdefault(channel, []).append(change)
    return heard


def compose(
    heard: Mapping[str, Sequence[Change]], standing: Standing | None, config: Config, now: datetime, *, note: str = ""
) -> list[Message]:
    """Write one message a channel of all that one decision has for it, or one a change; ``note`` is the last line."""
    event = str(uuid4()) if heard else ""
    return [
        Message(
            id=str(uuid4()),
            event=event,
            channel=channel,
            account=changes[0].account,
            decided_at=now,
            severity=messages.severity(changes),
            title=messages.headline(changes),
            body="\n".join(filter(None, (messages.body(changes, standing, config.timezone), note))),
            changes=tuple(changes),
        )
        for channel, told in heard.items()
        for changes in _together(config.channels.get(channel), told)
    ]


def _together(channel: Channel | None, told: Sequence[Change]) -> list[Sequence[Change]]:
    return [[change] for change in told] if channel is not None and channel.keeps_apart else [told]


def part(config: Config, told: Mapping[str, Change], now: datetime) -> tuple[dict[str, Change], dict[str, Change]]:
    """Part what is told now from what can wait and is for a channel that is not to be disturbed now."""
    names = [name for name in told if name in config.channels and config.sleeps(config.channels[name], now)]
    waits = {name: told[name] for name in names if Level.CRITICAL not in {told[name].level, told[name].before}}
    return {name: change for name, change in told.items() if name not in waits}, waits


def keep(tx: Tx, config: Config, told: Mapping[str, Change], now: datetime) -> dict[str, Change]:
    """Keep for later what can wait and is for a channel that is not to be disturbed now; return the rest."""
    at_once, waits = part(config, told, now)
    later.keep(tx, waits, now)
    return at_once


def missed(alert: Alert | None, told: Mapping[str, Change], now: datetime) -> dict[str, Change]:
    """Word for later that an alert ended while these channels were not to be disturbed, and how long it lasted."""
    return {name: messages.afterwards(one, now - alert.started_at) for name, one in told.items()} if alert else {}


def keep_missed(tx: Tx, alert: Alert | None, told: Mapping[str, Change], now: datetime) -> None:
    """Keep for later that an alert ended while these channels were not to be disturbed, and how long it lasted."""
    later.keep(tx, missed(alert, told, now), now)


def catch_up(tx: Tx, account: str, heard: dict[str, list[Change]]) -> dict[str, list[Change]]:
    """Let whoever is told of an account now hear first what was kept about it: in order, and in one message."""
    return {name: [*later.take(tx, name, account), *changes] for name, changes in heard.items()}
