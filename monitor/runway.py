"""How long the money lasts at the pace of the last four weeks: a range, what it rests on, or what is missing for one.

Once an hour a pace is taken from the hours that are over; then each reading asks it how long the balance lasts. What
goes up is never looked at, so a top-up changes the balance and nothing else. An hour like no other, such as one huge
job or an expiry, counts hardly more than the next one like it: one is an accident, two are a habit.
How the method was chosen is in docs/decisions.md; ``make forecast`` measures it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle
from operator import add, mul

from monitor.spending import HOUR, Hour

WINDOW = timedelta(days=28)
"""Older hours do not count."""
LEAST = timedelta(days=1)
"""Readings of less than a day tell nothing."""
FARTHEST = 365
"""Days; what lasts longer lasts for longer than can be said."""
_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)
_DAYS = WINDOW // _DAY
_ZERO, _HALF, _ONE = Decimal(0), Decimal("0.5"), Decimal(1)
_AGES = [-day - _HALF for day in map(Decimal, range(_DAYS))]
"""The middle of each day, in days from now; the last day comes first."""
_AHEAD = [min(day + _HALF, Decimal(_DAYS)) for day in map(Decimal, range(FARTHEST))]
"""The middle of each day ahead; growth goes on for as long as the window looks back."""
_FADING = [_HALF ** (Decimal(day) / 7) for day in range(_DAYS)]
"""A day counts half as much as the one a week after it."""
_ACCIDENT = Decimal("0.1")
"""By that much of the level, at most, an hour like no other raises it."""
_TWO_WEEKS = Decimal("13.5")
"""Days, less what top-ups hide of them."""
_FEW, _STRICT, _STRICTER = 3, Decimal("2.25"), 10
"""No line is put through so few days; a slope must be beyond 1.5 standard errors, and far beyond if they are few."""
_THREE, _ENOUGH, _FAR_LESS = Decimal("2.4"), 8, Decimal("0.3")
"""Days that count as three; so many threes tell what is usual; so much of the least of them is a lull."""
_WIDTH, _CHANGE, _DRIFT = Decimal("1.8"), Decimal("0.15"), Decimal("0.02")
"""Standard errors to each side; by how much of the level the pace may change at once, and more with each day."""
_SLOWEST = Decimal("0.25")
"""A range allows for no less of the level."""
_NEAR, _FAR = Decimal("0.25"), Decimal(60)
"""Days; nearer and farther ahead, a range gets no wider."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """There are too few readings to say."""

    missing: timedelta
    """For so long somebody must still look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast money goes: taken once an hour, good for any balance."""

    level: Decimal
    """USD a day, now."""
    growth: Decimal
    """USD a day more with each day, as far as that is beyond chance; never negative."""
    weekdays: tuple[Decimal, ...]
    """What each of the next seven days takes of the level."""
    variance: Decimal
    """How much single days differ from it, in USD squared."""
    days: Decimal
    """How many days the level rests on; older ones count less."""
    basis: timedelta
    """For how long somebody looked."""


@dataclass(frozen=True, slots=True)
class Runway:
    """How long a balance lasts; None is for longer than a year."""

    low: timedelta | None
    mid: timedelta | None
    high: timedelta | None
    basis: timedelta
    """So many days of readings it rests on."""


@dataclass(frozen=True, slots=True)
class _Day:
    """Twenty-four hours."""

    weight: Decimal
    """How much of it was watched, at most 1."""
    rate: Decimal
    """USD a day."""


# -- the pace ---------------------------------------------------------------------------------------------------------


def pace(hours: Iterable[Hour], now: datetime) -> Pace | NotYet:
    """Take the pace from hours of USD; those older than four weeks, and the one that goes on, do not count."""
    fell, watched = _places(hours, now)
    seen = [_seen(watched[first : first + 24]) for first in range(0, len(watched), 24)]
    basis = sum(seen, timedelta(0))
    if basis < LEAST:
        return NotYet(LEAST - basis)
    calm, excess = _calm(fell)
    days = _days(calm, seen)
    weekdays = _weekdays(days)
    even = [_evened(day, share) for day, share in zip(days, weekdays * 4, strict=True)]
    level, growth, count = _line(even)
    if (rest := _lull(even)) is not None:
        level, growth = rest, _ZERO
    return Pace(
        level=level + min(excess / _DAYS, level * _ACCIDENT),
        growth=growth,
        weekdays=tuple(reversed(weekdays)),  # the next day is the weekday of the oldest of the last seven
        variance=_variance(even, level, growth),
        days=count,
        basis=basis,
    )


def _places(hours: Iterable[Hour], now: datetime) -> tuple[list[Decimal], list[timedelta]]:
    """Put what fell, and for how long somebody looked, into the hours of the window, the last one first."""
    fell, watched = [_ZERO] * (24 * _DAYS), [timedelta(0)] * (24 * _DAYS)
    last = now.toordinal() * 24 + now.hour - 1  # hours as numbers: quicker to subtract than times
    for hour in hours:
        start = hour.start
        place = last - start.toordinal() * 24 - start.hour
        if 0 <= place < len(fell):
            fell[place], watched[place] = hour.fell, hour.watched
    return fell, watched


def _seen(watched: Sequence[timedelta]) -> timedelta:
    """Return for how long somebody looked in a day; nearly always that is all of it."""
    return _DAY if watched.count(HOUR) == len(watched) else sum(watched, timedelta(0))


def _calm(fell: Sequence[Decimal]) -> tuple[Sequence[Decimal], Decimal]:
    """Lower the busiest hour, which may lie in two hours of the clock, to the next busiest; return by how much, too."""
    pairs = list(map(add, fell, fell[1:]))
    most = max(pairs)
    if not most:
        return fell, _ZERO
    place = pairs.index(most)
    following = max(pairs[: max(place - 1, 0)] + pairs[place + 2 :])
    part = following / most
    return [*fell[:place], fell[place] * part, fell[place + 1] * part, *fell[place + 2 :]], most - following


def _days(fell: Sequence[Decimal], seen: Sequence[timedelta]) -> list[_Day]:
    """Put the hours together; ``seen`` is for how long somebody looked in each day."""
    days = []
    for day, watched in enumerate(seen):
        weight = _ONE if watched == _DAY else Decimal(watched // _TICK) / (_DAY // _TICK)
        days.append(_Day(weight, sum(fell[24 * day : 24 * (day + 1)], _ZERO) / weight if watched else _ZERO))
    return days


def _weekdays(days: Sequence[_Day]) -> list[Decimal]:
    """Return what each of the last seven days, the last one first, takes by its weekday, as a share of the mean.

    A share counts as far as weekdays differ more from each other than each does from itself (the analysis of variance,
    shrunk as James and Stein do it). All are alike before two weeks were watched.
    """
    seen, mean = _total(day.weight for day in days), _mean(days, _ZERO)
    if seen < _TWO_WEEKS or not mean:
        return [_ONE] * 7
    alike = [days[place::7] for place in range(7)]
    means = [_mean(group, mean) for group in alike]
    pairs = [(day, own) for group, own in zip(alike, means, strict=True) for day in group]
    within = _total(day.weight * (day.rate - own) ** 2 for day, own in pairs) / (seen - 7)
    between = _total(day.weight * (own - mean) ** 2 for day, own in pairs) / 6
    trust = max(_ZERO, 1 - within / between) if between else _ZERO
    return [1 + trust * (own / mean - 1) for own in means]


def _mean(days: Sequence[_Day], otherwise: Decimal) -> Decimal:
    weight = _total(day.weight for day in days)
    return _total(day.weight * day.rate for day in days) / weight if weight else otherwise


def _evened(day: _Day, share: Decimal) -> _Day:
    """Take out the weekday, as if every day were like all others; one that takes nothing tells nothing of them."""
    return _Day(day.weight * share, day.rate / share) if share else _Day(_ZERO, _ZERO)


def _line(days: Sequence[_Day]) -> tuple[Decimal, Decimal, Decimal]:
    """Put a straight line through the days; return its height now, its growth a day, and how many days it rests on.

    By least squares, recent days counting more. The slope counts as far as it is beyond chance, which of few days is
    hardly anything. A line that falls lowers the height, but is not drawn into the future.
    """
    weights = [day.weight * fading for day, fading in zip(days, _FADING, strict=True)]
    rates = [day.rate for day in days]
    whole = _total(weights)
    count = whole**2 / _dot(weights, weights)
    mean, middle = _dot(weights, rates) / whole, _dot(weights, _AGES) / whole
    if count <= _FEW:
        return mean, _ZERO, count
    ages = [age - middle for age in _AGES]
    breadth = _dot(weights, ages, ages)
    slope = _dot(weights, ages, rates) / breadth
    errors = [rate - mean - slope * age for rate, age in zip(rates, ages, strict=True)]
    doubt = _dot(weights, errors, errors) / whole * _dot(weights, weights, ages, ages) / breadth**2
    slope *= _trust(slope**2, doubt * count / (count - 2), count - 2)
    return max(_ZERO, mean - slope * middle), max(_ZERO, slope), count


def _trust(square: Decimal, doubt: Decimal, freedom: Decimal) -> Decimal:
    return max(_ZERO, 1 - _STRICT * (1 + _STRICTER / freedom) * doubt / square) if square else _ZERO


def _lull(days: Sequence[_Day]) -> Decimal | None:
    """Return the rate of the last three days if money goes far less than in any three days before, else None."""
    if not any(day.weight for day in days[:3]):
        return None
    rest, count = _mean(days[:3], _ZERO), 0
    for three in zip(days[3:], days[4:], days[5:], strict=False):
        if _total(day.weight for day in three) >= _THREE:
            if rest >= _mean(three, _ZERO) * _FAR_LESS:
                return None  # nearly always at once
            count += 1
    return rest if count >= _ENOUGH else None


def _variance(days: Sequence[_Day], level: Decimal, growth: Decimal) -> Decimal:
    """Return how much days differ from the line; one more, off by half the level, stands for what was not yet seen."""
    line = [max(_ZERO, level + growth * age) for age in _AGES]
    errors = _total(day.weight * (day.rate - height) ** 2 for day, height in zip(days, line, strict=True))
    return (errors + (level / 2) ** 2) / (1 + _total(day.weight for day in days))


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, _ZERO)


def _dot(first: Iterable[Decimal], *others: Sequence[Decimal]) -> Decimal:
    """Multiply row by row, and add up."""
    for column in others:
        first = map(mul, first, column)
    return _total(first)


# -- the runway -------------------------------------------------------------------------------------------------------


def runway(pace: Pace, balance: Decimal) -> Runway:
    """Say how long a balance in USD lasts at a pace.

    The range covers how much days differ, that few of them are known, and that the pace itself changes: by 15 % at
    once, and by 2 % more with each day ahead.
    """
    mid = _lasts(balance, pace, pace.level, pace.growth, FARTHEST)
    ahead = _FAR if mid is None else min(max(mid, _NEAR), _FAR)
    change = (_CHANGE**2 + (_DRIFT * ahead) ** 2) * pace.level**2
    doubt = _WIDTH * (change + pace.variance * (1 / ahead + 1 / pace.days)).sqrt()
    low = _lasts(balance, pace, pace.level + doubt, pace.growth, FARTHEST)
    high = _lasts(balance, pace, max(pace.level - doubt, pace.level * _SLOWEST), _ZERO, FARTHEST)
    return Runway(_length(low), _length(mid), _length(high), pace.basis)


def lasts(pace: Pace, balance: Decimal, *, within: timedelta) -> timedelta | None:
    """Return the middle of the range alone, None if it is a day or more beyond ``within``, which is nearly free."""
    return _length(_lasts(balance, pace, pace.level, pace.growth, min(-(-within // _DAY), FARTHEST)))


def _lasts(balance: Decimal, pace: Pace, level: Decimal, growth: Decimal, most: int) -> Decimal | None:
    """Return for how many days a balance lasts, None if they are more than ``most``."""
    if balance <= 0:
        return _ZERO
    left, busiest = balance, max(pace.weekdays)
    if (level + growth * _DAYS) * busiest * most < left:
        return None
    for day, (ahead, share) in enumerate(zip(_AHEAD[:most], cycle(pace.weekdays), strict=False)):
        falls = (level + growth * ahead) * share
        if falls >= left:
            return day + left / falls
        left -= falls
    return None


def _length(days: Decimal | None) -> timedelta | None:
    return None if days is None else timedelta(microseconds=int(days * (_DAY // _TICK)))
