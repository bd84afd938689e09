"""What the rest of the program knows of the configuration: frozen values, and no secret in any repr."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from monitor import address
from monitor.cron import Cron
from monitor.dress import Form
from monitor.hours import Hours
from monitor.model import Level
from monitor.rules import Rule, Undelivered


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` has one sentence a mistake: place, what is wrong, remedy."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Unusable:
    """A secret whose file is missing, unreadable or empty; ``reason`` names the file and the key."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One API key that is polled."""

    name: str
    api_key: SecretStr | Unusable
    base_url: str
    """Without a slash at the end."""
    interval: timedelta
    timeout: timedelta
    """For a whole poll, never longer than the interval."""
    channels: frozenset[str] | None
    """None for all."""
    rules: tuple[Rule, ...]
    """Only those that watch, in the order of ``RULES``; equal ones are one object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One Apprise URL."""

    name: str
    url: SecretStr | Unusable
    min_level: Level | None
    """None for a channel that is only a fallback."""
    accounts: frozenset[str] | None
    """None for all."""
    fallback: str | None
    quiet: Hours | None = None
    """When only what is critical goes out."""
    form: Form = Form.AUTO
    chart: bool = True
    """Whether a picture is attached where the service can show one."""

    @property
    def keeps_apart(self) -> bool:
        """Whether each change goes alone there: it is a pager, or its URL names the account or the rule."""
        return isinstance(self.url, SecretStr) and address.keeps_apart(self.url.get_secret_value())

    @property
    def is_pager(self) -> bool:
        """Whether it opens incidents that an end must close."""
        return isinstance(self.url, SecretStr) and address.is_pager(self.url.get_secret_value())


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long readings are kept."""

    raw: timedelta
    """Every one of them."""
    hourly: timedelta
    """After that one an hour, until they are so old; never shorter than ``raw``."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the page is served: a name or an address of this machine, and a port (0: any that is free)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether a name or an address is this machine's own, for itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """The page: where it is served, and to whom."""

    listen: Listen | None
    """None for none."""
    url: str | None
    """Where people find it, without a slash at the end."""
    token: SecretStr | Unusable | None
    """None: whoever reaches it may read it, and nobody may change anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """When a digest is sent, and to whom."""

    schedule: Cron
    channels: frozenset[str] | None
    """None for all that are not only a fallback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that was configured, with the defaults filled in."""

    path: Path | None
    interval: timedelta
    timeout: timedelta
    timezone: ZoneInfo
    database: str
    heartbeat_url: SecretStr | Unusable | None
    heartbeat_fail_url: SecretStr | Unusable | None
    retention: Retention
    web: Web
    undelivered: Undelivered
    log_level: str
    log_format: str
    accounts: Mapping[str, Account]
    channels: Mapping[str, Channel]
    digest: Digest | None
    warnings: tuple[str, ...]
    secrets: frozenset[str] = field(repr=False)
    """Every string that must not reach a log: keys, the URLs of channels and heartbeats, and their parts."""

    def sleeps(self, channel: Channel, now: datetime) -> bool:
        """Say whether a channel has its quiet hours."""
        return channel.quiet is not None and channel.quiet.hold(now, self.timezone)

    def wakes(self, channel: Channel, now: datetime) -> datetime:
        """Return from when on a channel hears of everything: now, or the end of its quiet hours."""
        quiet = channel.quiet
        return quiet.over(now, self.timezone) if quiet is not None and quiet.hold(now, self.timezone) else now
