"""Who may see what: names that are not ours, wrong tokens, and changes that another page brings about."""

import base64
from dataclasses import replace

import pytest
from pydantic import SecretStr

from monitor.config import Listen, Unusable, Web
from monitor.web.policy import Asked, refuse

TOKEN = "a-token-of-16-characters"
HERE = Web(listen=Listen("127.0.0.1", 8080), url=None, token=None)
GUARDED = Web(listen=Listen("127.0.0.1", 8080), url="https://monitor.example/balances", token=SecretStr(TOKEN))
EVERYWHERE = Web(listen=Listen("0.0.0.0", 8080), url=None, token=SecretStr(TOKEN))


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


BEARER = f"Bearer {TOKEN}"


def status(asked: Asked, web: Web) -> int | None:
    found = refuse(asked, web)
    return None if found is None else found.status


def seen(host: str | None, web: Web, **rest: str) -> int | None:
    hosts = () if host is None else (host,)
    return status(Asked(method="GET", path="/api/v1/accounts", hosts=hosts, **rest), web)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:9999", "LOCALHOST", "[::1]:8080", "127.9.9.9"])
def test_a_page_of_this_machine_is_seen_under_the_names_of_this_machine(host: str) -> None:
    assert seen(host, HERE) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "192.168.1.5:8080",
        "monitor.example",
        "0x7f.1",
        "2130706433",
    ],
)
def test_under_any_other_name_it_is_not(host: str) -> None:
    assert seen(host, HERE) == 421


@pytest.mark.parametrize("host", [None, "", "localhost/x", "me@localhost", "localhost:port", "[::1", "localhost?x"])
def test_without_a_name_that_is_one_nothing_is_seen(host: str | None) -> None:
    assert seen(host, HERE) == 400


def test_two_names_are_none() -> None:
    asked = Asked(method="GET", path="/metrics", hosts=("localhost", "evil.example"))
    assert status(asked, HERE) == 400


def test_the_configured_address_of_the_page_is_a_name_of_ours() -> None:
    assert seen("monitor.example", GUARDED, authorization=BEARER) is None
    assert seen("monitor.example:8443", GUARDED, authorization=BEARER) is None
    assert seen("other.example", GUARDED, authorization=BEARER) == 421


def test_a_page_for_others_is_seen_under_any_address_which_can_be_made_to_mean_nothing_else() -> None:
    assert seen("192.168.1.5:8080", EVERYWHERE, authorization=BEARER) is None
    assert seen("[fd00::1]:8080", EVERYWHERE, authorization=BEARER) is None
    assert seen("evil.example", EVERYWHERE, authorization=BEARER) == 421


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_health_addresses_are_for_whoever_asks(path: str) -> None:
    assert status(Asked(method="GET", path=path, hosts=("evil.example",)), GUARDED) is None
    assert status(Asked(method="GET", path=path, hosts=()), GUARDED) is None


@pytest.mark.parametrize(
    "path", ["/healthz/", "//healthz", "/healthz/../metrics", "/HEALTHZ", "/metrics", "/", "/static/x"]
)
def test_everything_else_needs_the_token_where_there_is_one(path: str) -> None:
    assert status(Asked(method="GET", path=path, hosts=("localhost",)), GUARDED) == 401


@pytest.mark.parametrize("said", [BEARER, f"bearer  {TOKEN} ", basic(TOKEN), basic(TOKEN, user="")])
def test_the_token_is_a_bearer_or_a_password_of_anybody(said: str) -> None:
    assert seen("localhost", GUARDED, authorization=said) is None


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Token {TOKEN}",
        TOKEN,
        basic("wrong"),
        f"Basic {TOKEN}",
        "Basic !!!",
        "Basic /w==",
        f"Bearer {TOKEN.upper()}",
        "Bearer ü",
    ],
)
def test_anything_else_is_not(said: str) -> None:
    found = refuse(Asked(method="GET", path="/metrics", hosts=("localhost",), authorization=said), GUARDED)
    assert found is not None
    assert found.status == 401
    assert found.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert TOKEN not in found.detail


def test_who_says_no_token_at_all_does_not_guess() -> None:
    for said, guesses in (("", False), ("Bearer wrong", True), (basic("wrong"), True)):
        found = refuse(Asked(method="GET", path="/metrics", hosts=("localhost",), authorization=said), GUARDED)
        assert found is not None
        assert found.is_wrong_token is guesses


def test_a_token_that_cannot_be_read_is_nobodys() -> None:
    web = Web(listen=Listen("127.0.0.1", 8080), url=None, token=Unusable("gone"))
    assert seen("localhost", web, authorization="Bearer gone") == 401
    assert seen("localhost", web) == 401


# -- changes ----------------------------------------------------------------------------------------------------------


def changed(web: Web = GUARDED, *, host: str = "localhost:8080", method: str = "POST", **rest: str) -> int | None:
    return status(Asked(method=method, path="/api/v1/accounts/main/snooze", hosts=(host,), **rest), web)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "WHATEVER"])
def test_without_a_configured_token_nobody_changes_anything(method: str) -> None:
    assert changed(HERE, method=method) == 403
    assert changed(HERE, method=method, origin="http://localhost:8080", fetch_site="same-origin") == 403


def test_a_program_that_says_the_token_changes_what_it_likes() -> None:
    assert changed(authorization=BEARER) is None


def test_a_page_of_ours_does_with_the_password_that_the_browser_sends_along() -> None:
    said = basic(TOKEN)
    assert changed(authorization=said, origin="http://localhost:8080", fetch_site="same-origin") is None
    assert changed(authorization=said, origin="http://localhost:8080") is None
    assert changed(authorization=said, fetch_site="same-origin") is None
    behind_a_proxy = {"host": "127.0.0.1:8080", "origin": "https://monitor.example"}
    assert changed(authorization=said, fetch_site="same-origin", **behind_a_proxy) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://monitor.example:443", "https://monitor.example"),
        ("http://monitor.example:80/balance", "http://monitor.example"),
        ("https://monitor.example:8443", "https://monitor.example:8443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_page_is_known_by_the_origin_that_a_browser_says_of_its_address(url: str, origin: str) -> None:
    web = replace(GUARDED, url=url)
    assert changed(web, authorization=basic(TOKEN), origin=origin, fetch_site="same-origin") is None
    assert changed(web, authorization=basic(TOKEN), origin=f"{origin}0", fetch_site="same-origin") == 403


@pytest.mark.parametrize(
    "rest",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "https://evil.example", "fetch_site": "cross-site"},
        {"origin": "null"},
        {"origin": "null", "fetch_site": "cross-site"},
        {"fetch_site": "cross-site"},
        {"fetch_site": "same-site"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://localhost:8080.evil.example"},
        {"origin": "http://localhost:8080", "fetch_site": "cross-site"},
        {"origin": "https://monitor.example.evil.example"},
        {"origin": "http://monitor.example"},
    ],
)
def test_another_page_does_not_although_the_browser_sends_the_password_along(rest: dict[str, str]) -> None:
    assert changed(authorization=basic(TOKEN), **rest) == 403  # type: ignore[arg-type]


def test_another_page_does_not_even_with_the_token_itself() -> None:
    assert changed(authorization=BEARER, origin="https://evil.example", fetch_site="cross-site") == 403
