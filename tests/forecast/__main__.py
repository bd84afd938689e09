"""``make forecast``: how well the runway is foretold where the future is known; exit 1 if a bound is missed."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from aloud import say, show

from forecast.replay import Story, replay
from forecast.score import missed, report, scores
from forecast.traces import make

NOTES = """
error: median of |said - true| / true, four times a day, from a day of readings on; more than 60 days count as 60.
True is when the trace's balance, with no further top-up, really was at zero: its own falls to come, expiries included.
the mean: what fell in 7 days. the line: least squares through the raw balance of 7 days, as predict_linear has it.
in the range: truths between low and high. range: how many times low is high, where mid is at most 7 days.
by a jump: the last hour took more than two ordinary days; the figures to the right of it are without these.
in time: critical (2 d) began before the end and lasted. before: from the warning (7 d) or critical to the end, median.
false: alarms, in 30 days, that began with more than twice their threshold really left."""


def main(words: Sequence[str] | None = None) -> int:
    """Replay, and report."""
    parser = argparse.ArgumentParser(prog="forecast", description=__doc__)
    parser.add_argument("--traces", type=int, default=420, help="how many (default 420)")
    parser.add_argument("--seed", type=int, default=2026, help="of the traces (default 2026)")
    given = parser.parse_args(words)
    found = scores(list(_stories(given.traces, given.seed)))
    wrong = list(missed(found))
    say(f"{report(found)}\n{NOTES}")
    for sentence in wrong or ["every bound is kept"]:
        say(f"\n{sentence}")
    return 1 if wrong else 0


def _stories(traces: int, seed: int) -> Iterator[Story]:
    for number in range(traces):
        show(f"trace {number + 1} of {traces}")
        yield replay(make(number, seed))


if __name__ == "__main__":
    sys.exit(main())
