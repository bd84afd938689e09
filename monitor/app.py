"""The composition root: wires the parts, runs, reloads, stops. The only module that knows the time and the signals."""

import asyncio
import contextlib
import functools
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor import __version__, deliver, log, poll, report
from monitor.ask import Provider, ask
from monitor.clock import Clock
from monitor.config import Account, Channel, Config, ConfigError, Unusable
from monitor.deliver import Lane, Sender, Shared
from monitor.gate import Gate
from monitor.heartbeat import Heartbeat
from monitor.model import Failure, Kind, Seen
from monitor.notify import Notifier
from monitor.poll import Home, Polled
from monitor.provider import Legnext
from monitor.pulse import Beating, Pulse
from monitor.schedule import Schedule
from monitor.store import Store, durations, life, outbox, retention
from monitor.store.life import Life

POLLS_IN_FLIGHT = 250
POLLS_AT_ONCE = 20
"""Of them, those that began within the last second: no more than the connections that are kept open."""
POLLS_GRACE = 1.5
"""Real seconds that polls in flight have at a stop, and that sends have in all: docker waits ten."""
SENDS_GRACE = 5.0
HOUSE_GRACE = 0.5
"""Real seconds that a reload has to come to its end at a stop."""
RELOAD = 20.0
"""Real seconds for reading the configuration again: what hangs there must not keep the house from being kept."""
BEAT = 10
THIN_STEPS = 5
"""Small steps a second in which old history is thinned out; polls go in between."""
THIN_REST = 600
"""Seconds of rest after the last of them."""
SLACK = timedelta(seconds=30)
"""What a job may take beside its poll before it is given up, so that it never blocks its successors."""


