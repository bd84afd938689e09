"""The commands ``config check``, ``show``, ``schema`` and ``init``, as somebody at a shell sees them."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import root
from monitor.config import load
from monitor.config.init import write_new
from monitor.config.load import understand
from monitor.config.show import show

KEY = "sk-1234567890"
URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
CONFIG = f'[accounts.main]\napi_key = "{KEY}"\n[channels.ops]\nurl = "{URL}"\n'


@pytest.fixture(autouse=True)
def _in_an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("BALANCE_MONITOR_", "LEGNEXT_", "XDG_", "CREDENTIALS_", "STATE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(root, words)


def test_check_says_ok_and_counts(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(CONFIG)
    result = run("--config", "my.toml", "config", "check")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "my.toml: ok (1 account, 1 channel)\n", "")


def test_check_works_with_the_environment_alone_and_tells_the_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEGNEXT_API_KEY", KEY)
    monkeypatch.setenv("BALANCE_MONITOR_PORT", "8080")
    result = run("config", "check")
    assert (result.exit_code, result.stdout) == (0, "environment: ok (1 account, 0 channels)\n")
    assert result.stderr.startswith("warning: BALANCE_MONITOR_PORT: no key of the configuration")


def test_check_tells_every_mistake_and_what_apprise_refuses(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("nosuch://pw-secret")
    text = f'interval = 5\n{CONFIG}[channels.pager]\nurl = "nosuch://pw-secret"\n[channels.mail]\nurl_file = "url"\n'
    (tmp_path / "config.toml").write_text(text + '[channels.gone]\nurl_file = "gone"\n')
    result = run("config", "check")
    assert (result.exit_code, result.stdout) == (2, "")
    lines = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    here = tmp_path / "config.toml"
    assert len(lines) == 3
    assert lines[0].startswith(f"{here}: interval: a duration needs a unit")
    assert lines[1].startswith(f"{here}: channels.pager.url: ")
    assert lines[2].startswith(f"{here}: channels.mail.url_file: ")
    assert "pw-secret" not in result.output


def test_check_warns_of_a_channel_with_several_receivers(tmp_path: Path) -> None:
    here = tmp_path / "config.toml"
    here.write_text(f'{CONFIG}[channels.phone]\nurl = "ntfy://host/pw-one/pw-other"\n')
    result = run("config", "check")
    assert (result.exit_code, result.stdout) == (0, f"{here}: ok (1 account, 2 channels)\n")
    assert result.stderr == (
        f"warning: {here}: channels.phone.url: 2 receivers, and what one refuses goes to all again: "
        "write a channel for each\n"
    )


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_file_that_is_not_there_is_told_in_a_sentence(command: str) -> None:
    result = run("--config", "gone.toml", "config", command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--config gone.toml: there is no such file")


def test_show_refuses_what_check_refuses(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("interval = 5\n")
    result = run("config", "show")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "interval: a duration needs a unit" in result.stderr


def test_show_tells_each_value_with_its_source_and_masks_the_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "accounts__other__api_key").write_text("pw-other-secret")
    text = CONFIG + '[accounts.main.rules.balance_usd]\ncritical = 50\n[channels.mail]\nurl_file = "gone"\n'
    (tmp_path / "config.toml").write_text(text)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("BALANCE_MONITOR_INTERVAL", "90s")
    monkeypatch.setenv("BALANCE_MONITOR_ACCOUNTS__OTHER__CHANNELS", "ops")
    result = run("config", "show")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"# {tmp_path / 'config.toml'}"
    for line in (
        'interval = "1m30s"   # environment BALANCE_MONITOR_INTERVAL',
        'timezone = "UTC"   # default',
        "rules.balance_usd.warning = 25   # default",
        'rules.balance_usd.remind_every = { warning = "1d", critical = "4h" }   # default',
        "rules.refused.enabled = true   # default",
        'rules.refused.level = "critical"   # default',
        'accounts.main.api_key = "********"   # the config file',
        'accounts.main.interval = "1m30s"   # environment BALANCE_MONITOR_INTERVAL',
        'accounts.main.channels = "all"   # default',
        'accounts.main.rules.balance_usd.warning = "off"   # default 25, dropped: it contradicts the other threshold',
        "accounts.main.rules.balance_usd.critical = 50   # the config file",
        f'accounts.other.api_key = "********"   # secret file {credentials}/accounts__other__api_key',
        'accounts.other.channels = ["ops"]   # environment BALANCE_MONITOR_ACCOUNTS__OTHER__CHANNELS',
        'channels.ops.url = "********"   # the config file',
        'channels.ops.min_level = "info"   # default',
        'channels.mail.url = "********"   # the config file (unusable)',
        'channels.mail.fallback = "off"   # default',
    ):
        assert line in lines
    assert not [line for line in lines if line.startswith(("accounts.main.rules.refused", "accounts.other.rules"))]
    assert not [secret for secret in (KEY, URL, "T1JJ3T3L2", "pw-other-secret") if secret in result.output]


def test_show_gives_one_json_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEGNEXT_API_KEY", KEY)
    monkeypatch.setenv("BALANCE_MONITOR_RULES__BALANCE_USD__WARNING", "30.10")
    document = json.loads(run("config", "show", "--json").stdout)
    values = document["values"]
    assert document["config"] is None
    assert document["warnings"] == ["no channel: alerts go only to the log: write [channels.ops] with a url"]
    assert values["accounts.main.api_key"] == {"value": "********", "source": "environment LEGNEXT_API_KEY"}
    assert values["rules.balance_usd.warning"]["value"] == "30.1"
    assert values["rules.balance_usd.clear_margin"]["value"] == "5%"
    assert values["rules.balance_usd.remind_every"]["value"] == {"warning": "1d", "critical": "4h"}


def test_show_needs_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[accounts.main]\n")
    result = run("config", "show")
    assert result.exit_code == 0
    assert 'accounts.main.api_key = "********"   # default (unusable)' in result.stdout
    assert list(show(understand(None, {}, secrets_dirs=[], needs_secrets=False)))


def test_schema_prints_one_json_document() -> None:
    document = json.loads(run("config", "schema").stdout)
    assert document["title"] == "balance-monitor"


def test_init_without_a_terminal_writes_the_commented_defaults(tmp_path: Path) -> None:
    result = run("config", "init")
    assert result.exit_code == 0
    assert result.stdout == (
        "config.toml: written, readable only by you. Next: balance-monitor --config config.toml config check\n"
    )
    file = tmp_path / "config.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(load(file, {"LEGNEXT_API_KEY": KEY}, secrets_dirs=[]).accounts) == ["main"]


def test_init_never_writes_over_a_file_unless_told_so(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    file.chmod(0o644)
    result = run("config", "init", "mine.toml")
    assert result.exit_code == 2
    assert "there is one already: choose another path, or write over it with --force" in result.stderr
    assert file.read_text() == "mine"
    assert run("config", "init", "--force", "mine.toml").exit_code == 0
    assert file.read_text() != "mine"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_appears_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        write_new(file, "other", force=False)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_init_tells_when_it_cannot_write(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run("config", "init", "gone/config.toml", *words)
    assert result.exit_code == 1
    assert "gone/config.toml: cannot be written (No such file or directory)" in result.stderr
    (tmp_path / "folder").mkdir()
    result = run("config", "init", "folder", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("folder: a folder: name the file to write, such as folder/config.toml")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


ON_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from monitor.cli import main
sys.argv = ["balance-monitor", "config", "init"]
main()
"""


