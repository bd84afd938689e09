"""Which waiting messages go next: the first of a kind at once, those that follow it within 30 seconds as one.

Nothing is written together: messages stay one by one in the outbox, and what goes as one is decided anew at each look.
So a fallback, giving up and ``outbox list`` know nothing of it. Each account hears everything in order; what is of
another kind and about other accounts may pass what is held.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.store.turns import Latest, Waiting

SPAN = timedelta(seconds=30)
"""Nothing waits for longer to go as one."""
MOST = 200
"""Messages that go as one; more at once is nothing that anybody reads."""
_NARROWER, _ALONE = 8, 3
_OTHER_KIND = ""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Asked = Callable[[str], Latest | None]
"""Tells when a kind was sent last, within the last ``SPAN``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes next, as one, by its ids; if nothing does, when something will (None: when something comes)."""

    together: Sequence[str] = ()
    at: datetime | None = None


def width(failures: int) -> int:
    """Return how many may go as one after so many failures of the channel in a row: 200, 25, 3, then each alone.

    Should the service dislike but one of them, or so many at once, this finds out within minutes; and after an outage
    the first goes alone, and all others as one.
    """
    return MOST // _NARROWER**failures if failures < _ALONE else 1


def choose(queue: Iterable[Waiting], asked: Asked, now: datetime, *, most: int) -> Choice:
    """Choose what goes next of what waits, in order."""
    groups: dict[str, list[Waiting]] = {}
    behind: list[Waiting] = []
    ahead: dict[str, str] = {}
    for one in queue:
        if not one.kind:  # passes nothing and is passed by nothing, so what is before it is not held
            return Choice(_as_one(next(iter(groups.values()), [one]), most))
        if ahead.setdefault(one.account, one.kind) == one.kind:
            groups.setdefault(one.kind, []).append(one)
        else:
            ahead[one.account] = _OTHER_KIND
            behind.append(one)
    return _first_free(groups, min((_free_at(one, asked) for one in behind), default=None), asked, now, most=most)


def _first_free(
    groups: Mapping[str, Sequence[Waiting]], behind: datetime | None, asked: Asked, now: datetime, *, most: int
) -> Choice:
    """Choose the first kind of which any may go: all go with it, so that it is one message and in order.

    ``behind`` is when something may go that is behind its own account's news of another kind: those then go first.
    """
    soonest = behind
    for group in groups.values():
        at = min(_free_at(one, asked) for one in group)
        if at <= now or (behind is not None and behind <= now):
            return Choice(_as_one(group, most))
        soonest = at if soonest is None else min(at, soonest)
    return Choice(at=soonest)


def _free_at(one: Waiting, asked: Asked) -> datetime:
    """Say until when a message is held: not by what was sent about its own account, nor longer than the span."""
    last = asked(one.kind)
    if last is None:
        return _LONG_AGO
    at = last.other_at if last.account == one.account else last.at
    return _LONG_AGO if at is None else min(at, one.decided_at) + SPAN


def _as_one(group: Sequence[Waiting], most: int) -> list[str]:
    """Return what goes of a kind: of one account alone, each goes by itself, with all that is known about it."""
    some = group[:most]
    alone = len({one.account for one in some}) == 1
    return [one.id for one in (some[:1] if alone else some)]
