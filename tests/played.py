"""A lane whose days pass in moments: time jumps to whatever the lane waits for, the rest is the real thing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from world import START, World, reading

from monitor.clock import Clock
from monitor.config import Channel
from monitor.deliver import Lane, Sender, Shared
from monitor.model import Message, NotSent, Outcome, Sent
from monitor.store import Tx, outbox

REFUSED = NotSent("HTTP 500 Internal Server Error")
Answer = Callable[[Message], Outcome]


class PlayedClock(Clock):
    """Jumps to the end of every wait, or to what the script has before that; without a script it stands still."""

    def __init__(self) -> None:
        super().__init__()
        self.time = START
        self.script: list[tuple[datetime, Callable[[], object]]] = []

    def now(self) -> datetime:
        return self.time

    def real(self, seconds: float) -> float:
        if not self.script:
            return 3600.0
        target = self.time + timedelta(seconds=seconds)
        if self.script[0][0] <= target:
            self.skip()
        else:
            self.time = target
        return 0.0

    def skip(self) -> None:
        """Let the next thing of the script happen."""
        when, happen = self.script.pop(0)
        self.time = max(self.time, when)
        happen()


@dataclass(frozen=True)
class Try:
    """One attempt as the service saw it."""

    at: timedelta
    title: str
    was_taken: bool


class Story:
    """One channel of a world, its service as the test plays it, and what happens when."""

    def __init__(self, world: World, answer: Answer, channel: str = "ops") -> None:
        self.world, self.channel = world, channel
        self.answer = answer
        self.clock = PlayedClock()
        self.tries: list[Try] = []
        self.wakes: list[tuple[timedelta, Sequence[str]]] = []

    @property
    def taken(self) -> list[str]:
        """The titles that the service took, in order."""
        return [one.title for one in self.tries if one.was_taken]

    def send(self, message: Message) -> Outcome:
        """Answer as the service would: the lane's sender."""
        outcome = self.answer(message)
        self.tries.append(Try(self.clock.time - START, message.title, isinstance(outcome, Sent)))
        return outcome

    def at(self, when: timedelta, happen: Callable[[], object]) -> None:
        """Let something happen in the thread of the disk, so much after the start."""

        def there() -> object:
            self.world.now = self.clock.time
            return self.world.store._worker.submit(happen).result(10)

        self.clock.script.append((START + when, there))
        self.clock.script.sort(key=lambda one: one[0])

    def reads_at(self, when: timedelta, balance: object, account: str = "main") -> None:
        """Let an account be polled."""
        self.at(when, lambda: self.world.sees(reading(balance), account, after=timedelta(0)))

    def run(self, until: timedelta) -> None:
        """Run a lane of its own from now until then; what the script has for later stays."""
        later = [one for one in self.clock.script if one[0] > START + until]
        self.clock.script = [one for one in self.clock.script if one[0] <= START + until]
        self.at(until, lambda: None)
        asyncio.run(self._run())
        self.clock.script = later

    async def _run(self) -> None:
        def connect(_: Channel) -> Sender:
            return self

        def wake(channels: Sequence[str]) -> None:
            if channels:
                self.wakes.append((self.clock.time - START, channels))

        store, config = self.world.store, self.world.config
        lane = Lane(config.channels[self.channel], Shared(lambda: config, store, self.clock, connect, wake))
        lane.start()
        while self.clock.script:
            await asyncio.sleep(0.002)
            if self.channel not in await store.do(outbox.channels_waiting) and self.clock.script:
                self.clock.skip()  # nothing waits, so the lane waits for nothing
                lane.wake()
        await lane.stop(5)

    def do(self, work: Callable[[Tx], object]) -> None:
        """Run a transaction."""
        with self.world.store.transaction() as tx:
            work(tx)

    def waiting(self, channel: str = "ops") -> list[Message]:
        """Return what waits for a channel."""
        with self.world.store.transaction() as tx:
            return [one.message for one in outbox.waiting(tx, channel)]

    def states(self) -> dict[str, list[str]]:
        """Return the titles given up or waiting, by state."""
        found: dict[str, list[str]] = {}
        with self.world.store.transaction() as tx:
            for one in outbox.listing(tx):
                if one.message.channel == self.channel:
                    found.setdefault(one.state, []).append(one.message.title)
        return found

    def health(self) -> outbox.Health:
        """Return how the channel is doing."""
        with self.world.store.transaction() as tx:
            return outbox.health(tx, self.channel)
