"""A broker that takes no message: what it says is told, and nobody goes on knocking at its door."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from test_vendors import RAISED

from monitor.model import NotSent
from monitor.notify import Notifier


@contextmanager
def broker(answer: bytes) -> Iterator[tuple[int, Callable[[], int]]]:
    """Answer whoever connects with these bytes and nothing more; give the port, and how many came."""
    came: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client = listening.accept()[0]
            except OSError:  # closed
                return
            came.append(client)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], lambda: len(came)
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for client in came:
        client.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\x20\x02\x00\x04", "authentication failed: Bad user name or password"),
        (b"\x20\x02\x00\x05", "authentication failed: Not authorized"),
        (b"\x20\x02\x00\x03", "the broker said: Server unavailable"),
        (b"\x20\x02\x00\x00", "no answer in time"),
        (b"", "no answer in time"),
    ],
)
def test_it_is_told_why_a_broker_has_not_taken_a_message_and_no_connection_is_left(answer: bytes, reason: str) -> None:
    before = threading.active_count()
    with broker(answer) as (port, came):
        notifier = Notifier(f"mqtt://ops:word@127.0.0.1:{port}/topic?rto=0.5", redact=str)
        assert notifier.send(RAISED) == NotSent(reason)
        assert came() > 0
        assert threading.active_count() == before + 1  # the broker's
