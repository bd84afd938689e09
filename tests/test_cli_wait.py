"""``wait`` as a script or a person calls it: what it says, its exit codes, and when it polls."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from shell import Api, Terminal, at_terminal, move_into, process, run
from world import MAIN, START, parse, reading

from monitor.cli.wait import Errand, Sight, attend, sentence
from monitor.config import Account
from monitor.model import Failure, Kind, Seen
from monitor.provider import Legnext

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    move_into(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def api(home: Path) -> Iterator[Api]:
    with Api() as simulated:
        (home / "config.toml").write_text('interval = "5s"\n' + simulated.settings())
        yield simulated


# -- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["72.048", "50", "-5", "0"])
def test_a_balance_that_is_there_is_one_line_and_exit_0_at_once(api: Api, amount: str) -> None:
    done = process("wait", "main", "--at-least", amount)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"main: \$72\.05 left \(at least -?\$[\d.]+\)\n|main: \$72\.048 left .*\n", done.stdout)
    assert api.simulator.requests("main") == 1


def test_a_purchase_that_lands_meanwhile_is_noticed_at_the_next_poll(api: Api) -> None:
    waiting = subprocess.Popen(
        [sys.executable, "-m", "monitor", "wait", "main", "--at-least", "100", "--timeout", "2m"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with waiting:
        _until(lambda: api.simulator.requests("main"))
        api.change(balance_usd="172.05")
        output, errors = waiting.communicate(timeout=30)
    assert (waiting.returncode, output, errors) == (0, "main: $172.05 left (at least $100.00)\n", "")
    assert api.simulator.requests("main") == 2


def test_when_the_time_is_up_one_sentence_says_what_was_seen_last_and_exit_1(api: Api) -> None:
    result = run("wait", "main", "--at-least", "100", "--timeout", "1s")
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(
        r"Error: main: not at \$100\.00 within 1 second: \$72\.05 left, read \d seconds? ago\n", result.stderr
    )
    assert api.simulator.requests("main") == 2  # at once, and when the time was up


def test_a_balance_just_below_is_never_rounded_up_to_what_is_waited_for(api: Api) -> None:
    api.change(balance_usd="99.999")
    result = run("wait", "main", "--at-least", "100", "--timeout", "0s")
    assert result.exit_code == 1
    assert "not at $100.00 within 0 seconds: $99.999 left" in result.stderr


def test_a_key_that_is_refused_ends_it_at_once(api: Api) -> None:
    api.change(fault="refused_key")
    result = run("wait", "main", "--at-least", "100", "--timeout", "5h")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: main: refused: HTTP 401: Failed to verify api key\n"


def test_a_key_whose_file_is_missing_ends_it_at_once(home: Path) -> None:
    with Api() as simulated:
        (home / "config.toml").write_text(simulated.settings('[accounts.batch]\napi_key_file = "nowhere"\n'))
        result = run("wait", "batch", "--at-least", "100", "--timeout", "5h")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: batch: refused: {home}/nowhere (for accounts.batch.api_key): there is no")


@pytest.mark.parametrize(("fault", "kind"), [("status:404", "unreadable"), ("close", "unreachable")])
def test_an_api_that_cannot_be_reached_or_read_is_no_reason_to_end_before_the_time(
    api: Api, fault: str, kind: str
) -> None:
    api.change(fault=fault)
    result = run("wait", "main", "--at-least", "1", "--timeout", "1s")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: main: not at $1.00 within 1 second: {kind}: ")


# -- JSON -------------------------------------------------------------------------------------------------------------


def test_json_is_one_document_at_the_end_also_when_the_time_is_up(api: Api) -> None:
    reached = json.loads(run("wait", "main", "--at-least", "50", "--json").stdout)
    assert reached["reading"]["balance_usd"] == "72.048"
    assert reached["read_at"].endswith("Z")
    shown = {key: reached[key] for key in ("account", "at_least", "reached", "said", "failure")}
    assert shown == {
        "account": "main",
        "at_least": "50",
        "reached": True,
        "said": "main: $72.05 left (at least $50.00)",
        "failure": None,
    }
    api.change(fault="status:404")
    result = run("wait", "main", "--at-least", "100", "--timeout", "0s", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["reached"], document["reading"]) == (1, False, None)
    assert document["failure"]["kind"] == "unreadable"
    assert result.stderr == f"Error: {document['said']}\n"


# -- wrong use --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("main",), "Missing option '--at-least': see balance-monitor wait --help"),
        (("--at-least", "5"), "Missing argument 'ACCOUNT': see balance-monitor wait --help"),
        (("main", "--at-least", "much"), "Invalid value for '--at-least': not an amount: write a finite number"),
        (("main", "--at-least", "5", "--timeout", "60"), "Invalid value for '--timeout': a duration needs a unit"),
        (("mian", "--at-least", "5"), "no account is named mian: did you mean main?"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(api: Api, words: tuple[str, ...], sentence: str) -> None:
    result = run("wait", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {sentence}")
    assert api.simulator.requests("main") == 0


def test_it_needs_no_database_and_leaves_none_behind(api: Api, home: Path) -> None:
    assert run("wait", "main", "--at-least", "1").exit_code == 0
    assert [path.name for path in home.iterdir()] == ["config.toml"]
    assert api.simulator.requests("main")


# -- on a terminal, and Ctrl-C ----------------------------------------------------------------------------------------


def test_a_terminal_shows_the_balance_and_how_long_still_and_ctrl_c_ends_it(api: Api) -> None:
    api.change(balance_usd=20)
    code, shown = at_terminal("wait", "main", "--at-least", "100", until=lambda text: "at most" in text)
    assert code == 1
    assert re.search(r"main: \$20\.00 left, waiting for \$100\.00, 59 minutes at most …", shown)
    assert shown.replace("\r\x1b[K", "").rstrip().endswith("Stopped.")
    assert "\r\x1b[K" in shown


def test_a_terminal_shows_that_polls_fail(api: Api) -> None:
    api.change(fault="close")
    _, shown = at_terminal("wait", "main", "--at-least", "100", until=lambda text: "at most" in text)
    assert "main: no balance yet (unreachable now), waiting for $100.00" in shown


def test_ctrl_c_without_a_terminal_ends_it_with_a_word(api: Api) -> None:
    api.change(balance_usd=20)
    command = [sys.executable, "-m", "monitor", "wait", "main", "--at-least", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        _until(lambda: api.simulator.requests("main"))
        waiting.send_signal(signal.SIGINT)
        output, errors = waiting.communicate(timeout=10)
    assert (waiting.returncode, output, errors.strip()) == (1, "", "Stopped.")


def test_the_terminal_is_left_clean_at_the_end(api: Api) -> None:
    api.change(balance_usd=20)
    with Terminal() as terminal:
        command = [sys.executable, "-m", "monitor", "wait", "main", "--at-least", "100", "--timeout", "1s"]
        code = subprocess.run(
            command, stdout=terminal.stream, stderr=terminal.stream, check=False, timeout=30
        ).returncode
    assert code == 1
    last = terminal.shown.rpartition("\r\x1b[K")[2]
    assert last.startswith("Error: main: not at $100.00 within 1 second")


# -- when it polls ----------------------------------------------------------------------------------------------------


class Played:
    """An API that answers by a list, its last answer for ever, and notes when it was asked."""

    def __init__(self, *answers: Seen) -> None:
        self.answers = list(answers)
        self.at: list[float] = []

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ARG002, ASYNC109 - its shape
        self.at.append(asyncio.get_running_loop().time())
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def errand(folder: Path, amount: int = 100, *, timeout: timedelta, interval: timedelta) -> Errand:
    account: Account = parse(folder, MAIN).accounts["main"]
    return Errand(replace(account, interval=interval), Decimal(amount), timeout)


def play(job: Errand, provider: Played) -> tuple[Sight, float]:
    """Attend to it, and return what was seen last and how many seconds it took."""

    async def main() -> tuple[Sight, float]:
        began = asyncio.get_running_loop().time()
        sight = await attend(job, provider, lambda _sight, _left: None)
        return sight, asyncio.get_running_loop().time() - began

    return asyncio.run(main())


def test_it_polls_at_the_interval_and_a_last_time_when_the_time_is_up(home: Path) -> None:
    provider = Played(reading(20))
    sight, took = play(errand(home, timeout=SECOND, interval=0.3 * SECOND), provider)
    assert sight.reading == reading(20)
    pauses = [later - earlier for earlier, later in zip(provider.at, provider.at[1:], strict=False)]
    assert 2 <= len(provider.at) <= 5  # 0, 0.3, 0.6, 0.9 and, at the end, 1.0; later on a busy machine
    assert all(pause > 0.29 for pause in pauses[:-1])
    assert took >= 1


def test_an_interval_longer_than_the_time_means_one_poll_at_each_end(home: Path) -> None:
    provider = Played(reading(20), reading(100))
    sight, _ = play(errand(home, timeout=0.3 * SECOND, interval=3600 * SECOND), provider)
    assert sight.has(Decimal(100))
    assert len(provider.at) == 2


def test_a_wait_that_the_api_asks_for_is_kept(home: Path) -> None:
    busy = Failure(Kind.UNREACHABLE, "HTTP 429", 0.5 * SECOND)
    provider = Played(busy, reading(100))
    sight, _ = play(errand(home, timeout=60 * SECOND, interval=0.05 * SECOND), provider)
    assert sight.has(Decimal(100))
    assert len(provider.at) == 2
    assert provider.at[1] - provider.at[0] >= 0.5


def test_a_wait_beyond_the_time_is_kept_too_and_there_is_no_last_poll(home: Path) -> None:
    busy = Failure(Kind.UNREACHABLE, "HTTP 429", 3600 * SECOND)
    provider = Played(reading(20), busy)
    sight, took = play(errand(home, timeout=0.4 * SECOND, interval=0.1 * SECOND), provider)
    assert len(provider.at) == 2
    assert took >= 0.4
    assert (sight.reading, sight.failure) == (reading(20), busy)


def test_a_balance_that_was_there_while_the_last_poll_failed_is_not_there(home: Path) -> None:
    gone = Failure(Kind.UNREACHABLE, "no answer")
    provider = Played(reading(20), gone)
    sight, _ = play(errand(home, 10, timeout=0 * SECOND, interval=SECOND), provider)
    assert sight.has(Decimal(10))  # the first poll was enough
    assert not sight.after(gone, START).has(Decimal(10))


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([reading(100)], "main: $100.00 left (at least $100.00)"),
        (
            [reading(20), Failure(Kind.UNREACHABLE, "no answer")],
            "main: not at $100.00 within 1 hour: $20.00 left, read 2 minutes ago; unreachable: no answer",
        ),
        (
            [Failure(Kind.UNREADABLE, "HTTP 404")],
            "main: not at $100.00 within 1 hour: unreadable: HTTP 404",
        ),
        (
            [reading(20), Failure(Kind.REFUSED, "HTTP 401")],
            "main: refused: HTTP 401; $20.00 left, read 2 minutes ago",
        ),
    ],
)
def test_the_sentence_says_how_it_ended_and_what_was_seen_last(home: Path, seen: list[Seen], said: str) -> None:
    sight = Sight()
    for one in seen:
        sight = sight.after(one, START)
    job = errand(home, timeout=3600 * SECOND, interval=SECOND)
    assert sentence(job, sight, START + 120 * SECOND) == said


def test_the_real_client_is_asked_with_the_account_s_own_key(api: Api, home: Path) -> None:
    account = replace(
        parse(home, MAIN).accounts["main"],
        api_key=SecretStr(api.simulator.keys["main"]),
        base_url=api.address,
    )

    async def main() -> Sight:
        provider = Legnext()
        try:
            return await attend(Errand(account, Decimal(1), SECOND), provider, lambda _sight, _left: None)
        finally:
            await provider.aclose()

    assert asyncio.run(main()).has(Decimal(1))


def _until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
