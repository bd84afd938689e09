"""The simulated API, as a client on a real socket sees it."""

import asyncio
import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.simulator import Account, Change, Mistake, Simulator, Story, UnknownAccount, names, scenario
from monitor.simulator.faults import FAULTS, parse_fault
from monitor.simulator.scenario import parse
from monitor.simulator.story import SECOND, dollars

HOUR = 3600 * SECOND
START = datetime(2026, 1, 13, 10, 33, 56, 473007, UTC)
BALANCE = "/api/account/balance"


@dataclass
class Clock:
    seconds: float = 0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_float=Decimal)

    @property
    def data(self) -> Any:
        return self.json["data"]


@dataclass
class Client:
    address: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, path: str = BALANCE, *, key: str = "simulated-main", method: str = "GET", body: bytes = b"") -> None:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.address[7:]}\r\nx-api-key: {key}\r\n{length}\r\n"
        self.writer.write(head.encode() + body)

    async def reply(self, *, body: bool = True) -> Reply:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers["content-length"]) if body else 0
        return Reply(int(first.split()[1]), headers, await self.reader.readexactly(length))

    async def ask(self, path: str = BALANCE, *, key: str = "simulated-main", method: str = "GET") -> Reply:
        self.send(path, key=key, method=method)
        return await self.reply()

    async def control(self, method: str, path: str, body: Any = None) -> Reply:
        self.send(f"/_simulator/{path}", method=method, body=b"" if body is None else json.dumps(body).encode())
        return await self.reply()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
    try:
        yield Client(address, reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def serving(simulator: Simulator, use: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10), simulator.serve() as address, connected(address) as client:
            await use(client)

    asyncio.run(run())


def main(**start: Any) -> Simulator:
    return Simulator([Account(name="main", **{"balance_usd": 60, **start})], clock=Clock(), started_at=START)


def story(text: str) -> Story:
    return parse(f"[accounts.main]\n{text}", place="test").accounts[0].story()


def balance(told: Story, seconds: float) -> str:
    return dollars(told.at(round(seconds * SECOND)).state.balance)


# the endpoint


def test_a_balance_is_the_published_example_to_the_byte() -> None:
    simulator = main(account_id=52, balance_usd="4.068", available_points=1068, low_balance_alert=False)

    async def use(client: Client) -> None:
        reply = await client.ask()
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
        assert reply.body == (
            b'{"code":200,"data":{"account_id":52,"balance_usd":4.068,"available_credits":3000,"available_points":1068,'
            b'"alert_threshold":10,"low_balance_alert":false,"updated_at":"2026-01-13T10:33:56.473007000Z"},'
            b'"message":"success"}'
        )

    serving(simulator, use)


def test_a_bare_answer_without_the_optional_fields_is_the_object_alone() -> None:
    simulator = main(balance_usd="7.28", shape="bare", omit=["updated_at", "alert_threshold", "low_balance_alert"])

    async def use(client: Client) -> None:
        assert (await client.ask()).body == (
            b'{"account_id":1,"balance_usd":7.28,"available_credits":7280,"available_points":0}'
        )

    serving(simulator, use)


@pytest.mark.parametrize("header", ["x-api-key", "X-API-KEY", "X-Api-Key"])
def test_the_name_of_the_key_header_is_read_whatever_its_case(header: str) -> None:
    async def use(client: Client) -> None:
        client.writer.write(f"GET {BALANCE}?x=1 HTTP/1.1\r\n{header}:\t simulated-main \r\n\r\n".encode())
        assert (await client.reply()).data["balance_usd"] == 60

    serving(main(), use)


@pytest.mark.parametrize("header", ["", "x-api-key: \r\n", "x-api-key: wrong\r\n", "x-api-key: simulated-main2\r\n"])
def test_a_wrong_or_missing_key_gets_401_in_the_words_of_the_api(header: str) -> None:
    simulator = main()

    async def use(client: Client) -> None:
        client.writer.write(f"GET {BALANCE} HTTP/1.1\r\n{header}\r\n".encode())
        reply = await client.reply()
        assert reply.status == 401
        assert reply.body == b'{"code":401,"message":"Failed to verify api key","raw_message":"","detail":null}'
        assert (simulator.requests("main"), simulator.log()[0]["account"]) == (0, None)

    serving(simulator, use)


def test_other_paths_are_404_and_other_methods_405() -> None:
    async def use(client: Client) -> None:
        for path in ("/", "/api", "/api/account/balance/", "/account/balance"):
            assert (await client.ask(path)).json["code"] == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            reply = await client.ask(method=method)
            assert (reply.status, reply.headers["allow"]) == (405, "GET")
        client.send(method="HEAD")
        assert (await client.reply(body=False)).status == 405
        assert (await client.ask()).status == 200

    serving(main(), use)


def test_the_flag_follows_the_threshold_unless_it_is_set() -> None:
    simulator = main(balance_usd="10.001")

    async def use(client: Client) -> None:
        assert (await client.ask()).data["low_balance_alert"] is False
        simulator.change("main", balance_usd=10)
        assert (await client.ask()).data["low_balance_alert"] is True
        simulator.change("main", low_balance_alert=False, alert_threshold="10.5")
        assert (await client.ask()).data["low_balance_alert"] is False
        simulator.change("main", balance_usd="-0.5", low_balance_alert=True)
        data = (await client.ask()).data
        assert (data["low_balance_alert"], data["balance_usd"], data["available_credits"]) == (
            True,
            Decimal("-0.5"),
            -500,
        )

    serving(simulator, use)


# HTTP


def test_pipelined_requests_are_answered_in_order_even_behind_a_slow_one() -> None:
    simulator = Simulator([Account(name="main", balance_usd=1, fault="slow:0.05", times=1), Account(name="b")])

    async def use(client: Client) -> None:
        for key in ("main", "b", "main", "wrong"):
            client.send(key=f"simulated-{key}")
        replies = [await client.reply() for _ in range(4)]
        assert [r.json["data"]["account_id"] if r.status == 200 else r.status for r in replies] == [1, 2, 1, 401]

    serving(simulator, use)


def test_a_request_may_come_a_byte_at_a_time() -> None:
    async def use(client: Client) -> None:
        body = b'{"balance_usd": 7}'
        head = f"POST /_simulator/accounts/main HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for byte in head + body:
            client.writer.write(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.reply()).json["balance_usd"] == "7"
        assert (await client.ask()).data["balance_usd"] == 7

    serving(main(), use)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        ("nonsense", 400),
        ("get / HTTP/1.1", 400),
        ("GET / HTTP/2.0", 400),
        ("GET http://elsewhere/ HTTP/1.1", 400),
        ("GET / HTTP/1.1\r\nno colon", 400),
        ("GET / HTTP/1.1\r\nname : space", 400),
        ("GET / HTTP/1.1\r\na: b\nc: d", 400),
        ("GET / HTTP/1.1\r\n folded", 400),
        ("POST / HTTP/1.1\r\nContent-Length: -1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
        ("POST / HTTP/1.1\r\nContent-Length: 65537", 413),
        ("GET / HTTP/1.1\r\nlong: " + "x" * 16384, 431),
    ],
)
def test_what_is_no_plain_request_is_refused_and_the_connection_closed(request_head: str, status: int) -> None:
    async def use(client: Client) -> None:
        client.writer.write(f"{request_head}\r\n\r\n".encode())
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (status, "close")
        assert reply.json["message"].endswith(".")
        assert await client.reader.read() == b""

    serving(main(), use)


