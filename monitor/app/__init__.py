"""The composition root: wires the parts, runs, reloads, stops. The only module that knows the time."""

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor import __version__, log, poll, pulse, report
from monitor.app.bulletin import Bulletin
from monitor.app.chores import Chores
from monitor.app.outside import Outside
from monitor.app.page import Page
from monitor.app.polls import Polls
from monitor.app.trials import Trials
from monitor.app.watchdog import Watchdog
from monitor.beating import Beating
from monitor.clock import Clock
from monitor.config import Config, ConfigError
from monitor.counts import Counts
from monitor.deliver import Lane, Shared
from monitor.heartbeat import Heartbeat
from monitor.provider import Legnext
from monitor.pulse import Pulse
from monitor.schedule import Schedule
from monitor.store import Store, durations, life, outbox
from monitor.store.life import Life
from monitor.web.behind import Behind

SENDS_GRACE = 5.0
"""Real seconds that sends have in all at a stop: docker waits ten."""
HOUSE_GRACE = 0.5
"""Real seconds that a reload has to come to its end at a stop."""
RELOAD = 20.0
"""Real seconds for reading the configuration again: what hangs there must not keep the house from being kept."""
BEAT = 10


class Daemon:
    """Everything that runs, between its start and its stop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Clock,
        load: Callable[[], Config] | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.config = config
        outside = outside or Outside()
        self._store, self._clock, self._load = store, clock, load
        counts = Counts()
        self._shared = Shared(lambda: self.config, store, clock, outside.connect, self._wake, outside.deadline, counts)
        self._provider = outside.provider
        self._polls = Polls(lambda: self.config, store, clock, self._provider, self._wake, counts=counts)
        self._chores = Chores(lambda: self.config, store, clock, self._wake)
        self._schedule = Schedule(self._polls.tick, monotonic=self._real_monotonic)
        self._beating = Beating([*pulse.names(store.path), *outside.names], self._pulse)
        self._heartbeat = Heartbeat(lambda: self.config, store, clock, overdue=self._schedule.overdue)
        self._manager = outside.manager
        self._bulletin = Bulletin(lambda: self.config, store, self._manager)
        self._watchdog = Watchdog(self._manager, self._schedule.late)
        self.page = Page(self._behind(counts, Trials(outside.connect, clock)))
        self._is_looked_at = outside.listens
        self._lanes: dict[str, Lane] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        """The ends of lanes whose channels have left the configuration."""
        self._stopping = asyncio.Event()
        self._stirred = asyncio.Event()
        self._life = self._born()
        self._second = 0
        """Of housekeeping."""
        self._log = log.get("monitor.daemon")

    def _real_monotonic(self) -> float:
        return self._clock.monotonic() / self._clock.speed

    def _born(self) -> Life:
        now = self._clock.now()
        return Life(
            pid=os.getpid(),
            version=__version__,
            started_at=now,
            beat_at=now,
            config=str(self.config.path or "the environment"),
            accounts=len(self.config.accounts),
        )

    def _behind(self, counts: Counts, trials: Trials) -> Behind:
        return Behind(
            config=lambda: self.config,
            store=self._store,
            clock=self._clock,
            counts=counts,
            pulse=self._pulse,
            is_ready=lambda: not self._stopping.is_set(),
            try_channel=trials.make,
        )

    def _pulse(self) -> Pulse:
        ill = self._store.trouble
        return Pulse(
            pid=self._life.pid,
            overdue=len(self._schedule.overdue()),
            trouble=ill.reason if ill else "",
            idle=time.monotonic() - self._kept_house_at,
            reloads=self._reloads,
            reload_error=self._life.reload_error or "",
            page=self.page.trouble,
        )

    # -- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until ``stop`` is called or a signal comes, then stop within 8 s."""
        await self._start()
        house = asyncio.ensure_future(self._keep_house())
        try:
            await self._stopping.wait()
        finally:
            await asyncio.wait({house}, timeout=HOUSE_GRACE)
            house.cancel()  # it may be waiting for a disk that hangs
            await self._end()

    def stop(self) -> None:
        """Ask the daemon to stop."""
        self._polls.stop()
        self._stopping.set()
        self._stirred.set()

    def reload(self) -> None:
        """Ask the daemon to read its configuration again."""
        self._reload_wanted = True
        self._stirred.set()

    _reload_wanted = False
    _reloads = 0
    _kept_house_at = float("-inf")

    async def _start(self) -> None:
        now = self._clock.now()
        awake = await self._store.do(functools.partial(poll.take_up, config=self.config, born=self._life, now=now))
        self._polls.waits = awake.waits
        self._chores.hold_thinning(0, awake.away)
        report.start(self._log, self.config, self._store, self._life)
        report.lost(self._log, awake.lost)
        await self._chores.tell_lost()
        await self._chores.mind_disk()
        if (why := await self._beating.start()) is not None:
            self._log.warning("no_pulse", reason=why, note="healthcheck depends on the disk")
        self._set_lanes()
        self._kept_house_at = time.monotonic()
        self._schedule.start(self._intervals())
        self._heartbeat.start()
        if self._is_looked_at:
            self.page.start()
        await self._bulletin.post(self._life)
        self._manager.tell("READY=1")
        self._watchdog.start()

    def _intervals(self) -> dict[str, float]:
        return {name: self._clock.real(one.interval.total_seconds()) for name, one in self.config.accounts.items()}

    def _set_lanes(self) -> None:
        for name, channel in self.config.channels.items():
            if name in self._lanes:
                self._lanes[name].adopt(channel)
                continue
            self._lanes[name] = Lane(channel, self._shared)
            self._lanes[name].start()

    def _wake(self, channels: Sequence[str]) -> None:
        for name in channels:
            if name in self._lanes:
                self._lanes[name].wake()

    # -- keeping house ------------------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), 1.0)
            self._stirred.clear()
            self._second += 1
            try:
                await self._look_after(self._second)
                self._kept_house_at = time.monotonic()
            except Exception:  # noqa: BLE001 - the disk's trouble, or our own mistake: polls go on
                self._log.exception("housekeeping_failed")

    async def _look_after(self, second: int) -> None:
        if self._stopping.is_set():
            return
        if self._reload_wanted:
            self._reload_wanted = False
            await self._reload()
        await self._chores.mind_disk()
        step = self._clock.stepped()
        if step is not None:
            await self._follow_step(step)
        if second % BEAT == 0:
            self._watch_polls()
        if second % 2 == 0:  # commands of other processes (outbox retry) are seen within 5 s
            self._wake(sorted(await self._store.do(outbox.channels_waiting)))
        if second % BEAT == 0:
            await self._beat()
            await self._chores.look_round()
        if second % BEAT == 0 or self._polls.moved:
            self._polls.moved = False
            await self._bulletin.post(self._life)
        await self._chores.thin_out(second)

    def _watch_polls(self) -> None:
        overdue, before = self._schedule.overdue(), self._life.overdue
        self._life = replace(self._life, overdue=len(overdue))
        if overdue:
            self._schedule.catch_up(overdue)
        if overdue and not before:
            self._log.error("polls_overdue", accounts=len(overdue), first=overdue[0], note="made now, if they can be")
        elif before and not overdue:
            self._log.info("polls_resumed")

    async def _beat(self, *, stopped: bool = False) -> None:
        now = self._clock.now()
        self._life = replace(self._life, beat_at=now, stopped_at=now if stopped else None)
        await self._store.do(functools.partial(life.write, life=self._life))

    async def _follow_step(self, step: timedelta) -> None:
        """Move all that counts a duration along with the wall clock, so that the step fires and skips nothing.

        The clock moves as the transaction is queued: those before it hold times of before, those after it of after.
        """
        self._clock.move(step)
        self._schedule.restart()  # whatever the disk says: polls follow the system's clock
        try:
            await self._store.do(functools.partial(durations.move_clock, step=step))
        except Exception:
            self._clock.move(-step)  # tried again in a second
            raise
        self._polls.waits = {name: until + step for name, until in self._polls.waits.items()}
        self._chores.hold_thinning(self._second, step)
        self._life = replace(self._life, started_at=self._life.started_at + step)
        self._log.warning("clock_stepped", seconds=round(step.total_seconds(), 3))
        await self._beat()

    # -- reloading ----------------------------------------------------------------------------------------------------

    async def _reload(self) -> None:
        """Read the configuration again; a bad one is refused, and the old one goes on."""
        if self._load is None:
            return
        self._manager.tell_reloading(time.monotonic())
        try:
            await self._read_again(self._load)
        finally:
            self._reloads += 1
            self._manager.tell("READY=1")
        await self._beat()
        await self._bulletin.post(self._life)

    async def _read_again(self, load: Callable[[], Config]) -> None:
        try:
            async with asyncio.timeout(RELOAD):
                fresh = await asyncio.to_thread(load)
        except ConfigError as error:
            self._refuse(error)
        except TimeoutError:
            self._refuse(
                ConfigError([f"not read within {RELOAD:g} s: is a file of it a pipe, or on a disk that hangs?"])
            )
        else:
            await self._adopt(fresh)

    def _refuse(self, error: ConfigError) -> None:
        self._life = replace(self._life, reload_error=str(error))
        for problem in error.problems:
            self._log.error("reload_refused", problem=problem, note="the old configuration goes on")

    async def _adopt(self, fresh: Config) -> None:
        now, old = self._clock.now(), self.config
        self.config = fresh  # before the transaction is queued: polls settled after it follow the new one
        if fresh.database != old.database:
            self._log.warning("configuration", note="database: a change takes effect at the next start")
        try:
            found = await self._store.do(functools.partial(poll.reconcile, config=fresh, now=now))
        except BaseException as error:
            self.config = old
            self._life = replace(self._life, reload_error=f"not written down ({type(error).__name__}): reload again")
            raise
        gone = [self._lanes.pop(name) for name in self._lanes.keys() - fresh.channels.keys()]
        self._set_lanes()
        self._schedule.change(self._intervals())
        self._wake([message.channel for message in found.told])
        self._heartbeat.wake()
        self.page.follow()
        report.lost(self._log, found.lost)
        self._life = replace(self._life, accounts=len(fresh.accounts), reloaded_at=now, reload_error=None)
        self._log.info("reloaded", accounts=len(fresh.accounts), channels=len(fresh.channels))
        report.warnings(self._log, self.config)
        for lane in gone:
            end = asyncio.ensure_future(lane.stop(SENDS_GRACE))
            self._leaving.add(end)
            end.add_done_callback(self._leaving.discard)

    # -- stopping -----------------------------------------------------------------------------------------------------

    async def _end(self) -> None:
        self._stopping.set()
        self._manager.tell("STOPPING=1")
        self._watchdog.stop()
        self._chores.stop()
        self._polls.stop()
        self._schedule.stop()
        self._log.info("stopping")
        lanes = [lane.stop(SENDS_GRACE) for lane in self._lanes.values()]
        await asyncio.gather(self.page.stop(), self._heartbeat.stop(), self._polls.end(), *lanes, *self._leaving)
        self._schedule.close()
        if isinstance(self._provider, Legnext):
            await self._provider.aclose()
        await self._beating.stop()
        await self._say_farewell()
        self._log.info("stopped")

    async def _say_farewell(self) -> None:
        try:
            async with asyncio.timeout(1):
                await self._beat(stopped=True)
                await self._chores.mind_disk()  # what came after the last look at it
        except Exception as error:  # noqa: BLE001 - the disk's trouble: it must not make a failure of a stop
            self._log.warning("stop_not_noted", error=type(error).__name__)
