"""What was before, on the page of an account: its alerts, the messages and what became of each, the readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from monitor.model import Alert, Failure, Reading
from monitor.quantity import Unit, age, spoken, tell
from monitor.store.history import Run
from monitor.store.outbox import Queued
from monitor.web import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An alert in a line."""

    rule: str
    level: str
    hue: str
    began: str
    lasted: str
    said: str


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of a message at one channel."""

    channel: str
    said: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, and what became of it at each channel."""

    decided: str
    title: str
    copies: Sequence[Copy]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Polls in a row that saw the same."""

    first: str
    last: str
    polls: str
    balance: str = ""
    credits: str = ""
    points: str = ""
    failure: str = ""


def past(alert: Alert, ended_at: datetime | None, now: datetime, zone: tzinfo) -> Past:
    """Say what was wrong, from when to when."""
    lasted = spoken((ended_at or now) - alert.started_at)
    return Past(
        rule=alert.rule,
        level=_level_of(alert, ended_at),
        hue=alert.level.word if ended_at is None else "unknown",
        began=say.stamp(alert.started_at, zone),
        lasted=f"{lasted} so far" if ended_at is None else lasted,
        said=alert.phrase,
    )


def _level_of(alert: Alert, ended_at: datetime | None) -> str:
    """Say how bad it is; of what is over or eased, how bad it was."""
    if ended_at is not None or alert.worst is alert.level:
        return alert.worst.word
    return f"{alert.level.word}, was {alert.worst.word}"


def sent(found: Sequence[Queued], zone: tzinfo) -> list[Sent]:
    """Put together the copies of each message, the latest first."""
    by_event: dict[tuple[str, str], list[Queued]] = {}
    for one in found:
        by_event.setdefault((one.message.event, one.message.title), []).append(one)
    return [
        Sent(
            decided=say.stamp(copies[0].message.decided_at, zone),
            title=title,
            copies=[_copy(one) for one in sorted(copies, key=lambda one: one.message.channel)],
        )
        for (_, title), copies in by_event.items()
    ]


def _copy(one: Queued) -> Copy:
    after = age(one.settled_at - one.message.decided_at) if one.settled_at else ""
    said = {
        "sent": f"arrived {after} later",
        "waiting": f"waits, tried {one.attempts} times" if one.attempts else "waits",
        "given_up": f"given up {after} later",
        "dropped": f"dropped by hand {after} later",
    }[one.state]
    return Copy(one.message.channel, said, one.state == "given_up" or (one.state == "waiting" and one.attempts > 0))


# -- what was read ----------------------------------------------------------------------------------------------------


def seen(run: Run, zone: tzinfo) -> Seen:
    """Say what polls saw."""
    first, last = (say.stamp(at, zone) for at in (run.first_at, run.last_at))
    match run.seen:
        case Failure() as failure:
            return Seen(first=first, last=last, polls=f"{run.polls:,}", failure=failure.reason)
        case Reading() as reading:
            return Seen(
                first=first,
                last=last,
                polls=f"{run.polls:,}",
                balance=tell(reading.balance_usd, Unit.USD),
                credits="" if reading.available_credits is None else f"{reading.available_credits:,}",
                points="" if reading.available_points is None else f"{reading.available_points:,}",
            )