@pytest.mark.parametrize(
    ("head", "stays"),
    [
        ("HTTP/1.1\r\n", True),
        ("HTTP/1.1\r\nConnection: keep-alive, Close\r\n", False),
        ("HTTP/1.0\r\n", False),
        ("HTTP/1.0\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_a_connection_is_kept_unless_the_client_does_not_want_that(head: str, stays: bool) -> None:  # noqa: FBT001
    async def use(client: Client) -> None:
        client.writer.write(f"GET {BALANCE} {head}x-api-key: simulated-main\r\n\r\n".encode())
        assert ("connection" not in (await client.reply()).headers) is stays
        client.send()
        assert (await client.reader.read(8) == b"HTTP/1.1") is stays

    serving(main(), use)


def test_a_client_that_sends_without_reading_is_slowed_down_and_loses_nothing() -> None:
    simulator = main(fault="huge", times=1)

    async def use(client: Client) -> None:
        for _ in range(3000):
            client.send()
        await asyncio.sleep(0.05)
        assert simulator.requests("main") == 1
        assert len((await client.reply()).body) > 10_000_000
        assert [(await client.reply()).status for _ in range(2999)] == [200] * 2999

    serving(simulator, use)


# faults


def spoiled(fault: str, use: Callable[[Client], Awaitable[None]], **start: Any) -> None:
    simulator = main(fault=fault, **start)
    serving(simulator, use)
    assert {seen["fault"] for seen in simulator.log("main")} == {str(parse_fault(fault))}


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("status:503", 503, '{"code":503,"message":"Service Unavailable","raw_message":"","detail":null}'),
        ("status:402", 402, '{"code":402,"message":"Payment Required","raw_message":"","detail":null}'),
        ("status:520", 520, '{"code":520,"message":"Error","raw_message":"","detail":null}'),
        ("code:401", 200, '{"code":401,"message":"Unauthorized","raw_message":"","detail":null}'),
        ("code:0", 200, '{"code":0,"message":"Error","raw_message":"","detail":null}'),
        (
            "error_shape",
            400,
            '{"error":{"code":400,"message":"Error description","raw_message":"","detail":null}}',
        ),
        (
            "error_shape:500",
            500,
            '{"error":{"code":500,"message":"Error description","raw_message":"","detail":null}}',
        ),
        ("refused_key", 401, '{"code":401,"message":"Failed to verify api key","raw_message":"","detail":null}'),
        ("retry_after:30", 429, '{"code":429,"message":"Too Many Requests","raw_message":"","detail":null}'),
        ("empty", 200, ""),
        ("null", 200, '{"code":200,"data":null,"message":"success"}'),
    ],
)
def test_a_fault_of_the_api_is_a_whole_answer_and_the_connection_stays(fault: str, status: int, body: str) -> None:
    async def use(client: Client) -> None:
        for _ in range(2):
            reply = await client.ask()
            assert (reply.status, reply.body.decode()) == (status, body)
            assert reply.headers.get("retry-after") == ("30" if status == 429 else None)

    spoiled(fault, use)


@pytest.mark.parametrize(("fault", "text"), [("nan", '"balance_usd":NaN,'), ("text", '"balance_usd":"lots",')])
def test_a_balance_that_is_no_number_stands_among_good_fields(fault: str, text: str) -> None:
    async def use(client: Client) -> None:
        body = (await client.ask()).body.decode()
        assert text in body
        assert '"available_credits":60000' in body

    spoiled(fault, use)


def test_a_missing_balance_leaves_the_other_fields() -> None:
    async def use(client: Client) -> None:
        data = (await client.ask()).data
        assert "balance_usd" not in data
        assert data["available_credits"] == 60000

    spoiled("missing", use)


def test_no_data_in_the_bare_shape_is_null() -> None:
    async def use(client: Client) -> None:
        assert (await client.ask()).body == b"null"

    spoiled("null", use, shape="bare")


def test_a_proxy_page_is_html_with_status_200() -> None:
    async def use(client: Client) -> None:
        reply = await client.ask()
        assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"<h1>Please sign in</h1>" in reply.body

    spoiled("html", use)


def test_cut_json_is_half_an_answer_in_a_whole_response() -> None:
    async def use(client: Client) -> None:
        reply = await client.ask()
        assert reply.body.startswith(b'{"code":200,"data":{')
        with pytest.raises(json.JSONDecodeError):
            _ = reply.json

    spoiled("cut", use)


def test_a_truncated_answer_ends_before_its_announced_length() -> None:
    async def use(client: Client) -> None:
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await client.ask()
        assert caught.value.partial.startswith(b'{"code":200,"data":{')
        assert caught.value.expected is not None
        assert 0 < len(caught.value.partial) < caught.value.expected

    spoiled("truncated", use)


def test_a_huge_answer_has_ten_megabytes_and_would_be_a_good_one() -> None:
    async def use(client: Client) -> None:
        reply = await client.ask()
        assert len(reply.body) > 10_000_000
        assert reply.data["balance_usd"] == Decimal("72.048")

    spoiled("huge", use)


def test_a_gzip_bomb_is_small_on_the_wire_and_a_hundred_megabytes_unpacked() -> None:
    async def use(client: Client) -> None:
        reply = await client.ask()
        assert reply.headers["content-encoding"] == "gzip"
        assert len(reply.body) < 200_000
        unpacked = gzip.decompress(reply.body)
        assert len(unpacked) > 100_000_000
        assert json.loads(unpacked)["code"] == 200

    spoiled("gzip_bomb", use)


def test_a_redirect_leads_to_a_login_page_elsewhere_which_sees_whether_the_key_travels() -> None:
    simulator = main(fault="redirect")

    async def use(client: Client) -> None:
        reply = await client.ask()
        port = client.address.rsplit(":", 1)[1]
        assert (reply.status, reply.headers["location"]) == (302, f"http://localhost:{port}/login")
        page = await client.ask("/login", key="the-key")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")

    serving(simulator, use)
    last = simulator.log()[-1]
    assert (last["path"], last["headers"]["x-api-key"], last["account"]) == ("/login", "the-key", None)


def test_a_dripping_answer_comes_a_byte_at_a_time_and_is_whole_at_last() -> None:
    async def use(client: Client) -> None:
        client.send()
        client.send()
        assert await client.reader.read(100) == b"H"
        await client.reader.readuntil(b"\r\n\r\n")
        assert (await client.reader.readuntil(b'"success"}')).startswith(b'{"code":200')
        assert (await client.reply()).data["balance_usd"] == 60

    spoiled("drip:0.001", use)


def test_a_slow_answer_takes_its_seconds_and_closes_when_asked() -> None:
    async def use(client: Client) -> None:
        began = time.monotonic()
        client.writer.write(f"GET {BALANCE} HTTP/1.0\r\nx-api-key: simulated-main\r\n\r\n".encode())
        assert (await client.reply()).data["balance_usd"] == 60
        assert time.monotonic() - began >= 0.2
        assert await client.reader.read() == b""

    spoiled("slow:0.2", use)


def test_hanging_takes_the_request_and_never_answers_nor_what_follows() -> None:
    async def use(client: Client) -> None:
        client.send()
        client.send()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.2)

    spoiled("hang", use)


