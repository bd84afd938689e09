"""Whom the daemon meets: the API that it asks, the channels through which it tells, and who started it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from monitor import log
from monitor.ask import Provider
from monitor.config import Channel, Unusable
from monitor.deliver import DEADLINE, Sender
from monitor.manager import Manager
from monitor.notify import Notifier
from monitor.provider import Legnext


def connect(channel: Channel) -> Sender:
    """Make ready to send through a channel; in the channel's own thread, as all of its work."""
    if isinstance(channel.url, Unusable):
        raise TypeError("an unusable channel is never connected")
    notifier = Notifier(channel.url.get_secret_value(), redact=log.redact, form=channel.form)
    notifier.load()
    return notifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The real ones, unless somebody plays them."""

    provider: Provider = field(default_factory=Legnext)
    connect: Callable[[Channel], Sender] = connect
    deadline: float = DEADLINE
    """Real seconds that one send through a channel has."""
    manager: Manager = field(default_factory=lambda: Manager({}))
    listens: bool = False
    """Whether people may look: where the page is served is configured."""
    names: tuple[str, ...] = ()
    """Addresses at which the daemon says how it is, beside those of its database."""
