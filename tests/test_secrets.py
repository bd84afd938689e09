"""No secret shows anywhere: planted ones are searched for in all that the program writes, sends to others and keeps.

Each of them is configured once by the file, once by the environment and once by secret files; every command is given,
and whoever the program talks to says back what it was told, in every notation.
"""

import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

import httpx
import pytest
import trustme
from click.testing import CliRunner
from hunt import Places, Planted, files_below, leaks, process_entries, word
from live import COMMAND, clean_environment, until
from mirror import Gossip, Mirror
from shell import move_into
from test_docs import ALL

from monitor.cli import root
from monitor.config.shape import Shape
from monitor.web.routes import TABLE

TESTS = Path(__file__).parent


# -- what is planted --------------------------------------------------------------------------------------------------


def closed_port() -> int:
    """Return a port that nobody listens to."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class World:
    """The servers that say back what they are told, and a configuration full of secrets that leads to them."""

    def __init__(self) -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.mirror, self.sealed, self.mail = Mirror(), Mirror(context), Gossip(password=word("another password"))
        self.nobody = closed_port()
        self.proxy = word("proxy password")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.mirror, self.sealed, self.mail):
            server.close()

    def accounts(self) -> dict[str, str]:
        """Where each account is polled: a way in which polls end each."""
        port = self.mirror.port
        ways = ("fine", "denied", "broken", "inside", "moved", "garbled", "page", "label")
        return {way: f"http://127.0.0.1:{port}/{way}" for way in ways} | {
            "nobody": f"http://127.0.0.1:{self.nobody}",
            "nowhere": "http://nowhere.invalid",
            "untrusted": f"https://127.0.0.1:{self.sealed.port}/fine",
            "cleartext": f"https://127.0.0.1:{port}/fine",
            "proxied": "https://proxied.invalid",
        }

    def planted(self) -> list[Planted]:
        """Every secret. A new secret key of the configuration is one line here."""
        keys = [Planted(("accounts", name, "api_key"), key, (key,)) for name in self.accounts() for key in [_key(name)]]
        port, nobody, sealed = self.mirror.port, self.nobody, self.sealed.port
        return [
            *keys,
            *(_hook(way, f"json://127.0.0.1:{port}/{way}") for way in ("fine", "denied", "broken", "plain")),
            *(_hook(way, f"json://127.0.0.1:{port}/{way}") for way in ("moved", "garbled", "page")),
            _hook("nobody", f"json://127.0.0.1:{nobody}"),
            _hook("nowhere", "jsons://hook.invalid"),
            _hook("untrusted", f"jsons://127.0.0.1:{sealed}/fine"),
            _hook("cleartext", f"jsons://127.0.0.1:{port}/fine"),
            _login("basic", f"127.0.0.1:{port}/denied"),
            self._mail(),
            _slack("slack", "T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ"),
            _slack("slack_bot", "xoxb-1234567890-1234567890-4ddbc191d40ee098cbaae6f3523ada2d"),
            _address("heartbeat_url", f"http://127.0.0.1:{port}/denied"),
            _address("heartbeat_fail_url", f"http://127.0.0.1:{port}/moved"),
            Planted(("web", "token"), word("web token"), (word("web token"),)),
            Planted((), self.proxy, (self.proxy,)),
        ]

    def channels(self) -> list[str]:
        """The names of the channels, of which only ``fine`` delivers."""
        return [planted.path[1] for planted in self.planted() if planted.path[:1] == ("channels",)]

    def _mail(self) -> Planted:
        password = word("password")
        return Planted(("channels", "mail", "url"), self.mail.url_with(password=password, verify="no"), (password,))

    def words(self) -> list[str]:
        """Every secret word."""
        return [secret for planted in self.planted() for secret in planted.words]

    def proxies(self) -> dict[str, str]:
        """The environment that sends what leaves this machine to a proxy that refuses it."""
        address = f"http://me:{quote(self.proxy, safe='')}@127.0.0.1:{self.mirror.port}"
        return {"HTTPS_PROXY": address, "NO_PROXY": "127.0.0.1"}


def _key(name: str) -> str:
    return word(f"key of {name}")


def _hook(name: str, address: str) -> Planted:
    path, header = word(f"path of {name}"), word(f"header of {name}")
    url = f"{address}/{quote(path, safe='')}?+Authorization=Bearer%20{quote(header, safe='')}"
    return Planted(("channels", name, "url"), url, (path, header))


def _address(key: str, address: str) -> Planted:
    return Planted((key,), f"{address}/{quote(word(key), safe='')}", (word(key),))


def _login(name: str, address: str) -> Planted:
    password = word(f"login of {name}")
    return Planted(("channels", name, "url"), f"json://user:{quote(password, safe='')}@{address}", (password,))


def _slack(name: str, *tokens: str) -> Planted:
    return Planted(("channels", name, "url"), f"slack://{'/'.join(tokens)}/%23billing", tokens[-1:])


# -- the program, once for each way of giving secrets -----------------------------------------------------------------


class Program:
    """``run`` in a home of its own, with its secrets from one source, and commands beside it."""

    def __init__(self, folder: Path, world: World, source: str, log_format: str) -> None:
        self.folder, self.world, self._source, self._format = folder, world, source, log_format
        self.home, self.given = folder / "home", folder / "given"
        for each in (self.home, self.given, self.home / "tmp"):
            each.mkdir()
        self.path, self._log_path = self.given / "config.toml", self.home / "log"
        self.said: dict[str, str] = {}
        """What commands printed."""
        self.write()

    def write(self, more: str = "", **changed: str) -> None:
        """Write the configuration; ``changed`` are other keys, by account."""
        parts = [_SETTINGS.format(database=self.home / "monitor.db", log_format=self._format)]
        for name, address in self.world.accounts().items():
            parts.append(f'[accounts.{name}]\nbase_url = "{address}"\n')
            parts += self._give(Planted(("accounts", name, "api_key"), changed.get(name, _key(name)), ()))
        for planted in self.world.planted():
            if planted.path[:1] in {("channels",), ("web",)}:
                parts.append(f"[{'.'.join(planted.path[:-1])}]\n")
                parts += self._give(planted)
            elif planted.path[:1] not in {(), ("accounts",)}:
                parts[:0] = self._give(planted)
        self.path.write_text("".join(parts) + more)

    def _give(self, planted: Planted) -> list[str]:
        """Give a secret by our source; return what to write into the file for it."""
        if self._source == "files":
            (self.given / planted.file).write_text(planted.value + "\n")
        return [f"{planted.path[-1]} = {json.dumps(planted.value)}\n"] if self._source == "file" else []

    def environment(self) -> dict[str, str]:
        own = {"HOME": str(self.home), "TMPDIR": str(self.home / "tmp"), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        own |= {"BALANCE_MONITOR_WEB__LISTEN": "127.0.0.1:0"}
        if self._source == "environment":
            own |= {one.variable: one.value for one in self.world.planted() if one.path}
        if self._source == "files":
            own |= {"CREDENTIALS_DIRECTORY": str(self.given)}
        return clean_environment(**own, **self.world.proxies())

    def start(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "--config", str(self.path), "run"], stdout=log, stderr=log, env=self.environment()
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def wait_log(self, *words: str, count: int = 1, seconds: float = 120) -> None:
        """Wait until the log has a line with all these words, or so many."""

        def found() -> bool:
            return sum(all(one in line for one in words) for line in self.log.splitlines()) >= count

        until(found, f"{words} in the log", seconds)

    def command(self, *words: str) -> int:
        """Give a command beside the daemon, and keep what it prints."""
        done = subprocess.run(
            [*COMMAND, "--config", str(self.path), *words],
            capture_output=True,
            text=True,
            env=self.environment(),
            cwd=self.home,
            check=False,
            timeout=240,
        )
        self.said[f"the output of {words}"] = done.stdout + done.stderr
        return done.returncode

    def reload(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(10) == 0

    def entries(self) -> Places:
        return process_entries(self._process.pid, environment=False)

    def environment_entry(self) -> dict[str, bytes]:
        """Return the environment of the process, unless the secrets were given through it; the proxy always is."""
        if self._source == "environment":
            return {}
        return {"/proc/…/environ": Path(f"/proc/{self._process.pid}/environ").read_bytes()}


_SETTINGS = """\
interval = "5s"
timeout = "4s"
database = "sqlite:///{database}"
[log]
level = "debug"
format = "{log_format}"
[rules.unreachable]
warning = "15s"
[rules.refused]
confirm = 1
[rules.unreadable]
confirm = 1
"""

# Every command, each way in which it may print; MESSAGE stands for the id of one that waits.
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check",),
    ("check", "--json"),
    ("check", "fine", "denied", "--need", "50"),
    ("wait", "denied", "--at-least", "50"),
    ("wait", "moved", "--at-least", "50", "--timeout", "1s", "--json"),
    ("status",),
    ("status", "--json"),
    ("history", "denied"),
    ("history", "garbled", "--json"),
    ("history", "fine", "--format", "csv"),
    ("replay", "fine"),
    ("replay", "denied", "--json"),
    ("alerts",),
    ("alerts", "--all"),
    ("alerts", "--all", "--json"),
    ("digest", "--print"),
    ("digest", "--print", "--json"),
    ("outbox",),
    ("outbox", "list"),
    ("outbox", "list", "--json"),
    ("outbox", "retry", "MESSAGE"),
    ("outbox", "drop", "MESSAGE"),
    ("channels", "test"),
    ("channels", "test", "--json"),
    ("config", "check"),
    ("config", "show"),
    ("config", "show", "--json"),
    ("config", "schema"),
    ("config", "init", "fresh.toml"),
    ("healthcheck",),
    ("reload",),
    ("snooze", "denied", "--for", "1s"),
    ("unsnooze", "--all"),
)
KEEN = {"check", "wait", "status", "history", "alerts", "channels", "config show", "config check", "healthcheck"}
"""Commands that look at the configuration's secrets, or at what came of them: given for each source of secrets."""
APART = {"run", "demo", "simulate"}
"""Commands that have tests of their own below."""


