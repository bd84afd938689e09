"""A server on 127.0.0.1 that does exactly what a test says, byte for byte, and remembers what it was sent."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import httpx

from monitor.model import Failure, Kind, Reading
from monitor.provider import Legnext

KEY = 'sk-live/9f"8+7=\\6_5%4&3<2'
ANSWERS = Path(__file__).parent / "answers"
BALANCE = (ANSWERS / "legnext_first.json").read_bytes()
FIRST = Reading(
    balance_usd=Decimal("72.048"),
    account_id="1",
    available_credits=Decimal(71000),
    available_points=Decimal(1048),
    alert_threshold=Decimal(10),
    low_balance_alert=False,
    updated_at=datetime(2025, 11, 5, 8, 22, 37, 784663, UTC),
)
CONTEXT = httpx.create_ssl_context()  # made once: it takes longer than most of these tests


class Peer:
    """A connection as the server holds it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)  # close with RST instead of FIN
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


Act = bytes | Callable[[Peer], Awaitable[None]]


class Server:
    """Does one act for each request, the last one again and again; ``greeting`` comes before any request is read."""

    def __init__(self, *acts: Act, greeting: Act | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.acts = list(acts)
        self.greeting = greeting
        self.tls = tls
        self.heard: list[bytes] = []
        self.spoken_to = asyncio.Event()
        self.connections = 0
        self.port = 0
        self.tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            await self._talk(Peer(reader, writer))
        with suppress(asyncio.CancelledError, OSError):
            writer.close()
            await writer.wait_closed()

    async def _talk(self, peer: Peer) -> None:
        if self.greeting is not None:
            await self._do(self.greeting, peer)
            return
        while True:
            self.heard.append(await peer.reader.readuntil(b"\r\n\r\n"))
            self.spoken_to.set()
            act = self.acts[min(len(self.heard), len(self.acts)) - 1]
            await self._do(act, peer)
            if not is_whole(act):
                return

    @staticmethod
    async def _do(act: Act, peer: Peer) -> None:
        if isinstance(act, bytes):
            await peer.send(act)
        else:
            await act(peer)


def is_whole(act: Act) -> bool:
    """Tell whether the connection can go on after this act."""
    head, _, body = act.partition(b"\r\n\r\n") if isinstance(act, bytes) else (b"", b"", b"")
    length = re.search(rb"Content-Length: (\d+)$", head)
    return length is not None and len(body) == int(length[1])


def http(status: int, body: bytes | str = b"", *headers: str) -> bytes:
    """Write an answer with its length, after which the connection stays open."""
    content = body.encode() if isinstance(body, str) else body
    lines = (f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(content)}", "", "")
    return "\r\n".join(lines).encode() + content


def ok(body: bytes | str, *headers: str) -> bytes:
    """Write an HTTP 200."""
    return http(200, body, *headers)


def balance(value: str) -> bytes:
    """Write an HTTP 200 with this balance, in an envelope."""
    return ok(f'{{"code":200,"data":{{"account_id":1,"balance_usd":{value}}},"message":"success"}}')


async def hang(_: Peer) -> None:
    """Say nothing, for ever."""
    await asyncio.sleep(60)


async def poll(server: Server, *, timeout: float = 5, **options: Any) -> Reading | Failure:  # noqa: ASYNC109 - as observe
    """Poll once, without retries unless the test wants them."""
    legnext = Legnext(**{"ssl_context": CONTEXT, "pauses": (), **options})
    try:
        return await legnext.observe(api_key=KEY, base_url=server.url, timeout=timeout)
    finally:
        await legnext.aclose()


def seen(*acts: Act, greeting: Act | None = None, **options: Any) -> Reading | Failure:
    """Say what a poll of a server with these acts sees."""

    async def run() -> Reading | Failure:
        async with Server(*acts, greeting=greeting) as server:
            return await poll(server, **options)

    return asyncio.run(run())


def expect_failure(what: Reading | Failure, kind: Kind, words: str) -> Failure:
    """Hold a failure to its promises: its kind, and a reason that is short, printable and without the key."""
    assert isinstance(what, Failure)
    assert (what.kind, words in what.reason) == (kind, True), what
    assert 0 < len(what.reason) <= 160
    assert what.reason.isprintable()
    assert KEY not in what.reason
    return what
