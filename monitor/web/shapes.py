"""The shapes of what the API takes and answers, for its description; amounts are exact, as text, times are UTC."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_CLOSED = ConfigDict(extra="forbid")
Usd = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", examples=["72.048"])]
Level = Literal["ok", "warning", "critical"]
Stands = Literal["ok", "warning", "critical", "unknown"]
When = Annotated[str, Field(min_length=1, max_length=40, examples=["7d", "2026-01-13T10:00:00Z"])]


class Shape(BaseModel):
    """Has these keys, and no others."""

    model_config = _CLOSED


class Problem(BaseModel):
    """Why a request was not answered, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str = Field(description="one sentence: what is wrong, and what to do")


class Health(Shape):
    """How the daemon is."""

    status: Literal["ok", "degraded", "failing"] = Field(
        description="degraded: it does its work, and something is wrong; failing (503): it does not"
    )
    reasons: list[str]


class Ready(Shape):
    """Whether the daemon has begun."""

    ready: bool


class Reading(Shape):
    """What the vendor's API says; null where it does not."""

    balance_usd: Usd
    account_id: str | None
    available_credits: Usd | None
    available_points: Usd | None
    alert_threshold: Usd | None
    low_balance_alert: bool | None
    updated_at: datetime | None


class Failure(Shape):
    """Why the latest poll brought no reading."""

    kind: Literal["unreachable", "refused", "unreadable"]
    reason: str


class Gone(Shape):
    """What went in the 24 hours before the latest reading; since is later where nobody looked before."""

    usd: Usd
    since: datetime


class Runway(Shape):
    """How long the balance lasts, in seconds; null is longer than a year."""

    low_seconds: int | None
    mid_seconds: int | None
    high_seconds: int | None
    basis_seconds: int


class NotYet(Shape):
    """How much of a day of readings is missing."""

    missing_seconds: float


class Account(Shape):
    """How an account stands."""

    account: str
    level: Stands = Field(
        description="the worst of its open alerts; unknown if none is, and the last poll read nothing"
    )
    reading: Reading | None
    read_at: datetime | None
    polled_at: datetime | None
    failure: Failure | None
    failing_since: datetime | None
    gone_24h: Gone | None
    runway: Runway | NotYet | None


class Accounts(Shape):
    """How all accounts stand."""

    accounts: list[Account]


class Told(Shape):
    """What a channel was last told of an alert; outbox: where the message is that it has not taken."""

    channel: str
    level: Level
    at: datetime
    outbox: Literal["waiting", "given_up"] | None


class Alert(Shape):
    """What is wrong, and who was told."""

    id: str
    account: str
    rule: str
    level: Level
    worst: Level
    started_at: datetime
    phrase: str
    ended_at: datetime | None
    told: list[Told] | None
    told_by: list[str] = Field(description="where nobody was told of it: the rules that speak for it")


class Alerts(Shape):
    """Every open alert, the oldest first, then those that are over, if asked for. Account monitor: its own."""

    alerts: list[Alert]


class Channel(Shape):
    """How a channel is doing; it waits between attempts, the longer the more have failed in a row."""

    channel: str
    failures: int = Field(description="attempts in a row that failed")
    failing_since: datetime | None
    next_attempt_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    last_success_at: datetime | None
    gave_up_at: datetime | None = Field(description="when a message was last given up")
    fallback: str | None
    waiting: int = Field(description="messages")
    given_up: int = Field(description="messages")


class Channels(Shape):
    """How every channel is doing."""

    channels: list[Channel]


class Snooze(Shape):
    """What is silent up to a level; rule is empty for all of the account, until is null until the alert ends."""

    account: str
    rule: str
    level: Level
    until: datetime | None


class Whole(Account):
    """How an account stands, what is wrong with it, and what is silent."""

    alerts: list[Alert]
    snoozes: list[Snooze]


class Point(Shape):
    """What was read in a step; all null where a gap begins, in which nothing was read."""

    at: datetime = Field(description="when the step begins")
    min: Usd | None
    max: Usd | None
    last: Usd | None


class History(Shape):
    """The course of a balance, in steps; steps without a poll are left out."""

    account: str
    since: datetime
    until: datetime
    step_seconds: int
    points: list[Point]


class Asked(Shape):
    """What to be silent about; without a rule all of the account, without for until its alert ends."""

    rule: str | None = None
    length: str | None = Field(None, alias="for", examples=["4h"])


class Ended(Shape):
    """What is no longer silent."""

    ended: list[Snooze]


class Tried(Shape):
    """What became of a test message."""

    channel: str
    delivered: bool
    reason: str | None = Field(description="why the service did not take it")
