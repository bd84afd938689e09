"""A trace, poll by poll, through the real code; and what everybody said of it, beside the truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from math import inf

from forecast.rivals import Rivals
from forecast.traces import DAY, FUTURE, HOURS, SLOT, Trace
from monitor.runway import LEAST, WINDOW, NotYet, Pace, Runway, pace, runway
from monitor.spending import HOUR, Balance, Hour, advance, plus

OURS, MEAN, LINE, SHORT = WHOSE = ("ours", "mean", "line", "line 1 d")
WARNING, CRITICAL = LEVELS = (7.0, 2.0)
"""Days: the thresholds of the rule ``runway``."""
EVERY = 6 * HOURS
"""So often the pace is taken and a forecast held against the truth; the daemon takes it each hour."""
FAR = FUTURE / DAY
"""Days. Further ahead the truth is not known, and nobody asks."""
_LEAST = 6 * HOURS
"""With less left, there is nothing to foretell."""
_ROWS = WINDOW // HOUR + 1
_CLEAR = 1.05
_FALSE = 2


@dataclass(frozen=True, slots=True)
class Moment:
    """What was said and the truth; days, at most FAR."""

    truth: float
    said: dict[str, float]
    low: float
    high: float

    def error(self, whose: str) -> float:
        """Return how far off it was, as a share of the truth."""
        return abs(self.said[whose] - self.truth) / self.truth

    @property
    def inside(self) -> bool:
        """Say whether the truth is inside the range."""
        return self.low <= self.truth <= self.high


@dataclass(slots=True)
class Alarm:
    """The rule ``runway`` at one of its levels, with its margin."""

    below: float
    since: int | None = None
    false: int = 0
    """How often it fired with more than twice the threshold really left."""

    def judge(self, slot: int, said: float, truth: float) -> None:
        """Fire, or clear."""
        if said > self.below * _CLEAR:
            self.since = None
        elif said <= self.below and self.since is None:
            self.since = slot
            self.false += truth > self.below * _FALSE


@dataclass(slots=True)
class Story:
    """What became of a trace."""

    trace: Trace
    moments: list[Moment] = field(default_factory=list)
    alarms: dict[tuple[str, float], Alarm] = field(
        default_factory=lambda: {(whose, below): Alarm(below) for whose in WHOSE for below in LEVELS}
    )
    slots: int = 0
    """For how long it was watched."""
    dry: int | None = None
    """When it was empty, if ever."""

    def lead(self, whose: str, below: float) -> float:
        """Return how many days before it was empty an alarm began that lasted until then; 0 if there was none."""
        since = self.alarms[whose, below].since
        return 0 if since is None or self.dry is None else (self.dry - since) / DAY

    @property
    def jumped(self) -> bool:
        """Say whether its last hour took more than two ordinary days: with two days left, nobody could have told."""
        if self.dry is None:
            return False
        fallen = self.trace.fallen
        return fallen[self.dry] - fallen[max(self.dry - HOURS, 0)] > 2 * fallen[self.dry] * DAY / self.dry


def replay(trace: Trace) -> Story:
    """Watch a trace to its end, or until it is dry."""
    story, watch, rivals, hour = Story(trace), Watch(trace), Rivals(), -1
    for slot, balance in readings(trace):
        if balance <= 0:
            story.dry = slot
            break
        story.slots = slot
        watch.see(slot, balance)
        rivals.see(slot, balance)
        if slot // HOURS > hour:
            hour = slot // HOURS
            _judge(story, slot, balance, watch, rivals)
    return story


def readings(trace: Trace) -> Iterator[tuple[int, int]]:
    """Yield what each poll sees; and the moment at which all is gone, with nothing left."""
    balance, done = trace.balance, 0
    for poll in trace.polls:
        for slot in range(done, poll):
            balance -= trace.falls[slot]
            if balance <= 0:
                yield slot + 1, 0
                return
            balance += trace.tops.get(slot, 0)
        done = poll
        yield poll, balance


class Watch:
    """What the daemon does with readings."""

    def __init__(self, trace: Trace) -> None:
        self._begins = trace.begins
        self._rows: dict[datetime, Hour] = {}
        self._before: Balance | None = None
        self._pace: Pace | NotYet = NotYet(LEAST)
        self._taken = -1

    def see(self, slot: int, balance: int) -> None:
        """Keep the hours."""
        after = Balance(self._begins + slot * SLOT, Decimal(balance).scaleb(-3))
        for hour in advance(self._before, after):
            known = self._rows.get(hour.start)
            self._rows[hour.start] = plus(known, hour) if known else hour
        self._before = after

    def say(self, slot: int, balance: int) -> Runway | NotYet:
        """Say how long the balance lasts, by a pace that is taken afresh if it is time."""
        if slot // EVERY > self._taken:
            newest, self._taken = islice(reversed(self._rows.values()), _ROWS), slot // EVERY
            self._pace = pace(newest, self._begins + slot * SLOT)
        return runway(self._pace, Decimal(balance).scaleb(-3)) if isinstance(self._pace, Pace) else self._pace


def _judge(story: Story, slot: int, balance: int, watch: Watch, rivals: Rivals) -> None:
    told, truth = watch.say(slot, balance), story.trace.lasts(slot, balance)
    if isinstance(told, NotYet):
        return
    said = {OURS: _days(told.mid), MEAN: rivals.mean(), LINE: rivals.line(7), SHORT: rivals.line(1)}
    for (whose, _), alarm in story.alarms.items():
        alarm.judge(slot, said[whose], truth / DAY)
    if slot % EVERY < HOURS and truth >= _LEAST:
        near = {whose: min(days, FAR) for whose, days in said.items()}
        story.moments.append(Moment(min(truth / DAY, FAR), near, min(_days(told.low), FAR), min(_days(told.high), FAR)))


def _days(length: timedelta | None) -> float:
    return inf if length is None else length / timedelta(days=1)
