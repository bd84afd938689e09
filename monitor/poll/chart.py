"""What a picture of an account shows, gathered from what is remembered: as it is known at that moment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.chart import RISES, Alarm, Chart, Line, Seen, Span, Terms, course
from monitor.config import Account, Config
from monitor.poll.money import informed
from monitor.rules import BalanceUsd, TopUp
from monitor.spending import HOUR
from monitor.store import Tx, casebook, history, hourly, memory
from monitor.store.outline import Grain, outline
from monitor.store.steps import Asked, steps

WEEK = timedelta(days=7)
_SHORTEST = timedelta(hours=1)
"""Even of an account that is new."""
_LONG, _POINTS = 4 * HOUR, 4
"""From parts of a picture that long on, of each of which so many points are shown, it is read in steps."""
_INTERVAL = timedelta(minutes=5)
"""Of an account that is no longer polled."""


def week(tx: Tx, config: Config, account: str, now: datetime) -> Chart | None:
    """Return the last seven days of an account; None where nothing is known of them, as while the disk fails."""
    found = look(tx, config, account, Span(now - WEEK, now), now=now) if hourly.is_whole(tx) else None
    return found if found is not None and found.latest is not None else None


def look(tx: Tx, config: Config | None, account: str, span: Span, *, now: datetime) -> Chart:
    """Return what is known of a span of time, or of the part of it from the first reading on.

    Thresholds are those of the configuration; without one, and for an account that has left it, there are none. How
    things stand, and how long the balance will last, is told if the span reaches to the present.
    """
    first = history.earliest(tx, account) or span.since
    inside = Span(min(max(span.since, first), span.until), span.until)
    watched = config.accounts.get(account) if config else None
    alarms = casebook.lasted(tx, account, inside.since, span.until)
    terms = _terms(config, watched, inside, now)
    return Chart(
        account=account,
        span=Span(max(span.since, min(inside.since, span.until - _SHORTEST)), span.until),
        course=course(_seen(tx, account, terms), terms),
        lines=_lines(watched),
        alarms=[Alarm(one.level, Span(max(one.since, inside.since), one.until or span.until)) for one in alarms],
        standing=informed(tx, memory.recall(tx, account), casebook.level_of(tx, account))
        if span.until >= now
        else None,
        zone=config.timezone if config else UTC,
    )


def _seen(tx: Tx, account: str, terms: Terms) -> list[Seen]:
    """Read what is shown; of a long time in steps, and reading by reading only where money came in."""
    if terms.part < _LONG:
        return _exact(tx, account, terms, terms.span)
    near = [_exact(tx, account, terms, part) for part in (*_rises(tx, account, terms), _latest(tx, account, terms))]
    told = [(part[0].since, part[-1].until) for part in near if part]
    end = max((until for _, until in told), default=terms.span.until)
    far = [
        one
        for one in _steps(tx, account, terms)
        if one.since < end and not any(since <= one.since <= until for since, until in told)
    ]
    return sorted([*far, *(one for part in near for one in part)], key=lambda one: one.since)


def _steps(tx: Tx, account: str, terms: Terms) -> list[Seen]:
    """Return the highest, the lowest and the last of each step. In which order they came cannot be seen in a picture.

    None of them quite follows the one before, so that no rise is taken from them: it would lack what went meanwhile.
    """
    length = max(terms.part // _POINTS // HOUR, 1) * HOUR
    asked = Asked(account=account, since=terms.span.since, until=terms.span.until, length=length, breaks=terms.breaks)
    points = [
        (at, usd)
        for step in steps(tx, asked)
        for at, usd in zip((step.at + place * length / _POINTS for place in range(1, 4)), step.amounts, strict=False)
        if at <= terms.span.until
    ]
    befores = [None, *(at + timedelta.resolution for at, _ in points)]
    return [Seen(at, at, usd, None, before) for (at, usd), before in zip(points, befores, strict=False)]


def _rises(tx: Tx, account: str, terms: Terms) -> list[Span]:
    """Return the hours in which money came in, each with what was before; those with the most of it."""
    hours = hourly.rises(tx, account, terms.span.since, terms.span.until, terms.least_rise, most=RISES)
    before = 2 * max(terms.interval, HOUR)
    return [Span(hour - before, hour + HOUR) for hour in sorted(hours)]


def _latest(tx: Tx, account: str, terms: Terms) -> Span:
    """Return the time around the latest reading, which a picture ends with."""
    at = min(memory.recall(tx, account).read_at or terms.span.until, terms.span.until)
    return Span(at - HOUR, at)


def _exact(tx: Tx, account: str, terms: Terms, span: Span) -> list[Seen]:
    grain = Grain(part=terms.part, gap=terms.breaks(span.until), rise=terms.least_rise)
    return [
        Seen(one.since, one.until, one.usd, one.owner, one.follows)
        for one in outline(tx, account, span.since, span.until, grain)
    ]


def _terms(config: Config | None, account: Account | None, span: Span, now: datetime) -> Terms:
    rises = [rule.minimum_usd for rule in (account.rules if account else ()) if isinstance(rule, TopUp)]
    return Terms(
        span=span,
        interval=account.interval if account else _INTERVAL,
        thinned_until=now - config.retention.raw if config else span.until,
        least_rise=rises[0] if rises else Decimal(1),
    )


def _lines(account: Account | None) -> list[Line]:
    rules = [rule for rule in (account.rules if account else ()) if isinstance(rule, BalanceUsd)]
    return [Line(level, usd) for rule in rules for level, usd in rule.lines]
