"""Accounts of one API that fail alike: when that is one alert, and when it is over. Pure.

It promises that an account with a trouble of its own neither begins nor prevents it, and that it is over only once
every account has had its chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from monitor.model import Kind

_MANY = 10
"""So many accounts that began to fail since the last reading of any are no coincidence, however many there are."""
_OWN_INTERVALS = 3
"""Who failed for so long while others were read has a trouble of its own."""
_PATIENCE = timedelta(minutes=15)
_MOST_PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """An account whose latest poll brought no reading."""

    account: str
    since: datetime
    """The first failed poll after its last reading."""
    kind: Kind
    reason: str
    polled_at: datetime


def alike(failing: Sequence[Failing], kind: Kind) -> list[Failing]:
    """Return those that fail in that way; unreachable is whoever is not read, whatever the reasons."""
    return [one for one in failing if kind in {Kind.UNREACHABLE, one.kind}]


def is_apart(since: datetime, last_reading: datetime | None, interval: timedelta) -> bool:
    """Say whether an account that fails since then has a trouble of its own: others were read for long."""
    return last_reading is not None and since < last_reading - _OWN_INTERVALS * interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What is known of the accounts of one API while some of them fail."""

    failing: Sequence[Failing]
    total: int
    """All accounts, also those that do not fail."""
    last_reading: datetime | None
    """Of any of them."""

    def since_then(self, kind: Kind) -> list[Failing]:
        """Return those that fail in that way and began to since the last reading of any."""
        return [one for one in alike(self.failing, kind) if self._is_later(one.since)]

    def is_common(self, kind: Kind, *, interval: timedelta, now: datetime) -> bool:
        """Say whether they fail alike: many at once, or at least half of them and nobody was read for an interval.

        Who failed before the last reading of another counts neither for it nor against it.
        """
        began = len(self.since_then(kind))
        apart = sum(not self._is_later(one.since) for one in self.failing)
        if began >= _MANY:
            return True
        is_long = self.last_reading is None or now - self.last_reading >= interval - interval / 10
        return began >= 2 and 2 * began >= self.total - apart and is_long  # noqa: PLR2004 - of one alone nobody speaks

    def _is_later(self, since: datetime) -> bool:
        return self.last_reading is None or since > self.last_reading


class Course(Enum):
    """What becomes of an outage in which an account was read."""

    RECOVERS = auto()
    GOES_ON = auto()  # all fail again
    ENDS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What is known of the accounts of one API since one of them was read again."""

    failing: Sequence[Failing]
    read: int
    """How many do not fail and were read since the outage began."""
    last_reading: datetime
    """Of those."""
    began: datetime
    """When the first was read."""
    longest: timedelta
    """The longest interval of any."""

    def course(self, now: datetime) -> Course:
        """Let every account have its chance, up to two intervals, at least a quarter of an hour and at most an hour.

        Polls are spread: that an account still fails means something only once it was polled since, and only if others
        are still read between; else all may be failing again.
        """
        if not self.failing:
            return Course.ENDS
        if not self.read:
            return Course.GOES_ON
        if now - self.began >= min(max(_PATIENCE, 2 * self.longest), _MOST_PATIENCE):
            return Course.ENDS
        behind = sum(one.polled_at > self.last_reading for one in self.failing)
        is_tried = all(one.polled_at > self.began for one in self.failing)
        return Course.ENDS if is_tried and 2 * behind < len(self.failing) else Course.RECOVERS
