"""Who listens in a service's place while it is ill: reads requests and treats them badly, or does not even accept."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from receivers import Post

_RESETS = struct.pack("ii", 1, 0)
_NOTHING = 0
Treat = Callable[["Rogue", socket.socket], None]


class Rogue:
    """Listens on a port and hands each client to ``treat``, in a thread of its own, until closed."""

    def __init__(self, port: int, treat: Treat) -> None:
        self.taken: list[Post] = []
        """What was read to its end, and perhaps acted upon."""
        self.closed = threading.Event()
        self._treat = treat
        self._clients: list[socket.socket] = []
        self._socket = _bound(port)
        self._socket.listen(128)
        threading.Thread(target=self._serve, name="rogue", daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self._clients.append(client)
                threading.Thread(target=self._meet, args=(client,), name="rogue", daemon=True).start()

    def _meet(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            self._treat(self, client)

    def take(self, client: socket.socket) -> None:
        """Read a request to its end, and act upon it."""
        self.taken.append(read(client))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Drop all clients, as a service that is restarted does."""
        self.closed.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


def read(client: socket.socket) -> Post:
    """Read a request to its end."""
    with client.makefile("rb") as stream:
        path, headers = stream.readline().decode().split(" ")[1], dict(_headers(stream))
        body = stream.read(int(headers.get("content-length", 0)))
    return Post(time.monotonic(), path, headers, json.loads(body), _NOTHING)


def _headers(stream: Any) -> Iterator[tuple[str, str]]:
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        yield name.lower(), value.strip()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


def reset(_: Rogue, client: socket.socket) -> None:
    """Let what is sent come, for nothing, and reset the connection."""
    read(client)
    _reset(client)


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)


def take_and_reset(rogue: Rogue, client: socket.socket) -> None:
    """Take what is sent, and reset the connection instead of an answer."""
    rogue.take(client)
    _reset(client)


def drip(rogue: Rogue, client: socket.socket) -> None:
    """Take what is sent, and answer with a header that never ends."""
    rogue.take(client)
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Patience: ")
    while not rogue.closed.wait(0.2):
        client.sendall(b"z")


def flood(rogue: Rogue, client: socket.socket) -> None:
    """Answer with an error that never ends, as fast as it is read."""
    read(client)
    client.sendall(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
    while not rogue.closed.is_set():
        client.sendall(b"no " * 100_000)


def slow(seconds: float) -> Treat:
    """Take what is sent, and say so only after a while."""

    def treat(rogue: Rogue, client: socket.socket) -> None:
        rogue.take(client)
        rogue.closed.wait(seconds)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    return treat


@contextlib.contextmanager
def mute(port: int) -> Iterator[None]:
    """Listen and accept nobody: with its queue full, connections are neither made nor refused."""
    with _bound(port) as listening, contextlib.ExitStack() as waiting:
        listening.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield
