"""Samples, the lines through them, and what counts as flat."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

PER = 100_000
"""Slopes are for so many polls."""
_NOISIEST = 4
"""With noise of more than so many bounds nothing can be said."""
WINDOWS = 40
"""Into so many windows the samples are cut, and in each the least counts: what is in use for a moment comes and goes,
what leaks lifts the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The daemon's process at one moment."""

    polls: int
    failures: int
    """Polls that brought no reading."""
    reloads: int
    seconds: float
    """Real ones since the start."""
    cpu: float
    """Seconds of CPU until now."""
    rss: int
    """Bytes of memory."""
    objects: int
    """Objects that Python's collector knows, after a collection."""
    threads: int
    descriptors: int
    tasks: int
    database: int
    """Bytes of the database and its log."""
    waiting: int
    """Messages in the outbox: what waits is in memory too."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that must not grow: by at most ``bound`` in 100,000 polls."""

    name: str
    of: Callable[[Sample], float]
    bound: float


MEASURES = (
    Measure("memory, MiB", lambda sample: sample.rss / 2**20, 2.0),
    Measure("Python objects", lambda sample: sample.objects, 1000),
    Measure("threads", lambda sample: sample.threads, 1),
    Measure("descriptors", lambda sample: sample.descriptors, 2),
    Measure("tasks", lambda sample: sample.tasks, 2),
)


class Verdict(StrEnum):
    """What to make of a slope: two of its standard errors are allowed for noise."""

    FLAT = "flat"
    GROWS = "NOT FLAT"
    UNCLEAR = "unclear: too few polls"


@dataclass(frozen=True, slots=True)
class Line:
    """A line by least squares."""

    slope: float
    error: float
    """The standard error of the slope."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a measure: at the beginning, at half time, at the end; and its line over the second half."""

    measure: Measure
    start: float
    half: float
    end: float
    line: Line

    @property
    def verdict(self) -> Verdict:
        """Say whether it may go on for ever."""
        noise, bound = 2 * self.line.error, self.measure.bound
        if self.line.slope - noise > bound:
            return Verdict.GROWS
        return Verdict.FLAT if noise <= _NOISIEST * bound else Verdict.UNCLEAR


def find(samples: Sequence[Sample], measure: Measure) -> Found:
    """Follow a measure through all samples."""
    width = max(len(samples) // WINDOWS, 1)
    floors = [
        (sum(one.polls for one in window) / len(window), min(map(measure.of, window)))
        for window in (samples[at : at + width] for at in range(0, len(samples) - width + 1, width))
    ]
    later = floors[len(floors) // 2 :]
    return Found(measure, floors[0][1], later[0][1], later[-1][1], fit(later))


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """Return the least squares' line through these points, its slope for 100,000 polls."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    return Line(slope * PER, math.sqrt(rest / (len(points) - 2) / spread) * PER)


def growth(samples: Sequence[Sample]) -> float:
    """Return by how many bytes a poll the database grew in the second half."""
    later = samples[len(samples) // 2 :]
    return fit([(sample.polls, sample.database) for sample in later]).slope / PER
