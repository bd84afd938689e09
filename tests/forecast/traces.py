"""Spending as accounts have it, made from seeds: in quarter hours, and in thousandths of a dollar.

A trace goes on for long after it is no longer watched, so that every forecast learns what would really have happened.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

SLOT = timedelta(minutes=15)
HOURS = 4
"""Slots in an hour."""
DAY = 24 * HOURS
WATCHED = 42 * DAY
"""For how long a trace is watched, unless it runs dry before."""
FUTURE = 60 * DAY
"""How far ahead the truth is known; what lasts longer lasts for ever."""
_LENGTH = (WATCHED + FUTURE) // HOURS
"""In hours."""
_NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

Levels = list[float]
"""What goes in each hour, as a multiple of what is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One account: what it had, what fell in each slot, and what was paid in."""

    kind: str
    extra: str
    """``plain``, ``top-ups`` or ``expiries``."""
    begins: datetime
    balance: int
    falls: Sequence[int]
    tops: dict[int, int]
    """Paid in at the end of a slot."""
    polls: Sequence[int]
    """The slots at whose beginning somebody looks."""
    fallen: Sequence[int] = field(repr=False)
    """What fell until the beginning of each slot, if there was always enough."""

    def lasts(self, slot: int, balance: int) -> int:
        """Return the truth: for how many slots the balance at a slot really lasts if nothing more is paid in."""
        return bisect_left(self.fallen, self.fallen[slot] + balance, lo=slot) - slot


# -- kinds ------------------------------------------------------------------------------------------------------------


def _steady(_: Random) -> Levels:
    return [1.0] * _LENGTH


def _day_and_night(chance: Random) -> Levels:
    begins, lasts, night = chance.randrange(24), chance.randint(8, 16), chance.uniform(0, 0.2)
    return [1.0 if (hour - begins) % 24 < lasts else night for hour in range(_LENGTH)]


def _weekdays(chance: Random) -> Levels:
    first, weekend = chance.randrange(7), chance.uniform(0, 0.3)
    days = _day_and_night(chance)
    return [level * (weekend if (hour // 24 + first) % 7 >= 5 else 1.0) for hour, level in enumerate(days)]


def _bursts(chance: Random) -> Levels:
    """Next to nothing, and batches of hours, half a day to three days apart on average."""
    levels = [chance.uniform(0, 0.1)] * _LENGTH
    apart, hour = chance.uniform(12, 72), 0.0
    while (hour := hour + chance.expovariate(1 / apart)) < len(levels):
        lasts = chance.randint(1, 10)
        for later in range(int(hour), min(int(hour) + lasts, len(levels))):
            levels[later] += apart / lasts * chance.lognormvariate(-0.18, 0.6)
    return levels


def _growing(chance: Random) -> Levels:
    """Two to ten percent more each day, for weeks."""
    by, days = chance.uniform(0.02, 0.1), chance.uniform(20, 60)
    return [level * (1 + by) ** min(hour / 24, days) for hour, level in enumerate(_day_and_night(chance))]


def _stopping(chance: Random) -> Levels:
    """All of a sudden nothing, or next to nothing; some go on again after days."""
    stops = chance.randint(5 * 24, 30 * 24)
    again = stops + chance.randint(3 * 24, 10 * 24) if chance.random() < 0.3 else _LENGTH
    rest = chance.choice([0.0, 0.0, 0.05])
    levels = chance.choice([_steady, _day_and_night])(chance)
    return [level * (rest if stops <= hour < again else 1.0) for hour, level in enumerate(levels)]


def _huge(chance: Random) -> Levels:
    """Half of it in single hours that are three to ten days apart on average."""
    share, apart, hour = chance.uniform(0.4, 0.7), chance.uniform(72, 240), 0.0
    levels = [level * (1 - share) for level in chance.choice([_steady, _day_and_night])(chance)]
    while (hour := hour + chance.expovariate(1 / apart)) < len(levels):
        levels[int(hour)] += share * apart * chance.lognormvariate(-0.08, 0.4)
    return levels


KINDS: dict[str, Callable[[Random], Levels]] = {
    "steady": _steady,
    "day and night": _day_and_night,
    "weekdays": _weekdays,
    "bursts": _bursts,
    "growing": _growing,
    "stopping": _stopping,
    "huge jobs": _huge,
}
EXTRAS = ("plain", "top-ups", "expiries")


# -- making one -------------------------------------------------------------------------------------------------------


def make(number: int, seed: int) -> Trace:
    """Make a trace; the kinds and the extras take turns."""
    chance = Random(f"{seed} {number}")  # noqa: S311 - to be repeated
    kind, extra = list(KINDS)[number % len(KINDS)], EXTRAS[number // len(KINDS) % len(EXTRAS)]
    falls = _falls(KINDS[kind](chance), chance)
    mean = max(sum(falls[: 28 * DAY]) / 28, 1)
    balance = round(mean * (chance.uniform(2, 15) if extra == "top-ups" else chance.uniform(5, 60)))
    if extra == "expiries":
        _expire(falls, mean, chance)
    return Trace(
        kind=kind,
        extra=extra,
        begins=_NEW_YEAR + SLOT * chance.randrange(365 * DAY),
        balance=balance,
        falls=falls,
        tops=_tops(falls, balance, mean, chance) if extra == "top-ups" else {},
        polls=list(_polls(chance)),
        fallen=list(accumulate(falls, initial=0)),
    )


def _falls(levels: Levels, chance: Random) -> list[int]:
    """Turn levels into amounts: no hour is like another, and all of it drifts from day to day."""
    scale, shape, drift = 1000 * 10 ** chance.uniform(-1, 1.3), chance.uniform(0.5, 4), chance.uniform(0, 0.08)
    falls: list[int] = []
    for hour, level in enumerate(levels):
        if hour % 24 == 0:
            scale *= chance.lognormvariate(0, drift)
        amount = round(level * scale * chance.gammavariate(shape, 1 / shape)) if level else 0
        falls += [amount // HOURS] * (HOURS - 1) + [amount - amount // HOURS * (HOURS - 1)]
    return falls


def _expire(falls: list[int], mean: float, chance: Random) -> None:
    """Let credits expire, once in 31 days."""
    for slot in range(chance.randrange(31 * DAY), len(falls), 31 * DAY):
        falls[slot] += round(mean * chance.uniform(2, 15))


def _tops(falls: Sequence[int], balance: int, mean: float, chance: Random) -> dict[int, int]:
    """Pay in as people do: when it is low and somebody finds the time, at once by a machine, or once a week."""
    low, late, days = chance.choice(
        [
            (chance.uniform(1, 6), chance.uniform(0, 4), chance.uniform(5, 30)),
            (chance.uniform(0.2, 1), 0.0, chance.uniform(1, 5)),
            (float("inf"), 7.0, 7 * chance.uniform(0.8, 1.2)),
        ]
    )
    tops, due = {}, -1
    for slot, fell in enumerate(falls[:WATCHED]):
        balance -= fell
        if due < slot and balance < low * mean:
            due = slot + round(late * DAY)
        if due == slot:
            tops[slot] = round(mean * days)
            balance += tops[slot]
    return tops


def _polls(chance: Random) -> Iterator[int]:
    """Look every quarter of an hour to every hour, but for outages of hours or days, one in twenty days."""
    step, slot = chance.choice([1, 1, 2, 4]), 0
    while slot < WATCHED:
        yield slot
        slot += step if chance.random() > step / (20 * DAY) else chance.randint(2 * HOURS, 2 * DAY)
