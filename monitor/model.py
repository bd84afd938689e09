"""The values everybody speaks: levels, readings, failures, alerts and messages. Standard library only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum

MONITOR = "monitor"
"""The reserved account name under which the monitor speaks of itself."""


class Level(IntEnum):
    """How bad something is, in order; INFO is news, never the level of a rule."""

    OK = 0
    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The level as users write and read it: ``ok``, ``info``, ``warning``, ``critical``."""
        return self.name.lower()


class Kind(StrEnum):
    """Why a poll brought no reading."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A balance that was understood: the seven fields of ``GET /api/account/balance``, exact.

    None where the API sent none: it promises none of them, and without ``balance_usd`` there is no reading.
    """

    balance_usd: Decimal
    """USD; may be negative. In every published example it is (credits + points) / 1000."""
    account_id: str | None = None
    """Opaque, although the API sends an integer."""
    available_credits: Decimal | None = None
    available_points: Decimal | None = None
    alert_threshold: Decimal | None = None
    """USD, as set in the vendor's dashboard."""
    low_balance_alert: bool | None = None
    """Has been seen false with the balance below ``alert_threshold``."""
    updated_at: datetime | None = None
    """When the balance changed last, says the API; UTC."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A poll that brought no reading.

    ``reason`` is short, printable and free of secrets; ``retry_after`` is what the API asked us to wait, at most 1 h.
    """

    kind: Kind
    reason: str
    retry_after: timedelta | None = None


Seen = Reading | Failure
"""What one poll brought."""


class Cause(StrEnum):
    """Why a channel is told something."""

    RAISED = "raised"
    WORSE = "worse"
    EASED = "eased"
    ENDED = "ended"
    REMINDER = "reminder"
    OPEN = "open"  # a channel that is new, or newly allowed to hear, is told of what is open
    UNWATCHED = "unwatched"  # its account or rule has left the configuration
    PASSED = "passed"  # it came and went while the channel was not to be disturbed
    NEWS = "news"  # no alert, told once


ENDS = frozenset({Cause.ENDED, Cause.UNWATCHED, Cause.PASSED})
"""After these there is nothing more to come of an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule of an account that is not ok, from its start to its end (then ``level`` is OK)."""

    id: str
    """A UUID."""
    account: str
    rule: str
    level: Level
    worst: Level
    """The worst level since its start."""
    started_at: datetime
    phrase: str
    """The latest judgement in words, such as ``$4.07 left (at or below $5.00)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """Silence that somebody asked for, about one rule of an account or about all of it."""

    account: str
    rule: str
    """Empty for the whole account."""
    level: Level
    """The worst level that is silent."""
    until: datetime | None
    """None: until there is nothing left to be silent about."""

    def is_about(self, rule: str) -> bool:
        """Say whether it covers a rule."""
        return self.rule in {"", rule}

    def holds(self, now: datetime) -> bool:
        """Say whether its time is not up yet."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was last told of an alert."""

    channel: str
    level: Level
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a message: what became of one alert, or a piece of news (``alert`` is then empty)."""

    alert: str
    account: str
    rule: str
    cause: Cause
    level: Level
    """The level now; OK at an end."""
    before: Level
    """The level that the reader knew until now."""
    phrase: str
    was: str = ""
    """The thresholds before they were changed, if that is what brought the change about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel is sent. ``id`` is made before anything is written, so that a repeat can be recognised."""

    id: str
    """A UUID."""
    event: str
    """The same for the messages that one decision sent to several channels."""
    channel: str
    account: str
    decided_at: datetime
    severity: Level
    """CRITICAL, WARNING (also for what eased), INFO for news, OK for an end."""
    title: str
    body: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the service took."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """A message that the service did not take, and why: short and free of secrets.

    ``wait`` is what the service asked us to wait, at most 1 h.
    """

    reason: str
    wait: timedelta | None = None


Outcome = Sent | NotSent
"""What became of one attempt to send."""
