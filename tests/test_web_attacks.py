"""Attacks on the page: each is refused, or harms nobody; the health address answers meanwhile."""

import asyncio
import json
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from live import until
from site_of import BEARER, GUARDED, TOKEN, WORLD, Site
from test_web_policy import basic
from world import World

from monitor.store import snoozes
from monitor.web import connection


@pytest.fixture
def site(worlds: Callable[..., World], sites: Callable[..., Site]) -> Site:
    world = worlds(WORLD + GUARDED)
    world.reads("4")
    found: Site = sites(world)
    return found


def is_well(site: Site) -> bool:
    """Say whether the health address answers at once."""
    began = time.monotonic()
    return site.get("/healthz").status_code == 200 and time.monotonic() - began < 5


@contextmanager
def line(site: Site, sent: bytes = b"", *, reads: int | None = None) -> Iterator[socket.socket]:
    """Connect, and say something."""
    with socket.socket() as one:
        if reads is not None:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, reads)
        one.connect(("127.0.0.1", site.port))
        one.settimeout(40)
        one.sendall(sent)
        yield one


def said(one: socket.socket) -> bytes:
    """Return all that comes until the other end hangs up."""
    found = b""
    try:
        while more := one.recv(65536):
            found += more
    except ConnectionError:
        pass
    return found


def raw(site: Site, sent: bytes) -> bytes:
    with line(site, sent) as one:
        return said(one)


# -- names, tokens, other pages ---------------------------------------------------------------------------------------


def test_another_name_that_was_made_to_mean_this_machine_shows_nothing(site: Site) -> None:
    answer = site.get("/api/v1/accounts", headers=BEARER | {"Host": "evil.example"})
    assert (answer.status_code, "72.048" in answer.text) == (421, False)
    assert answer.json()["detail"].startswith("this page is not served under that name: set web.url")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_another_page_changes_nothing_although_the_browser_sends_the_password(kind: str, site: Site) -> None:
    headers = {
        "Authorization": basic(TOKEN),
        "Origin": "https://evil.example",
        "Sec-Fetch-Site": "cross-site",
        "Content-Type": kind,
    }
    for method, path in (
        ("POST", "accounts/main/snooze"),
        ("DELETE", "accounts/main/snooze"),
        ("POST", "channels/ops/test"),
    ):
        answer = site.ask(method, f"/api/v1/{path}", headers=headers, content=b'{"for": "4h"}')
        assert answer.status_code == 403
    with site.world.store.transaction(reads=True) as tx:
        assert snoozes.of(tx, "main") == []
    assert site.tried == []


def test_another_page_cannot_ask_a_browser_whether_it_may(site: Site) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = site.ask("OPTIONS", "/api/v1/accounts/main/snooze", headers=BEARER | asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_wrong_tokens_are_slow_and_the_right_one_is_not(site: Site) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(base_url=site.url, timeout=30, limits=httpx.Limits(max_connections=60)) as client:
            guesses = [asyncio.ensure_future(_timed(client, {"Authorization": f"Bearer {n}"})) for n in range(40)]
            await asyncio.sleep(0.2)
            status, took = await _timed(client, BEARER)
            assert (status, took < 0.8) == (200, True)
            found = [await one for one in guesses]
            assert {status for status, _ in found} == {401, 429}
            assert all(took >= 1 for status, took in found if status == 401)
            assert sum(status == 401 for status, _ in found) <= 16

    asyncio.run(main())


async def _timed(client: httpx.AsyncClient, headers: dict[str, str]) -> tuple[int, float]:
    began = time.monotonic()
    answer = await client.get("/api/v1/alerts", headers=headers)
    return answer.status_code, time.monotonic() - began


# -- paths and what is sent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/../guard.py",
        "/static/..%2fguard.py",
        "/static/%2e%2e/guard.py",
        "/static/....//guard.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/style.css%00.html",
        "/../../../../etc/passwd",
        "//evil.example/",
        "/badge/../../etc/passwd.svg",
        "/api/v1/accounts/..%2f..%2fx",
        "/api/v1/accounts/%ff%fe",
        "/api/v1/accounts/" + "a" * 4000,
    ],
)
def test_no_path_leads_to_a_file_or_an_account_that_is_none(path: str, site: Site) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    answer = raw(site, head.encode())
    assert b" 404 " in answer.splitlines()[0]
    assert b"root:" not in answer
    assert len(answer) < 2000


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000,
        b"GET /" + b"x" * 40_000,
        b"\x00" * 40_000,
    ],
)
def test_rubbish_is_refused_and_says_nothing(sent: bytes, site: Site) -> None:
    answer = raw(site, sent)
    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 401", b""}
    assert len(answer) < 2000
    assert is_well(site)


