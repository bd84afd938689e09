"""The daemon inside this process, where time and the API are played: what no process of its own can show."""

import asyncio
import gc
import io
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from world import MAIN, OPS, parse, reading

from monitor import log
from monitor.app import Daemon
from monitor.app.outside import Outside
from monitor.clock import Clock
from monitor.config import Channel, Config, ConfigError
from monitor.deliver import Lane
from monitor.model import Failure, Kind, Message, Outcome, Seen, Sent
from monitor.store import Store, life, memory, schema
from monitor.store.life import Life


class Api:
    """Answers what the test says, and counts."""

    def __init__(self) -> None:
        self.seen: Seen = reading(100)
        self.asked: list[str] = []
        self.broken: Exception | None = None

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ARG002, ASYNC109 - its shape
        self.asked.append(api_key)
        if self.broken is not None:
            raise self.broken
        return self.seen


class Inbox:
    """One channel's people."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> Outcome:
        self.messages.append(message)
        return Sent()

    @property
    def titles(self) -> list[str]:
        return [message.title for message in self.messages]


class SteppingClock(Clock):
    """A clock whose wall the test can step, as NTP does."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self.step = timedelta(0)

    def stepped(self) -> timedelta | None:
        step, self.step = self.step, timedelta(0)
        return step or None


class Stage:
    """A daemon with a played API, a played inbox and a real store."""

    def __init__(self, folder: Path, text: str = MAIN + OPS, *, speed: float = 1.0) -> None:
        self.folder, self.api, self.inbox = folder, Api(), Inbox()
        self.stream = io.StringIO()
        log.setup(level="debug", format="json", stream=self.stream, environ={})
        self.clock = SteppingClock(speed)
        self.config = parse(folder, text)
        self.next: Config | ConfigError = self.config
        self.store = Store.start(f"sqlite:///{folder / 'monitor.db'}")

    def load(self) -> Config:
        if isinstance(self.next, ConfigError):
            raise self.next
        return self.next

    def connect(self, _channel: Channel) -> Inbox:
        return self.inbox

    def play(self, act: Callable[[Daemon], Any]) -> None:
        """Run the daemon while ``act`` goes on, then stop it."""

        async def main() -> None:
            daemon = Daemon(
                self.config,
                self.store,
                clock=self.clock,
                load=self.load,
                outside=Outside(connect=self.connect, provider=self.api),
            )
            running = asyncio.ensure_future(daemon.run())
            try:
                await act(daemon)
            finally:
                daemon.stop()
                await asyncio.wait_for(running, 8)

        asyncio.run(main())

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]

    async def until(self, true: Callable[[], object], seconds: float = 8) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - the truth is in a log, a list or a database
                await asyncio.sleep(0.01)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.store.close()


def test_a_step_of_the_clock_is_followed_and_logged_and_tells_nothing(stage: Stage) -> None:
    stage.api.seen = reading(20)

    async def act(_daemon: Daemon) -> None:
        await stage.until(lambda: stage.inbox.titles)
        for step in (timedelta(days=2), timedelta(days=-2), timedelta(hours=1)):
            stage.clock.step = step
            await stage.until(lambda: stage.clock.step == timedelta(0))
        await asyncio.sleep(0.3)

    stage.play(act)
    assert [event["seconds"] for event in stage.events("clock_stepped")] == [172800, -172800, 3600]
    assert stage.inbox.titles == ["[WARNING] main: $20.00 left (at or below $25.00)"]
    with stage.store.transaction() as tx:
        assert abs((memory.recall(tx, "main").read_at or stage.clock.now()) - stage.clock.now()) < timedelta(minutes=1)


def test_a_mistake_of_ours_in_one_poll_is_logged_with_its_traceback_and_the_schedule_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 'interval = "5s"\n' + MAIN + OPS + '[rules.unreachable]\nwarning = "15s"\n', speed=20)

    async def act(_daemon: Daemon) -> None:
        stage.api.broken = RuntimeError("a bug")
        await stage.until(lambda: stage.inbox.titles)
        stage.api.broken, stage.api.seen = None, reading(20)
        await stage.until(lambda: len(stage.inbox.titles) > 1)

    stage.play(act)
    stage.store.close()
    assert "(a mistake of the monitor's own (RuntimeError), see its log)" in stage.inbox.titles[0]
    assert "RuntimeError: a bug" in json.dumps(stage.events("poll_failed")[0])


def test_what_a_poll_saw_with_a_key_that_a_reload_has_replaced_is_thrown_away(stage: Stage) -> None:
    stage.api.seen = reading(1)
    held = asyncio.Event()

    async def observe(*, api_key: str, **_rest: object) -> Seen:
        stage.api.asked.append(api_key)
        await held.wait()
        return reading(1)

    stage.api.observe = observe  # type: ignore[method-assign]  # a person at the other end who takes his time

    async def act(daemon: Daemon) -> None:
        await stage.until(lambda: stage.api.asked)
        stage.next = parse(stage.folder, MAIN.replace("key-of-main-0001", "key-of-main-0002") + OPS)
        daemon.reload()
        await stage.until(lambda: stage.events("reloaded"))
        held.set()
        await asyncio.sleep(0.3)

    stage.play(act)
    assert stage.inbox.titles == []


