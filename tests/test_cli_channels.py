"""``channels test``: real sends to real receivers, and what people are told of each."""

import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from receivers import MailServer, Webhook
from shell import Terminal, at_terminal, ctrl_c, move_into, process, run

from monitor.cli.channels import send
from monitor.cli.common import Progress
from monitor.config import Channel
from monitor.model import Level, NotSent, Outcome, Sent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    move_into(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as receiver:
        yield receiver


def write(home: Path, **urls: str) -> None:
    (home / "config.toml").write_text("".join(f'[channels.{name}]\nurl = "{url}"\n' for name, url in urls.items()))


def channel(name: str, url: str) -> Channel:
    return Channel(name=name, url=SecretStr(url), min_level=Level.INFO, accounts=None, fallback=None)


def test_a_channel_that_works_is_delivered_to_and_exit_0(home: Path, hook: Webhook) -> None:
    write(home, ops=hook.url)
    done = process("channels", "test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ops: delivered\n", "")
    (post,) = hook.posts
    assert post.body["title"] == "[TEST] ops: this is what an alert looks like"
    assert "Nothing is wrong with any account." in post.body["message"]


def test_one_that_fails_makes_the_exit_code_1_and_the_service_s_answer_is_said(home: Path, hook: Webhook) -> None:
    with Webhook() as forbidding, Webhook() as gone:
        forbidding.status(403, b'{"message": "invalid token"}')
        write(home, ops=hook.url, forbidden=forbidding.url, gone=gone.url)
        gone.close()
        result = run("channels", "test")
        assert (result.exit_code, result.stderr) == (1, "")
        lines = dict(line.split(": ", 1) for line in result.stdout.splitlines())
        assert lines == {
            "ops": "delivered",
            "forbidden": "not delivered: HTTP 403 Forbidden: invalid token",
            "gone": "not delivered: connection refused",
        }
        assert len(hook.posts) == 1


def test_a_mail_server_takes_one_too_or_says_why_not(home: Path) -> None:
    with MailServer() as mail:
        write(home, mail=mail.url, typo=mail.url_with(password="wrong", verify="no"))
        result = run("channels", "test")
        assert min(result.stdout.splitlines()) == "mail: delivered"
        assert "typo: not delivered: authentication failed: 535" in result.stdout
        (message,) = mail.wait_messages(1)
    assert message["subject"] == "[TEST] mail: this is what an alert looks like"


def test_no_secret_is_printed(home: Path, hook: Webhook) -> None:
    hook.status(403, b'{"message": "sesame-open is no good"}')
    write(home, ops=hook.url.replace("//", "//ops:sesame-open@"))
    result = run("channels", "test", "--json")
    assert "no good" in result.stdout
    assert "sesame" not in result.stdout + result.stderr


def test_only_the_named_channels_are_tested(home: Path, hook: Webhook) -> None:
    with Webhook() as other:
        write(home, ops=hook.url, mail=other.url)
        assert run("channels", "test", "mail", "mail").stdout == "mail: delivered\n"
        assert (len(hook.attempts), len(other.attempts)) == (0, 1)


def test_json_is_one_document_in_the_order_of_the_configuration(home: Path, hook: Webhook) -> None:
    with Webhook() as refusing:
        refusing.status(500)
        write(home, b=refusing.url, a=hook.url)
        done = process("channels", "test", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == [
        {"channel": "b", "delivered": False, "reason": "HTTP 500 Internal Server Error"},
        {"channel": "a", "delivered": True, "reason": None},
    ]


def test_it_needs_no_api_key_and_a_missing_channel_secret_is_that_channel_s_trouble(home: Path, hook: Webhook) -> None:
    write(home, ops=hook.url)
    with (home / "config.toml").open("a") as config:
        config.write('[channels.lost]\nurl_file = "nowhere"\n[accounts.main]\n')
    result = run("channels", "test")
    assert result.exit_code == 1
    assert "ops: delivered" in result.stdout
    assert re.search(r"^lost: not delivered: .*nowhere", result.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("config", "words", "sentence"),
    [
        ("", (), "there is no channel to test: write [channels.NAME] with a url into the configuration"),
        ('[channels.ops]\nurl = "json://localhost"\n', ("osp",), "no channel is named osp: did you mean ops?"),
        ('[channels.ops]\nurl = "json://localhost"\nmin_level = "loud"\n', (), "channels.ops.min_level: "),
    ],
)
def test_wrong_use_and_a_wrong_configuration_are_2(
    home: Path, config: str, words: tuple[str, ...], sentence: str
) -> None:
    (home / "config.toml").write_text(config)
    result = run("channels", "test", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_one_that_hangs_delays_no_other_and_a_terminal_shows_what_is_awaited(home: Path, hook: Webhook) -> None:
    with Webhook() as hanging:
        hanging.hang()
        write(home, ops=hook.url, slow=f"{hanging.url}?rto=2.5")
        began = time.monotonic()
        code, shown = at_terminal("channels", "test")
        assert 2 < time.monotonic() - began < 15
        (post,) = hook.posts
        assert post.at - began < 4
    assert code == 1
    first, rest = shown.split("\n", 1)
    assert first == "ops: \x1b[32mdelivered\x1b[0m"
    assert rest.startswith("Waiting for slow (")
    assert rest.endswith("\r\x1b[Kslow: \x1b[31mnot delivered\x1b[0m: no answer within 2.5 s\n")


def test_ctrl_c_while_one_hangs_ends_it_at_once(home: Path) -> None:
    with Webhook() as hanging:
        hanging.hang()
        write(home, slow=hanging.url)
        ctrl_c(lambda: hanging.attempts)
        began = time.monotonic()
        result = run("channels", "test")
        assert time.monotonic() - began < 4
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (1, "", "Stopped.")


def test_whatever_has_not_come_back_at_the_deadline_counts_as_not_delivered(hook: Webhook) -> None:
    with Webhook() as hanging:
        hanging.hang()
        channels = [channel("slow", hanging.url), channel("ops", hook.url)]
        outcomes: list[tuple[str, Outcome]] = list(send(channels, Progress(None), deadline=1.5, patience=0.2))
    assert outcomes == [("ops", Sent()), ("slow", NotSent("the service did not come to an end within 1.5 s"))]


def test_progress_comes_and_goes_on_a_terminal_only() -> None:
    with Terminal() as terminal:
        progress = Progress(terminal.stream)
        for text in ("Waiting for a", "Waiting for b"):
            progress.show(text)
        progress.clear()
        progress.clear()
    assert terminal.shown == "Waiting for a\r\x1b[KWaiting for b\r\x1b[K"
    piped = io.StringIO()
    Progress(piped).show("Waiting")
    Progress(piped).soon("Waiting", patience=0)
    assert piped.getvalue() == ""


def test_what_takes_long_is_shown_and_what_does_not_is_never(monkeypatch: pytest.MonkeyPatch) -> None:
    with Terminal() as terminal:
        quick, slow = Progress(terminal.stream), Progress(terminal.stream)
        quick.soon("Never seen", patience=60)
        quick.clear()
        slow.soon("Drawing …", patience=0)
        deadline = time.monotonic() + 10
        while "Drawing" not in terminal.shown and time.monotonic() < deadline:
            time.sleep(0.01)
        slow.show("Drawn")
        slow.clear()
        monkeypatch.setenv("TERM", "dumb")
        Progress(terminal.stream).show("Where no line can be taken away again")
    assert terminal.shown == "Drawing …\r\x1b[KDrawn\r\x1b[K"
