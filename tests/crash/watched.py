"""The store and the senders of a daemon that is to be killed: the real ones, which pass by every moment."""

import contextlib
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine, event

from crash.points import About, Moments, Point
from monitor import poll
from monitor.ask import Provider
from monitor.deliver import Sender, ledger
from monitor.deliver.ledger import Attempt
from monitor.model import Message, Outcome, Seen, Sent
from monitor.poll import Polled
from monitor.store import Store, Tx

T = TypeVar("T")

_BEGIN = {"poll": Point.POLL, "settle": Point.SETTLE, "start": Point.START, "plan": Point.TAKE_UP}
_BEGUN = {"poll": Point.POLL_BEGUN, "settle": Point.SETTLE_BEGUN}
_DONE = {
    "settle": Point.DELIVERY_DONE,
    "start": Point.START_DONE,
    "reload": Point.RELOAD_DONE,
    "farewell": Point.FAREWELL,
}
_AFTER = {"settle": Point.DELIVERED, "start": Point.STARTED, "reload": Point.RELOADED}
_STATEMENTS = [
    ("poll", re.compile(r"(INSERT INTO|UPDATE) readings"), Point.READING),
    ("poll", re.compile(r"(INSERT INTO|UPDATE) accounts"), Point.ACCOUNT),
    ("poll", re.compile(r"(INSERT INTO|UPDATE) alerts"), Point.ALERT),
    ("poll", re.compile(r"(INSERT INTO|UPDATE) states"), Point.STATE),
    ("poll", re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) told"), Point.TOLD),
    ("poll", re.compile(r"INSERT INTO outbox"), Point.QUEUE),
    ("settle", re.compile(r"INSERT INTO deliveries"), Point.ATTEMPT),
    ("settle", re.compile(r"UPDATE outbox SET state"), Point.SETTLING),
    ("settle", re.compile(r"(INSERT INTO|UPDATE) channels"), Point.HEALTH),
    ("migration", re.compile(r"\s*CREATE"), Point.MIGRATING),
]


class Statements:
    """Sees each statement on a file right before SQLite runs it, whichever way it came there."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self._here = threading.local()
        event.listen(Engine, "connect", self._trace)

    @contextlib.contextmanager
    def of(self, kind: str, about: About | None = None) -> Iterator[None]:
        """Say what the transaction in this thread is for."""
        self._here.kind, self._here.about, self._here.seen = kind, about, Counter()
        try:
            yield
        finally:
            self._here.kind = ""

    def _trace(self, connection: sqlite3.Connection, _record: object) -> None:
        _, _, file = connection.execute("PRAGMA database_list").fetchone()
        if file:
            connection.set_trace_callback(self._before)

    def _before(self, statement: str) -> None:
        kind = getattr(self._here, "kind", "")
        for where, pattern, point in _STATEMENTS:
            if where == kind and pattern.match(statement):
                self._here.seen[point] += 1
                second = point is Point.QUEUE and self._here.seen[point] > 1
                self._moments.pass_by(Point.QUEUE_NEXT if second else point, self._here.about)


class WatchedStore(Store):
    """The real store."""

    moments: Moments
    statements: Statements

    async def do(self, work: Callable[[Tx], T]) -> T:
        kind, about = _kind(work), _about(work)
        self._pass_by(_BEGIN, kind, about)
        found = await self.commit(lambda tx: self._watch(kind, about, work, tx))
        self._pass_by(_AFTER, kind, about)
        if isinstance(found, Polled) and found.messages:
            self.moments.pass_by(Point.DECIDED)
        return found

    def commit(self, work: Callable[[Tx], T]) -> Awaitable[T]:
        """Do the work in one transaction: what a planted bug does otherwise."""
        return super().do(work)

    def _watch(self, kind: str, about: About | None, work: Callable[[Tx], T], tx: Tx) -> T:
        self._pass_by(_BEGUN, kind, about)
        with self.statements.of(kind, about):
            found = work(tx)
        self._pass_by(_DONE, kind, about)
        if isinstance(found, Polled) and found.messages:
            self.moments.pass_by(Point.DECISION_DONE)
        return found

    def _pass_by(self, points: dict[str, Point], kind: str, about: About | None) -> None:
        if kind in points:
            self.moments.pass_by(points[kind], about)


_BY_FUNCTION = {poll.settle: "poll", ledger.settle: "settle", poll.take_up: "start", poll.reconcile: "reload"}


def _kind(work: Callable[..., Any]) -> str:
    """Say what a transaction is for, by the function that the daemon hands to the store, or that its lambda calls."""
    if isinstance(work, partial) and work.func.__name__ == "write":
        return "farewell" if work.keywords["life"].stopped_at is not None else ""
    if isinstance(work, partial):
        return _BY_FUNCTION.get(work.func, "")
    return "plan" if work.__name__ == "<lambda>" and "plan" in work.__code__.co_names else ""


def _about(work: Callable[..., Any]) -> About | None:
    attempt = work.keywords.get("attempt") if isinstance(work, partial) else None
    if not isinstance(attempt, Attempt):
        return None
    message = attempt.parcel.queued.message
    return About(message.channel, message.title, taken=isinstance(attempt.outcome, Sent))


class WatchedSender:
    """A real sender."""

    def __init__(self, sender: Sender, moments: Moments) -> None:
        self._sender, self._moments = sender, moments

    def send(self, message: Message) -> Outcome:
        self._moments.pass_by(Point.SEND, About(message.channel, message.title))
        outcome = self._sender.send(message)
        taken = isinstance(outcome, Sent)
        point = Point.TAKEN if taken else Point.REFUSED
        self._moments.pass_by(point, About(message.channel, message.title, taken))
        return outcome


class WatchedProvider:
    """The real provider."""

    def __init__(self, provider: Provider, moments: Moments) -> None:
        self._provider, self._moments = provider, moments

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ASYNC109 - its shape
        self._moments.pass_by(Point.ASK)
        seen = await self._provider.observe(api_key=api_key, base_url=base_url, timeout=timeout)
        self._moments.pass_by(Point.ANSWER)
        return seen
