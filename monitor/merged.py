"""Many messages as one: which are of one kind, and what the message says that stands for them."""

from collections.abc import Sequence
from dataclasses import replace

from monitor import messages
from monitor.model import MONITOR, Cause, Level, Message

NEWS = "news"
"""The kind of what is no alert's, such as purchases that landed."""
NAMED = 10
"""Accounts that a title names."""


def kind(message: Message) -> str:
    """Return what a message is about, for all accounts alike: the rule of its worst change.

    Empty for what goes alone: what has no changes, is about several accounts already, or says more than its changes do.
    """
    accounts = {change.account for change in message.changes}
    if accounts != {message.account} or _is_digest(message):
        return ""
    if message.account == MONITOR:
        return MONITOR
    return messages.worst(message.changes).rule or NEWS


def _is_digest(message: Message) -> bool:
    """Say whether this is the one news of the monitor's own that is nothing bad; what it tells is in its text alone."""
    said = {(change.cause, change.level) for change in message.changes}
    return message.account == MONITOR and said == {(Cause.NEWS, Level.INFO)}


def as_one(parts: Sequence[Message]) -> Message:
    """Return the message that stands for several of a kind, with a line for each change, in order.

    It goes by the name and the place of the first.
    """
    changes = tuple(change for part in parts for change in part.changes)
    severity = messages.severity(changes)
    names = list(dict.fromkeys(change.account for change in changes))
    return replace(
        parts[0],
        decided_at=min(part.decided_at for part in parts),
        severity=severity,
        title=f"[{severity.name}] {len(names):,} accounts: {kind(parts[0])} ({named(names)})",
        body="\n".join(messages.title(change) for change in changes),
        changes=changes,
    )


def named(names: Sequence[str]) -> str:
    """Name the first of many accounts, and say how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
