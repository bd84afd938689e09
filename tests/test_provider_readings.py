"""A good answer is read to the last decimal; what is malformed beside the balance is absent."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from provider_server import (
    ANSWERS,
    BALANCE,
    FIRST,
    KEY,
    Peer,
    ok,
    seen,
)

from monitor.model import Failure, Kind, Reading

DOCUMENTED = {
    "legnext_first": FIRST,
    "legnext_bare": FIRST,
    "legnext_second": Reading(
        balance_usd=Decimal("4.068"),
        account_id="52",
        available_credits=Decimal(3000),
        available_points=Decimal(1068),
        alert_threshold=Decimal(10),
        low_balance_alert=False,
        updated_at=datetime(2026, 1, 13, 10, 33, 56, 473007, UTC),
    ),
    "legnext_third": Reading(
        balance_usd=Decimal("7.28"),
        account_id="862",
        available_credits=Decimal(7000),
        available_points=Decimal(280),
    ),
    "legnext_refused": Failure(Kind.REFUSED, "code 401: Failed to verify api key"),
    "legnext_error": Failure(Kind.REFUSED, "code 402: Insufficient credits"),
}


def with_field(name: str, value: str) -> Any:
    """Say what becomes of one field, its JSON written out."""
    what = seen(ok(f'{{"code":200,"data":{{"balance_usd":5,"{name}":{value}}}}}'))
    assert isinstance(what, Reading)
    return getattr(what, name)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_answers_are_understood_exactly(name: str) -> None:
    what = seen(ok((ANSWERS / f"{name}.json").read_bytes()))
    assert what == DOCUMENTED[name]
    assert {path.stem for path in ANSWERS.glob("legnext_*.json")} == set(DOCUMENTED)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("72.048", "72.048"),
        ("0.1", "0.1"),
        ("-3.50", "-3.50"),
        ('"72.048"', "72.048"),
        ('"-0.001"', "-0.001"),
        ("7.2048e1", "72.048"),
        ("1E3", "1000"),
        ("0", "0"),
        ("-0.00", "0"),
        ("0e50", "0"),
        ("1000000000000", "1000000000000"),
        ("-1000000000000", "-1000000000000"),
        ("12345678901.123456789", "12345678901.123456789"),
        ("0.0000000000000000001", "1E-19"),
    ],
)
def test_a_balance_keeps_every_digit(written: str, read: str) -> None:
    value = seen(ok(f'{{"balance_usd":{written}}}'))
    assert isinstance(value, Reading)
    assert value.balance_usd == Decimal(read)
    assert str(value.balance_usd) != "-0.00"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"2025-11-05T08:22:37Z"', datetime(2025, 11, 5, 8, 22, 37, 0, UTC)),
        ('"2025-11-05T08:22:37.7Z"', datetime(2025, 11, 5, 8, 22, 37, 700000, UTC)),
        ('"2025-11-05T08:22:37.784663288Z"', datetime(2025, 11, 5, 8, 22, 37, 784663, UTC)),
        ('"2025-11-05T08:22:37.784663288+02:00"', datetime(2025, 11, 5, 6, 22, 37, 784663, UTC)),
        ('"0001-01-01T00:00:00Z"', None),
        ('"0001-01-01T00:00:00+14:00"', None),
        ('"1970-01-01T00:00:00Z"', None),
        ('"9999-12-31T23:59:59-05:00"', None),
        ('"2025-11-05T08:22:37"', None),
        ('"2025-11-05 08:22:37Z"', None),
        ('"2025-11-05T08:22:37.1234567890Z"', None),
        ('"2025-13-05T08:22:37Z"', None),
        ('"2025-11-05T08:22:37+99:00"', None),
        ('"2025-11-05"', None),
        ('"\u0662025-11-05T08:22:37Z"', None),
        ('""', None),
        ("1762330957", None),
        ("null", None),
    ],
)
def test_a_time_is_utc_or_absent(written: str, read: datetime | None) -> None:
    assert with_field("updated_at", written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("862", "862"),
        ("-1", "-1"),
        ("12345678901234567890123", "12345678901234567890123"),
        ('"acct-862"', "acct-862"),
        ('"a\\u0000\\nb\\ud800\\u202ec\\u001b[1m"', "a b c [1m"),
        ('"' + "x" * 100 + '"', "x" * 64),
        ("9" * 100, "9" * 64),
        ('" \\u0007 "', None),
        ('""', None),
        ("1.5", None),
        ("1e3", None),
        ("true", None),
        ("null", None),
        ("{}", None),
        (json.dumps(f"of {KEY}"), "of ***"),
        (json.dumps(f"of {quote(KEY, safe='')}"), "of ***"),
        (json.dumps(f"of {base64.b64encode(KEY.encode()).decode()}"), "of ***"),
    ],
)
def test_an_account_id_is_a_harmless_label(written: str, read: str | None) -> None:
    assert with_field("account_id", written) == read


@pytest.mark.parametrize("field", ["available_credits", "available_points", "alert_threshold"])
@pytest.mark.parametrize(
    ("written", "read"),
    [("7", 7), ('"7"', 7), ("-7", -7), ("null", None), ("true", None), ("[]", None), ("1e999", None), ('"x"', None)],
)
def test_a_malformed_amount_beside_the_balance_is_absent(field: str, written: str, read: int | None) -> None:
    assert with_field(field, written) == read


@pytest.mark.parametrize(
    ("written", "read"), [("true", True), ("false", False), ("null", None), ("1", None), ('"true"', None)]
)
def test_the_flag_is_a_boolean_or_absent(written: str, read: bool | None) -> None:  # noqa: FBT001 - it is what is read
    assert with_field("low_balance_alert", written) is read


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + BALANCE,
        b" \r\n" + BALANCE + b"\n",
        BALANCE + b" " * (65536 - len(BALANCE)),
        BALANCE.replace(b'"code":200', b'"code":"200"'),
        BALANCE.replace(b'"code":200', b'"code":200.0'),
        BALANCE.replace(b'"code":200', b'"code":null,"error":null'),
        BALANCE.replace(b'"success"', b'"\\ud800\\u0000"'),
    ],
    ids=range(7),
)
def test_odd_but_clear_answers_are_readings(body: bytes) -> None:
    assert seen(ok(body)) == FIRST


def test_an_answer_in_pieces_is_put_together() -> None:
    async def pieces(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(BALANCE), 50):
            part = BALANCE[at : at + 50]
            await peer.send(b"%x\r\n%s\r\n" % (len(part), part))
            await asyncio.sleep(0)
        await peer.send(b"0\r\n\r\n")

    assert seen(pieces) == FIRST
