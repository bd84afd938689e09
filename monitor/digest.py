"""A digest in words: how every account stands, what went and what came in, for people who were told nothing else.

What is unknown is said to be unknown. The worst accounts come first, and of very many only so many are named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from monitor import outlook
from monitor.messages import Standing, moment
from monitor.model import Alert, Level
from monitor.quantity import Unit, spoken, tell
from monitor.runway import NotYet, Runway
from monitor.spending import Spend

NAMED = 50
"""So many accounts are told of in full; the others in one line."""
_KNOWN, _COMPARABLE = Decimal("0.99"), Decimal("0.9")
"""So much of a time must be known for a sum of it not to be "at least", and for comparing it with another."""
_ALIKE = Decimal("0.05")
"""Times that differ by no more are compared as they are, others by what went a day."""
_MANIFOLD = 3
"""From so many times as much on, nobody thinks in percent."""
_ZERO, _TICK = Decimal(0), timedelta(microseconds=1)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a digest tells of, and what it is compared with: the time from ``before`` to ``since``."""

    before: datetime
    since: datetime
    until: datetime
    goes_on: bool = False
    """Nothing is sent: the hour that is not over yet will be told of again."""

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    @property
    def former(self) -> timedelta:
        """How long the time is that it is compared with."""
        return self.since - self.before

    @property
    def is_alike(self) -> bool:
        """Whether both are equally long, give or take a night of daylight saving."""
        return abs(_ratio(self.length, self.former) - 1) <= _ALIKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a digest knows of one account."""

    standing: Standing
    spent: Spend
    """In the period."""
    former: Spend
    """In the one before."""
    rose: Decimal
    """USD that came in."""
    alerts: Sequence[Alert]
    """Those that are open, the worst ones first."""
    ended: int
    """How many ended in the period."""
    readings: int
    polls: int
    polls_since: datetime
    """From then on polls are counted: older ones may have been thinned out."""


def headline(accounts: int, period: Period, zone: tzinfo) -> str:
    """Say what a digest is about: ``digest of 5 accounts since Mon 5 Jan 09:00 UTC``."""
    return f"digest of {_count(accounts, 'account')} since {_when(period.since, period, zone)}"


def body(entries: Sequence[Entry], own: Sequence[Alert], period: Period, zone: tzinfo) -> str:
    """Write what the headline leaves out; ``own`` are the alerts about the monitor itself."""
    worst = sorted(entries, key=_urgency)
    named, others = worst[:NAMED], worst[NAMED:]
    head = [_together(entries, period)] if len(entries) > 1 else []
    head += [f"The monitor itself: {alert.phrase}." for alert in own]
    blocks = ["\n".join(head)] if head else []
    blocks += ["\n".join(_block(entry, period, zone)) for entry in named]
    blocks += [_rest(others, period)] if others else []
    return "\n\n".join(blocks)


def _urgency(entry: Entry) -> tuple[int, bool, timedelta, Decimal, str]:
    """Put alerts first, then what was never read, then what is empty soonest, then the lowest balance."""
    standing, runway = entry.standing, entry.standing.runway
    lasts = runway.mid if isinstance(runway, Runway) and runway.mid is not None else timedelta.max
    balance = standing.reading.balance_usd if standing.reading else _ZERO
    return (-standing.level, standing.reading is not None, lasts, balance, standing.account)


# -- all of them ------------------------------------------------------------------------------------------------------


def _together(entries: Sequence[Entry], period: Period) -> str:
    alerting = sum(entry.standing.level > Level.OK for entry in entries)
    alerts = (
        f"{alerting} of {len(entries):,} accounts alert{'s' * (alerting == 1)}." if alerting else "No account alerts."
    )
    return f"Together: {_sums(entries, period)}.\n{alerts}"


def _rest(entries: Sequence[Entry], period: Period) -> str:
    alerting = sum(entry.standing.level > Level.OK for entry in entries)
    which = f"{alerting or 'none'} of which alert{'s' * (alerting in {0, 1})}"
    return f"And {_count(len(entries), 'more account')}, {which}: {_sums(entries, period)}."


def _sums(entries: Sequence[Entry], period: Period) -> str:
    """Add up what is known, and say what is not."""
    read = [entry.standing.reading.balance_usd for entry in entries if entry.standing.reading]
    unread = len(entries) - len(read)
    left = f"{_usd(sum(read, _ZERO))} left" if read else "no balance is known"
    left += f" ({_count(unread, 'account')} not read yet)" if read and unread else ""
    polls = sum(entry.polls for entry in entries)
    parts = [left, _all_gone(entries, period), _came(sum((entry.rose for entry in entries), _ZERO))]
    parts.append(
        f"{_uptime(sum(entry.readings for entry in entries), polls)} brought a reading" if polls else "no polls"
    )
    return "; ".join(part for part in parts if part)


def _all_gone(entries: Sequence[Entry], period: Period) -> str:
    known = [entry for entry in entries if entry.spent.watched]
    if not known:
        return "not known yet how much went"
    is_all = all(_share(entry.spent, period.length) >= _KNOWN for entry in entries)
    gone = _amount(sum((entry.spent.fell for entry in known), _ZERO), is_all=is_all)
    comparable = [entry for entry in entries if _is_comparable(entry, period)]
    if not comparable:
        return f"{gone} (of the {_length(period.former)} before too little is known to compare)"
    some = "" if len(comparable) == len(entries) else f" ({_count(len(comparable), 'account')} known for so long)"
    now = sum((entry.spent.fell for entry in comparable), _ZERO)
    former = sum((entry.former.fell for entry in comparable), _ZERO)
    return f"{gone}, {_compared(now, former, period, when=f'in the {_length(period.former)} before')}{some}"


# -- one of them ------------------------------------------------------------------------------------------------------


def _block(entry: Entry, period: Period, zone: tzinfo) -> list[str]:
    ended = f"{_count(entry.ended, 'alert')} ended" if entry.ended else ""
    parts = [_gone(entry, period), _came(entry.rose), ended, _polls(entry, period, zone)]
    return [
        f"{entry.standing.account}: {_stands(entry, zone)}",
        "; ".join(part for part in parts if part),
        *(f"[{alert.level.name}] {alert.phrase}" for alert in entry.alerts),
    ]


def _stands(entry: Entry, zone: tzinfo) -> str:
    standing = entry.standing
    fails = f", polls fail now: {standing.failure.reason}" if standing.failure else ""
    if standing.reading is None or standing.read_at is None:
        return f"not read yet{fails}"
    left = f"{_usd(standing.reading.balance_usd)} left"
    if standing.failure:
        return f"last known {left} at {moment(standing.read_at, zone)}{fails}"
    return f"{left}{_lasts(standing)}"


def _lasts(standing: Standing) -> str:
    match standing.runway:
        case Runway() as found if standing.reading and standing.reading.balance_usd > 0:
            return f", lasts {outlook.span(found)}"
        case NotYet():
            return ", not enough data yet to say how long it lasts"
        case None:
            return ", not known how long it lasts"
    return ""


def _gone(entry: Entry, period: Period) -> str:
    if not entry.spent.watched:
        return "not known yet how much went"
    is_all = _share(entry.spent, period.length) >= _KNOWN
    gone = _amount(entry.spent.fell, is_all=is_all) + f" (known for {spoken(entry.spent.watched)})" * (not is_all)
    if not _is_comparable(entry, period):
        return gone
    return f"{gone}, {_compared(entry.spent.fell, entry.former.fell, period, when='before')}"


def _polls(entry: Entry, period: Period, zone: tzinfo) -> str:
    since = f" since {_when(entry.polls_since, period, zone)}" if entry.polls_since > period.since else ""
    return (_uptime(entry.readings, entry.polls) if entry.polls else "no polls") + since


# -- words ------------------------------------------------------------------------------------------------------------


def _amount(fell: Decimal, *, is_all: bool) -> str:
    least = "" if is_all else "at least "
    return f"{least}{_usd(fell)} gone" if fell else "nothing gone" + ("" if is_all else ", as far as known")


def _is_comparable(entry: Entry, period: Period) -> bool:
    shares = (_share(entry.spent, period.length), _share(entry.former, period.former))
    return min(shares) >= _COMPARABLE


def _compared(now: Decimal, former: Decimal, period: Period, *, when: str) -> str:
    """Hold what went against what went before; by what went a day, if one of the times is longer."""
    if not now or not former:
        return f"as {when}" if now == former else f"{_usd(former) if former else 'nothing'} {when}"
    times = now / former if period.is_alike else now / former * _ratio(period.former, period.length)
    daily = "" if period.is_alike else " a day"
    percent = round(abs(times - 1) * 100)
    if not percent:
        return f"as much{daily} as {when}"
    if times >= _MANIFOLD:
        return f"{round(times):,} times as much{daily} as {when}"
    return f"{percent} % {'more' if times > 1 else 'less'}{daily} than {when}"


def _came(rose: Decimal) -> str:
    return f"{_usd(rose)} came in" if rose else ""


def _uptime(readings: int, polls: int) -> str:
    """Say how many of the polls brought a reading; not all of them unless it was all of them, and likewise none."""
    permille = Decimal(1000 * readings // polls) if readings * 1000 >= polls else Decimal(min(readings, 1))
    return f"{permille / 10:f} % of {_count(polls, 'poll')}"


def _usd(amount: Decimal) -> str:
    return tell(amount, Unit.USD, against=(_ZERO,))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _when(when: datetime, period: Period, zone: tzinfo) -> str:
    """Say a time as people do who remember it."""
    there = when.astimezone(zone)
    year = "" if there.year == period.until.astimezone(zone).year else f" {there.year}"
    return f"{there:%a} {there.day} {there:%b}{year} {there:%H:%M %Z}"


def _length(length: timedelta) -> str:
    """Say how long a time is, to the nearest day, hour or minute, as it stands after "the"."""
    step = next((step for step in (_DAY, _HOUR) if length >= 2 * step), timedelta(minutes=1))
    said = spoken((length + step / 2) // step * step)
    return said.removeprefix("1 ") if said in {"1 day", "1 hour", "1 minute"} else said


def _share(spent: Spend, length: timedelta) -> Decimal:
    return _ratio(spent.watched, length)


def _ratio(one: timedelta, other: timedelta) -> Decimal:
    return Decimal(one // _TICK) / max(other // _TICK, 1)
