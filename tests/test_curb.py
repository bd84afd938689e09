"""Of an answer no more is read than is worth it, however a service floods, drips or breaks off; its status counts."""

import contextlib
import gzip
import itertools
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest
from test_notify import send

from monitor import curb
from monitor.model import NotSent, Outcome, Sent

REFUSED = NotSent("HTTP 500 Internal Server Error")


@contextlib.contextmanager
def service(answer: Callable[[], Iterable[bytes]]) -> Iterator[str]:
    """Answer a request piece by piece, for as long as somebody reads."""

    def serve(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with contextlib.suppress(OSError), client:
            client.recv(65536)
            for piece in answer():
                client.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield f"json://127.0.0.1:{listening.getsockname()[1]}/hook"


def outcome(answer: Callable[[], Iterable[bytes]]) -> Outcome:
    with service(answer) as url:
        return send(url)


def most_memory(act: Callable[[], object]) -> int:
    """Return the bytes that were in use at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_flood_without_end_is_cut_off_and_takes_no_memory() -> None:
    def flood() -> Iterator[bytes]:
        yield b"HTTP/1.1 500 Oh\r\n\r\n"
        yield from itertools.repeat(b"no " * 20_000)

    assert outcome(flood) == REFUSED
    assert most_memory(lambda: outcome(flood)) < 8 * curb.LONGEST


def test_what_swells_when_it_is_unpacked_is_cut_off_too() -> None:
    bomb = gzip.compress(bytes(100 * 2**20), 1)
    head = f"HTTP/1.1 500 Oh\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    with service(lambda: [head, bomb]) as url:
        assert most_memory(lambda: send(url)) < 8 * curb.LONGEST


def test_an_answer_that_drips_is_left_when_enough_was_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        while True:
            time.sleep(0.05)
            yield b"x"

    monkeypatch.setattr(curb, "PATIENCE", 0.5)
    began = time.monotonic()
    assert outcome(drip) == Sent()  # it said so
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 100\r\n\r\nabc",
        b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ],
)
def test_an_answer_that_breaks_off_counts_by_its_status(body: bytes) -> None:
    assert outcome(lambda: [b"HTTP/1.1 200 OK\r\n", body]) == Sent()
    assert outcome(lambda: [b"HTTP/1.1 500 Oh\r\n", body]) in {REFUSED, NotSent(f"{REFUSED.reason}: abc")}


def test_the_words_of_an_answer_in_pieces_are_read_to_their_end() -> None:
    pieces = [
        b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"5\r\nnot t\r\n",
        b"6\r\noo bad\r\n",
        b"0\r\n\r\n",
    ]
    assert outcome(lambda: pieces) == NotSent("HTTP 400 Bad Request: not too bad")


def test_channels_that_begin_at_once_read_their_answers_all_the_same() -> None:
    """What threads make ready twice is as good as once."""
    from monitor.notify import _library  # noqa: PLC0415 - as a second thread would have it

    _library.__wrapped__()
    assert outcome(lambda: [b"HTTP/1.1 400 No\r\nContent-Length: 7\r\n\r\ntoo bad"]) == NotSent(
        "HTTP 400 Bad Request: too bad"
    )
