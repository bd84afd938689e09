"""Whatever goes wrong on the wire becomes a failure of the right kind, within the deadline and little memory."""

import asyncio
import gzip
import tracemalloc
import zlib

import pytest
from provider_server import (
    BALANCE,
    Act,
    Peer,
    expect_failure,
    hang,
    ok,
    seen,
)

from monitor.model import Kind, Reading

UNREADABLE, UNREACHABLE = Kind.UNREADABLE, Kind.UNREACHABLE
BOMB = b'{"balance_usd":' + b" " * 30_000_000 + b"5}"


async def reset(peer: Peer) -> None:
    peer.reset()


async def reset_in_the_middle(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await asyncio.sleep(0.05)
    peer.reset()


async def drip(peer: Peer) -> None:
    for byte in ok(BALANCE):
        await peer.send(bytes([byte]))
        await asyncio.sleep(0.02)


async def drip_headers(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await peer.send(b"x-more: 1\r\n")
        await asyncio.sleep(0.02)


async def ten_megabytes(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    for _ in range(1000):
        await peer.send(b" " * 10_000)


async def close(_: Peer) -> None:
    pass


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WIRE: dict[str, tuple[Act, str]] = {
    "closed without a word": (close, "closed without an answer"),
    "closed within the headers": (b"HTTP/1.1 200 OK\r\nContent-Le", "closed without an answer"),
    "closed within the body": (ok(BALANCE)[:-10], "closed in the middle of the answer"),
    "closed within a chunk": (CHUNKED + b"ff\r\n{", "closed in the middle of the answer"),
    "chunks that are none": (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", "not a proper HTTP answer"),
    "reset before the answer": (reset, "connection reset by peer"),
    "reset within the body": (reset_in_the_middle, "closed in the middle of the answer"),
    "no answer": (hang, "no answer within 0.3 s"),
    "an answer byte by byte": (drip, "no answer within 0.3 s"),
    "headers without end": (drip_headers, "no answer within 0.3 s"),
    "a huge header": (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 300_000 + b"\r\n\r\n", "not a proper HTTP answer"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "not a proper HTTP answer"),
    "binary garbage": (bytes(range(256)) * 4, "not a proper HTTP answer"),
    "a length that is no number": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}", "not a proper HTTP answer"),
    "two lengths": (ok("{}", "Content-Length: 5"), "not a proper HTTP answer"),
    "a header with NUL": (ok("{}", "x: a\0b"), "not a proper HTTP answer"),
    "a status of two digits": (b"HTTP/1.1 20 OK\r\n\r\n", "not a proper HTTP answer"),
}


@pytest.mark.parametrize("name", WIRE)
def test_trouble_on_the_wire_is_unreachable(name: str) -> None:
    act, words = WIRE[name]
    expect_failure(seen(act, timeout=0.3), UNREACHABLE, words)


@pytest.mark.parametrize("greeting", [close, reset, hang])
def test_a_connection_that_is_not_served_is_unreachable(greeting: Act) -> None:
    expect_failure(seen(greeting=greeting, timeout=0.3), UNREACHABLE, "")


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(BALANCE)),
        (" X-GZIP ", gzip.compress(BALANCE)),
        ("deflate", zlib.compress(BALANCE)),
        ("deflate", bare_deflate(BALANCE)),
        ("identity", BALANCE),
    ],
)
def test_an_answer_that_is_packed_although_nobody_asked_is_read(encoding: str, packed: bytes) -> None:
    assert isinstance(seen(ok(packed, f"Content-Encoding: {encoding}")), Reading)


@pytest.mark.parametrize(
    ("encoding", "packed", "words"),
    [
        ("gzip", gzip.compress(BOMB), "the answer is longer than 64 KiB"),
        ("deflate", zlib.compress(BOMB), "the answer is longer than 64 KiB"),
        ("deflate", bare_deflate(BOMB), "the answer is longer than 64 KiB"),
        ("gzip", b"\x1f\x8b\x08" + bytes(range(200)), "the answer cannot be unpacked"),
        ("gzip", gzip.compress(BALANCE)[:-12], "the answer cannot be unpacked"),
        ("gzip", BALANCE, "the answer cannot be unpacked"),
        ("deflate", b"", "the answer cannot be unpacked"),
        ("deflate", b"\xff" * 50, "the answer cannot be unpacked"),
        ("br", BALANCE, "packed in a way that was not asked for"),
        ("gzip, gzip", gzip.compress(gzip.compress(BALANCE)), "packed in a way that was not asked for"),
    ],
    ids=range(10),
)
def test_an_answer_that_cannot_be_unpacked_within_bounds_is_unreadable(
    encoding: str, packed: bytes, words: str
) -> None:
    expect_failure(seen(ok(packed, f"Content-Encoding: {encoding}")), UNREADABLE, words)


@pytest.mark.parametrize("act", [ten_megabytes, ok(gzip.compress(BOMB), "Content-Encoding: gzip")], ids=["raw", "bomb"])
def test_a_monstrous_answer_never_enters_memory(act: Act) -> None:
    tracemalloc.start()
    try:
        expect_failure(seen(act), UNREADABLE, "the answer is longer than 64 KiB")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
