"""Killed at any moment, the daemon loses nothing and repeats at most what was in flight; and the rig can tell."""

import signal
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.bodies import Zygote
from crash.points import Point
from crash.rig import Manner, Orders, kill_it, kill_program, leave_it, plan
from crash.verdict import compare, figures, judge

SEED = 3
KILLS = 200
REFERENCE = Manner(speed=250, end=180)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as made:
        yield made


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_every_moment_every_change_is_told_in_order_and_the_state_is_as_without_kills(
    tmp_path: Path, zygote: Zygote
) -> None:
    killed = kill_it(tmp_path / "killed", zygote, plan(KILLS, SEED), Manner(seed=SEED, longest=0.35))
    left = leave_it(tmp_path / "left", zygote, killed.happened, REFERENCE)
    counted = figures(killed)
    assert judge(killed) == []
    assert compare(killed, left) == []
    assert judge(left) == []
    assert counted.kills >= KILLS
    assert [point for point in Point if not counted.hits[point]] == []
    assert counted.repeats >= counted.in_flight > 0
    assert counted.changes > 20


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_program_itself_may_be_killed_at_any_time(tmp_path: Path, zygote: Zygote) -> None:
    killed = kill_program(tmp_path / "killed", 10, Manner(seed=SEED, longest=2.0, patience=10))
    left = leave_it(tmp_path / "left", zygote, killed.happened, REFERENCE)
    assert judge(killed) == []
    assert compare(killed, left) == []
    assert [life.code for life in killed.kills] == [-signal.SIGKILL] * 10
    assert figures(killed).repeats >= figures(killed).in_flight > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("bug", "orders", "said"),
    [
        ("marks first", deque([(Point.SEND, 1)] * 2), ["was never told", "deliveries: "]),
        ("queues later", deque([(Point.DECIDED, 1)] * 2), ["was never told", "outbox: "]),
        ("queues first", deque([(Point.DECIDED, 1)] * 4), ["outbox: "]),
        ("holds back", deque([(Point.DELIVERED, 9)] * 2), ["was told out of"]),
    ],
)
def test_the_rig_reports_a_daemon_that(
    bug: str, orders: Orders, said: list[str], tmp_path: Path, zygote: Zygote
) -> None:
    manner = Manner(seed=SEED, bug=bug, patience=2, end=5)
    killed = kill_it(tmp_path / "killed", zygote, deque(orders), manner)
    left = leave_it(tmp_path / "left", zygote, killed.happened, REFERENCE)
    problems = judge(killed) + compare(killed, left)
    assert [what for what in said if not any(what in problem for problem in problems)] == []
