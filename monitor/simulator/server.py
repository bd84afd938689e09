"""The server end of HTTP/1.1: keep-alive, pipelining, and answers that drip, hang, or end badly on purpose."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from monitor.simulator.faults import Answer, error, http
from monitor.simulator.request import BODY_LIMIT, HEAD_LIMIT, BadRequest, Request, take

_AHEAD = HEAD_LIMIT + BODY_LIMIT
_CLOSE = "Connection: close\r\n"

Respond = Callable[[Request], Answer]


@asynccontextmanager
async def listening(respond: Respond, host: str, port: int) -> AsyncIterator[int]:
    """Answer requests on a port, which is yielded (0 takes any), until the end; then drop whoever is connected."""
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(respond, connections), host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        # What was accepted becomes a connection only some turns later: a server closed by then would leak the socket.
        for listener in server.sockets:
            loop.remove_reader(listener.fileno())
        await _turns()
        server.close()
        for connection in tuple(connections):
            connection.drop()
        await _turns()
        await server.wait_closed()


async def _turns() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


class Connection(asyncio.Protocol):
    """One client: its requests are answered one after the other, in order."""

    def __init__(self, respond: Respond, connections: "set[Connection]") -> None:
        self._respond = respond
        self._connections = connections
        self._transport: asyncio.Transport
        self._received = b""
        self._busy = False  # an answer is under way, or there will be no more
        self._full = False  # the client does not take what was written
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server makes
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was still to be sent."""
        del exc
        self._connections.discard(self)
        self._busy = True
        if self._timer:
            self._timer.cancel()

    def drop(self) -> None:
        """Close now, whatever is under way."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes, in whatever pieces they come."""
        self._received += data
        self._serve()
        if len(self._received) > _AHEAD and (self._busy or self._full):
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Answer nothing more while the client does not read."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on."""
        self._full = False
        self._serve()

    def _serve(self) -> None:
        while self._received and not self._busy and not self._full:
            try:
                taken = take(self._received)
            except BadRequest as bad:
                self._write(http(bad.status, error(bad.status, str(bad)), extra=_CLOSE), closes=True)
                return
            if taken is None:
                break
            request, self._received = taken
            self._answer(request, self._respond(request))
        if not self._busy and not self._full:
            self._transport.resume_reading()

    def _answer(self, request: Request, answer: Answer) -> None:
        data = answer.data
        if request.method == "HEAD":
            data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        if not request.keep_alive:
            data = data.replace(b"\r\n", b"\r\n" + _CLOSE.encode(), 1)
        closes = answer.end == "close" or not request.keep_alive
        if answer.end == "reset":
            self._reset()
        elif answer.end == "hang":
            self._busy = True
        elif answer.delay:
            self._after(answer.delay, self._resume, data, closes)
        elif answer.drip:
            self._drip(data, answer.drip, closes)
        else:
            self._write(data, closes)

    def _write(self, data: bytes, closes: bool) -> None:  # noqa: FBT001 - a timer calls by position
        self._transport.write(data)
        if closes:
            self._busy = True
            self._transport.close()

    def _resume(self, data: bytes, closes: bool) -> None:  # noqa: FBT001
        self._busy = False
        self._write(data, closes)
        self._serve()

    def _drip(self, data: bytes, pause: float, closes: bool) -> None:  # noqa: FBT001
        if len(data) == 1:
            self._resume(data, closes)
            return
        self._transport.write(data[:1])
        self._after(pause, self._drip, data[1:], pause, closes)

    def _after(self, pause: float, call: Callable[..., None], *arguments: object) -> None:
        self._busy = True
        self._timer = asyncio.get_running_loop().call_later(pause, call, *arguments)

    def _reset(self) -> None:
        self._busy = True
        linger_not = struct.pack("ii", 1, 0)  # closing then sends RST and forgets what was unsent
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        self._transport.abort()
