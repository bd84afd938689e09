"""What waited too long to be news, told in hindsight: one line for each rule of each account, and what happened when.

Who reads it knows what he would have known from every message alone: what was wrong from when to when, how bad it got,
and how things are now.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from monitor import merged, messages
from monitor.model import ENDS, Cause, Change, Level, Message

LINES = 30
"""What happened is told one by one if it is no more than this."""
OPENING = frozenset({Cause.RAISED, Cause.OPEN})
"""With these a reader hears of an alert for the first time."""


@dataclass(frozen=True, slots=True)
class _Event:
    """What was decided about one rule of one account, and when."""

    at: datetime
    change: Change

    @property
    def is_end(self) -> bool:
        return self.change.cause in ENDS

    @property
    def known(self) -> Level:
        """The level that a reader knew until then."""
        return Level.OK if self.opens or self.change.cause is Cause.PASSED else self.change.before

    @property
    def opens(self) -> bool:
        return self.change.cause in OPENING


def as_one(parts: Sequence[Message], zone: tzinfo) -> Message:
    """Return the message that stands for what waited; it goes by the name and the place of the first."""
    changes, count = lines(parts, zone), sum(len(part.changes) for part in parts)
    is_short = len(changes) < count
    if not is_short and len({merged.kind(part) for part in parts}) == 1 < len({change.account for change in changes}):
        return merged.as_one(parts)
    said = _said(changes, zone, without_news=is_short and count <= LINES)
    order = _in_order(parts, zone) if is_short else []
    title, severity = _title(changes), messages.severity(changes)
    return replace(parts[0], severity=severity, title=title, body="\n".join([*said, *order]), changes=changes)


def lines(parts: Sequence[Message], zone: tzinfo) -> tuple[Change, ...]:
    """Put together what became of each rule of each account, in the order in which they began; news stays as it is."""
    events: dict[tuple[str, str, int], list[_Event]] = {}
    for place, (at, change) in enumerate(_told(parts)):
        apart = 0 if change.rule else place
        events.setdefault((change.account, change.rule, apart), []).append(_Event(at, change))
    return tuple(_line(told, zone) for told in events.values())


def _told(parts: Sequence[Message]) -> Iterator[tuple[datetime, Change]]:
    return ((part.decided_at, change) for part in parts for change in part.changes)


def _line(events: Sequence[_Event], zone: tzinfo) -> Change:
    """Say in one change what several came to, to a reader who knows what was told before the first of them."""
    last = events[-1].change
    was = next((event.change.was for event in events if event.change.was), "")
    if len(events) == 1 or last.cause is Cause.UNWATCHED:
        return replace(last, was=was)
    return replace(_over(events, zone) if events[-1].is_end else _open(events, zone), was=was)


def _over(events: Sequence[_Event], zone: tzinfo) -> Change:
    """Say how bad it was from when to when, and how it is now; an end of what the reader knew is just that."""
    last, worst = events[-1].change, _worst(events)
    times = sum(event.is_end for event in events)
    if times == 1 and worst is events[0].known:
        return last
    bad = f"{times} alerts, at worst {worst.word}," if times > 1 else f"was {_bad(worst)}"
    span = _span(events[0], events[-1].at, zone)
    return replace(last, cause=Cause.ENDED, before=worst, phrase=f"{bad} {span}, now {last.phrase}")


def _bad(level: Level) -> str:
    return level.word if level is Level.CRITICAL else f"at {level.word}"


def _span(first: _Event, end: datetime, zone: tzinfo) -> str:
    if not first.opens:  # its beginning is known
        return f"until {_minute(end, zone)}"
    start, until = first.at.astimezone(zone), end.astimezone(zone)
    if start.utcoffset() != until.utcoffset():
        return f"from {_minute(start, zone)} to {_minute(until, zone)}"
    shown = f"{until:%H:%M %Z}" if start.date() == until.date() else _minute(until, zone)
    return f"from {start:%Y-%m-%d %H:%M} to {shown}"


def _open(events: Sequence[_Event], zone: tzinfo) -> Change:
    """Say how it is, since when, how bad it was, and how often it was over meanwhile."""
    last, knew = events[-1].change, events[0].known
    current = list(itertools.takewhile(lambda event: not event.is_end, reversed(events)))
    began, worst = current[-1], _worst(events)
    over = sum(event.is_end for event in events)
    said = [last.phrase]
    said += [f"since {_minute(began.at, zone)}"] if began.opens else []
    said += [f"at worst {worst.word}"] if worst > max(last.level, knew) else []
    said += [f"after {over} alert{'s that are' if over > 1 else ' that is'} over"] if over else []
    return replace(last, cause=_cause(knew, last.level), before=knew, phrase=", ".join(said))


def _cause(knew: Level, level: Level) -> Cause:
    if knew is Level.OK:
        return Cause.RAISED
    return Cause.REMINDER if level is knew else Cause.WORSE if level > knew else Cause.EASED


def _worst(events: Sequence[_Event]) -> Level:
    return max(max(event.change.level, event.change.before) for event in events)


def _minute(when: datetime, zone: tzinfo) -> str:
    return f"{when.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _title(changes: Sequence[Change]) -> str:
    names = list(dict.fromkeys(change.account for change in changes))
    if len(names) == 1:
        return messages.headline(changes)
    counts = {
        "open": sum(bool(change.rule) and change.cause not in ENDS for change in changes),
        "over": sum(bool(change.rule) and change.cause in ENDS for change in changes),
        "news": sum(not change.rule for change in changes),
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"[{messages.severity(changes).name}] {len(names):,} accounts, told late: {said} ({merged.named(names)})"


def _said(changes: Sequence[Change], zone: tzinfo, *, without_news: bool) -> list[str]:
    """Say what became of each rule, and the news unless it is told with what happened in order."""
    rules = [change for change in changes if change.rule or not without_news]
    if len({change.account for change in changes}) > 1:
        return [messages.title(change) for change in rules]
    return messages.body(rules, None, zone).split("\n") if rules else []


def _in_order(parts: Sequence[Message], zone: tzinfo) -> list[str]:
    """Tell what happened when; if it is too much, its first and last, and of several accounts nothing."""
    told = [f"{messages.title(change)}, {messages.moment(at, zone)}" for at, change in _told(parts)]
    if len(told) > LINES:
        half = LINES // 2
        told = [*told[:half], f"… and {len(told) - 2 * half:,} more …", *told[-half:]]
        return ["In order:", *told] if len({part.account for part in parts}) == 1 else []
    return ["In order:", *told]