def test_a_reset_is_seen_as_one() -> None:
    async def use(client: Client) -> None:
        with pytest.raises(ConnectionResetError):
            await client.ask()

    spoiled("reset", use)


def test_closing_ends_the_connection_without_a_byte() -> None:
    async def use(client: Client) -> None:
        client.send()
        assert await client.reader.read() == b""

    spoiled("close", use)


def test_a_fault_for_two_requests_is_over_with_the_third() -> None:
    simulator = main(fault="status:503", times=2)

    async def use(client: Client) -> None:
        assert [(await client.ask()).status for _ in range(4)] == [503, 503, 200, 200]
        assert [seen["fault"] for seen in simulator.log("main")] == ["status:503", "status:503", None, None]

    serving(simulator, use)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("hnag", "there is no such fault: take none or one of status, code, "),
        ("hang:3", "the fault hang takes no number"),
        ("status", "the fault status takes an HTTP status from 400 to 599, such as status:400"),
        ("status:200", "from 400 to 599"),
        ("status:503.5", "from 400 to 599"),
        ("code:x", "the fault code takes a code from 0 to 999, such as code:1"),
        ("slow", "the fault slow takes seconds from 0 to 86400, such as slow:1"),
        ("slow:-1", "the fault slow takes seconds"),
        ("retry_after:1.5", "the fault retry_after takes whole seconds"),
    ],
)
def test_a_fault_that_is_none_is_told_so(fault: str, sentence: str) -> None:
    with pytest.raises(Mistake, match=re.escape(sentence)):
        main().change("main", fault=fault)


