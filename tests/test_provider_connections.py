"""Connections: TLS is verified, proxies come from the environment, and a client that only fails is replaced."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import trustme
from provider_server import BALANCE, CONTEXT, KEY, Act, Peer, Server, expect_failure, hang, ok, poll

from monitor.model import Failure, Kind, Reading
from monitor.provider import Legnext, trouble
from monitor.provider.answer import Passing

UNREACHABLE = Kind.UNREACHABLE


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def ask(base_url: str, *, timeout: float = 5, pauses: tuple[float, ...] = ()) -> Reading | Failure:
    async def run() -> Reading | Failure:
        legnext = Legnext(pauses=pauses)
        try:
            return await legnext.observe(api_key=KEY, base_url=base_url, timeout=timeout)
        finally:
            await legnext.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://127.0.0.1:CLOSED", "connection refused"),
        ("https://127.0.0.1:CLOSED", "connection refused"),
        ("https://nothing.invalid", "cannot resolve nothing.invalid"),
        (f"http://{'a' * 70}.invalid", "cannot resolve "),
        ("http://" + "a." * 200 + "invalid", "cannot resolve "),
        ("ftp://127.0.0.1", "is not an address"),
        ("127.0.0.1", "is not an address"),
        ("http://", "is not an address"),
        ("http://[", "cannot resolve "),
        ("http://x:99999999", "cannot resolve x"),
        ("http://x:port", "is not an address"),
        ("", "is not an address"),
        ("http://127.0.0.1:0", ""),
    ],
)
def test_an_address_where_nobody_answers_is_unreachable(base_url: str, words: str) -> None:
    base_url = base_url.replace("CLOSED", str(closed_port()))
    expect_failure(ask(base_url, timeout=2), UNREACHABLE, words)


def test_a_refused_connection_is_tried_again() -> None:
    async def run() -> None:
        port = closed_port()
        legnext = Legnext(ssl_context=CONTEXT, pauses=(0.1, 0.2))
        asked = asyncio.create_task(legnext.observe(api_key=KEY, base_url=f"http://127.0.0.1:{port}", timeout=5))
        await asyncio.sleep(0.05)
        served = Server(ok(BALANCE))
        served.port = port
        async with served:
            assert isinstance(await asked, Reading)
        await legnext.aclose()

    asyncio.run(run())


def served_with(issuer: trustme.CA, *names: str, until: datetime | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issuer.issue_cert(*names, not_after=until).configure_cert(context)
    return context


CA = trustme.CA()
LAST_YEAR = datetime.now(UTC) - timedelta(days=365)


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (served_with(trustme.CA(), "127.0.0.1"), "certificate not trusted: "),
        (served_with(CA, "127.0.0.1", until=LAST_YEAR), "certificate not trusted: certificate has expired"),
        (served_with(CA, "other.example"), "certificate not trusted: IP address mismatch"),
    ],
    ids=["issued by nobody we know", "expired", "of another host"],
)
def test_a_certificate_that_proves_nothing_is_unreachable_and_not_tried_again(
    context: ssl.SSLContext, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def run() -> None:
        async with Server(ok(BALANCE), tls=context) as server:
            expect_failure(await poll(server, ssl_context=None, pauses=(0.01, 0.01)), UNREACHABLE, words)
            assert (server.heard, server.connections) == ([], 0)

    asyncio.run(run())


def test_an_authority_that_the_environment_names_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def run() -> None:
        async with Server(ok(BALANCE), tls=served_with(CA, "127.0.0.1")) as server:
            assert isinstance(await poll(server, ssl_context=None), Reading)

    asyncio.run(run())


async def close(_: Peer) -> None:
    pass


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (ok(BALANCE), "no TLS with 127.0.0.1: "),
        (b"\x15\x03\x01\x00\x02\x02\x28", "no TLS with 127.0.0.1: "),
        (close, "no TLS with 127.0.0.1: "),
        (hang, "cannot connect to 127.0.0.1 in time"),
    ],
    ids=["plain HTTP", "an alert", "closed", "silent"],
)
def test_a_port_that_speaks_no_tls_is_unreachable(greeting: Act, words: str) -> None:
    async def run() -> None:
        async with Server(greeting=greeting) as server:
            server.url = server.url.replace("http://", "https://")
            expect_failure(await poll(server, timeout=0.4), UNREACHABLE, words)

    asyncio.run(run())


def test_plain_http_is_not_spoken_to_a_tls_port() -> None:
    async def run() -> None:
        async with Server(ok(BALANCE), tls=served_with(CA, "127.0.0.1")) as server:
            server.url = server.url.replace("https://", "http://")
            expect_failure(await poll(server), UNREACHABLE, "")
            assert server.heard == []

    asyncio.run(run())


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_certificates_that_cannot_be_loaded_are_named(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    expect_failure(ask("https://127.0.0.1"), UNREACHABLE, "SSL_CERT_FILE")


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with Server(ok(BALANCE)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            proxy.url = "http://api.invalid"
            assert isinstance(await poll(proxy), Reading)
            assert proxy.heard[0].startswith(b"GET http://api.invalid/api/account/balance ")

    asyncio.run(run())


def test_a_proxy_that_refuses_is_unreachable_and_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        refusal = b"HTTP/1.1 407 Not with Basic cGxhbnRlZDpwYXNzd29yZA==\r\nContent-Length: 0\r\n\r\n"
        async with Server(refusal) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            proxy.url = "https://api.invalid"
            words = "the proxy said 407 Proxy Authentication Required"
            assert expect_failure(await poll(proxy), UNREACHABLE, words).reason.endswith(words)
            assert [request.split(b"\r\n")[0] for request in proxy.heard] == [b"CONNECT api.invalid:443 HTTP/1.1"]
            assert b"x-api-key" not in proxy.heard[0]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://127.0.0.1:CLOSED", "connection refused (by way of the proxy in the environment)"),
        ("http://nothing.invalid", "(by way of the proxy in the environment)"),
        ("socks5://user:planted@127.0.0.1", "the environment names a SOCKS proxy, which needs the package socksio"),
        ("ftp://user:planted@127.0.0.1", "the proxy that the environment names cannot be used"),
        ("http://user:planted@x:port", "a proxy that the environment names, is not an address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named(proxy: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = proxy.replace("CLOSED", str(closed_port()))
    monkeypatch.setenv("ALL_PROXY", proxy)
    what = expect_failure(ask("https://api.invalid"), UNREACHABLE, words)
    assert "planted" not in what.reason


def test_a_host_that_is_exempt_from_the_proxy_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("NO_PROXY", "nothing.invalid")
    what = expect_failure(ask("http://nothing.invalid"), UNREACHABLE, "cannot resolve nothing.invalid")
    assert "proxy" not in what.reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ExceptionGroup("both", [OSError(101, "x"), OSError(111, "y")]), "network is unreachable"),
        (RuntimeError("a message that is kept to ourselves"), "cannot ask api.example (RuntimeError)"),
        (httpx.ReadError(""), "the connection to api.example broke off"),
    ],
)
def test_rare_trouble_has_words_too(error: Exception, words: str) -> None:
    what = trouble.before_answer(error, httpx.URL("https://api.example"))
    failure = what.failure if isinstance(what, Passing) else what
    assert failure == Failure(UNREACHABLE, words)


@pytest.mark.parametrize(("failures", "connections"), [(9, 1), (10, 2)])
def test_the_client_is_replaced_after_ten_unreachable_polls_in_a_row(failures: int, connections: int) -> None:
    async def run() -> None:
        async with Server(ok(BALANCE)) as server:
            legnext = Legnext(ssl_context=CONTEXT, pauses=())
            nowhere = f"http://127.0.0.1:{closed_port()}"
            assert isinstance(await legnext.observe(api_key=KEY, base_url=server.url, timeout=5), Reading)
            for _ in range(failures):
                expect_failure(await legnext.observe(api_key=KEY, base_url=nowhere, timeout=5), UNREACHABLE, "")
            assert isinstance(await legnext.observe(api_key=KEY, base_url=server.url, timeout=5), Reading)
            assert server.connections == connections
            await legnext.aclose()

    asyncio.run(run())


def test_replacing_the_client_leaves_requests_in_flight_alone() -> None:
    async def run() -> None:
        go = asyncio.Event()

        async def late(peer: Peer) -> None:
            await go.wait()
            await peer.send(ok(BALANCE))

        async with Server(late) as server:
            legnext = Legnext(ssl_context=CONTEXT, pauses=())
            nowhere = f"http://127.0.0.1:{closed_port()}"
            flight = asyncio.create_task(legnext.observe(api_key=KEY, base_url=server.url, timeout=5))
            await server.spoken_to.wait()
            for _ in range(20):
                await legnext.observe(api_key=KEY, base_url=nowhere, timeout=5)
            go.set()
            assert isinstance(await flight, Reading)
            await legnext.aclose()
            await legnext.aclose()

    asyncio.run(run())


def test_a_poll_that_its_caller_cancels_ends_at_once_and_harms_no_other() -> None:
    async def run() -> None:
        async with Server(hang) as silent, Server(ok(BALANCE)) as server:
            legnext = Legnext(ssl_context=CONTEXT)
            flight = asyncio.create_task(legnext.observe(api_key=KEY, base_url=silent.url, timeout=5))
            await silent.spoken_to.wait()
            flight.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flight
            assert isinstance(await legnext.observe(api_key=KEY, base_url=server.url, timeout=5), Reading)
            await legnext.aclose()

    asyncio.run(run())


def test_a_hundred_polls_at_once_share_one_client() -> None:
    async def run() -> None:
        async with Server(ok(BALANCE)) as server:
            legnext = Legnext(ssl_context=CONTEXT)
            asked = (legnext.observe(api_key=KEY, base_url=server.url, timeout=5) for _ in range(100))
            assert all(isinstance(what, Reading) for what in await asyncio.gather(*asked))
            await legnext.aclose()

    asyncio.run(run())