class Daemon:
    """Everything that runs, between its start and its stop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Clock,
        load: Callable[[], Config] | None = None,
        connect: Callable[[Channel], Sender] | None = None,
        provider: Provider | None = None,
    ) -> None:
        self.config = config
        self._store, self._clock, self._load = store, clock, load
        self._shared = Shared(lambda: self.config, store, clock, connect or _connect, wake=self._wake)
        self._provider = provider or Legnext()
        self._schedule = Schedule(self._tick, monotonic=self._real_monotonic)
        self._beating = Beating(store.path, self._pulse)
        self._heartbeat = Heartbeat(lambda: self.config, store, clock, overdue=self._schedule.overdue)
        self._lanes: dict[str, Lane] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        """The ends of lanes whose channels have left the configuration."""
        self._waits: dict[str, datetime] = {}
        self._slots = asyncio.Semaphore(POLLS_IN_FLIGHT)
        self._gate = Gate(POLLS_AT_ONCE)
        self._polling: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._stirred = asyncio.Event()
        self._disk: tuple[int, bool] | None = None
        """How often the disk had been lost, and whether it was well, when that was last told."""
        self._life = self._born()
        self._thin_at = 0
        """The second of housekeeping in which old history is looked at again."""
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

    def _pulse(self) -> Pulse:
        ill = self._store.trouble
        return Pulse(pid=self._life.pid, overdue=len(self._schedule.overdue()), trouble=ill.reason if ill else "")

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
        self._stopping.set()
        self._stirred.set()

    def reload(self) -> None:
        """Ask the daemon to read its configuration again."""
        self._reload_wanted = True
        self._stirred.set()

    _reload_wanted = False

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT stop, and SIGHUP reload."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    async def _start(self) -> None:
        now = self._clock.now()
        awake = await self._store.do(functools.partial(poll.take_up, config=self.config, born=self._life, now=now))
        self._waits = awake.waits
        report.start(self._log, self.config, self._store, self._life)
        report.lost(self._log, awake.lost)
        if self._store.is_lost:
            await self._store.do(lambda tx: poll.tell_lost(tx, self.config, str(self._store.path), now))
        await self._mind_disk()
        if (why := await self._beating.start()) is not None:
            self._log.warning("no_pulse", reason=why, note="healthcheck depends on the disk")
        self._set_lanes()
        self._schedule.start(self._intervals())
        self._heartbeat.start()

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

    # -- polling ------------------------------------------------------------------------------------------------------

    async def _tick(self, name: str) -> None:
        """Poll one account: what APScheduler calls."""
        task = asyncio.current_task()
        if task is None or self._stopping.is_set():
            return
        self._polling.add(task)
        try:
            await self._poll(name)
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
        except TimeoutError:
            self._log.error("poll_stuck", account=name, note="given up; the next one follows at its time")
        except Exception:  # noqa: BLE001 - our own mistake: this poll is lost, the schedule goes on
            self._log.exception("poll_failed", account=name)
        finally:
            self._polling.discard(task)

    async def _poll(self, name: str) -> None:
        async with self._slots, self._gate.place():
            account = self.config.accounts.get(name)
            if account is None:
                return
            async with asyncio.timeout((account.timeout + SLACK).total_seconds()):
                seen = await self._ask(account)
                current = self.config.accounts.get(name)
                if current is None or (current.api_key, current.base_url) != (account.api_key, account.base_url):
                    return  # a reload came between: what was seen is about another key
                now, config = self._clock.now(), self.config
                self._react(await self._store.do(lambda tx: poll.settle(tx, config, current, seen, now)))

    async def _ask(self, account: Account) -> Seen:
        """Ask; a mistake of ours in asking is a failed poll too, or the account would be unwatched in silence."""
        wait_until, now = self._waits.get(account.name), self._clock.now()
        try:
            return await ask(account, self._provider, wait_until=wait_until, now=now)
        except Exception as error:  # noqa: BLE001 - see above
            self._log.exception("poll_failed", account=account.name)
            return Failure(Kind.UNREACHABLE, f"a mistake of the monitor's own ({type(error).__name__}), see its log")

    def _react(self, polled: Polled) -> None:
        name = polled.after.account
        if polled.after.wait_until is None:
            self._waits.pop(name, None)
        else:
            self._waits[name] = polled.after.wait_until
        self._wake([message.channel for message in polled.messages])
        report.polled(self._log, polled)

    # -- keeping house ------------------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        second = 0
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), 1.0)
            self._stirred.clear()
            second += 1
            try:
                await self._look_after(second)
            except Exception:  # noqa: BLE001 - the disk's trouble, or our own mistake: polls go on
                self._log.exception("housekeeping_failed")

    async def _look_after(self, second: int) -> None:
        if self._stopping.is_set():
            return
        if self._reload_wanted:
            self._reload_wanted = False
            await self._reload()
        await self._mind_disk()
        step = self._clock.stepped()
        if step is not None:
            await self._follow_step(step)
        if second % BEAT == 0:
            self._watch_polls()
        if second % 2 == 0:  # commands of other processes (outbox retry) are seen within 5 s
            self._wake(sorted(await self._store.do(outbox.channels_waiting)))
        if second % BEAT == 0:
            await self._beat()
            await self._watch_channels()
        if second >= self._thin_at and self._store.trouble is None:
            await self._thin_out(second)

    async def _mind_disk(self) -> None:
        """Tell that the disk is in trouble, and when it no longer is; polls and deliveries go on whatever it does."""
        losses, is_well = self._store.losses, self._store.trouble is None
        if (losses, is_well) == self._disk:
            return
        before, was_well = self._disk or (0, True)
        home = self._home(is_new=losses > before, is_well=is_well)
        now = self._clock.now()
        told = await self._store.do(functools.partial(poll.tell_home, config=self.config, home=home, now=now))
        report.home(self._log, home, was_well=was_well)
        self._disk = losses, is_well
        self._wake([message.channel for message in told])

    def _home(self, *, is_new: bool, is_well: bool) -> Home:
        latest, kept = self._store.latest, self._store.kept
        return Home(
            database=str(self._store.path),
            last=latest.reason if latest and is_new else "",
            is_over=is_well,
            kept=str(kept.path) if kept and latest and latest.damaged else "",
        )

    async def _thin_out(self, second: int) -> None:
        """Thin out old history, a little at a time."""
        work = functools.partial(retention.step, keep=self.config.retention, now=self._clock.now())
        for _ in range(THIN_STEPS):
            if not await self._store.do(work):
                self._thin_at = second + THIN_REST
                return

    def _watch_polls(self) -> None:
        overdue, before = self._schedule.overdue(), self._life.overdue
        self._life = replace(self._life, overdue=len(overdue))
        if overdue:
            self._schedule.catch_up(overdue)
        if overdue and not before:
            self._log.error("polls_overdue", accounts=len(overdue), first=overdue[0], note="made now, if they can be")
        elif before and not overdue:
            self._log.info("polls_resumed")

    async def _watch_channels(self) -> None:
        config, now = self.config, self._clock.now()
        watched = await self._store.do(lambda tx: deliver.watch(tx, config, now))
        self._wake([message.channel for message in watched.told])
        report.channels(self._log, watched.moves)

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
        self._waits = {name: until + step for name, until in self._waits.items()}
        self._life = replace(self._life, started_at=self._life.started_at + step)
        self._log.warning("clock_stepped", seconds=round(step.total_seconds(), 3))
        await self._beat()

    # -- reloading ----------------------------------------------------------------------------------------------------

    async def _reload(self) -> None:
        """Read the configuration again; a bad one is refused, and the old one goes on."""
        if self._load is None:
            return
        try:
            async with asyncio.timeout(RELOAD):
                fresh = await asyncio.to_thread(self._load)
        except ConfigError as error:
            self._refuse(error)
        except TimeoutError:
            self._refuse(
                ConfigError([f"not read within {RELOAD:g} s: is a file of it a pipe, or on a disk that hangs?"])
            )
        else:
            await self._adopt(fresh)
        await self._beat()

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
        self._schedule.stop()
        self._log.info("stopping")
        lanes = [lane.stop(SENDS_GRACE) for lane in self._lanes.values()]
        await asyncio.gather(self._heartbeat.stop(), self._end_polls(), *lanes, *self._leaving)
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
        except Exception as error:  # noqa: BLE001 - the disk's trouble: it must not make a failure of a stop
            self._log.warning("stop_not_noted", error=type(error).__name__)

    async def _end_polls(self) -> None:
        if self._polling:
            await asyncio.wait(self._polling, timeout=POLLS_GRACE)
        for task in list(self._polling):
            task.cancel()
        if self._polling:
            await asyncio.wait(self._polling, timeout=POLLS_GRACE)


def _connect(channel: Channel) -> Sender:
    if isinstance(channel.url, Unusable):
        raise TypeError("an unusable channel is never connected")
    notifier = Notifier(channel.url.get_secret_value(), redact=log.redact)
    notifier.load()  # in the channel's own thread, as all of this
    return notifier
