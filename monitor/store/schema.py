"""The tables: times are microseconds since 1970 in UTC, amounts are exact decimal text, both portable."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(when: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def to_time(micros: int) -> datetime:
    """Return what ``to_micros`` was given."""
    return _EPOCH + micros * _MICROSECOND


class Time(TypeDecorator[datetime]):
    """An aware UTC datetime."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the base's shape
        """Write it."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - the base's shape
        """Read it."""
        return None if value is None else to_time(value)


class Length(TypeDecorator[timedelta]):
    """A duration, in microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the base's shape
        """Write it."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> timedelta | None:  # noqa: ANN401, ARG002 - the base's shape
        """Read it."""
        return None if value is None else value * _MICROSECOND


class Exact(TypeDecorator[Decimal]):
    """A Decimal with every digit."""

    impl = String(48)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the base's shape
        """Write it."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ANN401, ARG002 - the base's shape
        """Read it."""
        return None if value is None else Decimal(value)


PLAIN: dict[type[Any], tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    Time: (to_micros, to_time),
    Length: (lambda length: length // _MICROSECOND, lambda micros: micros * _MICROSECOND),
    Exact: (str, Decimal),
}
"""How to write and read each of these types where a value is there, without what SQLAlchemy puts around it."""

metadata = MetaData()
_Name = String(64)


def _fields() -> list[Column[Any]]:
    """Return the seven fields of a reading."""
    return [
        Column("account_id", String(64)),
        Column("balance_usd", Exact),
        Column("available_credits", Exact),
        Column("available_points", Exact),
        Column("alert_threshold", Exact),
        Column("low_balance_alert", Boolean(create_constraint=False)),
        Column("updated_at", Time),
    ]


def _run() -> list[Column[Any]]:
    """Return what a run of equal readings and one of equal failures have in common."""
    return [
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("account", _Name, nullable=False),
        Column("first_at", Time, nullable=False),
        Column("last_at", Time, nullable=False),
        Column("polls", Integer, nullable=False),
    ]


accounts = Table(
    "accounts",
    metadata,
    Column("name", _Name, primary_key=True),
    *_fields(),
    Column("read_at", Time),
    Column("reading_id", Integer),  # the run of equal readings that goes on
    Column("owner", String(64)),  # the account_id seen last
    Column("failing_since", Time),  # the first failed poll after the last reading
    Column("failure_kind", String(16)),
    Column("failure_reason", Text),
    Column("failure_id", Integer),  # the run of equal failures that goes on
    Column("polled_at", Time, nullable=False),
    Column("wait_until", Time),  # what the API asked us to wait
    Column("counted_since", Time),  # from when on its hours count: a first reading, or another account's key
    Column("counted_at", Time),  # until when they are counted; its hour is not over, and stands here:
    Column("hour_fell", Exact),
    Column("hour_rose", Exact),
    Column("hour_watched", Length),
)

hours = Table(
    "hours",
    metadata,
    Column("account", _Name, primary_key=True),
    Column("start", Time, primary_key=True),  # of one UTC hour that is over
    Column("fell", Exact, nullable=False),  # USD
    Column("rose", Exact, nullable=False),  # USD
    Column("watched", Length, nullable=False),  # how much of it lies between readings
    sqlite_with_rowid=False,  # an account's hours lie side by side
)

figures = Table(
    "figures",
    metadata,
    Column("account", _Name, primary_key=True),
    Column("until", Time, nullable=False),  # hours behind it are read one by one
    Column("figures", Text, nullable=False),  # what the hours before come to, as JSON
)

HOUR_OF_READING, USD_OF_READING = "(last_at / 3600000000)", "(CAST(balance_usd AS DOUBLE PRECISION))"
"""As the index has them: a query finds its way along it only in the same words."""

readings = Table(
    "readings",
    metadata,
    *_run(),
    *_fields(),
    Index("readings_by_time", "account", "last_at"),
    Index("readings_by_hour", "account", text(HOUR_OF_READING), text(USD_OF_READING)),
)

failures = Table(
    "failures",
    metadata,
    *_run(),
    Column("kind", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Index("failures_by_time", "account", "last_at"),
)

states = Table(
    "states",
    metadata,
    Column("account", _Name, primary_key=True),
    Column("rule", _Name, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("up_warning", Integer, nullable=False),
    Column("up_critical", Integer, nullable=False),
    Column("down_warning", Integer, nullable=False),
    Column("down_critical", Integer, nullable=False),
    Column("limits", Text, nullable=False),
    Column("was", Text, nullable=False),
    Column("alert", String(36)),  # the open one
    Column("ended_at", Time),  # when it came to OK last
    Column("cooling", Time),  # since when an alert is over whose end is not told yet
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account", _Name, nullable=False),
    Column("rule", _Name, nullable=False),
    Column("level", Integer, nullable=False),
    Column("worst", Integer, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("phrase", Text, nullable=False),
    Index("alerts_by_account", "account", "started_at"),
)
_ended = alerts.c.ended_at.is_not(None)
Index("alerts_by_end", alerts.c.ended_at, sqlite_where=_ended, postgresql_where=_ended)

told = Table(
    "told",
    metadata,
    Column("alert", String(36), primary_key=True),
    Column("channel", _Name, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("at", Time, nullable=False),
)

snoozes = Table(
    "snoozes",
    metadata,
    Column("account", _Name, primary_key=True),
    Column("rule", _Name, primary_key=True),  # empty for the whole account
    Column("level", Integer, nullable=False),  # the worst one that is silent
    Column("until", Time),  # NULL: until there is nothing left to be silent about
)

later = Table(
    "later",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("channel", _Name, nullable=False),
    Column("account", _Name, nullable=False),
    Column("at", Time, nullable=False),
    Column("change", Text, nullable=False),
    Index("later_by_channel", "channel", "account"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),  # the order in which a channel sends
    Column("id", String(36), nullable=False, unique=True),
    Column("event", String(36), nullable=False),
    Column("channel", _Name, nullable=False),
    Column("account", _Name, nullable=False),
    Column("decided_at", Time, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("state", String(16), nullable=False),  # waiting | sent | given_up | dropped
    Column("attempts", Integer, nullable=False),
    Column("waits_since", Time, nullable=False),  # its decision, or the command to try it anew
    Column("first_attempt_at", Time),
    Column("aside_until", Time),  # set aside so that it does not block those behind it
    Column("passed_on", Boolean(create_constraint=False), nullable=False),  # to the fallback
    Column("settled_at", Time),
    Column("kind", _Name),  # what is of one kind may go as one; empty or NULL: goes alone
)
_waiting = outbox.c.state == "waiting"
Index("outbox_waiting", outbox.c.channel, outbox.c.position, sqlite_where=_waiting, postgresql_where=_waiting)
Index("outbox_by_event", outbox.c.event)
_settled = outbox.c.settled_at.is_not(None)
Index("outbox_by_end", outbox.c.settled_at, sqlite_where=_settled, postgresql_where=_settled)
_by_kind, _sent = (outbox.c.channel, outbox.c.kind, outbox.c.settled_at, outbox.c.account), outbox.c.state == "sent"
Index("outbox_by_kind", *_by_kind, sqlite_where=_sent, postgresql_where=_sent)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("message", String(36), nullable=False),
    Column("channel", _Name, nullable=False),
    Column("at", Time, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("error", Text),  # NULL: it was taken
    Index("deliveries_by_message", "message"),
)

channels = Table(
    "channels",
    metadata,
    Column("name", _Name, primary_key=True),
    Column("failures", Integer, nullable=False),  # in a row
    Column("failing_since", Time),
    Column("next_attempt_at", Time),
    Column("last_error", Text),
    Column("last_error_at", Time),
    Column("last_success_at", Time),
    Column("gave_up_at", Time),  # said once an outage
    Column("fallback", _Name),  # kept for when the channel leaves the configuration
)

daemon = Table(
    "daemon",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("pid", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("started_at", Time, nullable=False),
    Column("beat_at", Time, nullable=False),
    Column("stopped_at", Time),
    Column("config", Text, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("overdue", Integer, nullable=False),  # accounts whose poll is overdue
    Column("reloaded_at", Time),
    Column("reload_error", Text),
)

digest = Table(
    "digest",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("schedule", Text, nullable=False),  # with its time zone
    Column("done_at", Time, nullable=False),  # up to then it was kept
    Column("since", Time, nullable=False),  # from then on the next digest tells
    Column("before", Time, nullable=False),  # from then on the last one told
)

retention = Table(
    "retention",
    metadata,
    Column("runs", String(16), primary_key=True),  # readings | failures
    Column("thinned", Integer, nullable=False),  # up to this id, runs that began in the same hour have become one
    Column("swept", _Name, nullable=False),  # the last account whose oldest runs were dropped, by name
)
