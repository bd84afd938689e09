"""Bugs to plant on the daemon, so that the rig shows that it would find them."""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from crash.points import Point
from crash.watched import WatchedStore
from monitor.deliver import Sender
from monitor.model import Message, Outcome, Sent
from monitor.poll import Polled
from monitor.store import Tx, outbox, schema

T = TypeVar("T")


def _as_it_is(sender: Sender, _database: Path) -> Sender:
    return sender


@dataclass(frozen=True, slots=True)
class Planted:
    """What a bug puts in place of the real thing."""

    store: type[WatchedStore] = WatchedStore
    sender: Callable[[Sender, Path], Sender] = _as_it_is


class _MarksFirst:
    """Marks a message as sent before it sends it."""

    def __init__(self, sender: Sender, database: Path) -> None:
        self._sender, self._database = sender, database

    def send(self, message: Message) -> Outcome:
        with closing(sqlite3.connect(self._database, timeout=5, isolation_level=None)) as other:
            other.execute("UPDATE outbox SET state = 'sent' WHERE id = ?", (message.id,))
        return self._sender.send(message)


class _HoldsBack:
    """Keeps one message back until the next one about the same account was sent."""

    def __init__(self, sender: Sender, _database: Path) -> None:
        self._sender, self._held = sender, list[Message]()

    def send(self, message: Message) -> Outcome:
        if not self._held:
            self._held.append(message)
            return Sent()
        outcome = self._sender.send(message)
        is_next = isinstance(outcome, Sent) and message.account == self._held[0].account
        if is_next and isinstance(self._sender.send(self._held[0]), Sent):
            self._held.clear()
        return outcome


class _QueuesLater(WatchedStore):
    """Saves the state in one transaction, and queues its messages in another."""

    async def commit_twice(self, work: Callable[[Tx], T]) -> T:
        found = await super().commit(lambda tx: _without_messages(tx, work(tx)))
        if isinstance(found, Polled) and found.messages:
            self.moments.pass_by(Point.DECIDED)
            await super().commit(lambda tx: outbox.queue(tx, found.messages))
        return found

    def commit(self, work: Callable[[Tx], T]) -> Awaitable[T]:
        return self.commit_twice(work)


class _QueuesFirst(WatchedStore):
    """Queues messages in one transaction, and saves the state that they tell of in another."""

    async def commit_twice(self, work: Callable[[Tx], T]) -> T:
        found = await super().commit(lambda tx: _only_messages(tx, work))
        if not isinstance(found, Polled) or not found.messages:
            return found
        self.moments.pass_by(Point.DECIDED)
        return await super().commit(lambda tx: _without_messages(tx, work(tx)))

    def commit(self, work: Callable[[Tx], T]) -> Awaitable[T]:
        return self.commit_twice(work)


def _without_messages(tx: Tx, found: T) -> T:
    if isinstance(found, Polled):
        for message in found.messages:
            tx.execute(schema.outbox.delete().where(schema.outbox.c.id == message.id))
    return found


def _only_messages(tx: Tx, work: Callable[[Tx], T]) -> T:
    saved = tx.begin_nested()
    found = work(tx)
    if isinstance(found, Polled) and found.messages:
        saved.rollback()
        outbox.queue(tx, found.messages)
    else:
        saved.commit()
    return found


BUGS: Mapping[str, Planted] = {
    "marks first": Planted(sender=_MarksFirst),
    "holds back": Planted(sender=_HoldsBack),
    "queues later": Planted(store=_QueuesLater),
    "queues first": Planted(store=_QueuesFirst),
}
