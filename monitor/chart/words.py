"""What a picture says in words: its two lines on top, the one below, and what those hear who cannot see it."""

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import chain

from monitor import outlook
from monitor.chart.shape import Chart
from monitor.model import Level
from monitor.quantity import Unit, spoken, tell
from monitor.runway import NotYet, Runway


def balance(chart: Chart) -> str:
    """Say what is left: ``$42.10``."""
    if chart.latest is None:
        return "no readings"
    return tell(chart.latest.amount, Unit.USD, against=(Decimal(0), *(line.usd for line in chart.lines)))


def level(chart: Chart) -> str:
    """Say how bad it is: ``critical``, ``polls fail``; only what was read just now can be ok."""
    standing = chart.standing
    if standing is None:
        return ""
    known = [standing.level.word] if standing.level or (is_current(chart) and not standing.failure) else []
    return ", ".join([*known, *(["polls fail"] if standing.failure else [])])


def is_current(chart: Chart) -> bool:
    """Say whether it was read just now."""
    latest, unknown = chart.latest, chart.course.unknown
    return latest is not None and not (unknown and unknown[-1].since >= latest.at)


def outcome(chart: Chart) -> str:
    """Say how long it lasts: ``lasts about 3 days (2 to 5)``."""
    match chart.standing.runway if chart.standing else None:
        case Runway(mid=mid) as found:
            return "nothing left" if mid == timedelta(0) else f"lasts {outlook.span(found)}"
        case NotYet():
            return "runway: not enough data yet"
    return ""


def below(chart: Chart) -> str:
    """Say of when it is: ``read Tue 13 Jan 10:33 UTC``, or from when to when."""
    if chart.standing is None:
        since, until = (at.astimezone(chart.zone) for at in (chart.span.since, chart.span.until))
        return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M %Z}"
    if chart.latest is None:
        return f"as of {moment(chart.span.until, chart.zone)}"
    is_old = chart.standing.failure or not is_current(chart)
    return f"{'last ' * bool(is_old)}read {moment(chart.latest.at, chart.zone)}"


def moment(at: datetime, zone: tzinfo) -> str:
    """Say a time: ``Tue 13 Jan 10:33 UTC``."""
    here = at.astimezone(zone)
    return f"{here:%a} {here.day} {here:%b %H:%M %Z}"


def title(chart: Chart) -> str:
    """Say all that matters in a line: ``main: $42.10, warning, lasts about 3 days (2 to 5)``."""
    return ", ".join(filter(None, (f"{chart.account}: {balance(chart)}", level(chart), outcome(chart))))


def description(chart: Chart) -> str:
    """Say what is to be seen."""
    since, until = (moment(at, chart.zone) for at in (chart.span.since, chart.span.until))
    lines = [f"The balance in USD from {since} to {until}."]
    if amounts := [point.amount for point in chain.from_iterable(chart.course.stretches)]:
        lowest, highest, first = (tell(one, Unit.USD) for one in (min(amounts), max(amounts), amounts[0]))
        lines.append(f"It was {first} at first and {balance(chart)} at last, between {lowest} and {highest}.")
    lines += [f"{line.level.word.capitalize()} is at or below {tell(line.usd, Unit.USD)}." for line in chart.lines]
    lines += [
        f"{tell(rise.after - rise.before, Unit.USD)} came in at {moment(rise.at, chart.zone)}."
        for rise in chart.course.rises
    ]
    lines += _alarms(chart)
    if silence := sum((gap.until - gap.since for gap in chart.course.unknown), timedelta(0)):
        lines.append(f"Of {spoken(silence)} there are no readings.")
    return " ".join(lines)


def _alarms(chart: Chart) -> list[str]:
    found = []
    for level in (Level.CRITICAL, Level.WARNING):
        count = sum(alarm.level is level for alarm in chart.alarms)
        if count:
            found.append(f"{count} alert{'s' * (count != 1)} came to {level.word}.")
    return found
