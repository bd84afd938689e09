"""The daemon's clock runs evenly whatever is done to the system's, and follows a step only when told to."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import Clock

HOUR = timedelta(hours=1)


def passed(clock: Clock) -> tuple[float, float, float]:
    """Return the least, the shown and the most real seconds that passed while 0.05 s were slept."""
    outer = time.monotonic()
    before = clock.now()
    inner = time.monotonic()
    time.sleep(0.05)
    least = time.monotonic() - inner
    shown = (clock.now() - before).total_seconds()
    return least, shown, time.monotonic() - outer


def test_it_starts_at_the_time_of_the_wall_clock_in_utc() -> None:
    before = datetime.now(UTC)
    now = Clock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


@pytest.mark.parametrize("speed", [1.0, 150.0])
def test_it_runs_evenly_at_its_speed(speed: float) -> None:
    least, shown, most = passed(Clock(speed))
    assert least * speed - 1e-5 <= shown <= most * speed + 1e-5


def test_its_monotonic_seconds_begin_at_nought_and_run_at_its_speed_too() -> None:
    begun = time.monotonic()
    clock = Clock(100)
    assert 0 <= clock.monotonic() <= (time.monotonic() - begun) * 100


def test_sleeping_for_its_seconds_takes_as_much_less_as_it_is_faster_and_never_less_than_nothing() -> None:
    assert Clock().real(10) == 10
    assert Clock(5).real(10) == 2
    assert Clock(5).real(-3) == 0


@pytest.mark.parametrize("off", [timedelta(0), timedelta(seconds=0.9), timedelta(seconds=-0.9)])
def test_a_difference_of_less_than_a_second_is_no_step(off: timedelta) -> None:
    clock = Clock()
    clock.move(off)
    assert clock.stepped() is None


@pytest.mark.parametrize("step", [timedelta(seconds=1.2), timedelta(seconds=-1.2), HOUR, -HOUR, timedelta(days=20000)])
def test_a_step_is_noticed_until_it_is_followed(step: timedelta) -> None:
    clock = Clock()
    clock.move(-step)  # the same, seen from here, as the wall clock stepped by that much
    seen = clock.stepped()
    assert seen is not None
    assert abs(seen - step) < timedelta(seconds=0.15)
    assert clock.stepped() is not None
    clock.move(seen)
    assert clock.stepped() is None
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=0.15)


def test_small_steps_add_up_until_they_count() -> None:
    clock = Clock()
    clock.move(timedelta(seconds=0.6))
    assert clock.stepped() is None
    clock.move(timedelta(seconds=0.6))
    assert clock.stepped() is not None


def test_following_a_step_leaves_the_monotonic_seconds_alone() -> None:
    clock = Clock()
    before = clock.monotonic()
    clock.move(HOUR)
    assert 0 <= clock.monotonic() - before < 1


def test_a_sped_up_clock_has_no_wall_to_be_stepped() -> None:
    clock = Clock(10)
    clock.move(HOUR)
    assert clock.stepped() is None
