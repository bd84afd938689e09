"""Use case 2: empty the outbox, at least once and in order for each channel.

A lane is one channel: one daemon thread, one message in flight. Whatever a service does, it holds up its own lane only;
what an attempt came to is written down before the next one begins, so that a crash repeats at most one message.
"""

import asyncio
import contextlib
import dataclasses
import functools
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor import log, messages, poll
from monitor.clock import Clock
from monitor.config import Channel, Config, Unusable
from monitor.model import Message, NotSent, Outcome, Sent
from monitor.store import Store, Tx, memory, outbox
from monitor.store.outbox import Health, Queued
from monitor.worker import Worker

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 900.0
GIVE_UP = timedelta(days=2)
FALLBACK = timedelta(minutes=15)
ASIDE = timedelta(minutes=40)
"""A head that fails for so long lets those behind it pass, if the service takes them: within the hour promised."""
ASIDE_PAUSE = timedelta(minutes=15)
DEADLINE = 60.0
"""Real seconds for one attempt; Apprise's own timeouts end nearly all of them sooner."""
MOST_HANGING = 2
WARM_UP = 0.5


class Sender(Protocol):
    """One channel's way out; blocking."""

    def send(self, message: Message) -> Outcome:
        """Hand a message to the service; never raises."""


def pause(failures: int, chance: float) -> timedelta:
    """Return the wait after so many failures in a row: 10 s, doubling to 15 min; ``chance`` (0 to 1) spreads it."""
    full = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
    return timedelta(seconds=full * (1 - 0.2 * chance))


def healthier(health: Health, outcome: Outcome, now: datetime, chance: float) -> Health:
    """Return how a channel is doing after one more attempt."""
    match outcome:
        case Sent():
            return Health(channel=health.channel, last_success_at=now, fallback=health.fallback)
        case NotSent(reason):
            return dataclasses.replace(
                health,
                failures=health.failures + 1,
                failing_since=health.failing_since or now,
                next_attempt_at=now + pause(health.failures + 1, chance),
                last_error=reason,
                last_error_at=now,
            )


@dataclass(frozen=True, slots=True)
class Next:
    """What a lane does next: send this, or wait so many seconds of the clock (None: until woken)."""

    queued: Queued | None = None
    wait: float | None = None


def plan(tx: Tx, config: Config, channel: Channel, now: datetime) -> Next:
    """Find the next message of a channel, late words included; pass on to its fallback what waited too long."""
    health = outbox.health(tx, channel.name)
    due = [_pass_on(tx, channel, health, now=now)] if channel.fallback and health.failing_since else []
    if health.next_attempt_at is not None and health.next_attempt_at > now:
        return Next(wait=_seconds(min([health.next_attempt_at, *(when for when in due if when)]) - now))
    queued = outbox.head(tx, channel.name, now)
    if queued is None:
        return Next(wait=ASIDE_PAUSE.total_seconds() if channel.name in outbox.channels_waiting(tx) else None)
    return Next(dataclasses.replace(queued, message=_worded(tx, config, queued.message, now)))


def _seconds(length: timedelta) -> float:
    return max(length.total_seconds(), 0.01)


def _pass_on(tx: Tx, channel: Channel, health: Health, *, now: datetime) -> datetime | None:
    """Queue for the fallback what this channel could not deliver in time; return when the next one is due."""
    if channel.fallback is None or health.failing_since is None:
        return None
    if now - health.failing_since >= FALLBACK:
        old = outbox.unpassed(tx, channel.name, now - FALLBACK)
        outbox.queue(tx, poll.pass_on(tx, old, channel.fallback))
    left = outbox.unpassed(tx, channel.name, now)
    return max(health.failing_since, left[0].decided_at) + FALLBACK if left else None