def test_a_query_may_be_long_but_not_endless(site: Site) -> None:
    long = "since=" + "9" * 7000
    assert site.get(f"/api/v1/accounts/main/history?{long}", headers=BEARER).status_code == 422
    many = "&".join(f"a{n}=1" for n in range(1500))
    assert site.get(f"/api/v1/accounts/main/history?{many}", headers=BEARER).status_code == 422
    assert is_well(site)


def test_a_body_without_an_end_is_cut_off(site: Site) -> None:
    head = f"POST /api/v1/accounts/main/snooze HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with line(site, head.encode()) as one:
        answer = b""
        try:
            for _ in range(2000):
                one.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except ConnectionError:
            pass
        answer = said(one)
    assert b" 413 " in answer or answer == b""
    assert is_well(site)


# -- time and room ----------------------------------------------------------------------------------------------------


@pytest.fixture
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the limits be short: what is to be seen is that there are some."""
    for name, seconds in (("IDLE", 0.6), ("LONGEST", 1.5), ("LOOK", 0.1)):
        monkeypatch.setattr(connection, name, seconds)


HEAD = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"


@pytest.mark.usefixtures("_hurry")
@pytest.mark.parametrize("sent", [b"", b"GET /me", HEAD.encode()], ids=["nothing", "half a line", "half a head"])
def test_who_does_not_say_what_he_wants_is_let_go(sent: bytes, site: Site) -> None:
    began = time.monotonic()
    assert raw(site, sent) == b""
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("_hurry")
def test_who_says_a_letter_at_a_time_is_let_go_too(site: Site) -> None:
    with line(site) as one:
        until(lambda: _is_reset(one, b"G"), "the end of the connection", 20)


@pytest.mark.usefixtures("_hurry")
def test_who_announces_a_body_and_sends_none_is_let_go(site: Site) -> None:
    head = HEAD.replace("GET /metrics", "POST /api/v1/accounts/main/snooze")
    head += "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    began = time.monotonic()
    assert raw(site, head.encode()) == b""
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("_hurry")
def test_who_does_not_read_his_answer_is_let_go(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor import metrics  # noqa: PLC0415 - its answer is made long here

    monkeypatch.setattr(metrics, "write", lambda *_: (b"x" * 20_000_000, "text/plain"))
    with line(site, f"{HEAD}\r\n".encode(), reads=4096) as one:
        time.sleep(0.5)
        assert is_well(site)
        until(lambda: _is_reset(one), "the end of the connection", 15)


def _is_reset(one: socket.socket, word: bytes = b"\r\n") -> bool:
    """Say whether the other end is gone, without reading anything."""
    try:
        one.sendall(word)
    except OSError:
        return True
    return False


def test_a_thousand_idle_connections_starve_nobody(site: Site) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 4096), before[1]))
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(line(site))
        assert is_well(site)
        assert site.get("/metrics", headers=BEARER).status_code == 200
        assert len(site.connections()) <= connection.MOST + 64
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_connections_that_are_busy_give_way_to_a_new_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST", 10)
    head = HEAD.replace("GET /metrics", "POST /api/v1/accounts/main/snooze")
    head += "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(line(site, head.encode()))
        assert is_well(site)


def test_requests_on_one_line_are_answered_one_after_the_other(site: Site) -> None:
    head = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    answer = raw(site, (head * 50 + last).encode())
    assert answer.count(b"HTTP/1.1 200") == 51
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2]) == {"ready": True}
