"""Asking keeps its manners: where the key goes, cookies, redirects, retries, one deadline, Retry-After."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from provider_server import (
    ANSWERS,
    BALANCE,
    CONTEXT,
    FIRST,
    KEY,
    Act,
    Peer,
    Server,
    expect_failure,
    hang,
    http,
    ok,
    poll,
    seen,
)

from monitor import __version__
from monitor.model import Failure, Kind, Reading
from monitor.provider import PAUSES, Legnext


def run(*acts: Act, with_server: Callable[[Server, Legnext], Any], **options: Any) -> Any:
    """Run a story with a server and one Legnext."""

    async def story() -> Any:
        async with Server(*acts) as server:
            legnext = Legnext(**{"ssl_context": CONTEXT, "pauses": (0.01, 0.02), **options})
            try:
                return await with_server(server, legnext)
            finally:
                await legnext.aclose()

    return asyncio.run(story())


def test_the_request_is_what_the_documentation_asks_for_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password planted\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async def story(server: Server, legnext: Legnext) -> None:
        await legnext.observe(api_key=KEY, base_url=server.url + "/", timeout=5)
        request, *headers = server.heard[0].decode().removesuffix("\r\n\r\n").split("\r\n")
        assert request == "GET /api/account/balance HTTP/1.1"
        assert dict(line.split(": ", 1) for line in headers) == {
            "Host": f"127.0.0.1:{server.port}",
            "User-Agent": f"balance-monitor/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "x-api-key": KEY,
        }

    run(ok(BALANCE), with_server=story)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_reason_names_its_host_only(status: int) -> None:
    async def story() -> None:
        async with Server(ok(BALANCE)) as other:
            where = f"Location: http://user:{quote(KEY, safe='')}@127.0.0.1:{other.port}/login?next={KEY}"
            async with Server(http(status, "", where)) as server:
                what = expect_failure(await poll(server), Kind.UNREADABLE, f"HTTP {status}: ")
            assert what.reason == f"HTTP {status}: a redirect to 127.0.0.1"
            assert other.connections == 0

    asyncio.run(story())


@pytest.mark.parametrize("location", ["/login", "http://[", "http://x:99999999/", "", "//", "\xff\xfe", "data:,x"])
def test_a_redirect_to_nowhere_is_still_a_redirect(location: str) -> None:
    act = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    what = expect_failure(seen(act), Kind.UNREADABLE, "HTTP 302: a redirect")
    assert what.reason.endswith(("that names no host", "to x"))


def test_cookies_are_neither_kept_nor_sent_to_anybody() -> None:
    async def story(server: Server, legnext: Legnext) -> None:
        for key in ("first-key", "second-key", "first-key"):
            assert isinstance(await legnext.observe(api_key=key, base_url=server.url, timeout=5), Reading)
        assert len(server.heard) == 3
        assert server.connections == 1
        assert not any(b"cookie" in request.lower() for request in server.heard)
        assert b"first-key" not in server.heard[1]

    run(ok(BALANCE, "Set-Cookie: session=planted; Path=/"), with_server=story)


async def cut(peer: Peer) -> None:
    peer.reset()


async def close(_: Peer) -> None:
    pass


@pytest.mark.parametrize(
    ("acts", "tries"),
    [
        ([http(503), http(500), ok(BALANCE)], 3),
        ([http(429), ok(BALANCE)], 2),
        ([ok('{"code":429,"message":"slow down"}'), ok('{"error":{"code":500}}'), ok(BALANCE)], 3),
        ([close, ok(BALANCE)], 2),
        ([cut, close, ok(BALANCE)], 3),
    ],
)
def test_what_may_pass_is_tried_again_at_once(acts: list[Act], tries: int) -> None:
    async def story(server: Server, legnext: Legnext) -> None:
        assert await legnext.observe(api_key=KEY, base_url=server.url, timeout=5) == FIRST
        assert len(server.heard) == tries

    run(*acts, with_server=story)


@pytest.mark.parametrize(
    ("act", "tries", "kind"),
    [
        (http(503, '{"code":503,"message":"down"}'), 3, Kind.UNREACHABLE),
        (close, 3, Kind.UNREACHABLE),
        (http(401), 1, Kind.REFUSED),
        (http(403), 1, Kind.UNREACHABLE),
        (http(404), 1, Kind.UNREADABLE),
        (ok("no JSON"), 1, Kind.UNREADABLE),
        (ok(BALANCE)[:-5], 1, Kind.UNREACHABLE),
        (b"garbage\r\n\r\n", 1, Kind.UNREACHABLE),
    ],
)
def test_two_retries_are_the_most_and_only_for_what_may_pass(act: Act, tries: int, kind: Kind) -> None:
    async def story(server: Server, legnext: Legnext) -> None:
        expect_failure(await legnext.observe(api_key=KEY, base_url=server.url, timeout=5), kind, "")
        assert len(server.heard) == tries

    run(act, with_server=story)


def took(*acts: Act, timeout: float, **options: Any) -> tuple[Reading | Failure, float, int]:
    """Say what is seen, how many seconds it took and how many requests."""

    async def story(server: Server, legnext: Legnext) -> tuple[Reading | Failure, float, int]:
        begun = asyncio.get_running_loop().time()
        what = await legnext.observe(api_key=KEY, base_url=server.url, timeout=timeout)
        return what, asyncio.get_running_loop().time() - begun, len(server.heard)

    result: tuple[Reading | Failure, float, int] = run(*acts, with_server=story, **options)
    return result


def test_the_pauses_are_about_a_third_of_a_second_and_a_second() -> None:
    what, seconds, requests = took(http(503), timeout=5, pauses=PAUSES)
    assert 0.9 < seconds < 3
    assert (requests, what) == (3, Failure(Kind.UNREACHABLE, "HTTP 503 (Service Unavailable)"))


def test_no_pause_passes_the_deadline() -> None:
    what, seconds, requests = took(http(503), timeout=2, pauses=(0.01, 10))
    assert seconds < 2
    assert (requests, what) == (2, Failure(Kind.UNREACHABLE, "HTTP 503 (Service Unavailable)"))


def test_one_deadline_covers_all_tries() -> None:
    what, seconds, requests = took(http(503), hang, timeout=0.4)
    assert 0.35 < seconds < 2
    assert (requests, what) == (2, Failure(Kind.UNREACHABLE, "no answer within 0.4 s"))


NOW = datetime(2026, 1, 13, 10, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("120", timedelta(minutes=2)),
        ("3600", HOUR),
        ("3601", HOUR),
        ("9" * 5000, HOUR),
        ("Tue, 13 Jan 2026 10:05:00 GMT", timedelta(minutes=5)),
        ("Tue, 13 Jan 2099 10:05:00 GMT", HOUR),
    ],
)
@pytest.mark.parametrize("act", [(429, ""), (503, ""), (200, '{"code":429}')])
def test_a_long_retry_after_ends_the_poll_and_is_handed_on(header: str, asked: timedelta, act: tuple[int, str]) -> None:
    what, _, requests = took(http(*act, f"Retry-After: {header}"), timeout=5, now=lambda: NOW)
    assert isinstance(what, Failure)
    assert (requests, what.retry_after) == (1, asked)


@pytest.mark.parametrize(
    "header",
    [
        *("soon", "-5", "1.5", "1e3", "\u0661", "0", "", "5, 7"),
        *("Tue, 13 Jan 2026 09:00:00 GMT", "Tue, 31 Feb 2026 10:05:00 GMT", "Tue, 13 Jan 2026 10:05:00"),
        "Tuesday, 13-Jan-26 10:05:00 GMT",
    ],
)
def test_a_retry_after_that_is_garbage_or_over_is_ignored(header: str) -> None:
    what, _, requests = took(http(429, "", f"Retry-After: {header}"), timeout=5, now=lambda: NOW)
    assert isinstance(what, Failure)
    assert (requests, what.retry_after) == (3, None)


def test_a_short_retry_after_is_waited_for() -> None:
    what, seconds, requests = took(http(429, "", "Retry-After: 1"), ok(BALANCE), timeout=5)
    assert (what, requests) == (FIRST, 2)
    assert 1 <= seconds < 3


def test_a_retry_after_beside_another_failure_counts_only_when_that_may_pass() -> None:
    unreachable, _, _ = took(http(403, "<html>", "Retry-After: 60"), timeout=5)
    unreadable, _, _ = took(http(404, "", "Retry-After: 60"), timeout=5)
    reading, _, _ = took(ok(BALANCE, "Retry-After: 60"), timeout=5)
    assert isinstance(unreachable, Failure)
    assert isinstance(unreadable, Failure)
    assert (unreachable.retry_after, unreadable.retry_after, reading) == (timedelta(minutes=1), None, FIRST)


@pytest.mark.parametrize("key", ["", "two words", "sk-live\n", "sk-l\xefve", "sk-\u0661", "sk\ud800", "a\0b"])
def test_a_key_that_cannot_be_one_is_refused_and_never_sent(key: str) -> None:
    async def story(server: Server, legnext: Legnext) -> None:
        what = await legnext.observe(api_key=key, base_url=server.url, timeout=5)
        assert isinstance(what, Failure)
        assert what.kind is Kind.REFUSED
        assert server.connections == 0

    run(ok(BALANCE), with_server=story)


def test_a_word_that_happens_to_be_a_short_key_is_left_alone() -> None:
    async def story(server: Server, legnext: Legnext) -> None:
        refused = await legnext.observe(api_key="key", base_url=server.url, timeout=5)
        assert refused == Failure(Kind.REFUSED, "HTTP 401: Failed to verify api key")
        what = await legnext.observe(api_key="key", base_url=server.url, timeout=5)
        assert what == Reading(balance_usd=Decimal(5), account_id="monkey")

    refusal = http(401, (ANSWERS / "legnext_refused.json").read_bytes())
    run(refusal, ok('{"balance_usd":5,"account_id":"monkey"}'), with_server=story)
