"""A test message through a channel, to see whether one arrives."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from monitor import messages
from monitor.config import Channel, Unusable
from monitor.model import MONITOR, Cause, Change, Level, Message, NotSent, Outcome, Sent

_OPENED = Change(
    alert="",
    account=MONITOR,
    rule="test",
    cause=Cause.RAISED,
    level=Level.WARNING,
    before=Level.OK,
    phrase="this is what an alert looks like",
)
_CLOSED = replace(_OPENED, cause=Cause.ENDED, level=Level.OK, before=Level.WARNING)


class Sender(Protocol):
    """A channel's way out; blocking."""

    def send(self, message: Message) -> Outcome:
        """Hand a message to the service; never raises."""


def attempt(channel: Channel, connect: Callable[[Channel], Sender], now: datetime) -> Outcome:
    """Send the test, and return what the service answered; may take as long as it does."""
    if isinstance(channel.url, Unusable):
        return NotSent(channel.url.reason)
    sender = connect(channel)
    outcomes = (sender.send(message) for message in _messages(channel, now))
    return next((outcome for outcome in outcomes if isinstance(outcome, NotSent)), Sent())


def _messages(channel: Channel, now: datetime) -> list[Message]:
    """Write the test; to a pager a whole incident, so that nothing stays open."""
    title, body = messages.self_test(channel.name)
    message = Message(
        id=str(uuid4()),
        event="test",
        channel=channel.name,
        account=MONITOR,
        decided_at=now,
        severity=Level.INFO,
        title=title,
        body=body,
        changes=(),
    )
    if not channel.is_pager:
        return [message]
    return [
        replace(message, severity=Level.WARNING, changes=(_OPENED,)),
        replace(message, id=str(uuid4()), severity=Level.OK, changes=(_CLOSED,)),
    ]
