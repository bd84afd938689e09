"""The whole story in half a minute: the real daemon, sped up, against the simulated API, with a real delivery."""

import asyncio
import json
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from pathlib import Path
from typing import Any

from monitor import config as configuration
from monitor.app import Daemon
from monitor.app.outside import Outside
from monitor.app.signals import signals
from monitor.clock import Clock
from monitor.config import Config
from monitor.model import Failure, Level, Seen
from monitor.provider import PAUSES, Legnext
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

[web]
listen = "{listen}"
"""
_PLOT = (Level.WARNING, Level.CRITICAL, Level.OK)
"""What the people on the channel hear of the balance, from the first line to the last."""
_LONGEST = 2 * 3600
"""Seconds of the story; it takes an hour."""
_SPARE = 60
"""Real seconds on top of that, for a slow machine."""
_BAR = 44
_FULL = Decimal(100)
_LOOK = 0.1
"""Real seconds between two looks at whether the page is there."""
_SHOWN_EVERY = 4
"""Of so many polls one is shown, and every one that changes the story's course."""


class Kind(Enum):
    """What a line is about."""

    START = auto()
    POLL = auto()
    TITLE = auto()
    """The first line of a message that arrived."""
    BODY = auto()
    """Its other lines."""
    PAGE = auto()
    """Where all of it can be looked at."""
    OVER = auto()
    """The story is over; what is watched goes on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story: what time it was, what it is about, how bad that is (None: nobody knows), and its text."""

    clock: str
    kind: Kind
    level: Level | None
    text: str


Tell = Callable[[Line], None]


class Ending(Enum):
    """How a story ended."""

    WHOLE = auto()
    """It was told to its end, and every message was delivered."""
    STOPPED = auto()
    """Somebody stopped it before."""
    CUT_SHORT = auto()
    """It took too long."""


@dataclass(slots=True)
class _Story:
    """What has happened so far."""

    clock: Clock
    tell: Tell
    heard: list[Level] = field(default_factory=list)
    polls: int = 0
    failing: bool = False
    page: str = ""
    """Where it is served."""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, kind: Kind, level: Level | None, text: str) -> None:
        self.tell(Line(f"{self.clock.now():%H:%M}", kind, level, text))

    def saw(self, seen: Seen) -> None:
        """Draw the balance as a bar, now and then."""
        self.polls += 1
        turn, self.failing = isinstance(seen, Failure) is not self.failing, isinstance(seen, Failure)
        if not turn and self.polls % _SHOWN_EVERY != 1:
            return
        if isinstance(seen, Failure):
            self.say(Kind.POLL, None, f"{'?':>9}  no reading: {seen.reason}")
        else:
            self.say(Kind.POLL, level_of(seen.balance_usd), bar(seen.balance_usd))

    def hear(self, title: str, body: str) -> None:
        """Show a message that arrived, and notice the end of the story."""
        level = Level[title.partition("]")[0].removeprefix("[")]
        self.say(Kind.TITLE, level, title)
        for line in body.splitlines():
            self.tell(Line("", Kind.BODY, level, line))
        if " left " in title:
            self.heard.append(level)
        if tuple(self.heard) == _PLOT and not self.over.is_set():
            self.over.set()
            self.say(Kind.OVER, None, self.page)


def level_of(balance: Decimal) -> Level:
    """Return the level of a balance in the story, where the default thresholds apply."""
    return Level.CRITICAL if balance <= 5 else Level.WARNING if balance <= 25 else Level.OK  # noqa: PLR2004


def bar(balance: Decimal) -> str:
    """Draw a balance of up to 100 USD: ``$49.67  █████████████████████░░░░░░░░░░░░░░░░░░░░░░░``."""
    full = int(min(max(balance / _FULL, Decimal(0)), Decimal(1)) * _BAR)
    return f"{tell(balance, Unit.USD):>9}  {'█' * full}{'░' * (_BAR - full)}"


class _Watched:
    """The real provider in the story's time, and watched by it."""

    def __init__(self, story: _Story) -> None:
        pauses = [story.clock.real(pause) for pause in PAUSES]
        self._legnext, self._story = Legnext(pauses=pauses, now=story.clock.now), story

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ASYNC109 - of a whole poll
        seen = await self._legnext.observe(api_key=api_key, base_url=base_url, timeout=timeout)
        self._story.saw(seen)
        return seen

    async def aclose(self) -> None:
        await self._legnext.aclose()


async def play(
    tell_line: Tell, *, speed: int = SPEED, once: bool = False, port: int = 0, patience: float | None = None
) -> Ending:
    """Play the story; with ``once`` until its end, else until a signal stops it, with the page at a port (0: any).

    ``patience`` is how many real seconds the story may take with ``once``: twice what it needs, unless given.
    """
    clock = Clock(speed)
    story = _Story(clock, tell_line)
    simulator = Simulator(scenario("demo").accounts, speed=1, clock=clock.monotonic, started_at=clock.now())
    with tempfile.TemporaryDirectory(prefix="balance-monitor-demo-") as folder:
        async with simulator.serve() as address, _inbox(story) as inbox:
            listen = "off" if once else f"127.0.0.1:{port}"
            text = _SETTINGS.format(
                folder=folder, key=simulator.keys["main"], address=address, inbox=inbox, listen=listen
            )
            settings = _load(Path(folder), text)
            about = f"polling {address} every minute; warning at $25.00, critical at $5.00"
            story.say(Kind.START, None, about)
            limit = _LONGEST / speed + _SPARE if patience is None else patience
            return await _run(settings, story, limit if once else None)


def _load(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return configuration.load(path, {}, secrets_dirs=[])


async def _run(settings: Config, story: _Story, patience: float | None) -> Ending:
    store = Store.start(settings.database)
    provider = _Watched(story)
    daemon = Daemon(settings, store, clock=story.clock, outside=Outside(provider=provider, listens=True))
    running = asyncio.ensure_future(daemon.run())
    showing = asyncio.ensure_future(_show_page(daemon, story))
    try:
        with signals(daemon):
            # There is nothing to read again; and a story whose terminal was closed must not go on behind it.
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, daemon.stop)
            stopped = await _until_the_end(running, story, patience)
            daemon.stop()
            await running
        with store.transaction(reads=True) as tx:
            waiting = outbox.counts(tx)
    finally:
        showing.cancel()
        await provider.aclose()
        store.close()
    if story.over.is_set() and not waiting:
        return Ending.WHOLE
    return Ending.STOPPED if stopped else Ending.CUT_SHORT


async def _show_page(daemon: Daemon, story: _Story) -> None:
    """Say where the page is, if it is wanted and once it is there; or why it is not."""
    if daemon.config.web.listen is None:
        return
    while daemon.page.address is None and not daemon.page.trouble:  # noqa: ASYNC110 - the page tells nobody
        await asyncio.sleep(_LOOK)
    host, port = daemon.page.address or ("", 0)
    story.page = f"http://{host}:{port}/" if host else ""
    story.say(Kind.PAGE, None, story.page or f"not now: {daemon.page.trouble}: choose another --port")


async def _until_the_end(running: "asyncio.Future[None]", story: _Story, patience: float | None) -> bool:
    """Wait for the end of the story, or without patience for a signal only; say whether it was a signal."""
    over = asyncio.ensure_future(story.over.wait())
    awaited: list[asyncio.Future[Any]] = [running] if patience is None else [running, over]
    await asyncio.wait(awaited, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    return running.done()


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
        story.hear(message["title"], message["message"])

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
