"""The whole story in half a minute: the real daemon, sped up, against the simulated API, with a real delivery."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from monitor import config as configuration
from monitor.app import Daemon
from monitor.clock import Clock
from monitor.config import Config
from monitor.model import Failure, Seen
from monitor.provider import Legnext
from monitor.quantity import Unit, tell
from monitor.simulator import Simulator, scenario
from monitor.store import Store, outbox

SPEED = 150
_SETTINGS = """
interval = "1m"
database = "sqlite:///{folder}/monitor.db"

[rules.unreachable]
warning = "3m"

[accounts.main]
api_key = "{key}"
base_url = "{address}"

[channels.ops]
url = "json://{inbox}"
"""
_BAR = 44
_FULL = Decimal(100)
_SHOWN_EVERY = 4
"""Of so many readings one is shown, and every one that changes the story's course."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story: what time it was, what kind of thing happened (a level's word, or a name), and what."""

    clock: str
    kind: str
    text: str


Tell = Callable[[Line], None]


@dataclass(slots=True)
class _Story:
    """What has happened so far."""

    clock: Clock
    tell: Tell
    titles: list[str] = field(default_factory=list)
    polls: int = 0
    failing: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, kind: str, text: str) -> None:
        self.tell(Line(f"{self.clock.now():%H:%M}", kind, text))

    def saw(self, seen: Seen) -> None:
        """Draw the balance as a bar, now and then."""
        self.polls += 1
        if isinstance(seen, Failure):
            self.say("poll", f"no reading: {seen.reason}")
            self.failing = True
        elif self.failing or self.polls % _SHOWN_EVERY == 1:
            self.failing = False
            self.say("poll", bar(seen.balance_usd))

    def heard(self, title: str, body: str) -> None:
        """Show a message that arrived, and notice the end of the story."""
        self.titles.append(title)
        self.say(title.partition("]")[0].strip("[").lower(), title)
        for line in body.splitlines():
            self.tell(Line("", "body", line))
        if self._is_over():
            self.over.set()

    def _is_over(self) -> bool:
        """Say whether main has warned, gone critical and recovered, in that order."""
        told = [title.split("]")[0].strip("[") for title in self.titles if " left " in title]
        return told == ["WARNING", "CRITICAL", "OK"]


def bar(balance: Decimal) -> str:
    """Draw a balance: ``$49.67 ██████████``."""
    full = int(min(max(balance / _FULL, Decimal(0)), Decimal(1)) * _BAR)
    return f"{tell(balance, Unit.USD):>9}  {'█' * full}{'░' * (_BAR - full)}"


class _Watched:
    """The real provider, watched by the story."""

    def __init__(self, story: _Story) -> None:
        self._legnext, self._story = Legnext(), story

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ASYNC109 - of a whole poll
        seen = await self._legnext.observe(api_key=api_key, base_url=base_url, timeout=timeout)
        self._story.saw(seen)
        return seen

    async def aclose(self) -> None:
        await self._legnext.aclose()


async def play(tell_line: Tell, *, speed: int = SPEED, once: bool = False, patience: float = 120.0) -> bool:
    """Play the story; with ``once`` until its end, else until cancelled. Return whether all was told and delivered.

    ``patience`` is how many real seconds the story may take.
    """
    clock = Clock(speed)
    story = _Story(clock, tell_line)
    simulator = Simulator(scenario("demo").accounts, speed=speed)
    with tempfile.TemporaryDirectory(prefix="balance-monitor-demo-") as folder:
        async with simulator.serve() as address, _inbox(story) as inbox:
            text = _SETTINGS.format(folder=folder, key=simulator.keys["main"], address=address, inbox=inbox)
            settings = _load(Path(folder), text)
            story.say("start", f"polling {address} every minute; warning at $25.00, critical at $5.00")
            return await _run(settings, story, patience if once else None)


def _load(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return configuration.load(path, {}, secrets_dirs=[])


async def _run(settings: Config, story: _Story, patience: float | None) -> bool:
    store = Store.start(settings.database)
    provider = _Watched(story)
    daemon = Daemon(settings, store, clock=story.clock, provider=provider)
    running = asyncio.ensure_future(daemon.run())
    try:
        with daemon.signals():
            if patience is None:
                await running
            else:
                ending = asyncio.ensure_future(story.over.wait())
                await asyncio.wait({running, ending}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                ending.cancel()
                daemon.stop()
                await running
        with store.transaction(reads=True) as tx:
            return story.over.is_set() and not outbox.counts(tx)
    finally:
        await provider.aclose()
        store.close()


@asynccontextmanager
async def _inbox(story: _Story) -> AsyncIterator[str]:
    """Receive what Apprise posts: the demonstration's chat."""

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(int(line[15:]) for line in head.splitlines() if line.startswith("content-length:"))
        message = json.loads(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        story.heard(message["title"], message["message"])

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
