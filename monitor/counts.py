"""What the daemon has done since its start, counted in memory: polls and what they brought, attempts to deliver."""

from bisect import bisect_left
from collections import Counter

from monitor.model import Outcome, Reading, Seen, Sent

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Seconds; a poll that took so long, or less, is in each bucket from there on."""


class Counts:
    """Grows only; a new start begins anew, as counters of Prometheus do."""

    def __init__(self) -> None:
        self.polls: Counter[tuple[str, str]] = Counter()
        """By account and outcome: ``reading`` or the kind of the failure."""
        self.deliveries: Counter[tuple[str, str]] = Counter()
        """Attempts, by channel and outcome: ``delivered`` or ``failed``."""
        self.seconds = 0.0
        """That all polls took together."""
        self._took = [0] * (len(BOUNDS) + 1)

    def polled(self, account: str, seen: Seen, seconds: float) -> None:
        """Count a poll."""
        self.polls[account, "reading" if isinstance(seen, Reading) else seen.kind.value] += 1
        self.seconds += seconds
        self._took[bisect_left(BOUNDS, seconds)] += 1

    def tried(self, channel: str, outcome: Outcome) -> None:
        """Count an attempt to deliver."""
        self.deliveries[channel, "delivered" if isinstance(outcome, Sent) else "failed"] += 1

    @property
    def buckets(self) -> list[tuple[str, int]]:
        """How many polls took no longer than each bound; the last counts all."""
        total, found = 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._took, strict=True):
            total += count
            found.append((bound, total))
        return found
