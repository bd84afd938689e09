"""The page's place in the daemon: it is served while it can be, and whatever keeps it from that stops nothing else."""

import asyncio
import contextlib
import socket
from typing import Any

from monitor import log
from monitor.config import Config, Listen, Unusable
from monitor.web.behind import Behind

WARM_UP = 0.5
"""Real seconds until what serves it is loaded: by then the first polls are through."""
RETRY = 10.0
"""Real seconds between two tries at a port that is taken."""
_STOP = 2.0


class Page:
    """Follows ``[web]`` from ``start`` to ``stop``; nothing of it is loaded while ``listen`` is off."""

    def __init__(self, behind: Behind, *, warm_up: float = WARM_UP, retry: float = RETRY) -> None:
        self.trouble = ""
        """Why it cannot be served, though it should be."""
        self.address: tuple[str, int] | None = None
        """Where it is served now."""
        self._behind, self._warm_up, self._retry = behind, warm_up, retry
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
        await self._wait(self._warm_up)
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
                server = await asyncio.to_thread(_load)
                bound = await asyncio.to_thread(server.bind, wanted.host, wanted.port)
            except OSError as error:
                reason = f"{wanted} cannot be listened on ({error.strerror or error})"
        self._note(reason)
        if bound is None:
            await self._wait(self._retry)
        else:
            await self._serve(bound, wanted)

    async def _serve(self, bound: socket.socket, wanted: Listen) -> None:
        from monitor.web.routes import application  # noqa: PLC0415 - loaded only where it is served
        from monitor.web.server import server  # noqa: PLC0415 - likewise

        serving = server(application(self._behind))
        host, port, *_ = bound.getsockname()
        self.address = host, port
        self._log.info("page", address=f"http://{Listen(host, port)}/")
        going_on = asyncio.ensure_future(serving.serve(sockets=[bound]))
        try:
            while self._wanted == wanted and not going_on.done():
                self._changed.clear()
                changed = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({changed, going_on}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            self.address, serving.should_exit = None, True
            await going_on

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


def _load() -> Any:  # noqa: ANN401 - a module that is loaded only where the page is served
    """Load all that serves, which takes a tenth of a second: the polls go on meanwhile."""
    from monitor.web import server  # noqa: PLC0415 - see above

    return server
