"""The program as a whole: its help, its errors, and what it is like without a terminal."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from shell import at_terminal, move_into, process, run

from monitor import __version__
from monitor.cli import common, end, let_go, main, root

NAMES = [
    "run",
    "demo",
    "check",
    "wait",
    "status",
    "history",
    "replay",
    "alerts",
    "digest",
    "outbox",
    "snooze",
    "unsnooze",
    "channels",
    "config",
    "reload",
    "simulate",
    "healthcheck",
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    move_into(tmp_path, monkeypatch)
    return tmp_path


def python(code: str, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-c", f"import sys\n{code}"]  # -P: as the installed program, nothing of the folder
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_help_lists_every_command_with_a_few_words_that_fit() -> None:
    result = run("--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == run("-h").stdout
    assert result.stdout.startswith("Usage: balance-monitor [OPTIONS] COMMAND [ARGS]...\n")
    listed = re.findall(r"^  ([a-z]+)  +(\S.*)$", result.stdout.split("Commands:\n")[1], re.MULTILINE)
    assert set(NAMES) <= {name for name, _ in listed}
    assert not [about for _, about in listed if "..." in about]
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_the_commands_can_be_completed_by_a_shell() -> None:
    environment = os.environ | {"_BALANCE_MONITOR_COMPLETE": "bash_complete", "COMP_WORDS": "x s", "COMP_CWORD": "1"}
    code = "from monitor.cli import root; root.main()"
    assert python(code, env=environment).stdout.split() == ["plain,status", "plain,snooze", "plain,simulate"]
    assert set(NAMES) <= set(root.list_commands(click.Context(root)))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(name: str) -> None:
    result = run(name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: balance-monitor {name} ")
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_the_list_of_commands_loads_none_of_them() -> None:
    done = python(
        "sys.argv[1:] = ['--help']\nfrom monitor.cli import main\n"
        "try: main()\n"
        "finally: print(*(name for name in sys.modules if name.startswith('monitor.')), file=sys.stderr)"
    )
    assert done.stderr.split() == ["monitor.cli"]


def test_without_a_command_it_helps_and_that_is_wrong_use() -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == run("--help").stdout


def test_version_is_told_by_the_program_and_by_the_module() -> None:
    assert run("--version").stdout == f"balance-monitor {__version__}\n"
    done = process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"balance-monitor {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("bogus",), "No such command 'bogus': see balance-monitor --help"),
        (("--bogus", "status"), "No such option '--bogus': see balance-monitor --help"),
        (("status", "--bogus"), "No such option '--bogus': see balance-monitor status --help"),
        (("status", "--config", "x"), "--config goes before the command: see balance-monitor --help"),
        (("outbox", "drop"), "Missing argument 'ID': see balance-monitor outbox drop --help"),
        (("--config",), "Option '--config' requires an argument: see balance-monitor --help"),
        (
            ("--config", "missing.toml", "status"),
            "--config missing.toml: there is no such file: correct the path, or write one with config init",
        ),
        (("run",), "no account: set LEGNEXT_API_KEY, or write [accounts.main] with an api_key"),
    ],
)
def test_wrong_use_is_one_sentence_on_standard_error_and_exit_2(words: tuple[str, ...], sentence: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {sentence}\n")


def test_a_process_ends_as_the_commands_do() -> None:
    done = process("bogus")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: No such command 'bogus': see balance-monitor --help\n"


def test_several_mistakes_are_a_line_each(home: Path) -> None:
    (home / "config.toml").write_text("interval = 5\ntimeout = 5\n")
    result = run("run")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("Error: ") for line in lines)


def test_a_current_folder_that_is_gone_is_a_sentence(home: Path) -> None:
    folder = home / "gone"
    folder.mkdir()
    done = python(
        "import os; os.rmdir(os.getcwd()); sys.argv[1:] = ['status']; from monitor.cli import main; main()", cwd=folder
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: the current folder is gone: change to one that is there\n"


def test_a_reader_who_leaves_early_gets_no_traceback() -> None:
    for words in ("config schema", "--help", "check --help"):
        command = f"{sys.executable} -m monitor {words} | true"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_behind_the_output_is_a_sentence_and_exit_1() -> None:
    with Path("/dev/full").open("w") as full:
        done = process("--help", stdout=full)
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


def test_no_output_at_all_is_no_trouble() -> None:
    for words in ("--version", "config schema"):
        command = f"{sys.executable} -m monitor {words} >&-"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_that_knows_only_ascii_is_no_trouble(home: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    (home / "config.toml").write_text('[channels.ops]\nurl = "json://127.0.0.1:1/"\n[accounts."ö"]\n')
    done = process("channels", "test", env=environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_a_sentence_also_where_the_program_is_called_from_python() -> None:
    with Path("/dev/full").open("w") as full:
        with contextlib.redirect_stdout(full), pytest.raises(SystemExit) as ended:
            root.main(["--version"])
        let_go(full)  # else closing it would fail again
    assert ended.value.code == 1


def test_nothing_is_written_where_there_is_no_output() -> None:
    let_go(None)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "nowhere"), 1, "Error: No such file or directory: nowhere"),
        (OSError("odd"), 1, "Error: odd"),
        (click.Abort(), 1, "Stopped."),
        (click.UsageError("Wrong."), 2, "Error: Wrong: see balance-monitor --help"),
        (click.ClickException("One.\nTwo."), 1, "Error: One.\nTwo."),
    ],
)
def test_whatever_went_wrong_ends_in_a_sentence(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        end(error, ["status"])
    assert (ended.value.code, *capsys.readouterr()) == (code, "", f"{said}\n")


def test_a_mistake_of_ours_keeps_its_traceback_without_the_secrets_that_were_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[accounts.main]\napi_key = "key-of-main-0001"\n')
    common.load(path)

    def asks(url: str) -> None:
        raise RuntimeError(f"asking {url}")

    with pytest.raises(RuntimeError) as failed:
        asks("https://localhost/?key=key-of-main-0001")
    with pytest.raises(SystemExit) as ended:
        end(failed.value, ["status"])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "in asks" in said
    assert said.endswith("RuntimeError: asking https://localhost/?key=********\n")


def test_the_entry_point_ends_with_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["balance-monitor", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_colours_are_for_terminals_and_not_where_no_color_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.toml").write_text('[channels.ops]\nurl = "json://127.0.0.1:1/"\n')
    assert "\x1b[31m" in at_terminal("channels", "test")[1]
    assert "\x1b" not in run("channels", "test").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in at_terminal("channels", "test")[1]
