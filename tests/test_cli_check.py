"""``check`` as a monitoring system calls it: its exit codes, its first line, its performance data."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from shell import Api, at_terminal, move_into, process, run

from monitor.cli.plugin import Exit, end_unknown, one_line, worst

KEY = "sk-1234567890"
Check = Callable[..., "Answer"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    move_into(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as simulated:
        yield simulated


# -- the guidelines' grammar, https://www.monitoring-plugins.org/doc/guidelines.html ----------------------------------

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"(?P<inside>@?)(?:(?P<start>~|{_NUMBER}|):)?(?P<end>{_NUMBER}|)")
_PERF = re.compile(
    r"(?:'(?P<quoted>(?:[^'=|]|'')+)'|(?P<label>[^\s'=|]+))"
    rf"=(?P<value>{_NUMBER}|U)(?P<uom>s|us|ms|%|B|KB|MB|GB|TB|c|)"
    r"(?:;(?P<warning>[^\s;]*)(?:;(?P<critical>[^\s;]*)(?:;(?P<min>[-\d.]*)(?:;(?P<max>[-\d.]*))?)?)?)?"
)


class Perf(NamedTuple):
    value: Decimal
    warning: str
    critical: str

    def status(self) -> str:
        return "CRITICAL" if _alerts(self.critical, self.value) else _warns(self.warning, self.value)


def _warns(line: str, value: Decimal) -> str:
    return "WARNING" if _alerts(line, value) else "OK"


def _alerts(line: str, value: Decimal) -> bool:
    """Say whether a range calls for an alert: outside of it, or with @ inside, its ends included."""
    if not line:
        return False
    match = _RANGE.fullmatch(line)
    assert match, f"not a range: {line}"
    start = Decimal("-Infinity") if match["start"] == "~" else Decimal(match["start"] or 0)
    end = Decimal(match["end"] or "Infinity")
    assert start <= end
    return (start <= value <= end) is (match["inside"] == "@")


class Answer:
    """What a plugin said, taken apart as strictly as the guidelines are."""

    def __init__(self, code: int, output: str) -> None:
        assert output.endswith("\n")
        first, *self.rest = output[:-1].split("\n")
        self.first, bar, measured = first.partition(" | ")
        self.status, _, self.text = self.first.partition(" - ")
        assert self.status == ("OK", "WARNING", "CRITICAL", "UNKNOWN")[code]
        assert self.text
        assert "|" not in self.text + measured + "".join(self.rest)
        self.perf = dict(_perf(word) for word in measured.split(" ")) if bar else {}


def _perf(word: str) -> tuple[str, Perf]:
    match = _PERF.fullmatch(word)
    assert match, f"not performance data: {word}"
    return match["quoted"] or match["label"], Perf(
        Decimal(match["value"]), match["warning"] or "", match["critical"] or ""
    )


@pytest.fixture
def check(home: Path, api: Api) -> Check:
    """Run check against the simulated API with more lines of configuration, and take its answer apart."""

    def call(*words: str, more: str = "") -> Answer:
        (home / "config.toml").write_text(api.settings(more))
        result = run("check", *words)
        assert result.stderr == ""
        return Answer(result.exit_code, result.stdout)

    return call


# -- one account ------------------------------------------------------------------------------------------------------


def test_a_fine_account_is_one_line_with_performance_data_and_exit_0(home: Path, api: Api) -> None:
    (home / "config.toml").write_text(api.settings())
    done = process("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "OK - main: $72.05, 71,000 credits, 1,048 points left"
        " | balance_usd=72.048;@~:25;@~:5 available_credits=71000 available_points=1048\n"
    )


def test_the_key_alone_in_the_environment_is_enough(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEGNEXT_API_KEY", api.simulator.keys["main"])
    monkeypatch.setenv("BALANCE_MONITOR_ACCOUNTS__MAIN__BASE_URL", api.address)
    assert run("check").exit_code == 0


def test_it_leaves_no_database_and_no_other_file_behind(home: Path, check: Check) -> None:
    check()
    assert [path.name for path in home.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    ("balance", "status", "text"),
    [
        ("25.001", "OK", "main: $25.00 left"),
        ("25", "WARNING", "main: $25.00 left (at or below $25.00)"),
        ("5.001", "WARNING", "main: $5.001 left (at or below $25.00)"),
        ("5", "CRITICAL", "main: $5.00 left (at or below $5.00)"),
        ("-0.5", "CRITICAL", "main: -$0.50 left (at or below $5.00)"),
    ],
)
def test_the_exit_code_follows_the_thresholds_and_the_performance_data_agree_with_it(
    api: Api, check: Check, balance: str, status: str, text: str
) -> None:
    api.change(
        balance_usd=balance, alert_threshold=-1, low_balance_alert=False, omit=["available_credits", "available_points"]
    )
    answer = check()
    assert (answer.status, answer.perf["balance_usd"].status()) == (status, status)
    assert answer.perf["balance_usd"] == Perf(Decimal(balance), "@~:25", "@~:5")
    assert answer.text == text


def test_confirmation_and_margins_do_not_apply(api: Api, check: Check) -> None:
    api.change(balance_usd=20)
    assert check(more="[rules.balance_usd]\nconfirm = 9\n").status == "WARNING"
    api.change(balance_usd=26)
    assert check(more='[rules.balance_usd]\nclear_margin = "50%"\n').status == "OK"


def test_credits_and_points_are_judged_and_the_api_s_own_alert_is_silent_beside_one_as_bad(
    api: Api, check: Check
) -> None:
    api.change(balance_usd=6, available_points=900, alert_threshold=10)
    answer = check(more="[rules.available_credits]\nwarning = 6000\n[rules.available_points]\n")
    assert answer.first == (
        "CRITICAL - main: $6.00 left (at or below $25.00); 5,100 credits left (at or below 6,000 credits); "
        "900 points left (at or below 1,000 points)"
    )
    assert answer.perf["available_points"] == Perf(Decimal(900), "@~:5000", "@~:1000")


def test_the_api_s_own_alert_is_said_where_no_rule_of_ours_says_the_same(api: Api, check: Check) -> None:
    api.change(balance_usd=70, alert_threshold=100)
    answer = check()
    assert answer.first == "WARNING - main: $70.00 left (at or below the API's own alert threshold of $100.00)"


def test_a_rule_that_is_off_is_not_judged(api: Api, check: Check) -> None:
    api.change(balance_usd=1, alert_threshold=0, low_balance_alert=False)
    answer = check(more="[rules.balance_usd]\nenabled = false\n")
    assert (answer.status, answer.perf["balance_usd"]) == ("OK", Perf(Decimal(1), "", ""))


def test_one_threshold_alone_leaves_the_other_field_empty(api: Api, check: Check) -> None:
    answer = check(more='[rules.balance_usd]\nwarning = "off"\n')
    assert answer.perf["balance_usd"] == Perf(Decimal("72.048"), "", "@~:5")
    api.change(balance_usd=20)
    assert check(more='[rules.balance_usd]\ncritical = "off"\n').perf["balance_usd"] == Perf(Decimal(20), "@~:25", "")


def test_a_field_that_a_rule_needs_and_that_is_absent_is_unknown(api: Api, check: Check) -> None:
    api.change(omit=["available_credits"])
    answer = check(more="[rules.available_credits]\n")
    assert answer.first == "UNKNOWN - main: the answer has no available_credits (for rules.available_credits)"
    assert "available_credits" not in answer.perf


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("refused_key", "main: refused: HTTP 401: Failed to verify api key"),
        ("status:503", "main: unreachable: HTTP 503: Service Unavailable"),
        ("hang", "main: unreachable: no answer within 1 s"),
        ("html", "main: unreadable: "),
    ],
)
def test_any_failure_is_unknown_and_has_no_performance_data(home: Path, api: Api, fault: str, text: str) -> None:
    api.change(fault=fault)
    (home / "config.toml").write_text('timeout = "1s"\n' + api.settings())
    result = run("check")
    answer = Answer(result.exit_code, result.stdout)
    assert answer.first.startswith(f"UNKNOWN - {text}")
    assert (result.exit_code, answer.perf) == (3, {})


def test_an_api_that_says_nothing_of_its_own_alert_is_fine(api: Api, check: Check) -> None:
    api.change(omit=["alert_threshold", "low_balance_alert"])
    assert check().status == "OK"


# -- several accounts -------------------------------------------------------------------------------------------------


def test_several_accounts_are_summed_up_first_and_then_told_the_worst_first(home: Path) -> None:
    with Api("main", "batch", "spare", "gone") as api:
        api.change("main", balance_usd=100)
        api.change("batch", balance_usd=20)
        api.change("spare", balance_usd=4)
        api.change("gone", fault="status:402")
        (home / "config.toml").write_text(api.settings())
        done = process("check")
    answer = Answer(done.returncode, done.stdout)
    assert answer.first == "CRITICAL - 4 accounts: 1 critical, 1 warning, 1 unknown, 1 ok"
    assert [line.partition(":")[0] for line in answer.rest] == [
        "CRITICAL - spare",
        "WARNING - batch",
        "UNKNOWN - gone",
        "OK - main",
    ]
    assert {label: perf.status() for label, perf in answer.perf.items() if "balance" in label} == {
        "main.balance_usd": "OK",
        "batch.balance_usd": "WARNING",
        "spare.balance_usd": "CRITICAL",
    }


def test_only_the_named_accounts_are_asked_each_once(home: Path) -> None:
    with Api("main", "batch", "spare") as api:
        (home / "config.toml").write_text(api.settings())
        two = run("check", "main", "batch", "main")
        assert two.stdout.startswith("OK - 2 accounts: 2 ok | main.balance_usd=")
        assert run("check", "batch").stdout.startswith("OK - batch: $72.05,")
        assert [api.simulator.requests(name) for name in ("main", "batch", "spare")] == [1, 2, 0]


@pytest.mark.parametrize(
    ("exits", "expected"),
    [
        ([], Exit.OK),
        ([Exit.OK, Exit.UNKNOWN], Exit.UNKNOWN),
        ([Exit.UNKNOWN, Exit.WARNING, Exit.OK], Exit.WARNING),
        ([Exit.WARNING, Exit.CRITICAL, Exit.UNKNOWN], Exit.CRITICAL),
    ],
)
def test_the_worst_wins_in_the_order_critical_warning_unknown_ok(exits: list[Exit], expected: Exit) -> None:
    assert worst(exits) is expected


# -- need -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("need", "more", "code"),
    [
        ("50", "", 0),
        ("67.047", "", 0),
        ("67.048", "", 2),  # exactly the critical threshold is not above it
        ("0", "", 0),
        ("72", '[rules.balance_usd]\ncritical = "off"\n', 0),
        ("72.048", '[rules.balance_usd]\ncritical = "off"\n', 2),
        ("72", "[rules.balance_usd]\nenabled = false\n", 0),
        ("62", "[rules.balance_usd]\nwarning = 20\ncritical = 10\n", 0),
        ("62.05", "[rules.balance_usd]\nwarning = 20\ncritical = 10\n", 2),
    ],
)
def test_need_is_critical_unless_the_balance_would_stay_above_the_critical_threshold(
    check: Check, need: str, more: str, code: int
) -> None:
    answer = check("--need", need, more=more)
    assert answer.status == ("OK", "", "CRITICAL")[code]
    assert answer.perf["balance_usd"].status() == answer.status
    assert set(answer.perf) == {"balance_usd", "available_credits", "available_points"}


def test_need_says_what_would_be_left(check: Check) -> None:
    assert check("--need", "50").text == "main: $72.05 left, $22.05 after spending $50.00 (above $5.00)"
    assert check("--need", "68").text == "main: $72.05 left, $4.05 after spending $68.00 (not above $5.00)"


def test_need_answers_only_this_and_judges_no_other_rule(api: Api, check: Check) -> None:
    api.change(balance_usd=20, alert_threshold=100)
    answer = check("--need", "10", more="[rules.available_points]\n")
    assert answer.status == "OK"
    assert (answer.perf["available_points"].warning, answer.perf["available_points"].critical) == ("", "")


def test_need_without_a_reading_is_unknown(api: Api, check: Check) -> None:
    api.change(fault="status:401")
    assert check("--need", "10").status == "UNKNOWN"


# -- json -------------------------------------------------------------------------------------------------------------


def test_json_is_one_document_with_exact_amounts_and_times(home: Path) -> None:
    with Api("main", "gone") as api:
        api.change("main", balance_usd="72.048", available_points=1048)
        api.change("gone", fault="refused_key")
        (home / "config.toml").write_text(api.settings())
        done = process("check", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["status"]) == (3, "", "unknown")
    assert document["said"] == "2 accounts: 1 unknown, 1 ok"
    main, gone = document["accounts"]
    updated = main["reading"].pop("updated_at")
    assert main == {
        "account": "main",
        "status": "ok",
        "said": "$72.05, 71,000 credits, 1,048 points left",
        "reading": {
            "balance_usd": "72.048",
            "account_id": "1",
            "available_credits": "71000",
            "available_points": "1048",
            "alert_threshold": "10",
            "low_balance_alert": False,
        },
    }
    assert updated.endswith("Z")
    assert abs((datetime.fromisoformat(updated) - datetime.now(UTC)).total_seconds()) < 60
    assert gone == {
        "account": "gone",
        "status": "unknown",
        "said": "refused: HTTP 401: Failed to verify api key",
        "failure": {"kind": "refused", "reason": "HTTP 401: Failed to verify api key"},
    }


def test_json_of_one_account_says_what_the_line_says(home: Path, api: Api) -> None:
    api.change(balance_usd=4, alert_threshold=0, low_balance_alert=False)
    (home / "config.toml").write_text(api.settings())
    result = run("check", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["status"], document["said"]) == (2, "critical", "$4.00 left (at or below $5.00)")


# -- what is wrong is UNKNOWN, on standard output, with exit 3 --------------------------------------------------------

_WRONG = [
    (("check", "--bogus"), "No such option '--bogus'."),
    (("--bogus", "check"), "No such option '--bogus'."),
    (("--config", "missing.toml", "check"), "--config missing.toml: there is no such file: correct the path"),
    (("check", "--config", "missing.toml"), "--config goes before the command"),
    (("check", "--need"), "Option '--need' requires an argument."),
    (("check", "--need", "lots"), "Invalid value for '--need': not an amount: write a finite number"),
    (("check", "--need", "nan"), "Invalid value for '--need': not an amount"),
    (("check", "--need", "-1"), "Invalid value for '--need': nobody needs less than nothing"),
    (("check", "mian"), "no account is named mian: did you mean main?"),
    (("check", "nobody"), "no account is named nobody: there is main"),
]


@pytest.mark.parametrize(("words", "sentence"), _WRONG)
def test_wrong_use_is_unknown_in_one_line(home: Path, words: tuple[str, ...], sentence: str) -> None:
    (home / "config.toml").write_text(f'[accounts.main]\napi_key = "{KEY}"\n')
    result = run(*words)
    assert (result.exit_code, result.stderr) == (3, "")
    assert result.stdout.startswith(f"UNKNOWN - {sentence}")
    Answer(3, result.stdout)
    document = json.loads(run(*words, "--json").stdout) if words[-1] != "--need" else {"status": "unknown"}
    assert document["status"] == "unknown"


def test_every_mistake_in_the_configuration_is_in_the_one_line(home: Path) -> None:
    (home / "config.toml").write_text(f'interval = 5\n"a|b" = 1\n[accounts.main]\napi_key = "{KEY}"\n')
    done = process("check")
    answer = Answer(done.returncode, done.stdout)
    assert (answer.status, done.stderr, answer.rest) == ("UNKNOWN", "", [])
    assert "interval: a duration needs a unit" in answer.text
    assert "a/b" in answer.text
    document = json.loads(run("check", "--json").stdout)
    assert document == {"status": "unknown", "said": answer.text, "accounts": []}


def test_no_configuration_at_all_is_unknown_and_says_what_to_do() -> None:
    result = run("check")
    assert (result.exit_code, result.stderr) == (3, "")
    assert result.stdout == "UNKNOWN - no account: set LEGNEXT_API_KEY, or write [accounts.main] with an api_key\n"


def test_a_current_folder_that_is_gone_is_unknown(home: Path) -> None:
    folder = home / "gone"
    folder.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from monitor.cli import main; sys.argv[1:] = ['check']; main()"
    command = [sys.executable, "-P", "-c", code]  # -P: as the installed program, nothing of the folder
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == "UNKNOWN - the current folder is gone: change to one that is there\n"


def test_a_secret_that_is_missing_is_a_failure_of_that_account_only(home: Path) -> None:
    with Api() as api:
        (home / "config.toml").write_text(api.settings('[accounts.batch]\napi_key_file = "nowhere"\n'))
        result = run("check")
    assert result.exit_code == 3
    assert "UNKNOWN - batch: refused: " in result.stdout
    assert "OK - main: " in result.stdout


def test_help_is_no_trouble() -> None:
    result = run("check", "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Answer only this" in result.stdout


def test_ctrl_c_while_it_waits_is_unknown(home: Path, api: Api) -> None:
    api.change(fault="hang")
    (home / "config.toml").write_text(api.settings())
    with subprocess.Popen([sys.executable, "-m", "monitor", "check"], stdout=-1, stderr=-1, text=True) as waiting:
        deadline = time.monotonic() + 10
        while not api.simulator.requests("main") and time.monotonic() < deadline:
            time.sleep(0.02)
        waiting.send_signal(signal.SIGINT)
        output, errors = waiting.communicate(timeout=10)
    assert (waiting.returncode, output) == (3, "UNKNOWN - stopped before an answer came\n")
    assert "Traceback" not in errors


def test_a_full_disk_behind_the_output_ends_with_3_and_without_a_traceback(home: Path, api: Api) -> None:
    (home / "config.toml").write_text(api.settings())
    with Path("/dev/full").open("w") as full:
        done = process("check", stdout=full)
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (click.Abort(), "stopped before an answer came"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
        (click.ClickException("first\nsecond"), "first; second"),
    ],
)
def test_whatever_the_world_does_is_one_line(error: Exception, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        end_unknown(error, as_json=False)
    assert end.value.code == 3
    assert capsys.readouterr() == (f"UNKNOWN - {said}\n", "")


def test_a_mistake_of_ours_is_unknown_too_and_leaves_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        end_unknown(RuntimeError("oops"), as_json=False)
    output, errors = capsys.readouterr()
    assert end.value.code == 3
    assert output == "UNKNOWN - a mistake in balance-monitor (RuntimeError): see standard error\n"
    assert "RuntimeError: oops" in errors


def test_a_text_never_has_a_bar_or_a_second_line() -> None:
    assert one_line("a|b\n c\td") == "a/b c d"


# -- what it costs ----------------------------------------------------------------------------------------------------


def test_it_loads_nothing_of_the_daemon(home: Path, api: Api) -> None:
    (home / "config.toml").write_text(api.settings())
    code = (
        "import atexit, sys; sys.argv[1:] = ['check']\n"
        "atexit.register(lambda: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr))\n"
        "from monitor.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    assert "httpx" in loaded
    assert not loaded & {"sqlalchemy", "apscheduler", "apprise", "alembic", "starlette"}


def test_on_a_terminal_it_is_a_table_for_people_without_what_only_programs_read(home: Path, api: Api) -> None:
    (home / "config.toml").write_text(api.settings())
    code, shown = at_terminal("check")
    assert code == 0
    assert click.unstyle(shown).splitlines() == [
        "STATUS  ACCOUNT  SAID",
        "ok      main     $72.05, 71,000 credits, 1,048 points left",
    ]
    assert "\x1b[32mok\x1b[0m" in shown
    assert "balance_usd=72.048" in run("check").stdout


def test_on_a_terminal_the_worst_is_last_and_the_sum_below(home: Path) -> None:
    with Api("fine", "low", "gone") as api:
        api.change("low", balance_usd=4)
        api.change("gone", fault="refused_key")
        (home / "config.toml").write_text(api.settings())
        code, shown = at_terminal("check")
    assert code == 2
    _, *rows, _, said = click.unstyle(shown).splitlines()
    assert [row.split()[:2] for row in rows] == [["ok", "fine"], ["unknown", "gone"], ["critical", "low"]]
    assert said == "3 accounts: 1 critical, 1 unknown, 1 ok."


def test_a_terminal_is_shown_how_many_have_answered_when_that_takes_long(home: Path) -> None:
    with Api("fast", "slow") as api:
        api.change("slow", fault="slow:3")
        (home / "config.toml").write_text(api.settings())
        code, shown = at_terminal("check")
    assert code == 0
    assert shown.startswith("1 of 2 accounts answered …\r\x1b[K")