def test_the_zoo_has_every_fault_and_each_can_be_written_as_it_is_read() -> None:
    faults = [account.fault for account in scenario("zoo").accounts if account.fault]
    assert {fault.name for fault in faults} == set(FAULTS)
    assert [parse_fault(str(fault)) for fault in faults] == faults


# stories


def test_spending_is_exact_to_the_thousandth_at_any_time() -> None:
    told = story("balance_usd = 60\nspend_usd_per_hour = 12")  # a thousandth in 0.3 s
    assert [balance(told, s) for s in (0, 0.299, 0.3, 0.599, 0.6, 3600, 5 * 3600 - 0.001, 5 * 3600, 10**6)] == [
        *("60", "60", "59.999", "59.999", "59.998", "48", "0.001", "0", "0")
    ]


def test_looking_at_a_story_on_the_way_does_not_change_it() -> None:
    told = story('balance_usd = 60\nspend_usd_per_hour = "0.007"')  # 514.28… s a thousandth
    watched = told
    for second in range(0, 36000, 7):
        watched = watched.at(second * SECOND)
    assert watched.at(10 * HOUR) == told.at(10 * HOUR)
    assert balance(told, 36000) == "59.93"


def test_an_answer_holds_exactly_until_the_next_thousandth_goes() -> None:
    told = story('balance_usd = 1\nspend_usd_per_hour = 7\n[[accounts.main.steps]]\nat = "1m"\nadd_usd = 0')
    for second in (0, 1, 12.5, 59):
        now = told.at(round(second * SECOND))
        assert now.at(now.until - 1).state.balance == now.state.balance
        assert now.at(now.until).state.balance == now.state.balance - 1
    assert told.at(60 * SECOND - 1).until == 60 * SECOND
    assert told.at(HOUR).until > 10**29


def test_updated_at_is_when_the_last_thousandth_went() -> None:
    told = story("balance_usd = 60\nspend_usd_per_hour = 12")
    assert told.at(SECOND).state.updated == 9 * SECOND // 10
    assert told.at(SECOND).at(SECOND + 5).state.updated == 9 * SECOND // 10
    assert told.at(9 * HOUR).state.updated == 5 * HOUR
    assert told.at(SECOND).changed(Change(alert_threshold=3)).state.updated == 9 * SECOND // 10
    assert told.at(SECOND).changed(Change(add_usd=3)).state.updated == SECOND


