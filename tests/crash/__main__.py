"""``make crash``: kill the daemon as often as you like, and say what came of it; exit 1 if a promise was broken."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import aloud
from aloud import say

from crash.bodies import Zygote
from crash.points import Point
from crash.record import Record
from crash.rig import Manner, Progress, kill_it, kill_program, leave_it, plan
from crash.verdict import Figures, compare, figures, judge

REFERENCE_SPEED = 250.0


def main() -> int:
    """Run all of it, and report."""
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills of forked daemons (default 200)")
    parser.add_argument("--programs", type=int, default=12, help="kills of balance-monitor run itself (default 12)")
    parser.add_argument("--seed", type=int, default=None, help="of the story, the moments and the flapping")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed  # noqa: S311 - a number to repeat it by
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="balance-monitor-crash-") as folder, Zygote() as zygote:
        problems = _forks(Path(folder), zygote, given.kills, seed)
        problems += _programs(Path(folder), zygote, given.programs, seed)
    for problem in problems:
        say(f"BROKEN: {problem}")
    say(f"{len(problems)} promises broken" if problems else "every promise was kept")
    return 1 if problems else 0


def _forks(folder: Path, zygote: Zygote, kills: int, seed: int) -> list[str]:
    began, manner = time.monotonic(), Manner(seed=seed)
    killed = kill_it(folder / "killed", zygote, plan(kills, seed), manner, _progress(kills))
    reference = leave_it(folder / "left", zygote, killed.happened, Manner(speed=REFERENCE_SPEED, end=600))
    counted = figures(killed)
    _report("the daemon", counted, time.monotonic() - began)
    for point in Point:
        say(f"  {counted.hits[point]:5}  {point}")
    missed = [f"nobody was killed {point}" for point in Point if not counted.hits[point]]
    return [*missed, *judge(killed), *judge(reference), *compare(killed, reference)]


def _programs(folder: Path, zygote: Zygote, kills: int, seed: int) -> list[str]:
    began = time.monotonic()
    killed = kill_program(folder / "program", kills, Manner(seed=seed, longest=2.0, patience=10), _progress(kills))
    reference = leave_it(folder / "program left", zygote, killed.happened, Manner(speed=REFERENCE_SPEED))
    _report("balance-monitor run", figures(killed), time.monotonic() - began)
    return [*judge(killed), *judge(reference), *compare(killed, reference)]


def _report(what: str, counted: Figures, seconds: float) -> None:
    say(
        f"{what}: killed {counted.kills} times in {seconds:.0f} s, {counted.random} of them at random; "
        f"{counted.changes} changes of level, {counted.messages} messages, taken {counted.taken} times: "
        f"{counted.repeats} repeats, {counted.in_flight} of them after kills chosen to lead to one"
    )


def _progress(kills: int) -> Progress:
    def show(record: Record) -> None:
        changes = sum(map(len, record.happened.values()))
        aloud.show(f"killed {len(record.kills)} of {kills}, {changes} changes of level")

    return show


if __name__ == "__main__":
    sys.exit(main())
