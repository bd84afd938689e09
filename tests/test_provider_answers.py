"""Whatever a server says wrong becomes a failure of the right kind, with a reason fit for people."""

import asyncio
import base64
import html
import json
from urllib.parse import quote

import pytest
from provider_server import (
    BALANCE,
    KEY,
    Server,
    balance,
    expect_failure,
    http,
    ok,
    poll,
    seen,
)

from monitor.model import Kind

UNREADABLE, UNREACHABLE, REFUSED = Kind.UNREADABLE, Kind.UNREACHABLE, Kind.REFUSED
NOT_JSON = "the answer is not JSON"
PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>"

BALANCES = {
    "NaN": "NaN in it, which is not JSON",
    "Infinity": "Infinity in it, which is not JSON",
    "-Infinity": "-Infinity in it, which is not JSON",
    "null": "balance_usd is null",
    "true": "balance_usd is not a number",
    "false": "balance_usd is not a number",
    "[]": "balance_usd is not a number",
    '{"usd":5}': "balance_usd is not a number",
    '""': "balance_usd is not a number",
    '" 5"': "balance_usd is not a number",
    '"$5.00"': "balance_usd is not a number",
    '"5,00"': "balance_usd is not a number",
    '"5e1"': "balance_usd is not a number",
    '"NaN"': "balance_usd is not a number",
    '"1_000"': "balance_usd is not a number",
    '"\u0665"': "balance_usd is not a number",
    '"\\u0000"': "balance_usd is not a number",
    '"\\ud800"': "balance_usd is not a number",
    "1e999": "balance_usd has an absurd exponent",
    "1E+1000000": "balance_usd has an absurd exponent",
    "1e99999999999999999999": "balance_usd has an absurd exponent",
    "-1000000000000.01": "balance_usd is beyond 10^12",
    "1000000000001": "balance_usd is beyond 10^12",
    '"1000000000001"': "balance_usd is beyond 10^12",
    "1e13": "balance_usd is beyond 10^12",
    "9" * 50: "balance_usd has more than 20 digits",
    "9" * 5000: "balance_usd has an absurd exponent",
    '"' + "9" * 5000 + '"': "balance_usd has more than 20 digits",
    "1e-20": "balance_usd has more than 20 digits",
    "1" * 21: "balance_usd has more than 20 digits",
    '"' + "0" * 21 + '"': "balance_usd has more than 20 digits",
    "0.12345678901234567890": "balance_usd has more than 20 digits",
    "5." + "0" * 5000: "balance_usd has more than 20 digits",
    "1e-1000": "balance_usd has an absurd exponent",
    "0e-1000000": "balance_usd has an absurd exponent",
    "1e-99999999999999999999": "balance_usd has an absurd exponent",
    "5, NaN": NOT_JSON,
    "05": NOT_JSON,
    "+5": NOT_JSON,
    "5,": NOT_JSON,
    "'5'": NOT_JSON,
    '5,"balance_usd":500': "the answer names a field twice",
}

BODIES: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "the answer is empty"),
    "blank": (" \r\n\t", "the answer is empty"),
    "an HTML page": (PAGE, "the answer is HTML, not JSON"),
    "an XML page": ('\n<?xml version="1.0"?><a/>', "the answer is HTML, not JSON"),
    "cut JSON": (BALANCE[:60], NOT_JSON),
    "two documents": (BALANCE * 2, NOT_JSON),
    "plain words": ("upstream connect error", NOT_JSON),
    "a list": ("[5]", "the answer is not a JSON object"),
    "a number": ("72.048", "the answer is not a JSON object"),
    "a string": ('"72.048"', "the answer is not a JSON object"),
    "null": ("null", "the answer is not a JSON object"),
    "an empty object": ("{}", "the answer has no balance_usd"),
    "data null": ('{"code":200,"data":null,"balance_usd":5}', "data is null"),
    "data a list": ('{"code":200,"data":[{"balance_usd":5}]}', "data is not an object"),
    "data empty": ('{"code":200,"data":{}}', "the answer has no balance_usd"),
    "deep lists": ("[" * 60_000, "the answer is nested too deeply"),
    "deep objects": ('{"a":' * 12_000, "the answer is nested too deeply"),
    "UTF-16": ('{"balance_usd":5}'.encode("utf-16"), "the answer is not UTF-8"),
    "UTF-16 without its mark": ('{"balance_usd":5}'.encode("utf-16-le"), NOT_JSON),
    "Latin-1": ('{"balance_usd":5,"message":"\xe9"}'.encode("latin-1"), "the answer is not UTF-8"),
    "NUL bytes": (b'{"balance_usd":5\0}', NOT_JSON),
    "only NUL bytes": (b"\0" * 100, NOT_JSON),
    "a raw control character": (b'{"balance_usd":"5\n"}', NOT_JSON),
    "code a word": ('{"code":"ok","balance_usd":5}', "code is not a number"),
    "code true": ('{"code":true,"balance_usd":5}', "code is not a number"),
    "code 0": ('{"code":0,"balance_usd":5}', "code 0"),
    "code 1001": ('{"code":1001,"message":"no such user","data":null}', "code 1001: no such user"),
    "code 302": ('{"code":302,"message":"moved"}', "code 302: moved"),
    "an error without code": ('{"error":{"message":"broken"},"balance_usd":5}', "the answer is an error: broken"),
    "an error that is a string": ('{"error":"broken","balance_usd":5}', "the answer is an error: broken"),
    "an error that says nothing": ('{"error":[1],"balance_usd":5}', "an error: it does not say which"),
    "an error with code 200": ('{"error":{"code":200,"message":"what"},"balance_usd":5}', "an error: what"),
    "64 KiB and more": (b'{"balance_usd":5}' + b" " * 65536, "the answer is longer than 64 KiB"),
}