def test_points_go_before_credits_and_only_a_take_goes_below_zero() -> None:
    told = story(
        "balance_usd = 3\navailable_points = 1048\nspend_usd_per_hour = 1\n"
        '[[accounts.main.steps]]\nat = "4h"\ntake_usd = "0.5"'
    )
    split = [(s.credits, s.points) for s in (told.at(h * HOUR).state for h in (0, 1, 2, 3, 4, 5))]
    assert split == [(1952, 1048), (1952, 48), (1000, 0), (0, 0), (-500, 0), (-500, 0)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"balance_usd": "4.07"}, (3070, 1000)),
        ({"balance_usd": "0.5"}, (0, 500)),
        ({"balance_usd": -2}, (-2000, 0)),
        ({"balance_usd": 4, "available_points": 5000}, (-1000, 5000)),
        ({"balance_usd": 4, "available_credits": 1}, (1, 3999)),
        ({"available_credits": 7}, (7, 1000)),
        ({"available_points": 0}, (2000, 0)),
        ({"add_usd": 1, "take_usd": "1.5"}, (2500, 0)),
    ],
)
def test_a_change_of_money_is_split_into_credits_and_points(change: dict[str, Any], expected: tuple[int, int]) -> None:
    state = story("balance_usd = 3\navailable_points = 1000").changed(Change(**change)).state
    assert (state.credits, state.points) == expected


def test_a_burst_comes_on_top_and_ends_and_comes_again() -> None:
    told = story(
        'balance_usd = 100\nspend_usd_per_hour = 1\n[[accounts.main.steps]]\nat = "1h"\nevery = "2h"\n'
        'burst_usd_per_hour = 12\nlasts = "30m"'
    )
    assert [balance(told, h * 3600) for h in (1, 1.25, 1.5, 3, 3.5, 5, 6)] == [
        *("99", "95.75", "92.5", "91", "84.5", "83", "76")
    ]


def test_a_fault_of_a_step_lasts_as_long_as_it_says_unless_another_takes_its_place() -> None:
    told = story(
        '[[accounts.main.steps]]\nat = "1m"\nfault = "hang"\nlasts = "1m"\n'
        '[[accounts.main.steps]]\nat = "5m"\nfault = "status:503"\nlasts = "1m"\n'
        '[[accounts.main.steps]]\nat = "330s"\nfault = "close"\n'
        '[[accounts.main.steps]]\nat = "10m"\nfault = "none"\n'
    )
    seen = [str(told.at(s * SECOND).state.fault) for s in (59, 60, 119, 120, 300, 330, 361, 599, 600)]
    assert seen == ["None", "hang", "hang", "None", "status:503", "close", "close", "close", "None"]


def test_steps_of_one_moment_happen_in_the_order_of_the_file() -> None:
    told = story(
        '[[accounts.main.steps]]\nat = "1m"\nbalance_usd = 5\n[[accounts.main.steps]]\nat = "1m"\nadd_usd = 1\n'
        '[[accounts.main.steps]]\nat = "1m"\ntake_usd = 2'
    )
    assert balance(told, 60) == "4"


def test_speed_multiplies_the_story_and_not_the_clock_of_whoever_reads() -> None:
    clock = Clock(1000)
    simulator = Simulator(scenario("drain").accounts, speed=60, clock=clock, started_at=START)

    async def use(client: Client) -> None:
        assert (await client.ask()).data["balance_usd"] == 60
        clock.seconds += 60
        data = (await client.ask()).data
        assert (data["balance_usd"], data["updated_at"]) == (48, "2026-01-13T10:34:56.473007000Z")
        clock.seconds -= 30
        assert (await client.ask()).data["balance_usd"] == 48

    serving(simulator, use)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(Mistake, match="above 0"):
        Simulator([], speed=speed)


# scenarios


def test_the_scenarios_that_come_along_are_these_and_each_says_what_it_does() -> None:
    known = "bare bursts demo drain drip expiry garbage outage refused steady topup zoo"
    assert " ".join(names()) == known
    for name in names():
        assert scenario(name).description
        assert name == "zoo" or [account.name for account in scenario(name).accounts] == ["main"]


def test_the_demo_tells_its_story_within_an_hour_whatever_its_tuning() -> None:
    told = scenario("demo").accounts[0].story()
    by_minute = [told.at(m * 60 * SECOND).state for m in range(61)]
    warning = next(m for m, state in enumerate(by_minute) if state.balance <= 25_000)
    critical = next(m for m, state in enumerate(by_minute) if state.balance <= 5_000)
    topped_up = next(m for m in range(1, 61) if by_minute[m].balance > by_minute[m - 1].balance)
    outage = [m for m, state in enumerate(by_minute) if state.fault]
    assert by_minute[0].balance == 60_000
    assert warning < outage[0] < outage[-1] < topped_up
    assert warning < critical < topped_up
    assert by_minute[topped_up].balance >= 100_000


