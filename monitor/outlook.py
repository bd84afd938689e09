"""Money in words: what went, how long the rest lasts, and where the API contradicts itself.

What went is never called usage: it may have expired.
"""

from datetime import datetime, timedelta, tzinfo
from math import ceil, floor

from monitor.model import Level, Reading
from monitor.quantity import Unit, spoken, tell
from monitor.rules import Gone, Lasting, Spike, Unforeseen
from monitor.runway import NotYet, Runway, runway
from monitor.spending import Spend

DAY = timedelta(days=1)
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_UNITS = ((DAY, "day", 46 * _HOUR), (_HOUR, "hour", 110 * _MINUTE), (_MINUTE, "minute", timedelta.min))
"""A unit, its name, and from how long on it is the one to say."""
_NOW = {"day": "today", "week": "this week", "month": "this month"}
_SLACK = timedelta(minutes=1)


def phrase(fact: Lasting | Unforeseen | Gone | Spike, level: Level, zone: tzinfo) -> str:
    """Say what a rule about money found, at the level that it has come to (OK: what ended it)."""
    match fact:
        case Lasting():
            return _lasting(fact, level)
        case Unforeseen():
            return "not enough data yet to say how long it lasts"
        case Gone():
            return _gone(fact, level, zone)
        case _:
            return _spike(fact, level)


def _lasting(fact: Lasting, level: Level) -> str:
    """Say how long a balance lasts: ``about 3 days left (at or below 7 days)``."""
    mid = runway(fact.pace, fact.balance).mid
    line = fact.critical if level is Level.CRITICAL else fact.warning
    line = fact.critical if line is None else line
    if line is None:
        return _left(mid, mid)
    if mid is not None and mid <= line:
        where = f"at or below {spoken(line)}"
    elif level is Level.OK:
        where = f"above {spoken(line)}"
    else:
        line = fact.margin.above(line)
        where = f"ends above {spoken(line)}"
    return f"{_left(mid, line)} ({where})"


def _left(mid: timedelta | None, line: timedelta | None) -> str:
    """Say how long it lasts; with a tenth, where it would seem to be on the threshold, or beyond it."""
    if mid == timedelta(0):
        return "nothing left"
    if mid is None or line is None or mid < _MINUTE:
        return f"{about(mid)} left"
    unit, name, _ = _unit(mid)
    if _side(round(mid / unit) * unit, line) == _side(mid, line):
        return f"{about(mid)} left"
    tenth = (floor if mid < line else ceil)(mid / unit * 10) / 10
    return f"about {tenth:g} {name}s left"


def _side(length: timedelta, line: timedelta) -> int:
    return (length > line) - (length < line)


def about(length: timedelta | None) -> str:
    """Say a forecast in one unit: ``about 3 days``; None is longer than can be said."""
    if length is None:
        return "more than a year"
    if length < _MINUTE:
        return "less than a minute"
    unit, name, _ = _unit(length)
    count = round(length / unit)
    return f"about {count} {name}{'s' * (count != 1)}"


def _unit(length: timedelta) -> tuple[timedelta, str, timedelta]:
    return next(one for one in _UNITS if length >= one[2])


def span(lasts: Runway) -> str:
    """Say a forecast with its range: ``about 3 days (2 to 5)``."""
    if lasts.low is None:
        return about(None)
    if lasts.mid is None:
        return f"more than a year (at least {lasts.low // DAY} days)"
    if lasts.mid < _MINUTE:
        return about(lasts.mid)
    unit, name, _ = _unit(lasts.mid)
    low = round(lasts.low / unit)
    if lasts.high is None:
        return f"{about(lasts.mid)} (at least {low} {name}{'s' * (low != 1)})"
    high = round(lasts.high / unit)
    return f"{about(lasts.mid)} ({low} to {high})" if low != high else about(lasts.mid)


def _gone(fact: Gone, level: Level, zone: tzinfo) -> str:
    """Say what went in a calendar period: ``$412.30 gone this month (at or above $400.00)``."""
    value = tell(fact.fell, Unit.USD, against=(fact.warning, fact.critical))
    if level is Level.OK and fact.is_new:
        return f"new {fact.period}: {value} gone so far"
    partly = f", as far as known since {fact.known_since.astimezone(zone):%-d %B}"
    when = _NOW[fact.period] + partly * (fact.known_since > fact.begin + _SLACK)
    line = fact.critical if level is Level.CRITICAL else fact.warning
    line = fact.critical if line is None else line
    if line is None:
        return f"{value} gone {when}"
    where = "at or above" if fact.fell >= line else "below"
    return f"{value} gone {when} ({where} {tell(line, Unit.USD, against=(line,))})"


def _spike(fact: Spike, level: Level) -> str:
    """Say what went in the last hour beside what is usual: ``$52.10 gone in the last hour, 11 times the usual …``."""
    value = f"{tell(fact.fell, Unit.USD, against=(fact.least,))} gone in the last hour"
    if fact.usual is None:
        return value
    usual = tell(fact.usual, Unit.USD)
    if level is Level.OK or fact.fell < fact.usual or not fact.usual:
        return f"{value} (usual for such an hour: {usual if fact.usual else 'nothing'})"
    return f"{value}, {int(fact.fell / fact.usual)} times the usual for such an hour ({usual})"


def spent_line(spent: Spend, now: datetime, when: str) -> str:
    """Say what went in the last 24 hours, or since somebody looks; ``when`` is that moment in words."""
    if spent.since is None:
        return "Gone in the last 24 hours: not enough data yet."
    value = tell(spent.fell, Unit.USD)
    if spent.since > now - DAY + _SLACK:
        return f"Gone since {when}: {value}; nothing is known of before."
    return f"Gone in the last 24 hours: {value}."


def went(spent: Spend, now: datetime) -> str:
    """Say what went in the last 24 hours where there is little room: ``$31.20``, or ``at least $1.20``."""
    if spent.since is None:
        return "unknown"
    return "at least " * (spent.since > now - DAY + _SLACK) + tell(spent.fell, Unit.USD)


def runway_line(found: Runway | NotYet | None) -> str:
    """Say how long it lasts and what that rests on, or what is missing."""
    match found:
        case None:
            return "Runway: not known while the database cannot be used."
        case NotYet(missing):
            lacks = f"; {spoken(missing)} are missing" if _HOUR <= missing < DAY else ""
            return f"Runway: not enough data yet (needs a day of readings{lacks})."
        case _:
            basis = f"from {spoken(found.basis // DAY * DAY)} of readings"
            return f"Runway: {span(found)}, {basis}."


def contradiction(reading: Reading) -> str | None:
    """Say where the API's own alert and its own numbers disagree; None where they do not, or one is missing."""
    line, flag = reading.alert_threshold, reading.low_balance_alert
    is_low = line is not None and reading.balance_usd <= line
    if line is None or flag is None or flag is is_low:
        return None
    where = "at or below" if is_low else "above"
    its, threshold = "on" if flag else "off", tell(line, Unit.USD, against=(line,))
    return f"The API's own alert is {its}, although the balance is {where} its threshold of {threshold}."
