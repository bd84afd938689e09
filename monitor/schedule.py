"""When each account is polled: one APScheduler job an account, spread over the interval by a fixed phase."""

import logging
import math
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

FIRST_POLLS_A_SECOND = 50
"""Or as many as there will be anyway: then all accounts have been polled after their interval."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Phased(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Every ``interval`` seconds at a fixed phase of the clock.

    APScheduler's own interval trigger counts every missed run after a clock step, loses the phase to a first run made
    at once, and lets jitter pile up; this one answers in one step from the present time alone. It counts microseconds,
    as datetimes do: with floats a moment could be its own successor.
    """

    __slots__ = ("interval", "phase")

    def __init__(self, interval: float, phase: float) -> None:
        self.interval = max(timedelta(seconds=interval), _MICROSECOND)
        self.phase = timedelta(seconds=phase)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the first moment of the phase after ``now`` and half an interval after ``previous``.

        A first poll is made at once, wherever in the phase: the next one must not follow on its heels.
        """
        latest = max(now, previous + self.interval / 2) if previous else now
        start = _EPOCH + self.phase
        return start + ((latest - start) // self.interval + 1) * self.interval


def phase_of(name: str, interval: float) -> float:
    """Return the phase of an account: the same at every start, spread evenly over names."""
    return zlib.crc32(name.encode()) / 2**32 * interval


@dataclass(slots=True)
class _Entry:
    interval: float
    due: float
    """Monotonic time by which the next poll must have begun."""


class Schedule:
    """Calls ``tick(name)`` for each account at its interval; no overlap, and late runs are made once."""

    def __init__(self, tick: Callable[[str], Awaitable[None]], *, monotonic: Callable[[], float]) -> None:
        for noisy in ("apscheduler.scheduler", "apscheduler.executors.default"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self._tick, self._monotonic = tick, monotonic
        self._entries: dict[str, _Entry] = {}
        self._stopped = False
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            executors={"default": AsyncIOExecutor()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self, intervals: Mapping[str, float]) -> None:
        """Begin, with the first polls at once but not all together; ``intervals`` are seconds by account."""
        self._scheduler.start(paused=True)
        self.change(intervals)

    def change(self, intervals: Mapping[str, float]) -> None:
        """Follow a new configuration: what is unchanged keeps its rhythm, what is new is polled at once."""
        with self._planning():
            for name in self._entries.keys() - intervals.keys():
                self._scheduler.remove_job(name)
                del self._entries[name]
            for name, entry in self._entries.items():
                if entry.interval != intervals[name]:
                    self._add(name, intervals[name], None)
            fresh = [name for name in intervals if name not in self._entries]
            pace = max(FIRST_POLLS_A_SECOND, sum(1 / interval for interval in intervals.values()))
            for place, name in enumerate(fresh):
                self._add(name, intervals[name], place / pace)

    @contextmanager
    def _planning(self) -> Iterator[None]:
        """Let APScheduler look at its jobs once at the end, instead of after each."""
        self._scheduler.pause()
        try:
            yield
        finally:
            if not self._stopped:
                self._scheduler.resume()

    def _add(self, name: str, interval: float, wait: float | None, *, due: float = math.inf) -> None:
        """Add or replace a job; ``wait``: seconds until its first run, None for its next phase, or when it is due."""
        now = datetime.now(UTC)
        trigger = Phased(interval, phase_of(name, interval))
        phase = (trigger.get_next_fire_time(None, now) - now).total_seconds()
        left = max(due - self._monotonic(), 0.0)
        first = now + timedelta(seconds=min(phase if wait is None else wait, left))
        self._scheduler.add_job(self._run, trigger, args=[name], id=name, next_run_time=first, replace_existing=True)
        self._entries[name] = _Entry(interval, self._monotonic() + (first - now).total_seconds())

    async def _run(self, name: str) -> None:
        entry = self._entries.get(name)
        if entry is not None and not self._stopped:
            entry.due = self._monotonic() + entry.interval
            await self._tick(name)

    def restart(self) -> None:
        """Plan every poll anew from the present time, after a clock step: by the new phase, but none is put off."""
        with self._planning():
            for name, entry in self._entries.items():
                self._add(name, entry.interval, None, due=entry.due)

    def catch_up(self, overdue: Iterable[str]) -> None:
        """Make these polls now, but not all together; they stay overdue until then: a plan alone mends nothing."""
        with self._planning():
            for place, name in enumerate(overdue):
                entry = self._entries[name]
                self._add(name, entry.interval, place / FIRST_POLLS_A_SECOND)
                self._entries[name].due = entry.due

    def overdue(self) -> list[str]:
        """Return the accounts whose poll is late by more than an interval: the wall clock moved, or we are stuck."""
        return list(self.late())

    def late(self) -> dict[str, float]:
        """Return when those polls were due, in monotonic seconds, by account."""
        now = self._monotonic()
        return {name: entry.due for name, entry in self._entries.items() if now - entry.due > entry.interval}

    def stop(self) -> None:
        """Begin no more polls; those that run go on."""
        self._stopped = True
        if self._scheduler.running:
            self._scheduler.pause()

    def close(self) -> None:
        """End APScheduler itself, once nothing runs any more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