@pytest.mark.parametrize(
    ("name", "minutes", "balances"),
    [
        ("drain", (0, 175, 275, 300), ["60", "25", "5", "0"]),
        ("topup", (0, 2), ["4.068", "54.068"]),
        ("expiry", (1, 2), ["60", "20"]),
        ("steady", (0, 10**6), ["72.048", "72.048"]),
        ("bursts", (20, 30, 80, 90), ["199.834", "193.084", "192.667", "185.917"]),
    ],
)
def test_a_scenario_goes_as_it_says(name: str, minutes: tuple[int, ...], balances: list[str]) -> None:
    told = scenario(name).accounts[0].story()
    assert [balance(told, m * 60) for m in minutes] == balances


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("outage", ["None", "status:503", "hang", "status:502", "None"]),
        ("garbage", ["html", "cut", "null", "html", "cut"]),
    ],
)
def test_a_scenario_of_faults_goes_round(name: str, expected: list[str]) -> None:
    told = scenario(name).accounts[0].story()
    minutes = {"outage": (0, 62, 72, 77, 82), "garbage": (0, 2, 9, 15, 16)}[name]
    assert [str(told.at(m * 60 * SECOND).state.fault) for m in minutes] == expected


def test_a_file_may_ask_for_many_copies_of_an_account() -> None:
    found = parse("[accounts.load]\ncopies = 3\n[accounts.own]\ncopies = 2\napi_key = 'k'", place="x")
    assert Simulator(found.accounts).keys == {
        "load_1": "simulated-load_1",
        "load_2": "simulated-load_2",
        "load_3": "simulated-load_3",
        "own_1": "k-1",
        "own_2": "k-2",
    }


