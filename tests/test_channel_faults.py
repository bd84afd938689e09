"""However a channel fails: the one beside it is never delayed, nothing is lost, and why is said in words."""

from pathlib import Path

import pytest
from faults import crowd, scene, stop, users
from faults.kinds import FAULTS, Fault
from faults.targets import Mail


def _each() -> list[object]:
    """Give every fault; those of mail take 20 s each."""
    return [pytest.param(one, id=one.name, marks=[pytest.mark.slow] * (one.target is Mail)) for one in FAULTS]


@pytest.mark.parametrize("fault", _each())
def test_a_fault_delays_nobody_else_loses_nothing_and_is_explained(fault: Fault, tmp_path: Path) -> None:
    assert scene.wrong(scene.play(fault, tmp_path)) == []


@pytest.mark.slow
def test_a_service_that_takes_half_a_minute_is_told_once_and_one_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    assert users.wrong(users.meet(tmp_path)) == []


@pytest.mark.slow
def test_fifty_dead_channels_take_a_bounded_number_of_threads_and_memory_and_hold_up_nobody(tmp_path: Path) -> None:
    found = crowd.meet(tmp_path, 20)
    assert crowd.wrong(found) == []
    assert found.attempts > 4 * crowd.DEAD
    assert found.threads > crowd.DEAD  # the measure sees them


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hang", "drip"])
def test_it_stops_in_time_with_twenty_sends_that_do_not_end_and_nothing_is_lost(how: str, tmp_path: Path) -> None:
    stopped = stop.stop(tmp_path, how)
    assert (stopped.code, stopped.lost) == (0, [])
    assert stopped.seconds < stop.MOST


@pytest.mark.slow
def test_whoever_asks_again_and_again_for_a_stop_makes_no_failure_of_it(tmp_path: Path) -> None:
    assert stop.impatient(tmp_path) == 0
