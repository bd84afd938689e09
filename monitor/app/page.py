"""The page's place in the daemon: it is served while it can be, and whatever keeps it from that stops nothing else.

What serves it takes 6 MB and a tenth of a second to load: it is, once somebody comes.
"""

import asyncio
import contextlib
import socket
import sys
from typing import Any

from monitor import log
from monitor.config import Config, Listen, Unusable
from monitor.web.behind import Behind
from monitor.web.bind import bind

RETRY = 10.0
"""Real seconds between two tries at a port that is taken."""
_STOP = 2.0
_TURN = 0.0005
"""Seconds that a thread which writes a page keeps the others waiting: with the usual ten times as many, polls, each of
which takes many short turns, start seconds late while somebody asks for pages in a loop."""


class Page:
    """Follows ``[web]`` from ``start`` to ``stop``; nothing of it is loaded while ``listen`` is off."""

    def __init__(self, behind: Behind, *, retry: float = RETRY) -> None:
        self.trouble = ""
        """Why it cannot be served, though it should be."""
        self.address: tuple[str, int] | None = None
        """Where it is served now."""
        self._behind, self._retry = behind, retry
        self._changed, self._stopping = asyncio.Event(), False
        self._task: asyncio.Task[None] | None = None
        self._log = log.get("monitor.web")

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="page")

    def follow(self) -> None:
        """Look at the configuration again: it has changed."""
        self._changed.set()

    async def stop(self) -> None:
        """Take no more requests, and give those under way a moment."""
        self._stopping = True
        self._changed.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_STOP)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def _wanted(self) -> Listen | None:
        return None if self._stopping else self._behind.config().web.listen

    async def _run(self) -> None:
        while not self._stopping:
            self._changed.clear()
            wanted = self._wanted
            try:
                if wanted is None:
                    self._note("")
                    await self._changed.wait()
                else:
                    await self._try(wanted)
            except Exception:  # noqa: BLE001 - our own mistake: said, and tried again
                self._log.exception("page_broken")
                await self._wait(self._retry)

    async def _try(self, wanted: Listen) -> None:
        """Serve at an address, until another is wanted; where that cannot be, wait a while."""
        reason = _unusable(self._behind.config())
        bound = None
        if not reason:
            try:
                bound = await asyncio.to_thread(bind, wanted.host, wanted.port)
            except OSError as error:
                reason = f"{wanted} cannot be listened on ({error.strerror or error})"
        self._note(reason)
        if bound is None:
            await self._wait(self._retry)
        else:
            await self._open(bound, wanted)

    async def _open(self, bound: socket.socket, wanted: Listen) -> None:
        host, port, *_ = bound.getsockname()
        self.address = host, port
        self._log.info("page", address=f"http://{Listen(host, port)}/")
        try:
            if await self._is_visited(bound, wanted):
                await self._serve(bound, wanted)
        finally:
            self.address = None
            bound.close()

    async def _is_visited(self, bound: socket.socket, wanted: Listen) -> bool:
        """Wait until somebody comes; say whether the page is still to be there."""
        loop = asyncio.get_running_loop()
        visited = loop.create_future()

        def come() -> None:
            if not visited.done():
                visited.set_result(None)

        loop.add_reader(bound, come)
        try:
            await self._while_wanted(wanted, visited)
        finally:
            loop.remove_reader(bound)
        return self._wanted == wanted

    async def _serve(self, bound: socket.socket, wanted: Listen) -> None:
        routes, server = await asyncio.to_thread(_load)
        serving = server.server(routes.application(self._behind))
        going_on = asyncio.ensure_future(serving.serve(sockets=[bound]))
        try:
            await self._while_wanted(wanted, going_on)
        finally:
            serving.should_exit = True
            await going_on

    async def _while_wanted(self, wanted: Listen, going_on: "asyncio.Future[Any]") -> None:
        """Wait for something to end, or for another configuration."""
        while self._wanted == wanted and not going_on.done():
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({changed, going_on}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    def _note(self, trouble: str) -> None:
        """Say at its two edges that the page cannot be served."""
        if trouble and trouble != self.trouble:
            self._log.error("page_unavailable", reason=trouble, note="all else goes on; tried again")
        self.trouble = trouble


def _unusable(config: Config) -> str:
    token = config.web.token
    return token.reason if isinstance(token, Unusable) else ""


def _load() -> tuple[Any, Any]:
    """Load all that serves; the polls go on meanwhile."""
    sys.setswitchinterval(_TURN)
    from monitor.web import routes, server  # noqa: PLC0415 - see above

    return routes, server
