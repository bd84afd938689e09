"""The sign of life: what a service that watches the watcher sees."""

import asyncio
import io
import json
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import lanes
import live
import pytest
import trustme
from live import Api, Run, settings
from receivers import Webhook
from world import MAIN, START, parse

from monitor import log
from monitor.clock import Clock
from monitor.config import Config
from monitor.heartbeat import LOOK, PATIENCE, PAUSE, Heartbeat
from monitor.model import Level, Message
from monitor.store import Store, Tx, outbox

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
OPS = '[channels.ops]\nurl = "json://localhost/ops"\n'
TWO = OPS + '[channels.mail]\nurl = "json://localhost/mail"\n'


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds that signals nothing."""
    await lanes.until(lambda: bool(holds()), seconds)


class Watcher:
    """A service that notices silence, reached at ``/ping`` and ``/fail``; the test says how it answers."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.answer: bytes | None = OK
        """None: it hangs."""
        self.drips = False
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    @property
    def paths(self) -> list[str]:
        return [head.split()[1] for head in self.heads]

    @asynccontextmanager
    async def serve(self, context: ssl.SSLContext | None = None) -> AsyncIterator["Watcher"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self.answer is None:
                await reader.read()
            while self.drips:
                writer.write(b"HTTP/1.1 200 OK\r\nX-More: and more\r\n"[:9])
                await writer.drain()
                await asyncio.sleep(0.05)
            writer.write(self.answer or b"")
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class Scene:
    """A heartbeat over a real store; an hour passes in 18 seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stream = io.StringIO()
        log.setup(level="debug", format="json", stream=self.stream, environ={})
        self.clock = Clock(200)
        self.store = Store.start(f"sqlite:///{folder / 'monitor.db'}")
        self.config = self.parse()
        self.overdue: Sequence[str] = ()
        self.heartbeat = self.fresh()

    def fresh(self, patience: float = PATIENCE) -> Heartbeat:
        return Heartbeat(lambda: self.config, self.store, self.clock, overdue=lambda: self.overdue, patience=patience)

    def parse(self, top: str = "", channels: str = OPS) -> Config:
        config = parse(self.folder, f"{top}\n{MAIN}{channels}")
        log.hide(config.secrets)
        return config

    def tells(self, watcher: Watcher, channels: str = OPS) -> None:
        """Configure both addresses."""
        text = f'heartbeat_url = "{watcher.url("ping")}"\nheartbeat_fail_url = "{watcher.url("fail")}"\n'
        self.config = self.parse(text, channels)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.stream.getvalue().splitlines()) if line["event"] == name]

    async def do(self, work: Callable[[Tx], Any]) -> None:
        await self.store.do(work)

    async def fails(self, channel: str, failures: int) -> None:
        """Let a channel have failed so often."""
        health = outbox.Health(channel=channel, failures=failures, failing_since=START if failures else None)
        await self.do(lambda tx: outbox.save_health(tx, health))

    async def waits(self, channel: str = "ops") -> None:
        """Let a message wait."""
        message = Message(
            id="1",
            event="1",
            channel=channel,
            account="main",
            decided_at=START,
            severity=Level.WARNING,
            title="low",
            body="",
            changes=(),
        )
        await self.do(lambda tx: outbox.queue(tx, [message]))

    def play(self, act: Callable[["Watcher"], Coroutine[Any, Any, None]], watcher: Watcher | None = None) -> None:
        async def main() -> None:
            async with (watcher or Watcher()).serve() as there:
                self.tells(there)
                self.heartbeat.start()
                try:
                    await act(there)
                finally:
                    await asyncio.wait_for(self.heartbeat.stop(), 3)

        asyncio.run(main())


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    made = Scene(tmp_path)
    yield made
    made.store.close()
    log.hide(())


# -- when -------------------------------------------------------------------------------------------------------------


def test_while_all_is_well_one_get_a_minute_says_so(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        began = scene.clock.monotonic()
        await until(lambda: len(watcher.heads) >= 4)
        assert set(watcher.paths) == {"/ping"}
        assert len(watcher.heads) <= (scene.clock.monotonic() - began) / PAUSE + 1

    scene.play(act)
    assert [line for line in scene.stream.getvalue().splitlines() if "heartbeat" in line] == []


def test_a_daemon_that_dies_as_it_starts_gives_no_sign_of_life(scene: Scene) -> None:
    scene.clock = Clock()
    scene.heartbeat = scene.fresh()

    async def act(watcher: Watcher) -> None:
        await asyncio.sleep(0.2)
        assert watcher.heads == []

    assert LOOK >= 5
    scene.play(act)


def test_while_a_poll_is_overdue_the_other_address_is_called_and_the_log_says_why_once(scene: Scene) -> None:
    scene.overdue = ["main", "batch"]

    async def act(watcher: Watcher) -> None:
        await until(lambda: len(watcher.heads) >= 2)
        assert set(watcher.paths) == {"/fail"}
        scene.overdue = ()
        await until(lambda: "/ping" in watcher.paths)

    scene.play(act)
    assert [line["reason"] for line in scene.events("heartbeat_withheld")] == ["the polls of 2 accounts are overdue"]
    assert len(scene.events("heartbeat_resumed")) == 1


def test_messages_that_wait_behind_a_failing_channel_are_a_failure_until_one_gets_out(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        await scene.waits()
        await until(lambda: watcher.heads)  # it waits, but nothing says that its channel fails
        assert watcher.paths == ["/ping"]
        await scene.fails("ops", 1)
        await until(lambda: "/fail" in watcher.paths)
        await scene.fails("ops", 0)
        count = watcher.paths.count("/ping")
        await until(lambda: watcher.paths.count("/ping") > count)

    scene.play(act)
    (line,) = scene.events("heartbeat_withheld")
    assert line["reason"] == "messages wait, and every channel fails"


def test_a_channel_that_fails_while_nothing_waits_is_none_of_its_business(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        await scene.fails("ops", 3)
        await until(lambda: len(watcher.heads) >= 2)
        assert set(watcher.paths) == {"/ping"}

    scene.play(act)


@pytest.mark.parametrize(
    ("channels", "failing", "path"),
    [
        (TWO, ["ops"], "/ping"),  # the other one delivers
        (TWO, ["ops", "mail"], "/fail"),
        (OPS + '[channels.mail]\nurl_file = "gone"\n', ["ops"], "/fail"),  # the other one can never deliver
    ],
)
def test_one_channel_that_delivers_is_enough(scene: Scene, channels: str, failing: list[str], path: str) -> None:
    async def act(watcher: Watcher) -> None:
        scene.tells(watcher, channels)
        await scene.waits()
        for name in failing:
            await scene.fails(name, 1)
        before = len(watcher.paths)  # and one may be on its way
        await until(lambda: len(watcher.paths) > before + 2)
        assert set(watcher.paths[before + 1 :]) == {path}

    scene.play(act)


def test_without_the_address_for_failures_there_is_silence_which_the_service_notices(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        scene.config = scene.parse(f'heartbeat_url = "{watcher.url("ping")}"')
        await until(lambda: watcher.heads)
        scene.overdue = ["main"]
        await until(lambda: scene.events("heartbeat_withheld"))
        count = len(watcher.heads)
        await asyncio.sleep(scene.clock.real(2 * PAUSE))
        assert len(watcher.heads) == count

    scene.play(act)


def test_a_reload_that_brings_changes_or_removes_the_address_counts_at_once(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        scene.config = scene.parse()
        await asyncio.sleep(scene.clock.real(3 * LOOK))
        assert watcher.heads == []
        for path in ("one", "two"):
            scene.config = scene.parse(f'heartbeat_url = "{watcher.url(path)}"')
            scene.heartbeat.wake()
            await until(lambda: f"/{path}" in watcher.paths, scene.clock.real(PAUSE) * 0.9)  # noqa: B023 - called in here
        scene.config = scene.parse('heartbeat_url_file = "gone"\n')
        scene.heartbeat.wake()
        await asyncio.sleep(scene.clock.real(2 * PAUSE))
        assert watcher.paths == ["/one", "/two"]

    scene.play(act)


def test_a_wake_without_a_change_calls_nobody_twice_within_a_minute(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        await until(lambda: watcher.heads)
        first, began = len(watcher.heads), scene.clock.monotonic()
        for _ in range(5):
            scene.heartbeat.wake()
            await asyncio.sleep(0.02)
        assert len(watcher.heads) - first <= (scene.clock.monotonic() - began) / PAUSE + 1

    scene.play(act)


# -- trouble ----------------------------------------------------------------------------------------------------------


def test_a_database_in_trouble_does_not_silence_it(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        await scene.do(lambda tx: tx.exec_driver_sql("ALTER TABLE outbox RENAME TO gone"))
        await until(lambda: len(watcher.heads) >= 2)
        assert set(watcher.paths) == {"/ping"}

    scene.play(act)


def test_while_the_database_is_in_trouble_what_was_known_last_counts(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        await scene.waits()
        await scene.fails("ops", 1)
        await until(lambda: watcher.heads)
        await scene.do(lambda tx: tx.exec_driver_sql("ALTER TABLE outbox RENAME TO gone"))
        await until(lambda: len(watcher.heads) >= 2)
        assert set(watcher.paths) == {"/fail"}

    scene.play(act)


def test_a_mistake_of_ours_is_logged_and_it_goes_on(scene: Scene) -> None:
    async def act(watcher: Watcher) -> None:
        good, broken = scene.config, replace(scene.config)
        object.__setattr__(broken, "heartbeat_url", "no secret at all")
        object.__delattr__(broken, "heartbeat_fail_url")
        scene.config = broken
        scene.overdue = ["main"]
        await until(lambda: scene.events("heartbeat_broken"))
        scene.config, scene.overdue = good, ()
        await until(lambda: watcher.heads)

    scene.play(act)


ANSWERS = {
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n": "HTTP 404",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n": "HTTP 500",
    b"HTTP/1.1 302 Found\r\nLocation: /ping\r\nContent-Length: 0\r\n\r\n": (
        "HTTP 302, a redirect, which is not followed"
    ),
    b"HTTP/1.1 302 Found\r\nLocation: http://[::\r\nContent-Length: 0\r\n\r\n": (
        "HTTP 302, a redirect, which is not followed"
    ),
    b"SSH-2.0-OpenSSH\r\n\r\n": "not a proper HTTP answer",
    b"": "closed without an answer",
}


@pytest.mark.parametrize(("answer", "reason"), ANSWERS.items())
def test_an_address_that_does_not_answer_is_logged_at_the_two_edges_without_the_address(
    scene: Scene, answer: bytes, reason: str
) -> None:
    async def act(watcher: Watcher) -> None:
        watcher.answer = answer
        await until(lambda: len(watcher.heads) >= 3)
        watcher.answer = OK
        await until(lambda: scene.events("heartbeat_recovered"))
        assert set(watcher.paths) == {"/ping"}

    scene.play(act)
    (failing,) = scene.events("heartbeat_failing")
    assert (failing["key"], failing["reason"], failing["level"]) == ("heartbeat_url", reason, "warning")
    assert [line["key"] for line in scene.events("heartbeat_recovered")] == ["heartbeat_url"]
    assert "127.0.0.1" not in scene.stream.getvalue()


def test_nobody_there_is_logged_once_and_again_for_another_address(scene: Scene) -> None:
    async def act(_: Watcher) -> None:
        for name in ("nobody-5ecret-subdomain.invalid", "127.0.0.1:1"):
            scene.config = scene.parse(f'heartbeat_url = "http://{name}/ping"')
            scene.heartbeat.wake()
            count = len(scene.events("heartbeat_failing"))
            await until(lambda: len(scene.events("heartbeat_failing")) > count)  # noqa: B023 - called in here
        await asyncio.sleep(scene.clock.real(2 * PAUSE))

    scene.play(act)
    reasons = [line["reason"] for line in scene.events("heartbeat_failing")]
    assert reasons == ["cannot resolve its host", "connection refused"]
    assert "subdomain" not in scene.stream.getvalue()


def test_an_address_that_httpx_does_not_take_is_a_failure_like_any_other(scene: Scene) -> None:
    async def act(_: Watcher) -> None:
        scene.config = scene.parse(f'heartbeat_url = "http://127.0.0.1/{"x" * 60_000}é{"y" * 9_000}"')
        await until(lambda: scene.events("heartbeat_failing"))

    scene.play(act)
    assert scene.events("heartbeat_failing")[0]["reason"] == "cannot ask its host (InvalidURL)"


@pytest.mark.parametrize("drips", [True, False])
def test_an_address_that_never_comes_to_an_end_does_not_hold_up_a_stop(scene: Scene, *, drips: bool) -> None:
    async def act(watcher: Watcher) -> None:
        watcher.answer, watcher.drips = None if not drips else b"", drips
        await until(lambda: watcher.heads)

    scene.play(act)  # the stop has a limit


def test_an_address_that_never_comes_to_an_end_is_given_up(scene: Scene) -> None:
    scene.heartbeat = scene.fresh(patience=0.3)

    async def act(watcher: Watcher) -> None:
        watcher.drips = True
        await until(lambda: scene.events("heartbeat_failing"))
        watcher.drips = False
        await until(lambda: scene.events("heartbeat_recovered"))

    scene.play(act)
    assert scene.events("heartbeat_failing")[0]["reason"] == "no answer within 0.3 s"


def test_stopping_what_never_began_does_nothing(scene: Scene) -> None:
    asyncio.run(scene.heartbeat.stop())


# -- what is sent -----------------------------------------------------------------------------------------------------


def test_no_cookie_and_no_password_of_netrc_travels_along(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password pw-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))

    async def act(watcher: Watcher) -> None:
        watcher.answer = OK.replace(b"\r\n", b"\r\nSet-Cookie: session=1; Path=/\r\n", 1)
        await until(lambda: len(watcher.heads) >= 2)
        for head in watcher.heads:
            names = [line.partition(":")[0].lower() for line in head.splitlines()[1:] if line]
            assert head.startswith("GET /ping HTTP/1.1\r\n")
            assert "User-Agent: balance-monitor/" in head
            assert not {"cookie", "authorization"} & set(names)

    scene.play(act)


def test_tls_is_verified_and_a_company_s_authority_can_be_trusted(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def ping(heartbeat: Heartbeat, *, known: bool) -> None:
        async with Watcher().serve(context) as watcher:
            scene.config = scene.parse(f'heartbeat_url = "https://127.0.0.1:{watcher.port}/ping"')
            heartbeat.start()
            await until(lambda: bool(watcher.heads) if known else bool(scene.events("heartbeat_failing")))
            await heartbeat.stop()

    asyncio.run(ping(scene.heartbeat, known=False))
    assert scene.events("heartbeat_failing")[0]["reason"].startswith("certificate not trusted: ")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    asyncio.run(ping(scene.fresh(), known=True))


# -- the daemon -------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Any:
    with Api() as simulated:
        simulated.change(balance_usd=100, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        yield simulated


def test_the_daemon_gives_its_sign_of_life_and_follows_a_reload(api: Api, tmp_path: Path) -> None:
    with Webhook() as watcher, Webhook() as other:

        def text(hook: Webhook) -> str:
            return f'heartbeat_url = "{hook.address}/pw-5ecret-ping"\n' + settings(api)

        with Run(tmp_path, text(watcher)) as run:
            run.start()
            assert watcher.wait_attempts(1, 15)[0].path == "/hook/pw-5ecret-ping"
            run.path.write_text(text(other))
            run.send(signal.SIGHUP)
            other.wait_attempts(1, 15)
            assert run.stop() == 0
            assert "pw-5ecret-ping" not in run.log_path.read_text()
    assert len(watcher.attempts) == len(other.attempts) == 1


def test_a_daemon_whose_only_channel_fails_says_so_to_the_other_address(api: Api, tmp_path: Path) -> None:
    api.change(balance_usd=20)
    with Webhook() as watcher, Webhook() as ops:
        ops.status(500)
        text = f'heartbeat_url = "{watcher.address}/ping"\nheartbeat_fail_url = "{watcher.address}/fail"\n'
        with Run(tmp_path, text + settings(api, ops.url)) as run:
            run.start()
            run.wait_event("heartbeat_withheld")
            live.until(lambda: "/hook/fail" in [post.path for post in watcher.attempts], "the sign of failure")
            ops.ok()
            run.wait_event("heartbeat_resumed", seconds=30)
            live.until(lambda: "/hook/ping" in [post.path for post in watcher.attempts], "the sign of life")
            assert run.stop() == 0


def test_a_heartbeat_that_hangs_does_not_hold_up_the_stop(api: Api, tmp_path: Path) -> None:
    with Webhook() as watcher, Run(tmp_path, f'heartbeat_url = "{watcher.address}"\n' + settings(api)) as run:
        watcher.hang()
        run.start()
        watcher.wait_attempts(1, 15)
        assert run.stop(seconds=3) == 0