def _worded(tx: Tx, config: Config, message: Message, now: datetime) -> Message:
    """Let a late message say so, and how things stand now."""
    if now - message.decided_at <= messages.LATE:
        return message
    levels = memory.levels(tx)
    names = sorted({change.account for change in message.changes if change.account in config.accounts})
    standings = [memory.standing(memory.recall(tx, name), levels.get(name, messages.FINE)) for name in names]
    return dataclasses.replace(message, body=messages.late(message, standings, now, config.timezone))


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt came to."""

    before: Health
    after: Health
    lost: Sequence[Message]
    """What was given up with it."""
    woken: Sequence[str]
    """The channels that have something to say now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a message: what it came to, when it ended and how many seconds it took."""

    queued: Queued
    outcome: Outcome
    now: datetime
    seconds: float


def settle(tx: Tx, config: Config, attempt: Attempt, chance: float) -> Settled:
    """Write down what an attempt came to; give up, loudly, what has been waiting for two days."""
    queued, outcome, now = attempt.queued, attempt.outcome, attempt.now
    before = outbox.health(tx, queued.message.channel)
    after = healthier(before, outcome, now, chance)
    error = outcome.reason if isinstance(outcome, NotSent) else None
    began = now - timedelta(seconds=attempt.seconds)
    outbox.record(tx, queued.message, began, seconds=attempt.seconds, error=error)
    if error is None:
        outbox.settle(tx, [queued.message.id], "sent", now)
    elif queued.aside_until is not None:  # the channel took others since: this message is the trouble, not the channel
        outbox.set_aside(tx, queued.message, now + ASIDE_PAUSE)
        after = before
    lost = _expired(tx, queued, after, now) if error is not None else []
    told = poll.give_up(tx, config, lost, why=f"failing for two days: {error}", now=now)
    if before.gave_up_at is not None:
        told = []  # said once an outage, not once a message
    outbox.queue(tx, told)
    outbox.save_health(tx, dataclasses.replace(after, gave_up_at=now if lost else after.gave_up_at))
    return Settled(before, after, lost, [one.channel for one in told])


def _expired(tx: Tx, queued: Queued, health: Health, now: datetime) -> list[Message]:
    """Return what has been tried, or has waited behind what was tried, for two days."""
    limit = now - GIVE_UP
    if queued.first_attempt_at is not None and queued.first_attempt_at <= limit and queued.aside_until is not None:
        return [queued.message]
    if health.failing_since is None or health.failing_since > limit:
        return []
    return [one.message for one in outbox.waiting(tx, queued.message.channel) if one.message.decided_at <= limit]


class Lane:
    """One channel: its queue is the outbox, its thread sends one message at a time."""

    def __init__(
        self,
        channel: Channel,
        *,
        config: Callable[[], Config],
        store: Store,
        clock: Clock,
        connect: Callable[[Channel], Sender],
        wake: Callable[[Sequence[str]], None],
    ) -> None:
        self.channel = channel
        self._config, self._store, self._clock = config, store, clock
        self._connect, self._wake_others = connect, wake
        self._sender: Sender | None = None
        self._worker = Worker(f"channel-{channel.name}")
        self._hanging = 0
        self._woken = asyncio.Event()
        self._stopping = False
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
        """Go on with a channel's new configuration; an unchanged URL keeps its connection and thread."""
        if channel.url != self.channel.url:
            self._sender = None
        self.channel = channel
        self.wake()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - the caller shares one deadline
        """Give a send in flight its time, then leave; what was not settled is repeated after the next start."""
        self._stopping = True
        self.wake()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._worker.close()

    async def _run(self) -> None:
        self._worker.submit(self._warm_up)
        while not self._stopping:
            try:
                await self._turn()
            except Exception:  # noqa: BLE001 - our own mistake or the disk's trouble: said, and tried again
                self._log.exception("lane_failed")
                await asyncio.sleep(self._clock.real(FIRST_PAUSE))

    async def _turn(self) -> None:
        self._woken.clear()
        now = self._clock.now()
        todo = await self._store.do(lambda tx: plan(tx, self._config(), self.channel, now))
        if todo.queued is None:
            await self._wait(todo.wait)
        elif isinstance(await self._attempt(todo.queued), NotSent):
            await self._probe(todo.queued)

    async def _wait(self, seconds: float | None) -> None:
        real = None if seconds is None else self._clock.real(seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), real)

    async def _attempt(self, queued: Queued) -> Outcome:
        began = time.monotonic()
        outcome = await self._send(queued.message)
        seconds = time.monotonic() - began
        attempt = Attempt(queued=queued, outcome=outcome, now=self._clock.now(), seconds=seconds)
        config, chance = self._config(), self._chance.random()
        settled = await self._store.do(lambda tx: settle(tx, config, attempt, chance))
        self._report(queued, outcome, settled, seconds)
        self._wake_others(settled.woken)
        return outcome

    async def _probe(self, failed: Queued) -> None:
        """When a head has failed for long, see whether the service takes what is behind it; then set the head aside."""
        now = self._clock.now()
        if failed.aside_until or not failed.first_attempt_at or now - failed.first_attempt_at < ASIDE:
            return
        behind = await self._store.do(lambda tx: outbox.behind(tx, failed, now))
        if behind is not None and isinstance(await self._attempt(behind), Sent):
            self._log.warning("set_aside", message=failed.message.id)
            await self._store.do(lambda tx: outbox.set_aside(tx, failed.message, now + ASIDE_PAUSE))

    async def _send(self, message: Message) -> Outcome:
        if self._hanging >= MOST_HANGING:
            return NotSent("the last two sends have not come back")
        future = self._worker.submit(functools.partial(self._deliver, self.channel, message))
        done, _ = await asyncio.wait({asyncio.wrap_future(future)}, timeout=DEADLINE)
        if done:
            return done.pop().result()
        self._abandon(future, message)
        return NotSent(f"no end after {DEADLINE:.0f} s")

    def _deliver(self, channel: Channel, message: Message) -> Outcome:
        """Run in the lane's thread, where the first use of a service may take its time."""
        if isinstance(channel.url, Unusable):
            return NotSent(channel.url.reason)
        return self._ready(channel).send(message)

    def _ready(self, channel: Channel) -> Sender:
        sender = self._sender or self._connect(channel)
        self._sender = sender
        return sender

    def _warm_up(self) -> None:
        """Load what the first message would wait for, once the first polls are through."""
        time.sleep(WARM_UP)
        if not isinstance(self.channel.url, Unusable):
            self._ready(self.channel)

    def _abandon(self, future: "Future[Outcome]", message: Message) -> None:
        """Leave a hanging call to itself; should it come to a good end after all, its message is not repeated."""
        loop = asyncio.get_running_loop()
        self._hanging += 1
        self._worker.close()
        self._worker, self._sender = Worker(f"channel-{self.channel.name}"), None
        future.add_done_callback(lambda late: _call(loop, self._came_back, message, late))

    def _came_back(self, message: Message, late: "Future[Outcome]") -> None:
        self._hanging -= 1
        if late.exception() is None and isinstance(late.result(), Sent):
            task = asyncio.ensure_future(self._settle_late(message))
            task.add_done_callback(lambda _: self.wake())

    async def _settle_late(self, message: Message) -> None:
        await self._store.do(lambda tx: outbox.settle(tx, [message.id], "sent", self._clock.now()))
        self._log.info("delivered_late", message=message.id)

    def _report(self, queued: Queued, outcome: Outcome, settled: Settled, seconds: float) -> None:
        """Say what happened; an outage at its two edges only."""
        known = {"message": queued.message.id, "title": queued.message.title, "seconds": round(seconds, 3)}
        if isinstance(outcome, Sent):
            self._log.info("delivered", attempt=queued.attempts + 1, **known)
            if settled.before.failures:
                self._log.info("channel_recovered", failures=settled.before.failures)
        elif not settled.before.failures:
            self._log.warning("channel_failing", error=outcome.reason, **known)
        else:
            self._log.debug("not_delivered", error=outcome.reason, attempt=queued.attempts + 1, **known)
        for lost in settled.lost:
            self._log.error("gave_up", message=lost.id, title=lost.title)


def _call(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to care
        loop.call_soon_threadsafe(call, *arguments)
