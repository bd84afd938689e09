"""A digest is put together beside everything else: it holds up nobody, and a mistake in it loses none."""

import asyncio
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from test_digest import DIGEST, at
from world import MAIN, OPS, World

from monitor import log
from monitor.app.digests import Digests
from monitor.clock import Clock
from monitor.config import Config
from monitor.store import Tx, outbox

Worlds = Callable[..., World]
CROWD = "".join(f'[accounts.a{number}]\napi_key = "key-of-a{number}-000"\n' for number in range(400))


class Still(Clock):
    """A clock that stands where the test puts it."""

    time: datetime

    def now(self) -> datetime:
        return self.time


class Stage:
    """The digests of a world, its clock, its log, and whom they wake."""

    def __init__(self, world: World, config: Callable[[], Config] | None = None) -> None:
        self.world, self.clock, self.woken, self.stream = world, Still(), list[str](), io.StringIO()
        log.setup(level="debug", format="json", stream=self.stream, environ={})
        self.digests = Digests(config or (lambda: world.config), world.store, self.clock, self._wake)
        self.clock.time = at("2026-01-13 10:00")

    def _wake(self, channels: Sequence[str]) -> None:
        self.woken += channels

    async def look(self, when: str = "2026-01-14 09:00") -> None:
        """Look, and wait for what that begins."""
        self.clock.time = at(when)
        await self.digests.mind()
        if self.digests._task is not None:
            await asyncio.wait({self.digests._task}, timeout=60)

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]


def waiting(tx: Tx) -> int:
    return len(outbox.waiting(tx, "ops"))


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds(MAIN + OPS + DIGEST)


def test_it_is_queued_its_channels_are_woken_and_the_log_says_so(world: World) -> None:
    async def live(stage: Stage) -> None:
        await stage.look("2026-01-13 10:00")
        await stage.look("2026-01-14 09:00")
        await stage.look("2026-01-14 09:01")

    stage = Stage(world)
    asyncio.run(live(stage))
    assert (stage.woken, stage.events()) == (["ops"], ["digest"])


def test_of_many_accounts_others_have_their_turn_between_them(worlds: Worlds) -> None:
    async def live(stage: Stage) -> list[int]:
        await stage.look("2026-01-13 10:00")
        stage.clock.time = at("2026-01-14 09:00")
        await stage.digests.mind()
        await stage.digests.mind()  # which does not begin another one
        task, found = stage.digests._task, []
        while task is not None and not task.done():
            found.append(await stage.world.store.do(waiting))
        return found

    stage = Stage(worlds(MAIN + CROWD + OPS + DIGEST))
    found = asyncio.run(live(stage))
    assert found.count(0) > 100
    assert stage.events() == ["digest"]


def test_one_that_fails_is_logged_and_put_together_anew(world: World) -> None:
    turns = iter(range(100))

    def config() -> Config:
        if next(turns) == 2:
            raise RuntimeError("ours")
        return world.config

    async def live(stage: Stage) -> None:
        for when in ("2026-01-13 10:00", "2026-01-14 09:00", "2026-01-14 09:01"):
            await stage.look(when)

    stage = Stage(world, config)
    asyncio.run(live(stage))
    assert stage.events() == ["digest_failed", "digest"]
    assert world.titles() == ["[INFO] monitor: digest of 1 account since Tue 13 Jan 09:00 UTC"]


def test_a_stop_leaves_what_is_not_queued_and_the_next_start_sends_it(worlds: Worlds) -> None:
    async def stopped(stage: Stage) -> None:
        stage.digests.stop()  # nothing goes on
        await stage.look("2026-01-13 10:00")
        stage.clock.time = at("2026-01-14 09:00")
        await stage.digests.mind()
        stage.digests.stop()
        task = stage.digests._task
        assert task is not None
        await asyncio.wait({task}, timeout=10)
        assert task.cancelled()

    world = worlds(MAIN + CROWD + OPS + DIGEST)
    asyncio.run(stopped(Stage(world)))
    assert world.titles() == []
    world.restart(timedelta(0))
    asyncio.run(Stage(world).look("2026-01-14 09:05"))
    assert len(world.titles()) == 1


def test_one_that_is_no_longer_wanted_once_it_is_put_together_is_not_sent(worlds: Worlds) -> None:
    async def live(stage: Stage) -> None:
        await stage.look("2026-01-13 10:00")
        stage.clock.time = at("2026-01-14 09:00")
        await stage.digests.mind()
        stage.world.reload(MAIN + OPS)
        assert stage.digests._task is not None
        await asyncio.wait({stage.digests._task}, timeout=60)

    stage = Stage(worlds(MAIN + OPS + DIGEST))
    asyncio.run(live(stage))
    assert (stage.events(), stage.world.titles()) == ([], [])
