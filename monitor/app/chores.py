"""What is done now and then beside polling and sending: minding the disk and the channels, thinning out old history."""

import functools
from collections.abc import Callable, Sequence
from datetime import timedelta

from monitor import deliver, log, poll, report
from monitor.app.digests import Digests
from monitor.clock import Clock
from monitor.config import Config
from monitor.poll import Home
from monitor.store import Store, later, retention

THIN_STEPS = 5
"""Small steps a second in which old history is thinned out; polls go in between."""
THIN_REST = 600
"""Seconds of rest after the last of them."""
THIN_HOLD = timedelta(days=1)
"""After a step of the clock or an absence that is longer than this, nothing is thinned out for as long: it may be a
wrong clock, by which all history would be too old."""


class Chores:
    """Done by the daemon's housekeeping, one after the other."""

    def __init__(
        self, config: Callable[[], Config], store: Store, clock: Clock, wake: Callable[[Sequence[str]], None]
    ) -> None:
        self._config, self._store, self._clock, self._wake = config, store, clock, wake
        self._disk: tuple[int, bool] | None = None
        """How often the disk had been lost, and whether it was well, when that was last told."""
        self._thin_at = 0
        """The second of housekeeping in which old history is looked at again."""
        self._asleep: set[str] = set()
        """The channels that had their quiet hours at the last look."""
        self._digests = Digests(config, store, clock, wake)
        self._log = log.get("monitor.daemon")

    async def mind_disk(self) -> None:
        """Tell that the disk is in trouble, and when it no longer is; polls and deliveries go on whatever it does."""
        losses, is_well = self._store.losses, self._store.trouble is None
        if (losses, is_well) == self._disk:
            return
        before, was_well = self._disk or (0, True)
        home = self._home(is_new=losses > before, is_well=is_well)
        now = self._clock.now()
        told = await self._store.do(functools.partial(poll.tell_home, config=self._config(), home=home, now=now))
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

    async def tell_lost(self) -> None:
        """Tell that a database that was there before is gone."""
        if self._store.is_lost:
            now, config, path = self._clock.now(), self._config(), str(self._store.path)
            await self._store.do(lambda tx: poll.tell_lost(tx, config, path, now))

    async def look_round(self) -> None:
        """Do what is to be done every few seconds."""
        await self.watch_channels()
        await self.watch_outages()
        await self.mind_quiet()
        await self._digests.mind()

    def stop(self) -> None:
        """Leave what goes on beside this."""
        self._digests.stop()

    async def watch_channels(self) -> None:
        """Tell which channels have not delivered for long, and which do again."""
        config, now = self._config(), self._clock.now()
        watched = await self._store.do(lambda tx: deliver.watch(tx, config, now))
        self._wake([message.channel for message in watched.told])
        report.own(self._log, watched.moves)

    async def watch_outages(self) -> None:
        """Follow what accounts of one API have in common, while they fail alike."""
        config, now = self._config(), self._clock.now()
        found = await self._store.do(lambda tx: poll.watch_outages(tx, config, now))
        self._wake([message.channel for message in found.told])
        report.own(self._log, found.moves)

    async def mind_quiet(self) -> None:
        """Tell channels whose quiet hours are over what was kept for them."""
        config, now = self._config(), self._clock.now()
        asleep = {name for name, channel in config.channels.items() if config.sleeps(channel, now)}
        kept = set(await self._store.do(later.channels))
        awake = sorted((kept | self._asleep) - asleep)
        self._asleep = asleep
        if awake:
            told = await self._store.do(lambda tx: poll.rouse(tx, config, awake, now))
            self._wake([*awake, *(message.channel for message in told)])

    async def thin_out(self, second: int) -> None:
        """Thin out old history, a little at a time; not from memory, where there is none that is old."""
        if second < self._thin_at or self._store.trouble is not None:
            return
        work = functools.partial(retention.step, keep=self._config().retention, now=self._clock.now())
        for _ in range(THIN_STEPS):
            if not await self._store.do(work):
                self._thin_at = second + THIN_REST
                return

    def hold_thinning(self, second: int, step: timedelta) -> None:
        """Let a clock that was stepped far prove right before anything is dropped by it."""
        if abs(step) > THIN_HOLD:
            self._thin_at = second + int(THIN_HOLD.total_seconds())