def test_a_channel_that_a_reload_takes_away_leaves_nothing_in_memory(stage: Stage) -> None:
    def kept() -> int:
        gc.collect()
        return sum(isinstance(one, Lane | asyncio.Task) for one in gc.get_objects())

    async def act(daemon: Daemon) -> None:
        await stage.until(lambda: stage.api.asked)
        before = kept()
        for count, text in enumerate([MAIN, MAIN + OPS] * 8, 1):
            stage.next = parse(stage.folder, text)
            daemon.reload()
            await stage.until(lambda count=count: len(stage.events("reloaded")) == count)  # type: ignore[misc]
        await stage.until(lambda: kept() <= before)

    stage.play(act)


def test_a_refused_reload_is_remembered_until_a_good_one(stage: Stage) -> None:
    async def act(daemon: Daemon) -> None:
        stage.next = ConfigError(["config.toml: interval: wrong"])
        daemon.reload()
        await stage.until(lambda: stage.events("reload_refused"))
        stage.next = parse(stage.folder, 'database = "sqlite:////nowhere/else.db"\n' + MAIN + OPS)
        daemon.reload()
        await stage.until(lambda: stage.events("reloaded"))

    stage.play(act)
    assert stage.events("reload_refused")[0]["problem"] == "config.toml: interval: wrong"
    assert "takes effect at the next start" in json.dumps(stage.events("configuration"))


def test_a_wait_that_the_api_asked_for_is_kept_also_over_a_restart(tmp_path: Path) -> None:
    text = 'interval = "5s"\n' + MAIN + OPS
    stage = Stage(tmp_path, text, speed=20)
    stage.api.seen = Failure(Kind.UNREACHABLE, "HTTP 429", timedelta(minutes=30))

    async def some_polls(_daemon: Daemon) -> None:
        await asyncio.sleep(1)

    stage.play(some_polls)
    stage.store.close()
    asked = len(stage.api.asked)
    assert asked == 1
    again = Stage(tmp_path, text, speed=20)
    again.play(some_polls)
    again.store.close()
    assert again.api.asked == []


@pytest.mark.slow
def test_polls_that_are_overdue_are_said_and_planned_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 'interval = "5s"\n' + MAIN + OPS, speed=20)

    async def act(daemon: Daemon) -> None:
        await stage.until(lambda: stage.api.asked)
        daemon._schedule._scheduler.pause()  # as if APScheduler had gone to sleep
        await stage.until(lambda: stage.events("polls_overdue"), 25)
        daemon._schedule._scheduler.resume()
        count = len(stage.api.asked)
        await stage.until(lambda: len(stage.api.asked) > count)

    stage.play(act)
    stage.store.close()


def test_nothing_is_polled_after_a_stop_and_a_poll_that_hangs_is_left(stage: Stage) -> None:
    async def hang(**_rest: object) -> Seen:
        stage.api.asked.append("")
        await asyncio.sleep(100)
        return reading(1)

    stage.api.observe = hang  # type: ignore[method-assign]  # see above

    async def act(_daemon: Daemon) -> None:
        await stage.until(lambda: stage.api.asked)

    stage.play(act)
    assert len(stage.events("stopped")) == 1
    assert stage.events("poll_failed") == []


def test_a_disk_that_hangs_does_not_hold_up_a_stop(stage: Stage) -> None:
    back = threading.Event()

    async def act(_daemon: Daemon) -> None:
        await stage.until(lambda: stage.api.asked)
        stuck = asyncio.ensure_future(stage.store.do(lambda _: back.wait(30)))
        await asyncio.sleep(2.5)  # by now the house is kept waiting too
        stuck.cancel()

    try:
        stage.play(act)
    finally:
        back.set()
    assert len(stage.events("stopped")) == 1


def test_a_disk_in_trouble_at_a_stop_is_said_and_the_stop_is_an_ordinary_one(stage: Stage) -> None:
    async def act(_daemon: Daemon) -> None:
        await stage.until(lambda: stage.api.asked)
        await stage.store.do(lambda tx: tx.exec_driver_sql("ALTER TABLE daemon RENAME TO gone"))

    stage.play(act)
    assert len(stage.events("stopped")) == 1


@pytest.mark.parametrize(("away", "is_dropped"), [(timedelta(hours=1), True), (timedelta(days=900), False)])
def test_history_is_not_dropped_by_a_clock_that_may_be_wrong(
    stage: Stage, away: timedelta, *, is_dropped: bool
) -> None:
    """A machine that wakes up in another year must not take all that it knows for too old."""
    now = stage.clock.now()
    old = {"account": "main", "first_at": now - timedelta(days=900), "last_at": now - timedelta(days=900), "polls": 1}
    beat = Life(pid=1, version="0", started_at=now - away, beat_at=now - away, config="", accounts=1)
    with stage.store.transaction() as tx:
        life.write(tx, beat)
        tx.execute(insert(schema.readings), old | {"balance_usd": Decimal(20)})
        assert tx.execute(select(func.count()).select_from(schema.readings)).scalar() == 1

    async def act(_daemon: Daemon) -> None:
        await stage.until(lambda: stage.api.asked)
        await asyncio.sleep(2.5)  # two rounds of housekeeping

    stage.play(act)
    with stage.store.transaction() as tx:
        oldest = tx.execute(select(func.min(schema.readings.c.first_at))).scalar()
    assert oldest is not None
    assert (oldest > now - timedelta(days=1)) is is_dropped
