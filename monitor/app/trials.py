"""Test messages that the page is asked for: each in a thread of its own, so that one that hangs holds up nobody."""

import asyncio
from collections.abc import Callable

from monitor.clock import Clock
from monitor.config import Channel
from monitor.model import NotSent, Outcome
from monitor.trial import Sender, attempt
from monitor.worker import Worker

DEADLINE = 15.0
"""Real seconds."""


class Trials:
    """Sends them by the daemon's own ways out."""

    def __init__(self, connect: Callable[[Channel], Sender], clock: Clock, *, deadline: float = DEADLINE) -> None:
        self._connect, self._clock, self._deadline = connect, clock, deadline

    async def make(self, channel: Channel) -> Outcome:
        """Send a test message through a channel, and return what became of it."""
        worker, now = Worker(f"test-{channel.name}"), self._clock.now()
        call = worker.submit(lambda: attempt(channel, self._connect, now))
        worker.close()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(call), self._deadline)
        except TimeoutError:
            return NotSent(f"no end after {self._deadline:g} s")
