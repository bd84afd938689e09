"""The daemon's end of its pulse: it answers under its names, from its own loop, as long as that runs."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict

from monitor.pulse import Pulse

_TURNS = 8


class _Telling(asyncio.Protocol):
    """One who asked: is told, and is through."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_unix_server makes
        transport.write(self._said)
        transport.close()


class Beating:
    """Runs from ``start`` to ``stop``; whoever connects is told."""

    def __init__(self, names: Sequence[str], feel: Callable[[], Pulse]) -> None:
        self._names, self._feel = names, feel
        self._servers: list[asyncio.Server] = []

    async def start(self) -> str | None:
        """Begin to answer; return why that cannot be, or None."""
        loop, wrong = asyncio.get_running_loop(), ""
        for name in filter(None, self._names):
            try:
                self._servers.append(await loop.create_unix_server(self._tell, path=name))
            except OSError as error:
                wrong = os.strerror(error.errno or 0)
        return None if self._servers else wrong

    def _tell(self) -> _Telling:
        return _Telling(json.dumps(asdict(self._feel())).encode())

    async def stop(self) -> None:
        """Answer nobody any more."""
        # What was accepted becomes a connection only some turns later: a server closed by then would leak the socket.
        for server in self._servers:
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener.fileno())
        await self._turns()
        for server in self._servers:
            server.close()
        await self._turns()

    async def _turns(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
