"""How an account stands, what is silent about it, and how a channel is doing."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from monitor.messages import Standing
from monitor.model import Failure, Level, NotSent, Outcome, Sent, Snooze
from monitor.runway import NotYet, Runway
from monitor.store.memory import Memory, level_word
from monitor.store.outbox import Health

STATES = ("waiting", "given_up")
"""Of messages that a channel has not taken."""


def account(known: Memory, standing: Standing, level: Level) -> dict[str, Any]:
    """Return what is known of an account; ``level`` is the worst of its open alerts.

    It is told as ``unknown`` if there is none, and the last poll read nothing.
    """
    return {
        "account": known.account,
        "level": level_word(known, level),
        "reading": asdict(known.reading) if known.reading else None,
        "read_at": known.read_at,
        "polled_at": known.polled_at,
        "failure": failure(known.failure) if known.failure else None,
        "failing_since": known.failing_since,
        "gone_24h": _gone(standing),
        "runway": _runway(standing.runway),
    }


def failure(one: Failure) -> dict[str, Any]:
    """Return why a poll brought no reading."""
    return {"kind": one.kind.value, "reason": one.reason}


def _gone(standing: Standing) -> dict[str, Any] | None:
    """Return what went in the 24 hours before the latest reading; ``since`` is later where nobody looked."""
    if standing.spent is None or standing.spent.since is None:
        return None
    return {"usd": standing.spent.fell, "since": standing.spent.since}


def _runway(found: Runway | NotYet | None) -> dict[str, Any] | None:
    """Return the range in seconds, None for longer than a year; or what is missing; or None if that is unknown."""
    match found:
        case NotYet(missing):
            return {"missing_seconds": missing.total_seconds()}
        case Runway():
            return {f"{name}_seconds": _seconds(length) for name, length in asdict(found).items()}
        case _:
            return None


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


def snooze(one: Snooze) -> dict[str, Any]:
    """Return what is silent, and until when."""
    return asdict(one) | {"level": one.level.word}


def channel(health: Health, counts: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Return how a channel is doing; ``counts`` are its messages by channel and state."""
    return asdict(health) | {state: counts.get((health.channel, state), 0) for state in STATES}


def tried(channel: str, outcome: Outcome) -> dict[str, Any]:
    """Return what became of a test message."""
    reason = outcome.reason if isinstance(outcome, NotSent) else None
    return {"channel": channel, "delivered": isinstance(outcome, Sent), "reason": reason}