def converse(folder: Path, answers: list[tuple[str, str]]) -> str:
    """Run ``config init`` on a terminal; answer each question once it is asked; return all that was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", ON_A_TERMINAL]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, start_new_session=True)
    os.close(theirs)
    try:
        shown = "".join(answer_each(ours, answers))
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown


def answer_each(terminal: int, answers: list[tuple[str, str]]) -> Iterator[str]:
    for question, answer in answers:
        asked = ""
        while question not in asked:
            asked += os.read(terminal, 4096).decode()
        yield asked
        os.write(terminal, f"{answer}\n".encode())
    try:
        while more := os.read(terminal, 4096):
            yield more.decode()
    except OSError:  # how Linux says that the other side has closed
        return


def test_init_asks_on_a_terminal_without_showing_the_secrets(tmp_path: Path) -> None:
    shown = converse(
        tmp_path,
        [
            ("API key (hidden", "two words"),
            ("API key (hidden", KEY),
            ("Apprise URL of", "none"),
            ("Apprise URL of", URL),
            ("Warn when the", "much"),
            ("Warn when the", "40.50"),
        ],
    )
    assert "printable ASCII without spaces" in shown
    assert "not an Apprise URL" in shown
    assert "not an amount" in shown
    assert KEY not in shown
    assert URL not in shown
    file = tmp_path / "config.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    config = load(file, {}, secrets_dirs=[])
    assert {KEY, URL} <= config.secrets
    assert config.accounts["main"].rules[0].limits == "warning $40.50, critical $5.00"


def test_init_leaves_out_what_is_not_answered(tmp_path: Path) -> None:
    converse(tmp_path, [("API key (hidden", ""), ("Apprise URL of", ""), ("Warn when the", "")])
    config = load(tmp_path / "config.toml", {"LEGNEXT_API_KEY": KEY}, secrets_dirs=[])
    assert list(config.accounts) == ["main"]
    assert config.channels == {}
    assert config.accounts["main"].rules[0].model_fields_set == set()


def test_init_asks_for_a_critical_threshold_that_the_warning_would_leave_no_room_for(tmp_path: Path) -> None:
    asked = [
        ("API key (hidden", ""),
        ("Apprise URL of", ""),
        ("Warn when the", "4"),
        ("Critical at", "9"),
        ("Critical at", "1"),
    ]
    assert "critical must not be above the warning of 4" in converse(tmp_path, asked)
    rule = load(tmp_path / "config.toml", {"LEGNEXT_API_KEY": KEY}, secrets_dirs=[]).accounts["main"].rules[0]
    assert rule.model_dump(include={"warning", "critical"}) == {"warning": "4", "critical": "1"}


def test_only_reading_a_file_shows_whether_it_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    monkeypatch.setattr(os, "access", lambda *_: False)  # what click would ask, to refuse without a remedy
    assert run("--config", "config.toml", "config", "check").exit_code == 0
