"""Lanes wired to each other as the daemon does, and services that the test holds up; all real but those."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from world import MAIN, parse

from monitor.clock import Clock
from monitor.config import Channel, Config, Unusable
from monitor.deliver import Lane, Sender, Shared
from monitor.model import Level, Message, Outcome, Sent
from monitor.notify import Notifier
from monitor.store import Store, outbox


def keep(text: str) -> str:
    return text


def notifier(channel: Channel) -> Sender:
    assert not isinstance(channel.url, Unusable)
    return Notifier(channel.url.get_secret_value(), redact=keep)


class Post:
    """A store, and the lanes of its channels, wired to each other as the daemon does."""

    def __init__(self, folder: Path, *, speed: float = 1.0, deadline: float = 60.0, **urls: str) -> None:
        self.folder, self.deadline = folder, deadline
        self.connect: Callable[[Channel], Sender] = notifier
        self.clock = Clock(speed)
        self.config = self.channels(**urls)
        self.store = Store.start(f"sqlite:///{folder / 'monitor.db'}")
        self.lanes: dict[str, Lane] = {}
        self.count = 0
        self._mistakes: dict[str, Callable[..., None]] = {}

    def channels(self, **urls: str) -> Config:
        rest = {name: url if "\n" in url else f'url = "{url}"\n' for name, url in urls.items()}
        return parse(self.folder, MAIN + "".join(f"[channels.{name}]\n{text}" for name, text in rest.items()))

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Post"]:
        shared = Shared(lambda: self.config, self.store, self.clock, self.connect, self.wake, self.deadline)
        self.lanes = {name: Lane(channel, shared) for name, channel in self.config.channels.items()}
        for lane in self.lanes.values():
            lane.start()
        try:
            yield self
        finally:
            await asyncio.gather(*(lane.stop(0.05) for lane in self.lanes.values()))

    def wake(self, channels: Sequence[str]) -> None:
        for name in channels:
            self.lanes[name].wake()

    async def put(self, *channels: str) -> str:
        """Queue a message for each of these channels, and return its title."""
        self.count += 1
        title = f"message {self.count}"
        messages = [self.message(title, channel) for channel in channels or self.config.channels]
        await self.store.do(lambda tx: outbox.queue(tx, messages))
        self.wake([message.channel for message in messages])
        return title

    def message(self, title: str, channel: str) -> Message:
        return Message(
            id=f"{title} to {channel}",
            event=f"{title} to {channel}",
            channel=channel,
            account="main",
            decided_at=self.clock.now(),
            severity=Level.WARNING,
            title=title,
            body="body",
            changes=(),
        )

    async def errors(self, message: str) -> list[str | None]:
        """Return what each attempt at a message came to."""
        return [error for _, _, error in await self.store.do(lambda tx: outbox.attempts(tx, message))]

    async def was_tried(self, message: str) -> bool:
        """Say whether an attempt at a message was written down."""
        return bool(await self.errors(message))

    async def is_empty(self) -> bool:
        return not await self.store.do(outbox.channels_waiting)

    def reopen(self) -> None:
        """Begin again from the file, as after a restart."""
        assert self.store.close()
        self.store = Store.start(f"sqlite:///{self.folder / 'monitor.db'}")

    def broken(self, table: str) -> None:
        """Let every statement about a table fail by a mistake of ours from now on, until ``mended``."""

        def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if table in statement:
                raise RuntimeError("a mistake of ours")

        self._mistakes[table] = fail
        event.listen(self._engine, "before_cursor_execute", fail)

    def mended(self, table: str) -> None:
        event.remove(self._engine, "before_cursor_execute", self._mistakes.pop(table))

    @property
    def _engine(self) -> Engine:
        disk = self.store._ground._disk
        assert disk is not None
        return disk._engine


class Service:
    """A hand-written sender whose calls the test holds up or answers."""

    def __init__(self, *answers: Outcome) -> None:
        self.began: list[str] = []
        self.answers = list(answers)
        self.gate = threading.Event()
        self.gate.set()

    def connect(self, _: Channel) -> Sender:
        return self

    def send(self, message: Message) -> Outcome:
        self.began.append(message.title)
        self.gate.wait(20)
        return self.answers.pop(0) if self.answers else Sent()


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 10.0) -> None:
    """Wait until something holds that signals nothing."""
    async with asyncio.timeout(seconds):
        while not (await found if isinstance(found := holds(), Awaitable) else found):  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def threads(name: str = "channel-ops") -> int:
    """Count the threads of a channel."""
    return sum(thread.name == name for thread in threading.enumerate())