def test_every_command_is_searched_with_and_without_json() -> None:
    given = {" ".join(words[:2]) if " ".join(words[:2]) in ALL else words[0] for words in COMMANDS}
    assert set(ALL) - given - APART == set()
    with_json = {name for name, command in ALL.items() if any("--json" in option.opts for option in command.params)}
    given = {name for name in ALL for words in COMMANDS if "--json" in words and " ".join(words).startswith(name)}
    assert with_json - given - APART == set()


def secret_keys(tables: Mapping[str, object], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Tell the keys of the configuration that its own schema calls secret."""
    for name, about in tables.items():
        if isinstance(about, dict):
            if str(about.get("description", "")).startswith("secret"):
                yield (*path, name)
            yield from secret_keys(about, (*path, name))


def test_every_secret_key_of_the_configuration_is_planted() -> None:
    known = {path[-1] for path in secret_keys(Shape.model_json_schema())}
    assert known >= {"api_key", "url"}
    with World() as world:
        assert known <= {planted.path[-1] for planted in world.planted() if planted.path}


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_no_secret_shows_whatever_fails_and_whatever_is_asked(tmp_path: Path) -> None:
    sources = (("file", "console"), ("environment", "json"), ("files", "journal"))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:  # side by side: most of it is waiting
        stories = [pool.submit(live_through_everything, tmp_path / source, source, form) for source, form in sources]
        for story in stories:
            story.result()


def live_through_everything(folder: Path, source: str, log_format: str) -> None:
    folder.mkdir()
    with World() as world, Program(folder, world, source, log_format) as program:
        program.start()
        program.wait_log("account_failing", count=len(world.accounts()) - 2)
        program.wait_log("channel_failing", count=len(world.channels()) - 1)
        program.wait_log("heartbeat_failing")
        everywhere: Places = {**program.entries()}
        assert leaks(set(world.words()) - {world.proxy}, program.environment_entry()) == []
        look_at_everything(program)
        give_commands(program, COMMANDS if source == "environment" else [one for one in COMMANDS if is_keen(one)])
        lock_the_database(program)
        reload_badly(program)
        rotate(program, source)
        program.wait_log("alert", "unreachable", "no reading for", count=3)
        everywhere |= program.entries()
        program.stop()
        everywhere |= files_below(program.home) | program.said
        everywhere |= {f"message {number}": body for number, body in enumerate(world.mirror.bodies)}
        assert leaks([*world.words(), NEW_KEY], everywhere) == []
        assert_it_all_happened(program, world)


NEW_KEY = word("rotated key")


def is_keen(words: tuple[str, ...]) -> bool:
    return bool({words[0], " ".join(words[:2])} & KEEN) and ("--json" in words or words[0] == "config")


def give_commands(program: Program, commands: Sequence[tuple[str, ...]]) -> None:
    """Give them one after the other, those that need a message's id last."""
    for words in commands:
        if "MESSAGE" not in words:
            program.command(*words)
    waiting = json.loads(program.said.get("the output of ('outbox', 'list', '--json')", "[]"))
    for words, message in zip((one for one in commands if "MESSAGE" in one), waiting, strict=False):
        assert program.command(*(message["id"] if one == "MESSAGE" else one for one in words)) == 0


ASKERS = {
    "a program with the token": {"Authorization": f"Bearer {word('web token')}"},
    "a person with the token": {"Authorization": f"Bearer {word('web token')}", "Accept": "text/html"},
    "nobody": {},
}


def look_at_everything(program: Program) -> None:
    """Ask for every address that there is, and keep what it says."""
    program.wait_log("http://127.0.0.1:")
    port = re.findall(r"http://127\.0\.0\.1:(\d+)/(?![a-z])", program.log)[-1]
    statuses = set()
    for who, headers in ASKERS.items():
        for one in TABLE:
            names = ("fine", "denied", "nothing") if "{name}" in one.path else ("",)
            for name in names:
                path, sent = one.path.replace("{name}", name), {"for": "1s"} if one.method == "POST" else None
                url = f"http://127.0.0.1:{port}{path}"
                answer = httpx.request(one.method, url, headers=headers, json=sent, timeout=60)
                program.said[f"{one.method} {path} by {who}"] = f"{answer.headers}\n{answer.text}"
                statuses.add((who, answer.status_code))
    assert ("a program with the token", 200) in statuses
    assert ("nobody", 401) in statuses


def lock_the_database(program: Program) -> None:
    """Hold the database for so long that the daemon complains of it."""
    before = len(program.log)
    with contextlib.closing(sqlite3.connect(program.home / "monitor.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        until(lambda: "locked" in program.log[before:], "trouble with the database", 120)
        program.command("status")
        program.command("outbox", "list")


def reload_badly(program: Program) -> None:
    """Let it read files with a mistake beside the secrets, and with the secret in the wrong place."""
    key = json.dumps(_key("fine"))
    mistakes = (f"[rules.refused]\napi_kye = {key}\n", f"[acounts.fine]\napi_key = {key}\n", f"[accounts]\nx = {key}")
    for count, mistake in enumerate(mistakes, 1):
        program.write(mistake)
        program.reload()
        program.wait_log("reload_refused", count=count)
    program.command("status")
    program.command("config", "check")


def rotate(program: Program, source: str) -> None:
    """Give an account that is refused another key, which is refused and repeated too."""
    program.write(denied=NEW_KEY)
    program.reload()
    program.wait_log("reloaded")
    program.world.mirror.wait_asked("denied", 1)
    if source != "environment":  # nobody can change that of a process
        assert program.command("check", "denied") == 3


def assert_it_all_happened(program: Program, world: World) -> None:
    assert "********" in program.log
    assert {"denied", "broken", "moved", "garbled", "page", "label", "inside", "plain"} <= set(world.mirror.asked)
    tested = json.loads(program.said["the output of ('channels', 'test', '--json')"])
    assert [one["channel"] for one in tested if one["delivered"]] == ["fine"]
    assert "535" in next(one["reason"] for one in tested if one["channel"] == "mail")
    assert b"HTTP 401: ***" in b"".join(world.mirror.bodies)


# -- mistakes in the configuration ------------------------------------------------------------------------------------

KEY = word("key")
URL_TOKEN = word("token", "-")
URL = f"json://127.0.0.1:1/hook/{URL_TOKEN}"
HEX = "7f3a9c0b51e24d68a1b2c3d4e5f60718"
"""A key that could pass for a name."""
SECRETS = [KEY, URL_TOKEN, HEX]
_K, _U = json.dumps(KEY), json.dumps(URL)
_MAIN = f"[accounts.main]\napi_key = {_K}\n"

MISTAKES = {
    "an unknown key beside it": f"{_MAIN}intervall = 3\n",
    "a key written wrong": f"[accounts.main]\napi_kye = {_K}\n",
    "a table written wrong": f"[acounts.main]\napi_key = {_K}\n[chanels.ops]\nurl = {_U}\n",
    "above the tables": f"api_key = {_K}\nurl = {_U}\n",
    "where a table belongs": f"accounts = {_K}\nchannels = {_U}\n",
    "where an account's table belongs": f"[accounts]\nmain = {_K}\n[channels]\nops = {_U}\n",
    "a table in its place": f"[accounts.main]\napi_key = {{ value = {_K} }}\n[channels.ops]\nurl = {{ x = {_U} }}\n",
    "a list in its place": f"[accounts.main]\napi_key = [{_K}]\n[channels.ops]\nurl = [{_U}, {_U}]\n",
    "two URLs in one": f'{_MAIN}[channels.ops]\nurl = "{URL}, {URL}"\n[channels.mail]\nurl = "{URL},{URL}"\n',
    "no URL at all": f"{_MAIN}[channels.ops]\nurl = {_K}\n",
    "a URL that Apprise refuses": f'{_MAIN}[channels.ops]\nurl = "slack://{URL_TOKEN}"\n',
    "an unknown scheme": f'{_MAIN}[channels.ops]\nurl = "slakc://{URL_TOKEN}/x"\n',
    "two lines": f"[accounts.main]\napi_key = {json.dumps(KEY + chr(10) + KEY)}\n",
    "a space in it": f"[accounts.main]\napi_key = {json.dumps(KEY + ' ' + KEY)}\n",
    "not ASCII": f"[accounts.main]\napi_key = {json.dumps(KEY + 'ü')}\n",
    "the key for the file's name": f"[accounts.main]\napi_key_file = {_K}\n[channels.ops]\nurl_file = {_U}\n",
    "a plain key for the file's name": f'[accounts.main]\napi_key_file = "{HEX}"\n',
    "both": f'{_MAIN}api_key_file = "x"\n[channels.ops]\nurl = {_U}\nurl_file = {_U}\n',
    "among the settings": f"interval = {_K}\ntimezone = {_K}\ntimeout = {_U}\ndatabase = {_U}\n{_MAIN}",
    "a database with a password": f'database = "postgresql://user:{URL_TOKEN}@host/db"\n{_MAIN}',
    "as a heartbeat's address": f'heartbeat_url = {_K}\nheartbeat_fail_url = "ftp://h/{URL_TOKEN}"\n{_MAIN}',
    "for the file of a heartbeat": f"heartbeat_url_file = {_U}\nheartbeat_fail_url_file = {_K}\n{_MAIN}",
    "in the page's table": f"[web]\ntoken = {json.dumps(KEY + ' ' + KEY)}\nlisten = {_K}\nurl = {_U}\n{_MAIN}",
    "a token's beginning": f"[web]\ntoken = {json.dumps(HEX[:14])}\nlisten = {_U}\nurl = {_K}\n{_MAIN}",
    "for the file of the token": f"[web]\ntoken_file = {_K}\n{_MAIN}",
    "in the log's table": f"[log]\nlevel = {_K}\nformat = {_U}\n{_MAIN}",
    "as the API's address": f'{_MAIN}base_url = {_K}\n[accounts.b]\napi_key = {_K}\nbase_url = "https://h/?key={HEX}"\n',
    "in the API's address": f'[accounts.main]\napi_key = "{HEX}"\nbase_url = "https://127.0.0.1:1/{HEX}"\n',
    "user and password in the API's address": f'{_MAIN}base_url = "https://user:{URL_TOKEN}@host"\n',
    "as a threshold": f"{_MAIN}[rules.balance_usd]\nwarning = {_K}\nclear_margin = {_K}\nremind_every = {_K}\n",
    "as a switch": f"{_MAIN}[rules.refused]\nenabled = {_K}\nconfirm = {_K}\nlevel = {_K}\n",
    "as a duration": f"{_MAIN}[rules.unreachable]\nwarning = {_U}\n",
    "for a channel's name": f'{_MAIN}channels = [{_U}, "{HEX}"]\n',
    "for the fallback's name": f"{_MAIN}[channels.ops]\nurl = {_U}\nfallback = {_U}\naccounts = [{_K}]\n",
    "for a level": f"{_MAIN}[channels.ops]\nurl = {_U}\nmin_level = {_U}\n",
    "for names of accounts": f'{_MAIN}[channels.ops]\nurl = {_U}\naccounts = ["{HEX}"]\nfallback = "{HEX}"\n',
    "as a table's name": f'[accounts.{_K}]\nbase_url = "x"\n[channels.{_U}]\nmin_level = "info"\n',
    "as a key": f"{_K} = 1\n{_MAIN}{_U} = 1\n[rules.{_K}]\n[channels.ops]\n{_U} = 1\n",
    "without quotes": f"[channels.ops]\nurl = {URL}\n",
    "a bare line": f"{_MAIN}{URL}\n",
    "a string without an end": f"[accounts.main]\napi_key = {_K[:-1]}\n",
    "a bad escape": f'[accounts.main]\napi_key = "{URL_TOKEN}\\y"\n',
    "twice": f"{_MAIN}api_key = {_K}\n",
    "a table twice": f"{_MAIN}{_MAIN}",
}
ASKED = (
    ("check",),
    ("check", "--json"),
    ("status",),
    ("outbox", "list"),
    ("channels", "test"),
    ("config", "check"),
    ("config", "show"),
    ("config", "show", "--json"),
    ("healthcheck",),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    move_into(tmp_path, monkeypatch)
    return tmp_path


def outputs() -> Places:
    """Give all commands in this process, and return what they print."""
    said = {" ".join(words): CliRunner().invoke(root, words) for words in ASKED}
    if said["check"].output.startswith("UNKNOWN - /"):  # the file is refused: it will not go on
        said["run"] = CliRunner().invoke(root, ["run"])
    return {words: done.output + repr(done.exception) for words, done in said.items()}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_file_is_told_without_the_secret(home: Path, mistake: str) -> None:
    (home / "config.toml").write_text(MISTAKES[mistake])
    assert leaks(SECRETS, outputs() | files_below(home / "balance-monitor")) == []


VARIABLES = {
    "ACCOUNTS": KEY,
    "ACCOUNTS__MAIN": KEY,
    "ACCOUNTS__MAIN__API_KYE": KEY,
    "ACCOUNTS__MAIN__API_KEY_FILE": KEY,
    "ACCOUNTS__MAIN__BASE_URL": URL,
    "ACCOUNTS__MAIN__CHANNELS": f'["{URL}"]',
    "CHANNELS": URL,
    "CHANNELS__OPS": URL,
    "CHANNELS__OPS__URL_FILE": URL,
    "CHANNELS__OPS__FALLBACK": URL,
    "INTERVAL": KEY,
    "LOG__LEVEL": KEY,
    "API_KEY": KEY,
    "RULES__BALANCE_USD__WARNING": KEY,
    "RULES__BALANCE_USD": f'{{"warning": "{HEX}"}}',
}


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_mistake_in_the_environment_is_told_without_the_secret(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(f"BALANCE_MONITOR_{variable}", VARIABLES[variable])
    assert leaks(SECRETS, outputs() | files_below(home)) == []


CONTENTS: dict[str, Callable[[Path], object]] = {
    "two lines": lambda file: file.write_text(f"{KEY}\n{KEY}\n"),
    "more than the secret": lambda file: file.write_text(f"api_key = {KEY}\n"),
    "not UTF-8": lambda file: file.write_bytes(KEY.encode() + b"\xff\xfe"),
    "UTF-16": lambda file: file.write_text(KEY, encoding="utf-16"),
    "far too long": lambda file: file.write_text(f"{KEY} " * 10_000),
    "a folder": lambda file: file.mkdir(),
    "a link to nowhere": lambda file: file.symlink_to("nowhere"),
}


@pytest.mark.parametrize("content", CONTENTS)
def test_a_secret_file_with_something_else_in_it_is_told_without_its_content(home: Path, content: str) -> None:
    CONTENTS[content](home / "secret")
    (home / "config.toml").write_text('[accounts.main]\napi_key_file = "secret"\n[channels.ops]\nurl_file = "secret"\n')
    assert leaks(SECRETS, outputs() | files_below(home / "balance-monitor")) == []


def test_help_shows_no_secret_of_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEGNEXT_API_KEY", KEY)
    monkeypatch.setenv("BALANCE_MONITOR_CHANNELS__OPS__URL", URL)
    said = {name: CliRunner().invoke(root, [*name.split(), "--help"]) for name in ("", *ALL)}
    assert {name: done.exit_code for name, done in said.items() if done.exit_code} == {}
    assert leaks(SECRETS, {name: done.output for name, done in said.items()} | files_below(home)) == []


# -- commands that need no secret, with one at hand -------------------------------------------------------------------


def live_with_secrets(home: Path, *words: str) -> "subprocess.Popen[bytes]":
    variables = {"LEGNEXT_API_KEY": KEY, "BALANCE_MONITOR_CHANNELS__OPS__URL": URL, "HOME": str(home)}
    with (home / "out").open("wb") as out:
        return subprocess.Popen(
            [*COMMAND, *words], stdout=out, stderr=out, env=clean_environment(**variables), cwd=home
        )


@pytest.mark.slow
def test_neither_demo_nor_simulate_touches_the_secrets_that_are_at_hand(tmp_path: Path) -> None:
    with live_with_secrets(tmp_path, "demo", "--once", "--speed", "600") as demo:
        until(lambda: "[WARNING]" in (tmp_path / "out").read_text(), "the story", 60)
        everywhere = process_entries(demo.pid, environment=False)
        demo.wait(60)
    assert leaks(SECRETS, everywhere | files_below(tmp_path)) == []
    for options in ((), ("--json",)):
        with live_with_secrets(tmp_path, "simulate", "--port", "0", *options) as simulate:
            until(lambda: "http" in (tmp_path / "out").read_text(), "the simulated API")
            everywhere = process_entries(simulate.pid, environment=False)
            simulate.terminate()
        assert leaks(SECRETS, everywhere | files_below(tmp_path)) == []


# -- mistakes of our own, and leaks that must be found ----------------------------------------------------------------


@contextlib.contextmanager
def astray(mode: str, home: Path, hook: Mirror) -> Iterator[Places]:
    """Run the daemon with a mistake of our own in it; yield all that can be seen of it, filled in at the end."""
    (home / "config.toml").write_text(
        f'interval = "5s"\ndatabase = "sqlite:///monitor.db"\n[rules.refused]\nconfirm = 1\n'
        f'[accounts.main]\napi_key = {_K}\n[accounts.low]\napi_key = {_K}\nbase_url = "http://127.0.0.1:1/low"\n'
        f'[channels.ops]\nurl = "json://127.0.0.1:{hook.port}/fine/{URL_TOKEN}"\n'
    )
    command = [sys.executable, str(TESTS / "astray.py"), mode, str(home / "config.toml")]
    seen: Places = {}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=clean_environment(), cwd=home)
    try:
        yield seen
        seen |= process_entries(process.pid, environment=True)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)
    (home / "config.toml").unlink()
    seen |= files_below(home) | {f"message {number}": body for number, body in enumerate(hook.bodies)}


@pytest.mark.slow
def test_a_crash_of_our_own_leaves_a_traceback_without_the_secret_in_it(tmp_path: Path) -> None:
    with Mirror() as hook, astray("crash", tmp_path, hook) as seen:
        text = (tmp_path / "log").read_text
        until(lambda: "poll_failed" in text() and "send_raised" in text(), "an alert that cannot be sent", 60)
    log = str(seen[str(tmp_path / "log")])
    assert "Traceback" in log
    assert "no place for" in log
    assert "cannot send to" in log
    assert leaks([KEY, URL_TOKEN], seen) == []


@pytest.mark.slow
def test_a_leak_would_be_found_in_log_database_and_messages(tmp_path: Path) -> None:
    with Mirror() as hook, astray("leak", tmp_path, hook) as seen:
        hook.wait_asked("fine", 1)
    found = "\n".join(leaks([KEY], seen))
    for place in ("log", "monitor.db"):
        assert f"in {tmp_path / place}" in found
    assert "in message 0" in found


@pytest.mark.slow
def test_a_leak_would_be_found_in_the_entries_of_a_process() -> None:
    code = "import os, sys; open('/proc/self/comm', 'w').write(sys.argv[1][:12]); input()"
    environment = clean_environment(LEGNEXT_API_KEY=KEY)
    with subprocess.Popen([sys.executable, "-c", code, KEY], stdin=subprocess.PIPE, env=environment) as process:
        until(lambda: Path(f"/proc/{process.pid}/comm").read_text().startswith(KEY[:12]), "its name")
        found = "\n".join(leaks([KEY], process_entries(process.pid, environment=True)))
        process.communicate(b"\n", 10)
    for entry in ("cmdline", "comm", "environ", f"task/{process.pid}/comm"):
        assert f"in /proc/…/{entry}" in found


NOTATIONS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "cut": lambda text: text[:20],
    "the end of it": lambda text: text[-20:],
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "hexadecimal": lambda text: text.encode().hex(),
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_leak_would_be_found_in_any_notation(notation: str) -> None:
    assert leaks([KEY], {"a line": f"before {NOTATIONS[notation](KEY)} after"})
    assert leaks([KEY], {"a line": "before nothing after"}) == []


@pytest.mark.parametrize("amid", ["", "u", "us", "user:"])
@pytest.mark.parametrize("alphabet", ["b64encode", "urlsafe_b64encode"])
def test_a_leak_would_be_found_in_base64_wherever_it_begins(amid: str, alphabet: str) -> None:
    import base64  # noqa: PLC0415 - two of its functions by name

    encoded = getattr(base64, alphabet)(f"{amid}{KEY}:more".encode()).decode()
    assert leaks([KEY], {"a line": f"Authorization: Basic {encoded}"})
