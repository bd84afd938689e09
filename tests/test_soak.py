"""Nothing of the daemon grows but its history; and the criterion that says so can fail."""

import random
from pathlib import Path

import pytest
from soak.run import Manner, soak
from soak.slopes import MEASURES, Sample, Verdict, find

BY_NAME = {measure.name: measure for measure in MEASURES}
MOST = {"threads": 4, "descriptors": 20, "tasks": 20, "memory, MiB": 24}
"""What a measure may grow in the last quarter of a short soak, whose first half hardly warms up."""


def samples(*, leak: float = 0.0) -> list[Sample]:
    """Return those of a daemon of 50 MiB that keeps so many bytes and objects of each poll, amid noise."""
    chance = random.Random(1)  # noqa: S311 - noise
    return [
        Sample(
            polls=polls,
            failures=0,
            reloads=0,
            seconds=polls / 100,
            cpu=0.0,
            rss=round(50 * 2**20 + leak * polls + chance.uniform(0, 2**21)),
            objects=round(100_000 + leak / 100 * polls + chance.uniform(0, 500)),
            threads=5 + chance.randint(0, 2),
            descriptors=20 + chance.randint(0, 30),
            tasks=10 + chance.randint(0, 40),
            database=700 * polls,
            waiting=0,
        )
        for polls in range(0, 200_000, 500)
    ]


def verdicts(found: list[Sample]) -> dict[str, Verdict]:
    return {measure.name: find(found, measure).verdict for measure in MEASURES}


def test_noise_is_flat() -> None:
    assert set(verdicts(samples()).values()) == {Verdict.FLAT}


def test_what_a_poll_leaves_behind_is_not_flat_be_it_a_hundred_bytes() -> None:
    found = verdicts(samples(leak=100))
    assert [name for name, verdict in found.items() if verdict is Verdict.GROWS] == ["memory, MiB", "Python objects"]


def test_a_few_polls_are_no_proof() -> None:
    assert verdicts(samples()[:40])["tasks"] is Verdict.UNCLEAR


def _least(found: list[Sample], name: str) -> float:
    """Return the floor of a measure: what is in use for a moment, as on a busy machine, comes and goes."""
    return min(map(BY_NAME[name].of, found))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_polls_failures_messages_and_reloads_leave_no_thread_no_descriptor_and_no_task_behind(tmp_path: Path) -> None:
    soaked = soak(tmp_path, Manner(polls=10_000, seconds=40, every=1.0))
    last = soaked.samples[-1]
    assert last.polls > 1000
    assert last.failures > 50
    assert last.reloads > 0
    assert soaked.taken > 50
    quarter = len(soaked.samples) // 4
    third, fourth = soaked.samples[2 * quarter : 3 * quarter], soaked.samples[3 * quarter :]
    grown = {name: _least(fourth, name) - _least(third, name) for name in MOST}
    assert {name: by for name, by in grown.items() if by > MOST[name]} == {}
    assert soaked.mistakes == []
    assert soaked.code == 0
