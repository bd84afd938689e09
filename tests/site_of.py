"""The page of a small world, served for real on a port of this machine."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from world import MAIN, OPS, World

from monitor.app.page import Page
from monitor.clock import Clock
from monitor.config import Channel
from monitor.counts import Counts
from monitor.model import Outcome, Sent
from monitor.pulse import Pulse
from monitor.web.behind import Behind

T = TypeVar("T")
TOKEN = "a-token-of-16-characters"
LOCAL = '[web]\nlisten = "127.0.0.1:0"\n'
GUARDED = LOCAL + f'token = "{TOKEN}"\n'
BEARER = {"Authorization": f"Bearer {TOKEN}"}
WORLD = MAIN + OPS


class _Clock(Clock):
    """Shows what the world's clock shows."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def now(self) -> Any:
        return self._world.now


@dataclass
class Site:
    """What stands behind the page; what the daemon would say of itself is said here."""

    world: World
    counts: Counts = field(default_factory=Counts)
    pulse: Pulse = field(default_factory=lambda: Pulse(pid=1, overdue=0))
    is_ready: bool = True
    outcome: Outcome = field(default_factory=Sent)
    tried: list[str] = field(default_factory=list)
    port: int = 0
    patience: float = 10.0
    holds: threading.Event | None = None
    """Until it is set, a channel's service does not answer."""

    def behind(self) -> Behind:
        return Behind(
            config=lambda: self.world.config,
            store=self.world.store,
            clock=_Clock(self.world),
            counts=self.counts,
            pulse=lambda: self.pulse,
            is_ready=lambda: self.is_ready,
            try_channel=self._try,
            patience=self.patience,
        )

    async def _try(self, channel: Channel) -> Outcome:
        self.tried.append(channel.name)
        while self.holds is not None and not self.holds.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.01)
        return self.outcome

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._page = self._do(self._start())
        self.port = self._page.address[1] if self._page.address else 0
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._page.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self) -> Page:
        page = Page(self.behind())
        page.start()
        async with asyncio.timeout(20):
            while page.address is None:  # noqa: ASYNC110 - the page tells nobody
                await asyncio.sleep(0.01)
        return page

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **rest: Any) -> httpx.Response:
        """Ask for something."""
        return self.ask("GET", path, **rest)

    def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Ask once, on a connection of its own."""
        return httpx.request(method, self.url + path, timeout=30, **rest)

    def connections(self) -> list[str]:
        """Return the connections that this process has taken, by what the kernel says of them."""
        mine = f":{self.port:04X} "
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return [one for one in lines if one.split()[1].endswith(mine.strip()) and one.split()[3] == "01"]
