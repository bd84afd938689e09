"""The one clock: wall time that runs evenly, faster if asked, and notices when the system's clock was stepped."""

import time
from datetime import UTC, datetime, timedelta

STEP = timedelta(seconds=1)
"""Smaller differences are slewed by the system; a suspended process looks like a forward step."""


class Clock:
    """Time for the daemon; ``speed`` above 1 lets a demonstration live an hour in half a minute."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._base = datetime.now(UTC)
        self._start = time.monotonic()

    def monotonic(self) -> float:
        """Return seconds since the start, at this clock's speed."""
        return (time.monotonic() - self._start) * self.speed

    def now(self) -> datetime:
        """Return the time in UTC: what the wall clock showed at the start, and what has passed since."""
        return self._base + timedelta(seconds=self.monotonic())

    def real(self, seconds: float) -> float:
        """Return how long to sleep for so many seconds of this clock."""
        return max(seconds, 0.0) / self.speed

    def stepped(self) -> timedelta | None:
        """Return by how much the wall clock was stepped against this one, or None; a sped-up clock has no wall."""
        step = datetime.now(UTC) - self.now()
        return step if self.speed == 1.0 and abs(step) >= STEP else None

    def move(self, step: timedelta) -> None:
        """Follow a step of the wall clock, once all that counts durations was moved alike."""
        self._base += step
