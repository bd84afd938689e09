"""Whatever arrives, a poll ends with a reading or a failure, and no reason holds the key."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from provider_server import KEY, http, seen

from monitor.model import Failure, Reading
from monitor.provider import Legnext
from monitor.provider.answer import Answer, Passing, judge
from monitor.provider.reason import fit

FIELDS = ["code", "data", "error", "message", "balance_usd", "account_id", "available_credits", "updated_at"]
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\"), min_size=6, max_size=60)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["200", 200, 401, 429, "5.25", "2025-11-05T08:22:37Z", KEY])
)
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=6),
    max_leaves=10,
)
BODIES = st.binary(max_size=300) | st.builds(lambda document: json.dumps(document).encode(), DOCUMENTS)


def hold_promises(what: object) -> None:
    match what:
        case Reading():
            assert isinstance(what.balance_usd, Decimal)
            assert abs(what.balance_usd) <= 10**12
        case Failure() | Passing(Failure()):
            pass
        case _:
            raise AssertionError(what)


@settings(max_examples=250, deadline=None)
@given(status=st.integers(100, 999), body=BODIES, retry_after=st.text(max_size=40))
def test_any_answer_is_a_reading_or_a_failure(status: int, body: bytes, retry_after: str) -> None:
    for number in (200, status):
        answer = Answer(number, body, retry_after=retry_after)
        hold_promises(judge(answer, key=KEY, now=lambda: datetime(2026, 1, 13, tzinfo=UTC)))


@settings(max_examples=50, deadline=None)
@given(act=st.binary(max_size=300) | st.builds(http, st.integers(100, 999), BODIES))
def test_any_bytes_on_the_wire_are_a_reading_or_a_failure(act: bytes) -> None:
    what = seen(act, timeout=0.1)
    hold_promises(what)
    if isinstance(what, Failure):
        assert 0 < len(what.reason) <= 160
        assert what.reason.isprintable()
        assert KEY not in what.reason


@settings(max_examples=200, deadline=None)
@given(key=KEYS, before=st.text(), after=st.text())
def test_no_reason_holds_the_key_however_it_is_written(key: str, before: str, after: str) -> None:
    plain = (key, key.lower(), key.upper())  # a host name comes in lower case
    for written in (*plain, json.dumps(key), json.dumps(json.dumps(key)), quote(key, safe=""), quote(quote(key))):
        reason = fit(f"{before}{written}{after}", key)
        assert len(reason) <= 160
        assert key not in reason
        assert written not in reason


@settings(max_examples=100, deadline=None)
@given(key=st.text(max_size=20), base_url=st.text(max_size=20))
def test_any_key_and_address_are_a_failure_at_worst(key: str, base_url: str) -> None:
    async def run() -> object:
        legnext = Legnext(pauses=())
        try:
            return await legnext.observe(api_key=key, base_url=base_url, timeout=0.1)
        finally:
            await legnext.aclose()

    hold_promises(asyncio.run(run()))
