"""What went down and what went up, kept as one row an hour, so that no question about money ever reads readings again.

Every fall is counted exactly once, and an hour nobody looked at is unknown, never zero. A fall may be usage or an
expiry: the API does not say which. All here is about one amount of one account; dollars, credits and points never mix.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Context, Decimal, localcontext
from itertools import pairwise
from typing import Literal

HOUR = timedelta(hours=1)
ROWS = timedelta(days=35)
"""Of a longer gap only the last 35 days get rows of their own: longer than a month, and than a forecast looks back."""
WEEKS = 4
"""So many weeks tell what is usual."""
Period = Literal["day", "week", "month"]
_WEEK = 7
_HALF_WATCHED = timedelta(minutes=90)
"""Of three hours; else they tell nothing."""
_DAY = timedelta(days=1)
_LONGEST = {"day": _DAY, "week": 7 * _DAY, "month": 31 * _DAY}
_ZERO = Decimal(0)
_NOTHING = timedelta(0)
_TICK = timedelta(microseconds=1)
_EXACT = Context(prec=80)
"""Two amounts of 20 digits differ in at most 33, and a gap of a century has 16 digits of microseconds."""
_GRAIN = -6
"""Parts of a fall are cut to a millionth, or as fine as the fall itself."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What there was at a moment, in UTC: USD, credits or points."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Hour:
    """One UTC hour of one amount of one account, or what is to be added to it."""

    start: datetime
    fell: Decimal = _ZERO
    rose: Decimal = _ZERO
    watched: timedelta = _NOTHING
    """How much of the hour lies between readings that tell what fell; a rise hides what fell beside it."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What fell in a span of time, as far as it is known."""

    fell: Decimal
    watched: timedelta
    """How much of the span is known."""
    since: datetime | None
    """From when on it is known: the span's own beginning, unless nobody looked yet; None if nothing is."""


# -- one reading after another ----------------------------------------------------------------------------------------


def advance(before: Balance | None, after: Balance) -> list[Hour]:
    """Return what a reading adds to the hours, given the one before it; nothing for a first reading.

    A fall is spread over the time in which it happened, and adds up to itself exactly; a rise belongs to the moment at
    which it was seen, and so does a fall if the clock did not go forward. At most 842 hours, however long the gap was.
    """
    if before is None:
        return []
    fell = _EXACT.subtract(before.amount, after.amount)
    if fell < 0:
        return [Hour(hour_of(after.at), rose=_EXACT.minus(fell))]
    if before.at < after.at:
        return list(_spread(fell, before.at, after.at))
    return [Hour(hour_of(after.at), fell)] if fell else []


@dataclass(frozen=True, slots=True)
class Tally:
    """How far an account is counted: the hours before are rows of their own, this one goes on."""

    since: datetime
    """From when on: before, nobody looked, or the key was another account's."""
    at: datetime
    """Until when: while the balance stays the same there is nothing to count."""
    hour: Hour
    """The hour of ``at``, as far as it is counted."""

    @classmethod
    def begin(cls, at: datetime) -> "Tally":
        """Begin with a first reading."""
        return cls(at, at, Hour(hour_of(at)))


def count(tally: Tally, before: Balance, after: Balance) -> tuple[list[Hour], Tally]:
    """Count one more reading, and return the hours that are over with it; ``before`` is the reading before it.

    Since the tally was counted last, the balance was that of ``before``.
    """
    start = hour_of(after.at)
    if start == tally.hour.start and tally.at <= before.at < after.at:  # nearly every reading
        fell = _EXACT.subtract(before.amount, after.amount)
        part = Hour(start, rose=_EXACT.minus(fell), watched=before.at - tally.at)
        part = part if fell < 0 else Hour(start, fell, watched=after.at - tally.at)
        return [], Tally(tally.since, after.at, plus(tally.hour, part))
    hours = known(tally, before, after)
    going_on = next((hour for hour in hours if hour.start == start), Hour(start))
    return [hour for hour in hours if hour.start != start], Tally(tally.since, after.at, going_on)


def known(tally: Tally, before: Balance, after: Balance | None = None) -> list[Hour]:
    """Return the hours that are no rows yet, in order, as known at the latest reading."""
    parts = [tally.hour, *advance(Balance(tally.at, before.amount), before)]
    return together([*parts, *(advance(before, after) if after else ())])


def together(parts: Iterable[Hour]) -> list[Hour]:
    """Add up what belongs to the same hour, in order."""
    hours: dict[datetime, Hour] = {}
    for part in parts:
        hours[part.start] = plus(hours[part.start], part) if part.start in hours else part
    return [hours[start] for start in sorted(hours)]


def _spread(fell: Decimal, since: datetime, until: datetime) -> Iterator[Hour]:
    """Cut a fall into hours by what had fallen until the end of each; the first one has what is too old for rows."""
    start, told = hour_of(since), _ZERO
    following = max(start + HOUR, hour_of(until - ROWS))
    while start < until:
        fallen = _share(fell, min(following, until) - since, until - since)
        watched = min(start + HOUR, until) - max(start, since)
        yield Hour(start, _EXACT.subtract(fallen, told), watched=watched)
        start, told, following = following, fallen, following + HOUR


