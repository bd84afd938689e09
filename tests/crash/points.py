"""The moments at which the daemon can be killed: every step of start, poll, decide, commit, send, settle and stop."""

import json
import os
import signal
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum


class Point(StrEnum):
    """A moment, in the order in which a message comes to be and goes its way."""

    MIGRATING = "amid the migration"
    MIGRATED = "after the migration"
    START = "before the start's transaction"
    START_DONE = "before the start is committed"
    STARTED = "after the start is committed"
    ASK = "before the question"
    ANSWER = "after the answer"
    POLL = "before a poll's transaction"
    POLL_BEGUN = "after its BEGIN"
    READING = "before the reading is written"
    ACCOUNT = "before the account is written"
    ALERT = "before the alert is written"
    STATE = "before the state is written"
    TOLD = "before who was told is written"
    QUEUE = "before the first message is queued"
    QUEUE_NEXT = "between two messages"
    DECISION_DONE = "before the decision is committed"
    DECIDED = "after the decision is committed"
    TAKE_UP = "before a message is looked for"
    SEND = "before a send"
    TAKING = "while a service takes it"
    TAKEN = "after a service took it"
    REFUSED = "after a send that failed"
    SETTLE = "before a delivery's transaction"
    SETTLE_BEGUN = "after its own BEGIN"
    ATTEMPT = "before the attempt is written"
    SETTLING = "before the message is settled"
    HEALTH = "before the channel's health is written"
    DELIVERY_DONE = "before the delivery is committed"
    DELIVERED = "after the delivery is committed"
    RELOAD_DONE = "before a reload is committed"
    RELOADED = "after a reload is committed"
    FAREWELL = "before the last word is committed"


IN_FLIGHT = frozenset(
    {
        Point.TAKING,
        Point.TAKEN,
        Point.SETTLE,
        Point.SETTLE_BEGUN,
        Point.ATTEMPT,
        Point.SETTLING,
        Point.HEALTH,
        Point.DELIVERY_DONE,
    }
)
"""Taken by the service, if it was, and not yet settled: a kill here repeats this message, and no other kill does."""


@dataclass(frozen=True, slots=True)
class About:
    """The message that a moment is about."""

    channel: str
    title: str
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """What a daemon writes down right before it is killed."""

    point: Point
    about: About | None

    def dump(self) -> bytes:
        """Return it as a line."""
        return (json.dumps(asdict(self)) + "\n").encode()

    @classmethod
    def load(cls, line: str) -> "Mark":
        """Read such a line."""
        values = json.loads(line)
        return cls(Point(values["point"]), About(**values["about"]) if values["about"] else None)


class Moments:
    """Counts how often each moment was passed, and ends the process at the one that was ordered."""

    def __init__(self, point: Point | None, nth: int, marks: int) -> None:
        self._point, self._nth, self._marks = point, nth, marks
        self._passed: Counter[Point] = Counter()

    def pass_by(self, point: Point, about: About | None = None) -> None:
        """Be killed here, or go on."""
        self._passed[point] += 1
        if point is self._point and self._passed[point] == self._nth:
            os.write(self._marks, Mark(point, about).dump())
            os.kill(os.getpid(), signal.SIGKILL)