def test_ten_thousand_accounts_are_ready_within_two_seconds() -> None:
    text = '[accounts.a]\ncopies = 10_000\nspend_usd_per_hour = 4\n[[accounts.a.steps]]\nat = "1h"\nadd_usd = 5'
    began = time.process_time()  # which a busy machine does not prolong
    assert len(Simulator(parse(text, place="x").accounts).keys) == 10_000
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[accounts", "not TOML: "),
        ("", "accounts: this key is missing"),
        ("accounts = 3", "accounts: input should be a valid dictionary"),
        ("[accounts]", "accounts: dictionary should have at least 1 item"),
        ("[accounts]\nmain = 3", "accounts.main: input should be a valid dictionary"),
        ("[accounts.Main]", "accounts.Main.name: string should match pattern"),
        ("[accounts.main]\nbalance = 3", 'accounts.main.balance: there is no such key, did you mean "balance_usd"?'),
        ("[accounts.main]\nqqq = 3", "accounts.main.qqq: there is no such key"),
        ("[accounts.main]\nbalance_usd = 1.2345", "accounts.main.balance_usd: not an amount: at most three decimals"),
        ("[accounts.main]\nbalance_usd = nan", "accounts.main.balance_usd: not an amount"),
        ("[accounts.main]\nspend_usd_per_hour = -1", "accounts.main.spend_usd_per_hour: input should be greater"),
        ("[accounts.main]\ntimes = 2", "accounts.main: times needs a fault"),
        ("[accounts.main]\nlasts = '2m'", "accounts.main: lasts needs a fault or burst_usd_per_hour"),
        (
            "[accounts.main]\nbalance_usd = 1\navailable_credits = 1\navailable_points = 1",
            "accounts.main: give two of balance_usd, available_credits and available_points",
        ),
        ("[[accounts.main.steps]]\nadd_usd = 1", "accounts.main.steps[0].at: this key is missing"),
        ("[[accounts.main.steps]]\nat = 30", "accounts.main.steps[0].at: a duration needs a unit"),
        ("[[accounts.main.steps]]\nat = '1m'\nevery = '0s'", "accounts.main.steps[0]: every must be longer"),
        ("[accounts.main]\nfault = 'x'\nomit = ['y']", "omit[0]: "),
    ],
)
def test_a_mistake_in_a_file_is_a_sentence_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "story.toml"
    file.write_text(text)
    with pytest.raises(Mistake) as caught:
        scenario(str(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert sentence in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for path, why in ((tmp_path, "Is a directory"), (binary, "it is not UTF-8")):
        with pytest.raises(Mistake, match=f"cannot be read: {why}"):
            scenario(str(path))
    with pytest.raises(Mistake, match='there is no scenario "nothing": take one of bare, bursts, demo'):
        scenario("nothing")


def test_names_and_keys_must_differ() -> None:
    account = Account(name="main", api_key="k")
    with pytest.raises(Mistake, match=r"accounts\.main: there is such an account already"):
        Simulator([account, account])
    with pytest.raises(Mistake, match=r"accounts\.other\.api_key: the key of main already"):
        Simulator([account, Account(name="other", api_key="k")])


# control


def test_an_account_is_created_changed_looked_at_and_deleted_over_http() -> None:
    simulator = main()

    async def use(client: Client) -> None:
        created = await client.control(
            "POST",
            "accounts",
            {"name": "new", "api_key": "k", "balance_usd": 5.07, "steps": [{"at": "1m", "add_usd": 1}]},
        )
        assert (created.status, created.json["balance_usd"]) == (201, "5.07")
        assert (await client.ask(key="k")).data["account_id"] == 2
        change = {"balance_usd": "4.07", "fault": "slow:0.5", "times": 3, "shape": "bare", "account_id": 7}
        change |= {"low_balance_alert": True, "omit": ["updated_at"], "spend_usd_per_hour": 1.5}
        assert (await client.control("POST", "accounts/new", change)).json == {
            "name": "new",
            "api_key": "k",
            "account_id": 7,
            "balance_usd": "4.07",
            "available_credits": 4070,
            "available_points": 0,
            "alert_threshold": "10",
            "low_balance_alert": True,
            "spend_usd_per_hour": "1.5",
            "burst_usd_per_hour": "0",
            "shape": "bare",
            "omit": ["updated_at"],
            "fault": "slow:0.5",
            "times": 3,
            "requests": 1,
            "last_request_at": "2026-01-13T10:33:56.473007000Z",
        }
        assert (await client.control("POST", "accounts/new", {"fault": None, "add_usd": 1})).json["fault"] is None
        assert (await client.ask(key="k")).json["balance_usd"] == Decimal("5.07")
        listed = (await client.control("GET", "accounts")).json["accounts"]
        assert [(a["name"], a["requests"]) for a in listed] == [("main", 0), ("new", 2)]
        assert (await client.control("GET", "accounts/main")).json["last_request_at"] is None
        assert (await client.control("DELETE", "accounts/new")).json == {"deleted": "new"}
        assert (await client.ask(key="k")).status == 401

    serving(simulator, use)


def test_a_story_that_is_created_later_counts_from_then() -> None:
    clock = Clock()
    simulator = Simulator([], clock=clock)
    clock.seconds = 3600
    simulator.create(Account(name="main", balance_usd=1, steps=[{"at": "1m", "add_usd": 1}]))
    clock.seconds += 59
    assert simulator.describe("main")["balance_usd"] == "1"
    clock.seconds += 1
    assert simulator.describe("main")["balance_usd"] == "2"


def test_a_fault_can_be_switched_for_all_accounts_and_lasts_in_the_time_of_the_story() -> None:
    clock = Clock()
    simulator = Simulator([Account(name="main"), Account(name="other")], clock=clock)

    async def use(client: Client) -> None:
        assert (await client.control("POST", "fault", {"fault": "status:500", "lasts": "1m"})).json == {"accounts": 2}
        assert [(await client.ask(key=k)).status for k in simulator.keys.values()] == [500, 500]
        clock.seconds = 60
        assert [(await client.ask(key=k)).status for k in simulator.keys.values()] == [200, 200]

    serving(simulator, use)


def test_the_log_shows_what_was_sent() -> None:
    simulator = main()

    async def use(client: Client) -> None:
        client.writer.write(f"GET {BALANCE}?a=1 HTTP/1.1\r\nX-API-Key: simulated-main\r\nA: 1\r\na: 2\r\n\r\n".encode())
        await client.reply()
        await client.ask("/elsewhere")
        assert (await client.control("GET", "requests?account=main")).json["requests"] == [
            {
                "at": "2026-01-13T10:33:56.473007000Z",
                "account": "main",
                "fault": None,
                "method": "GET",
                "path": BALANCE,
                "query": "a=1",
                "headers": {"x-api-key": "simulated-main", "a": "1, 2"},
            }
        ]
        everything = (await client.control("GET", "requests")).json["requests"]
        assert [seen["path"] for seen in everything] == [BALANCE, "/elsewhere"]

    serving(simulator, use)


def test_a_configuration_for_all_accounts_can_be_had() -> None:
    async def use(client: Client) -> None:
        assert (await client.control("GET", "config")).body.decode() == (
            f'[accounts.main]\napi_key = "simulated-main"\nbase_url = "{client.address}"\n'
        )

    serving(main(), use)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("GET", "accounts/nobody", None, 404, 'there is no account "nobody"'),
        ("POST", "accounts/nobody", {}, 404, 'there is no account "nobody"'),
        ("DELETE", "accounts/nobody", None, 404, 'there is no account "nobody"'),
        ("GET", "requests?account=nobody", None, 404, 'there is no account "nobody"'),
        ("GET", "nothing", None, 404, "GET /_simulator/nothing is nothing that the simulator knows"),
        ("POST", "accounts/main", None, 400, "the body is not a JSON object"),
        ("POST", "accounts/main", [1], 400, "the body is not a JSON object"),
        ("POST", "accounts/main", {"balance_usd": float("nan")}, 400, "the body is not a JSON object"),
        ("POST", "accounts/main", {"name": "x"}, 400, "name: there is no such key"),
        ("POST", "accounts/main", {"ad_usd": 1}, 400, 'ad_usd: there is no such key, did you mean "add_usd"?'),
        ("POST", "accounts", {"name": "main"}, 400, "accounts.main: there is such an account already"),
        ("POST", "accounts", {"api_key": "k"}, 400, "name: this key is missing"),
        ("POST", "fault", {"times": 3}, 400, 'send {"fault": …}, and "times" or "lasts" if you like'),
        ("POST", "fault", {"fault": "hang", "balance_usd": 3}, 400, 'send {"fault": …}, and "times" or "lasts"'),
    ],
)
def test_a_mistake_in_a_control_request_is_a_sentence(
    method: str, path: str, body: Any, status: int, sentence: str
) -> None:
    async def use(client: Client) -> None:
        reply = await client.control(method, path, body)
        assert reply.status == status
        assert reply.json["error"].startswith(sentence)

    serving(main(), use)