def _share(fell: Decimal, part: timedelta, whole: timedelta) -> Decimal:
    """Return what had fallen after a part of the time, so that differences of it add up to the whole."""
    if not fell or part == whole:
        return fell
    exact = _EXACT.divide(_EXACT.multiply(fell, Decimal(part // _TICK)), Decimal(whole // _TICK))
    exponent = fell.as_tuple().exponent
    return _EXACT.quantize(exact, Decimal(1).scaleb(min(_GRAIN, exponent if isinstance(exponent, int) else 0)))


def plus(hour: Hour, more: Hour) -> Hour:
    """Add to an hour, exactly; it is never watched for longer than it lasts, even if the clock went back."""
    fell, rose = _EXACT.add(hour.fell, more.fell), _EXACT.add(hour.rose, more.rose)
    return Hour(hour.start, fell, rose, min(HOUR, hour.watched + more.watched))


def hour_of(at: datetime) -> datetime:
    """Return when the hour of a moment began."""
    return at.replace(minute=0, second=0, microsecond=0)


# -- sums over hours --------------------------------------------------------------------------------------------------


def spent(hours: Iterable[Hour], since: datetime, until: datetime, *, now: datetime) -> Spend:
    """Sum up what fell in a span; an hour that reaches beyond it counts in proportion, so that parts of a span add up.

    ``now`` is the time of the newest reading: the hour that goes on has told only of the time until then.
    """
    fell, watched, first = _ZERO, _NOTHING, None
    with localcontext(_EXACT):
        for hour in hours:
            part = _within(hour, since, until, now)
            fell, watched = fell + part.fell, watched + part.watched
            if part.watched and (first is None or part.start < first):
                first = part.start
    return Spend(fell, watched, first)


def _within(hour: Hour, since: datetime, until: datetime, now: datetime) -> Hour:
    """Return the part of an hour that lies in a span; ``start`` is then where it begins."""
    end = min(hour.start + HOUR, now)
    if since <= hour.start and end <= until and hour.start < end:
        return hour
    first, last = max(hour.start, since), min(end, until)
    if first >= last:
        return Hour(first)
    whole = end - hour.start
    fell = _share(hour.fell, last - hour.start, whole) - _share(hour.fell, first - hour.start, whole)
    return Hour(first, fell, watched=hour.watched * ((last - first) // _TICK) // (whole // _TICK))


# -- the calendar -----------------------------------------------------------------------------------------------------


def period(now: datetime, zone: tzinfo, unit: Period) -> tuple[datetime, datetime]:
    """Return the beginning and the end, in UTC, of the calendar day, week (from Monday) or month of a zone.

    Days last as long as they do there: 23 or 25 hours, or half an hour more or less.
    """
    first = _first(now.astimezone(zone).date(), unit)
    following = _first(first + _LONGEST[unit], unit)
    beginnings = [_first(first - _DAY, unit), first, following, _first(following + _LONGEST[unit], unit)]
    # a clock that is set back over midnight repeats a part of the day before: it belongs to the day that has begun
    spans = pairwise(datetime.combine(day, time(), zone).astimezone(UTC) for day in beginnings)
    return next((since, until) for since, until in spans if since <= now < until)


def _first(day: date, unit: Period) -> date:
    """Return the first day of the period in which a day lies."""
    if unit == "week":
        return day - _DAY * day.weekday()
    return day.replace(day=1) if unit == "month" else day


# -- what is usual ----------------------------------------------------------------------------------------------------


def usual(hours: Iterable[Hour], now: datetime, zone: tzinfo) -> Decimal | None:
    """Return what usually falls in an hour such as the last one; None if less than a week tells.

    It is the mean of the hour at this time of day and its two neighbours, over four weeks, over the last one, or over
    the same weekdays, whichever is most: growth and weekly jobs are usual. Reads only the hours of ``alike``.
    """
    rows = {hour.start: hour for hour in hours}
    days = [_near(rows, since, until, now) for since, until in alike(now, zone)]
    if sum(day.watched >= _HALF_WATCHED for day in days) < _WEEK:
        return None
    return max(_hourly(days), _hourly(days[:_WEEK]), _hourly(days[_WEEK - 1 :: _WEEK]))


def alike(now: datetime, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """Return the spans, newest first, that tell what is usual: on each of 28 days the last hour and its neighbours."""
    here = now.astimezone(zone)
    ends = [(here - _DAY * days).astimezone(UTC) + HOUR for days in range(1, _WEEK * WEEKS + 1)]
    return [(end - 3 * HOUR, end) for end in ends]


def _near(rows: Mapping[datetime, Hour], since: datetime, until: datetime, now: datetime) -> Spend:
    starts = [hour_of(since) + HOUR * place for place in range(4)]
    return spent([rows[start] for start in starts if start in rows], since, until, now=now)


def _hourly(days: Sequence[Spend]) -> Decimal:
    watched = sum((day.watched for day in days), _NOTHING)
    return sum((day.fell for day in days), _ZERO) * (HOUR // _TICK) / (watched // _TICK) if watched else _ZERO
