"""What a message says at the moment when it goes: alone or for several, in time or late."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from monitor import hindsight, merged, messages, poll
from monitor.config import Config
from monitor.deliver import late
from monitor.hindsight import OPENING
from monitor.model import ENDS, Message
from monitor.store import Tx, casebook, memory
from monitor.store.outbox import Queued

NAMED = 10
"""Accounts of which a late message says how they stand now."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes as one: a message of the outbox, perhaps with others, and the words that are sent for all of them."""

    queued: Queued
    others: Sequence[Queued]
    words: Message


def parcel(tx: Tx, config: Config, parts: Sequence[Queued], now: datetime) -> Parcel:
    """Put together what goes as one, in order."""
    return Parcel(parts[0], parts[1:], _with_page(_worded(tx, config, parts, now), config))


def _with_page(message: Message, config: Config) -> Message:
    """Add where to look at it, as of now: the account's own page if it is about one that is watched."""
    if config.web.url is None:
        return message
    names = {change.account for change in message.changes}
    one = message.account if names == {message.account} and message.account in config.accounts else ""
    return replace(message, body=messages.on_page(message.body, config.web.url, one))


def _worded(tx: Tx, config: Config, parts: Sequence[Queued], now: datetime) -> Message:
    """Return what is sent for these; what waited too long says so, and how things stand now."""
    said = [one.message for one in parts]
    is_late = late.is_late(said[0], config, now)
    message = _as_one(said, config, is_late=is_late)
    if not is_late:
        return message
    names = dict.fromkeys(change.account for change in message.changes if change.account in config.accounts)
    stands = (poll.informed(tx, memory.recall(tx, name), casebook.level_of(tx, name)) for name in names)
    standings = list(itertools.islice(stands, NAMED))
    until = max(one.decided_at for one in said)
    title = messages.late_title(message, standings)
    return replace(message, title=title, body=messages.late(message, standings, now, config.timezone, until=until))


def _as_one(said: Sequence[Message], config: Config, *, is_late: bool) -> Message:
    """Let one message stand for several; its id is its own, since another time it may stand for others."""
    if len(said) == 1:
        return said[0]
    one = hindsight.as_one(said, config.timezone) if is_late else merged.as_one(said)
    return replace(one, id=str(uuid5(NAMESPACE_URL, " ".join(part.id for part in said))))


def opening(parts: Sequence[Queued]) -> Sequence[Queued]:
    """Leave an end to a later message where changes are kept apart: it closes what those before it open."""
    while (place := _closing(parts)) is not None:
        parts = parts[:place]
    return parts


def _closing(parts: Sequence[Queued]) -> int | None:
    """Return the first place where something ends for good that was opened at a place before."""
    opened, closed = set[tuple[str, str]](), dict[tuple[str, str], int]()
    for place, one in enumerate(parts):
        changes = {(change.account, change.rule): change.cause for change in one.message.changes}
        ends = {key for key, cause in changes.items() if cause in ENDS and key in opened}
        opens = {key for key, cause in changes.items() if cause in OPENING}
        opened |= opens
        closed = {key: at for key, at in closed.items() if key not in opens} | dict.fromkeys(ends, place)
    return min(closed.values(), default=None)