def test_the_python_methods_raise_what_the_addresses_answer() -> None:
    simulator = main()
    with pytest.raises(UnknownAccount):
        simulator.requests("nobody")
    with pytest.raises(Mistake, match="name: there is no such key"):
        simulator.change("main", name="x")
    simulator.change_all(balance_usd=3)
    assert simulator.describe("main")["balance_usd"] == "3"


# the end


@pytest.mark.parametrize("fault", ["hang", "drip", "slow:60", "huge"])
def test_closing_ends_every_connection_whatever_it_is_doing(fault: str) -> None:
    simulator = main(fault=fault)

    async def run() -> None:
        async with asyncio.timeout(5):
            async with simulator.serve() as address:
                port = int(address.rsplit(":", 1)[1])
                clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
                for _, writer in clients:
                    writer.write(f"GET {BALANCE} HTTP/1.1\r\nx-api-key: simulated-main\r\n\r\n".encode())
                while simulator.requests("main") < 5:  # noqa: ASYNC110 - the server says nothing by itself
                    await asyncio.sleep(0.01)
                clients.append(await asyncio.open_connection("127.0.0.1", port))
            for reader, writer in clients:
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await reader.readexactly(20_000_000)
                writer.close()
                await asyncio.gather(writer.wait_closed(), return_exceptions=True)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(run())


def test_a_client_that_arrives_while_the_server_closes_is_dropped_too() -> None:
    async def run() -> None:
        for turns in range(6):
            async with main().serve() as address:
                client = socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])))
                for _ in range(turns):
                    await asyncio.sleep(0)
            with client, suppress(ConnectionResetError):
                client.settimeout(2)
                assert client.recv(1) == b""

    asyncio.run(run())


def test_a_client_that_leaves_takes_its_timers_along() -> None:
    simulator = main(fault="drip:0.01")

    async def use(client: Client) -> None:
        client.send()
        await client.reader.readexactly(1)
        client.writer.transport.abort()
        await asyncio.sleep(0.1)

    serving(simulator, use)
    assert simulator.requests("main") == 1


# the command


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "monitor", "simulate", *arguments]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_one_document_when_ready_and_ends_well(ending: signal.Signals) -> None:
    with running("--port", "0", "--scenario", "demo", "--speed", "60", "--json") as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        assert ready["keys"] == {"main": "simulated-main"}
        assert (ready["scenario"], ready["speed"]) == ("demo", 60)

        async def ask() -> None:
            async with connected(ready["address"]) as client:
                assert 55 < (await client.ask()).data["balance_usd"] <= 60

        asyncio.run(ask())
        process.send_signal(ending)
        assert process.wait(5) == 0
        assert (process.stdout.read(), process.stderr and process.stderr.read()) == ("", "")


def test_the_command_tells_a_person_what_to_try(tmp_path: Path) -> None:
    file = tmp_path / "many.toml"
    file.write_text("[accounts.load]\ncopies = 100")
    with running("--port", "0", "--scenario", str(file)) as process:
        assert process.stdout
        line = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address
        process.send_signal(signal.SIGINT)
        text = line + process.stdout.read()
    assert "  load_1               simulated-load_1\n" in text
    assert f"  and 60 more: curl -s {address[0]}/_simulator/accounts\n" in text
    assert (
        "BALANCE_MONITOR_ACCOUNTS__LOAD_1__API_KEY=simulated-load_1 "
        f"BALANCE_MONITOR_ACCOUNTS__LOAD_1__BASE_URL={address[0]} balance-monitor check  "
        "# where there is no config.toml\n"
    ) in text
    assert f"""curl -s {address[0]}/_simulator/accounts/load_1 -d '{{"balance_usd": "4.07"}}'""" in text


def test_a_taken_port_and_an_unknown_scenario_are_a_sentence_each() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(command("--port", port), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: port {port} cannot be used: Address already in use; take another with --port\n"
    done = subprocess.run(command("--scenario", "darin"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('Error: there is no scenario "darin": take one of bare, ')
    assert done.stderr.count("\n") == 1
