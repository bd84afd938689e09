"""``make soak``: let the daemon make 200,000 polls, and say what grew; exit 1 if anything but the history did."""

import argparse
import json
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import aloud
from aloud import say

from soak.run import Manner, Show, Soaked, soak
from soak.slopes import MEASURES, PER, WINDOWS, Sample, Verdict, find, growth


def main() -> int:
    """Run, and report."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--polls", type=int, default=200_000)
    parser.add_argument("--speed", type=float, default=750.0, help="of the daemon's clock (default 750)")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two samples (default 2)")
    parser.add_argument("--seed", type=int, default=None, help="of what happens meanwhile")
    parser.add_argument("--traced", action="store_true", help="say where memory was taken (three times as slow)")
    parser.add_argument("--samples", type=Path, help="a file for the samples, one a line of JSON")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed  # noqa: S311 - a number to repeat it by
    sys.stdout.write(f"seed {seed}\n")
    with tempfile.TemporaryDirectory(prefix="balance-monitor-soak-") as folder:
        manner = Manner(polls=given.polls, every=given.every, speed=given.speed, seed=seed, traced=given.traced)
        soaked = soak(Path(folder), manner, _progress(given.polls))
    if given.samples:
        given.samples.write_text("".join(json.dumps(asdict(sample)) + "\n" for sample in soaked.samples))
    return report(soaked)


def report(soaked: Soaked) -> int:
    """Print the table, and return the exit code."""
    last = soaked.samples[-1]
    say(
        f"{last.polls:,} polls in {last.seconds:.0f} s ({last.cpu:.0f} s of CPU), {last.failures:,} of them without a "
        f"reading; {soaked.taken:,} messages taken, {soaked.refused:,} refused; {last.reloads} reloads"
    )
    say(f"\n{'':16}{'start':>11}{'half':>11}{'end':>11}{f'a {PER:,}':>12}{'error':>10}{'at most':>9}")
    found = [find(soaked.samples, measure) for measure in MEASURES]
    for one in found:
        figures = f"{one.start:11,.1f}{one.half:11,.1f}{one.end:11,.1f}{one.line.slope:+12,.2f}{one.line.error:10,.2f}"
        say(f"{one.measure.name:16}{figures}{one.measure.bound:9g}  {one.verdict}")
    say(f"{'database, MiB':16}{'':22}{last.database / 2**20:11,.1f}  grows by {growth(soaked.samples):,.0f} B a poll")
    begun, half = soaked.samples[0], soaked.samples[len(soaked.samples) // 2]
    say(f"{'waiting':16}{begun.waiting:11,}{half.waiting:11,}{last.waiting:11,}  messages, which are in memory too")
    say(
        f"\nSlopes: least squares over the second half, through the least in each {WINDOWS}th of the samples; "
        "flat: at most the bound, two standard errors allowed for noise."
    )
    for mistake in soaked.mistakes:
        say(f"a mistake of the daemon's own: {mistake}")
    return 0 if all(one.verdict is Verdict.FLAT for one in found) and not soaked.mistakes and soaked.code == 0 else 1


def _progress(polls: int) -> Show:
    def show(sample: Sample) -> None:
        memory = sample.rss / 2**20
        aloud.show(f"{sample.polls:,} of {polls:,} polls, {memory:.1f} MiB")

    return show


if __name__ == "__main__":
    sys.exit(main())
