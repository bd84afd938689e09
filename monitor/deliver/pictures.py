"""Which messages have a picture, and which services are no longer offered one."""

from typing import Final, Protocol, runtime_checkable

from monitor import log
from monitor.chart import NARROW, Chart, draw
from monitor.config import Channel
from monitor.deliver.words import Parcel
from monitor.model import Message, Outcome, Sent
from monitor.picture import apart

_ABOUT_POLLS: Final = frozenset({"unreachable", "refused", "unreadable"})
"""Rules that rest on no reading."""
_MOST_REFUSED: Final = 2

_log = log.get("monitor.deliver")


@runtime_checkable
class Painter(Protocol):
    """A sender that may show pictures; blocking."""

    @property
    def shows_pictures(self) -> bool:
        """Whether the service shows any."""

    def send(self, message: Message, picture: bytes | None = None) -> Outcome:
        """Hand a message to the service, perhaps with a PNG; never raises."""


def has_picture(channel: Channel, parcel: Parcel) -> bool:
    """Say whether a message goes with a picture: one about one account that rests on a reading, at its first attempt.

    What was not taken with a picture goes without one from then on, whatever the reason was.
    """
    message = parcel.words
    accounts = {change.account for change in message.changes}
    is_read = any(change.rule not in _ABOUT_POLLS for change in message.changes)
    return channel.chart and not parcel.queued.attempts and accounts == {message.account} and is_read


def drawn(chart: Chart | None, message: Message) -> bytes | None:
    """Draw the picture of a message; None if there is none, or if drawing fails, which is logged."""
    if chart is None:
        return None
    try:
        return apart(draw(chart, NARROW))
    except Exception:  # noqa: BLE001 - whatever it is, the text must go
        _log.exception("not_drawn", channel=message.channel, message=message.id)
        return None


class Refusals:
    """What a service made of pictures: one that twice running refused a message with and took it without gets none."""

    def __init__(self) -> None:
        self._refused = ""
        """The message that was not taken with its picture."""
        self._count = 0

    @property
    def are_many(self) -> bool:
        """Whether the service is offered no more pictures."""
        return self._count >= _MOST_REFUSED

    def heard(self, message: Message, outcome: Outcome, *, pictured: bool) -> Outcome:
        """Learn from what an attempt came to, and return that."""
        is_sent = isinstance(outcome, Sent)
        if pictured:
            self._refused = "" if is_sent else message.id
            self._count = 0 if is_sent else self._count
        elif is_sent and message.id == self._refused:
            self._refused = ""
            self._count += 1
            if self.are_many:
                _log.warning("pictures_refused", channel=message.channel)
        return outcome
