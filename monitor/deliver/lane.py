"""One channel: its queue is the outbox, its line sends one message at a time, which may stand for several.

What an attempt came to is written down before the next one begins, so that a crash repeats at most one message.
"""

import asyncio
import contextlib
import functools
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from monitor import log
from monitor.chart import Chart
from monitor.clock import Clock
from monitor.config import Channel, Config
from monitor.counts import Counts
from monitor.deliver.ledger import FIRST_PAUSE, Attempt, Settled, plan, probe, settle
from monitor.deliver.line import Line, Sender
from monitor.deliver.pictures import has_picture
from monitor.deliver.words import Parcel
from monitor.model import Message, NotSent, Outcome, Sent
from monitor.poll.chart import week
from monitor.store import Store, outbox
from monitor.store.outbox import Queued

DEADLINE = 60.0
"""Real seconds for one attempt; Apprise's own timeouts end nearly all of them sooner."""
PICTURE = 10.0
"""Real seconds for what a picture is drawn from; a disk that fails has been given up by then."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes share."""

    config: Callable[[], Config]
    store: Store
    clock: Clock
    connect: Callable[[Channel], Sender]
    wake: Callable[[Sequence[str]], None]
    """Wakes the lanes of other channels."""
    deadline: float = DEADLINE
    counts: Counts = field(default_factory=Counts)


class Lane:
    """Runs from ``start`` to ``stop``, whatever its service, the disk or we ourselves do wrong."""

    def __init__(self, channel: Channel, shared: Shared) -> None:
        self.channel = channel
        self._shared = shared
        self._line = self._connect()
        self._is_new_line = False
        self._unwritten: list[Attempt] = []
        """Attempts that are not in the database yet, because the disk is in trouble or because they ended late."""
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._chance = random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._log = log.get("monitor.deliver").bind(channel=channel.name)

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"lane {self.channel.name}")

    def wake(self) -> None:
        """Look at the outbox again."""
        self._woken.set()

    def adopt(self, channel: Channel) -> None:
        """Go on with a channel's new configuration; a new URL is tried at once, an unchanged one keeps its line."""
        is_new = (channel.url, channel.form) != (self.channel.url, self.channel.form)
        self.channel = channel
        if is_new:
            self._line.close()
            self._line, self._is_new_line = self._connect(), True
        self.wake()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - the caller shares one deadline
        """Give a send in flight its time, then leave; what was not settled is repeated after the next start."""
        self._stopping.set()
        self.wake()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._line.close()

    def _connect(self) -> Line:
        return Line(self.channel, self._shared.connect, deadline=self._shared.deadline)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._turn()
            except Exception:  # noqa: BLE001 - our own mistake or the disk's trouble: said, and tried again
                self._log.exception("lane_failed")
                await self._wait(self._stopping, FIRST_PAUSE)

    async def _turn(self) -> None:
        self._woken.clear()
        await self._write_down()
        if self._is_new_line:
            await self._shared.store.do(functools.partial(outbox.hurry, channel=self.channel.name))
            self._is_new_line = False
        config, channel, now = self._shared.config(), self.channel, self._shared.clock.now()
        todo = await self._shared.store.do(lambda tx: plan(tx, config, channel, now))
        self._passed_on(todo.passed_on)
        if todo.parcel is None:
            await self._wait(self._woken, todo.wait)
        elif isinstance(await self._attempt(todo.parcel), NotSent):
            await self._probe(todo.parcel.queued)

    async def _wait(self, event: asyncio.Event, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else self._shared.clock.real(seconds)):
                await event.wait()

    async def _probe(self, failed: Queued) -> None:
        """When a head has failed for long, see whether the service takes another; then the head is set aside."""
        config, now = self._shared.config(), self._shared.clock.now()
        other = await self._shared.store.do(lambda tx: probe(tx, config, failed, now))
        if other is not None and isinstance(await self._attempt(other, is_probe=True), Sent):
            self._log.warning("set_aside", message=failed.message.id, title=failed.message.title)

    async def _attempt(self, parcel: Parcel, *, is_probe: bool = False) -> Outcome:
        chart = await self._look(parcel)
        began = time.monotonic()
        attempt = functools.partial(Attempt, parcel=parcel, is_probe=is_probe)

        def tried(outcome: Outcome) -> None:
            self._shared.counts.tried(self.channel.name, outcome)
            now, seconds = self._shared.clock.now(), time.monotonic() - began
            self._unwritten.append(attempt(outcome=outcome, now=now, seconds=seconds))

        def late() -> None:
            tried(Sent())
            self.wake()

        outcome = await self._line.send(parcel.words, late, chart)
        tried(outcome)
        await self._write_down()
        return outcome

    async def _look(self, parcel: Parcel) -> Chart | None:
        """Read what the picture of a message shows, if it has one; if that fails or takes long, the text goes alone."""
        if not has_picture(self.channel, parcel):
            return None
        config, account, now = self._shared.config(), parcel.words.account, self._shared.clock.now()
        try:
            async with asyncio.timeout(PICTURE):
                is_shown = account in config.accounts and await self._line.shows_pictures()
                return await self._shared.store.do(lambda tx: week(tx, config, account, now)) if is_shown else None
        except Exception:  # noqa: BLE001 - whatever it is, no message is held up for a picture
            self._log.exception("no_picture", message=parcel.words.id)
            return None

    async def _write_down(self) -> None:
        """Write down what attempts came to, the oldest first; one that cannot be written stays for the next turn."""
        while self._unwritten:
            attempt, config, chance = self._unwritten[0], self._shared.config(), self._chance.random()
            settled = await self._shared.store.do(
                functools.partial(settle, config=config, attempt=attempt, chance=chance)
            )
            del self._unwritten[0]
            self._report(attempt, settled)
            self._shared.wake([message.channel for message in settled.told])
            self._passed_on(settled.passed_on)

    def _passed_on(self, copies: Sequence[Message]) -> None:
        if copies:
            self._log.warning("passed_on", fallback=self.channel.fallback, messages=len(copies))
            self._shared.wake([message.channel for message in copies])

    def _report(self, attempt: Attempt, settled: Settled) -> None:
        """Say what happened; an outage at its two edges only."""
        parcel, outcome, tries = attempt.parcel, attempt.outcome, attempt.parcel.queued.attempts + 1
        known = {"message": parcel.queued.message.id, "title": parcel.words.title, "seconds": round(attempt.seconds, 3)}
        known |= {"messages": 1 + len(parcel.others)} if parcel.others else {}
        if isinstance(outcome, Sent):
            self._log.info("delivered", attempt=tries, **known)
            if settled.before.failures:
                self._log.info("channel_recovered", failures=settled.before.failures)
        elif settled.after.failures > settled.before.failures == 0:
            self._log.warning("channel_failing", error=outcome.reason, **known)
        else:
            self._log.debug("not_delivered", error=outcome.reason, attempt=tries, **known)
        for lost in settled.lost:
            self._log.error("gave_up", message=lost.id, title=lost.title)
