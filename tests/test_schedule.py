"""Each account is polled at its own rhythm, whatever the clock, a slow poll or a reload does."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.schedule import FIRST_POLLS_A_SECOND, Phased, Schedule, phase_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR = 3600.0
_MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis asks for naive bounds


class Polls:
    """What was polled when, in real seconds since the start; and how many polls of an account ran at once."""

    def __init__(self, takes: float = 0.0) -> None:
        self.takes = takes
        self.began = time.monotonic()
        self.times: list[tuple[float, str]] = []
        self.running: dict[str, int] = {}
        self.most = 0

    async def tick(self, name: str) -> None:
        self.times.append((time.monotonic() - self.began, name))
        self.running[name] = self.running.get(name, 0) + 1
        self.most = max(self.most, self.running[name])
        await asyncio.sleep(self.takes)
        self.running[name] -= 1

    def of(self, name: str) -> list[float]:
        return [when for when, who in self.times if who == name]

    async def wait(self, name: str, count: int, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while len(self.of(name)) < count:  # noqa: ASYNC110 - the schedule signals nothing
                await asyncio.sleep(0.005)


@asynccontextmanager
async def scheduled(
    tick: Callable[[str], Awaitable[None]],
    intervals: dict[str, float],
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Schedule]:
    schedule = Schedule(tick, monotonic=monotonic)
    schedule.start(intervals)
    try:
        yield schedule
    finally:
        schedule.stop()
        schedule.close()
        await asyncio.sleep(0)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


# -- the moments ------------------------------------------------------------------------------------------------------


@given(
    st.floats(0.0001, 10**7),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.none(), _MOMENTS),
    _MOMENTS,
)
@settings(max_examples=500)
def test_the_next_moment_is_the_first_of_its_phase_after_now_and_half_an_interval_after_the_previous_one(
    interval: float, part: float, previous: datetime | None, now: datetime
) -> None:
    phase = interval * part
    found = Phased(interval, phase).get_next_fire_time(previous, now)
    step = timedelta(seconds=interval)
    latest = max(now, previous + step / 2) if previous else now
    assert latest < found <= latest + step
    assert (found - EPOCH - timedelta(seconds=phase)) % step == timedelta(0)


@given(st.floats(0.0001, 10**6), _MOMENTS)
@settings(max_examples=200)
def test_the_rhythm_is_kept_for_ever_moment_after_moment(interval: float, now: datetime) -> None:
    trigger = Phased(interval, phase_of("main", interval))
    first = trigger.get_next_fire_time(None, now)
    moment = first
    for count in range(1, 50):
        moment = trigger.get_next_fire_time(moment, moment)  # woken to the microsecond
        assert moment == first + count * timedelta(seconds=interval)


def test_a_step_of_56_years_is_answered_at_once_and_with_one_moment() -> None:
    trigger, now = Phased(5, 1), datetime(2026, 1, 1, tzinfo=UTC)
    begun = time.perf_counter()
    assert trigger.get_next_fire_time(EPOCH, now) == now + timedelta(seconds=1)
    assert time.perf_counter() - begun < 0.5


def test_accounts_are_spread_over_the_interval_and_each_has_the_same_place_at_every_start() -> None:
    phases = [phase_of(f"account_{number}", 60) for number in range(1000)]
    assert phases == [phase_of(f"account_{number}", 60) for number in range(1000)]
    tenths = [sum(1 for phase in phases if place <= phase / 6 < place + 1) for place in range(10)]
    assert min(tenths) > 50
    assert sum(tenths) == 1000


# -- the first polls --------------------------------------------------------------------------------------------------


def test_every_account_is_polled_at_once_after_a_start_but_at_most_fifty_a_second() -> None:
    async def story() -> None:
        polls = Polls()
        names = [f"account_{number}" for number in range(60)]
        async with scheduled(polls.tick, dict.fromkeys(names, HOUR)):
            await polls.wait(names[-1], 1)
        assert sorted(who for _, who in polls.times) == sorted(names)
        for place, (when, _) in enumerate(polls.times):
            assert when >= place / FIRST_POLLS_A_SECOND

    run(story())


def test_many_accounts_are_first_polled_at_the_pace_of_all_later_polls() -> None:
    """Three hundred a second, not fifty: all have been polled after their interval."""

    async def story() -> None:
        polls = Polls()
        names = [f"account_{number}" for number in range(6000)]
        async with scheduled(polls.tick, dict.fromkeys(names, 20.0), monotonic=lambda: 0.0) as schedule:
            assert 19 < max(entry.due for entry in schedule._entries.values()) <= 20

    run(story())


def test_after_its_first_poll_an_account_is_polled_at_its_phase() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": 1.0}):
            await polls.wait("main", 4)
        phase = phase_of("main", 1.0)
        wall = time.time() - (time.monotonic() - polls.began)
        for when in polls.of("main")[1:]:
            assert (wall + when - phase) % 1.0 < 0.5

    run(story())


def test_ten_thousand_accounts_are_planned_within_seconds_and_planned_anew_as_fast() -> None:
    async def story() -> None:
        polls = Polls()
        names = [f"account_{number}" for number in range(10_000)]
        begun = time.monotonic()
        async with scheduled(polls.tick, dict.fromkeys(names, HOUR)) as schedule:
            schedule.restart()
            schedule.change(dict.fromkeys(names, 2 * HOUR))
            await asyncio.sleep(0)
            assert time.monotonic() - begun < 10

    run(story())


# -- reloads ----------------------------------------------------------------------------------------------------------


def test_a_reload_that_changes_nothing_for_an_account_leaves_its_rhythm_alone() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": 0.4}) as schedule:
            for number in range(30):
                schedule.change({"main": 0.4} | {f"other_{one}": HOUR for one in range(number)})
                await asyncio.sleep(0.05)
        assert 3 <= len(polls.of("main")) <= 7  # at once would be thirty times, a lost rhythm once

    run(story())


def test_an_account_that_comes_with_a_reload_is_polled_at_once_and_one_that_goes_no_more() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": 0.1}) as schedule:
            await polls.wait("main", 2)
            schedule.change({"fresh": HOUR})
            await polls.wait("fresh", 1, 1.0)
            count = len(polls.of("main"))
            await asyncio.sleep(0.3)
            assert len(polls.of("main")) == count

    run(story())


def test_an_account_with_another_interval_is_polled_at_that() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": HOUR}) as schedule:
            await polls.wait("main", 1)
            schedule.change({"main": 0.05})
            await polls.wait("main", 4)

    run(story())


def test_an_account_that_goes_just_as_its_poll_is_due_is_not_polled() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": HOUR}) as schedule:
            due = schedule._run("main")  # APScheduler has taken it up
            schedule.change({})
            await due
            await asyncio.sleep(0.1)
            assert polls.times == []

    run(story())


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_poll_slower_than_its_interval_never_meets_the_next_one_not_even_over_a_reload() -> None:
    async def story() -> None:
        polls = Polls(takes=0.15)
        async with scheduled(polls.tick, {"main": 0.04, "quick": 0.05}) as schedule:
            await polls.wait("main", 2)
            schedule.change({"main": 0.03, "quick": 0.05})
            schedule.restart()
            await polls.wait("main", 4)
            schedule.stop()
            await asyncio.sleep(0.2)
        assert polls.most == 1

    run(story())


def test_runs_missed_by_a_clock_step_are_made_once() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": HOUR}) as schedule:
            await polls.wait("main", 1)
            schedule._scheduler.modify_job("main", next_run_time=EPOCH)  # what a step from 1970 to now looks like
            await polls.wait("main", 2)
            await asyncio.sleep(0.1)
            assert len(polls.times) == 2

    run(story())


def test_a_clock_step_puts_no_poll_off_to_its_next_phase() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": HOUR}) as schedule:
            await polls.wait("main", 1)
            schedule._entries["main"].due = time.monotonic() + 0.2  # as if an hour had nearly passed
            schedule.restart()
            assert len(polls.times) == 1
            await polls.wait("main", 2)

    run(story())


def test_a_poll_that_raises_is_logged_and_the_schedule_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        polls = Polls()

        async def tick(name: str) -> None:
            await polls.tick(name)
            raise ValueError("our own mistake")

        async with scheduled(tick, {"main": 0.05}):
            await polls.wait("main", 3)

    with caplog.at_level(logging.ERROR):
        run(story())
    assert "our own mistake" in caplog.text


def test_a_stalled_account_is_noticed_after_an_interval_and_overdue_until_it_is_polled_again() -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": 0.1, "other": HOUR}) as schedule:
            await polls.wait("main", 1)
            schedule._scheduler.pause_job("main")
            assert schedule.overdue() == []
            await asyncio.sleep(0.3)
            assert schedule.overdue() == ["main"]
            count = len(polls.of("main"))
            schedule.catch_up(["main"])
            assert schedule.overdue() == ["main"]  # a plan alone mends nothing
            assert len(polls.of("main")) == count
            await polls.wait("main", count + 2)
            assert schedule.overdue() == []
            assert len(polls.of("other")) == 1

    run(story())


def test_an_account_is_overdue_when_its_poll_is_late_by_more_than_an_interval_and_not_before() -> None:
    async def story() -> None:
        played = [0.0]
        async with scheduled(Polls().tick, {"main": HOUR}, lambda: played[0]) as schedule:
            await asyncio.sleep(0.1)  # the first poll
            for now, late in ((HOUR, []), (2 * HOUR, []), (2 * HOUR + 1, ["main"])):
                played[0] = now
                assert schedule.overdue() == late

    run(story())


# -- the end ----------------------------------------------------------------------------------------------------------


def test_after_stop_no_poll_begins_and_those_that_run_come_to_their_end(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        polls = Polls(takes=0.2)
        async with scheduled(polls.tick, {"main": 0.05, "other": 0.05}) as schedule:
            await polls.wait("other", 1)
            due = schedule._run("main")
            schedule.stop()
            await due
            count = len(polls.times)
            schedule.restart()
            schedule.change({"main": 0.01, "late": 0.01})
            await asyncio.sleep(0.3)
            assert len(polls.times) == count
            assert set(polls.running.values()) == {0}

    with caplog.at_level(logging.WARNING):
        run(story())
    assert caplog.records == []


def test_close_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        polls = Polls()
        async with scheduled(polls.tick, {"main": 0.05}) as schedule:
            await polls.wait("main", 2)
            schedule.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        count = len(polls.times)
        await asyncio.sleep(0.15)
        assert len(polls.times) == count
        schedule.close()  # again: nothing to do

    with caplog.at_level(logging.WARNING):
        run(story())
    assert caplog.records == []


def test_a_schedule_that_never_began_can_be_stopped_and_closed() -> None:
    schedule = Schedule(Polls().tick, monotonic=time.monotonic)
    schedule.stop()
    schedule.close()
