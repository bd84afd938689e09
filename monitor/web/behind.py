"""What the page is given to show, and to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.config import Channel, Config
from monitor.counts import Counts
from monitor.model import Outcome
from monitor.pulse import Pulse
from monitor.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The daemon, as far as the page knows it."""

    config: Callable[[], Config]
    store: Store
    clock: Clock
    counts: Counts
    pulse: Callable[[], Pulse]
    is_ready: Callable[[], bool]
    """Whether the daemon has begun, and does not stop."""
    try_channel: Callable[[Channel], Awaitable[Outcome]]
    """Sends a test message."""
    patience: float = 10.0
    """Real seconds in which somebody who sends one wants to hear of it."""