CODES = {
    '{"code":401,"message":"Failed to verify api key"}': (REFUSED, "code 401: Failed to verify api key"),
    '{"code":"401","message":"Failed to verify api key"}': (REFUSED, "code 401: Failed to verify api key"),
    '{"error":{"code":402,"message":"Insufficient credits"}}': (REFUSED, "code 402: Insufficient credits"),
    '{"code":403}': (REFUSED, "code 403 (Forbidden)"),
    '{"code":429,"message":" "}': (UNREACHABLE, "code 429 (Too Many Requests)"),
    '{"code":500,"data":{"balance_usd":5}}': (UNREACHABLE, "code 500 (Internal Server Error)"),
    '{"error":{"code":503,"message":"maintenance"}}': (UNREACHABLE, "code 503: maintenance"),
    '{"code":404,"message":"no route"}': (UNREADABLE, "code 404: no route"),
}

OWN = '{"code":%d,"message":"The words of the API","raw_message":"","detail":null}'
STATUSES = {
    **dict.fromkeys((400, 404, 405, 407, 408, 409, 413, 418, 422, 451, 499, 600, 999), UNREADABLE),
    **dict.fromkeys((201, 202, 203, 205, 206, 226, 299, 300, 304, 305), UNREADABLE),
    **dict.fromkeys((429, 500, 501, 502, 503, 504, 520, 599), UNREACHABLE),
    **dict.fromkeys((401, 402, 403), REFUSED),
}


def test_every_balance_that_is_no_sane_number_is_unreadable() -> None:
    async def run() -> None:
        async with Server(*map(balance, BALANCES)) as server:
            for words in BALANCES.values():
                what = await poll(server)
                expect_failure(what, UNREADABLE, words)
            assert len(server.heard) == len(BALANCES)

    asyncio.run(run())


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_makes_no_sense_is_unreadable(name: str) -> None:
    body, words = BODIES[name]
    expect_failure(seen(ok(body)), UNREADABLE, words)


@pytest.mark.parametrize("body", CODES)
def test_a_code_inside_an_http_200_counts_like_the_same_status(body: str) -> None:
    expect_failure(seen(ok(body)), *CODES[body])


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_its_kind_and_the_reason_says_it(status: int) -> None:
    redirect = 300 <= status < 400
    words = f"HTTP {status}: " + ("a redirect that names no host" if redirect else "The words of the API")
    bodyless = status == 304
    expect_failure(seen(http(status, "" if bodyless else OWN % status)), STATUSES[status], words)


def test_a_204_is_unreadable() -> None:
    expect_failure(seen(b"HTTP/1.1 204 No Content\r\n\r\n"), UNREADABLE, "HTTP 204 (No Content)")


def test_a_switch_of_protocols_that_nobody_asked_for_is_unreadable() -> None:
    act = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    what = seen(act)
    expect_failure(what, UNREACHABLE, "not a proper HTTP answer")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
@pytest.mark.parametrize("body", [PAGE, "", "[]", "{", '{"message":7}', b"\xff", b"x" * 100_000])
def test_an_error_is_classified_by_its_status_when_its_body_says_nothing(status: int, body: bytes | str) -> None:
    kind = UNREACHABLE if status == 403 else STATUSES[status]
    expect_failure(seen(http(status, body)), kind, f"HTTP {status} (")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"code":403,"message":"no access"}', REFUSED),
        ('{"error":{"code":"403","message":"no access"}}', REFUSED),
        ('{"message":"no access"}', UNREACHABLE),
        ('{"code":403}', UNREACHABLE),
        ('{"success":false,"errors":[{"code":1020}],"code":null,"message":"x"}', UNREACHABLE),
        ('{"error":"no access"}', UNREACHABLE),
    ],
)
def test_a_403_is_refused_only_in_the_words_of_the_api_itself(body: str, kind: Kind) -> None:
    expect_failure(seen(http(403, body)), kind, "HTTP 403")


ECHOES = {
    "as it is": KEY,
    "in JSON": json.dumps(KEY),
    "in JSON in JSON": json.dumps(json.dumps(KEY)),
    "in JSON with escaped slashes": json.dumps(KEY).replace("/", "\\/"),
    "in code points": "".join(f"\\u{ord(c):04X}" for c in KEY),
    "in a URL": quote(KEY),
    "in a URL, all of it": quote(KEY, safe="").lower().replace("%", "%25"),
    "in HTML": html.escape(KEY),
    "in HTML, all of it": "".join(f"&#{ord(c)};" for c in KEY),
    "in base64": base64.b64encode(KEY.encode()).decode(),
    "amid base64": base64.urlsafe_b64encode(f"user:{KEY}:more".encode()).decode(),
    "twice": KEY + KEY,
    "where it is cut": "x" * 130 + KEY,
    "beside what does not print": f"\x00\u202e{KEY}\ud800\x1b[31m",
}


@pytest.mark.parametrize("form", ECHOES)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_key_that_the_server_echoes_is_struck_out(form: str, status: int) -> None:
    body = json.dumps({"code": 401, "message": f"no such key: {ECHOES[form]}"})
    what = expect_failure(seen(http(status, body)), REFUSED if status != 500 else UNREACHABLE, "no such key: ")
    assert ECHOES[form] not in what.reason
    assert not any(piece in what.reason for piece in ("live", "9f", "6_5", "4&amp;3"))


def test_words_of_the_api_become_one_short_printable_line() -> None:
    body = json.dumps({"code": 400, "message": "first\nsecond\t\x07\u200b\ud83d third " + "long " * 500})
    what = expect_failure(seen(http(400, body)), UNREADABLE, "HTTP 400: first second third long long")
    assert what.reason.endswith("…")
