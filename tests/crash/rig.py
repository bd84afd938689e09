"""The rig: one story, lives that are killed, and at the end one that is left alone until everything was delivered."""

import contextlib
import itertools
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shell import Api

from crash.bodies import Body, Program
from crash.life import Order
from crash.people import Flapping, Inbox, News
from crash.points import About, Mark, Point
from crash.record import Life, Record
from crash.story import ACCOUNTS, CRITICAL, WARNING, Story, steps

CHANNELS = ("c0", "c1", "c2")
_FIRST = [(Point.MIGRATING, 1), (Point.MIGRATING, 5), (Point.MIGRATING, 14), (Point.MIGRATED, 1)]
"""Moments that come at a first start only, and at which of their passes."""
_ONCE = {Point.START, Point.START_DONE, Point.STARTED, Point.RELOAD_DONE, Point.RELOADED, Point.FAREWELL}
_SIGNALS = {
    Point.RELOAD_DONE: signal.SIGHUP,
    Point.RELOADED: signal.SIGHUP,
    Point.FAREWELL: signal.SIGTERM,
}
"""What must reach the daemon for a moment to come."""
_TRIES = 6

Orders = deque[tuple[Point | None, int]]
"""At which moments to kill, and at which of their passes; None is whenever."""
Progress = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run goes."""

    seed: int = 1
    speed: float = 100.0
    """At 100, polls every 50 ms, and a first pause of 100 ms after a failed send."""
    bug: str = ""
    patience: float = 4.0
    """Real seconds for a moment to come; then the life is killed wherever it is, and the moment is tried again."""
    longest: float = 0.5
    """Real seconds within which a kill at random comes."""
    end: float = 60.0
    """Real seconds for everything to be delivered at the end."""


def plan(kills: int, seed: int) -> Orders:
    """Return as many kills, two thirds of them at each moment alike, in any order."""
    chance = random.Random(seed)  # noqa: S311 - an order
    chosen = [point for point in Point if point not in dict(_FIRST)]
    rounds = max(1, round(kills * 2 / 3 / len(chosen)))
    orders: list[tuple[Point | None, int]] = [
        (point, 1 if point in _ONCE else chance.randint(1, 3)) for point in chosen * rounds
    ]
    orders += [(None, 0)] * (kills - len(orders) - len(_FIRST))
    chance.shuffle(orders)
    return deque([*_FIRST, *orders])


class Rig:
    """One story on one database."""

    def __init__(self, body: Body, record: Record, story: Story, api: Api, manner: Manner) -> None:
        self.record = record
        self._body, self._story, self._api, self._manner = body, story, api, manner
        self._base, self._start = datetime.now(UTC).isoformat(), time.monotonic()

    def live(self, wanted: Point | None, nth: int, *, after: float) -> Life:
        """Begin a life and kill it at the moment wanted; after so many seconds, wherever it is."""
        number = len(self.record.lives)
        pid = self._begin(number, None if wanted is Point.TAKING else wanted, nth)
        with _service_that_kills(self.record.inboxes if wanted is Point.TAKING else (), pid, number, nth) as marks:
            if wanted in _SIGNALS:
                self._signal_once_started(pid, _SIGNALS[wanted])
            code = self._body.ended(after)
            if code is None:
                kill(pid, signal.SIGKILL)
                code = self._body.ended(30)
        marks += self._marks()
        life = Life(number, wanted, marks[0] if marks else None, 0 if code is None else code)
        self.record.lives.append(life)
        if life.code != -signal.SIGKILL and not (life.code == 0 and wanted is Point.FAREWELL):
            self.record.troubles.append(f"life {number} ended by itself with {life.code}")
        return life

    def _begin(self, number: int, wanted: Point | None, nth: int) -> int:
        folder = self.record.folder
        config = folder / "config.toml"
        config.write_text(settings(folder, self._api, self.record.inboxes, number))
        return self._body.begin(
            Order(
                config=str(config),
                log=str(folder / "log.jsonl"),
                marks=str(folder / "marks"),
                speed=self._manner.speed,
                base=self._base,
                start=self._start,
                point=wanted,
                nth=nth,
                bug=self._manner.bug,
            )
        )

    def _signal_once_started(self, pid: int, number: signal.Signals) -> None:
        """Signal a daemon that listens: before, it would be the end of it."""
        path = self.record.folder / "log.jsonl"
        size = path.stat().st_size if path.exists() else 0
        deadline = time.monotonic() + self._manner.patience
        while time.monotonic() < deadline:
            if path.exists() and b'"started"' in path.read_bytes()[size:]:
                kill(pid, number)
                return
            time.sleep(0.01)

    def _marks(self) -> list[Mark]:
        path = self.record.folder / "marks"
        if not path.exists():
            return []
        found = [Mark.load(line) for line in path.read_text().splitlines()]
        path.unlink()
        return found

    def finish(self) -> None:
        """Let one life go on until everybody has heard everything and nothing waits, then stop it."""
        number, seconds = len(self.record.lives), self._manner.end
        pid = self._begin(number, None, 0)
        if not self._story.wait_end(seconds) or not self._story.wait_heard(seconds):
            self.record.troubles.append("not everything was heard by everybody, although nobody was killed any more")
        deadline = time.monotonic() + seconds
        while waiting(self.record.database) and time.monotonic() < deadline:
            time.sleep(0.05)
        kill(pid, signal.SIGTERM)
        code = self._body.ended(20)
        if code != 0:
            self.record.troubles.append(f"the last life ended with {code}")
            kill(pid, signal.SIGKILL)
        self.record.lives.append(Life(number, None, None, -1 if code is None else code))


@contextlib.contextmanager
def _service_that_kills(inboxes: Sequence[Inbox], pid: int, number: int, nth: int) -> Iterator[list[Mark]]:
    """Let the service that takes the nth message of a life end that before it answers; it is then in the list."""
    marks, passes = list[Mark](), itertools.count(1)  # counts in one step: no two services see the same number

    def killer(channel: str) -> Callable[[int, str], bool]:
        def kill_sender(life: int, title: str) -> bool:
            if life != number or next(passes) != nth:
                return False
            marks.append(Mark(Point.TAKING, About(channel, title, taken=True)))
            kill(pid, signal.SIGKILL)
            return True

        return kill_sender

    for inbox in inboxes:
        inbox.killer = killer(inbox.name)
    try:
        yield marks
    finally:
        for inbox in inboxes:
            inbox.killer = None


def kill(pid: int, number: signal.Signals) -> None:
    """Signal a process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def waiting(database: Path) -> int:
    """Return how many messages are not delivered yet."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as other:
        (count,) = other.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()
    return int(count)


def settings(folder: Path, api: Api, inboxes: Sequence[Inbox], life: int) -> str:
    """Return the configuration of one life."""
    head = f'interval = "5s"\ndatabase = "sqlite:///{folder / "monitor.db"}"\n'
    rule = f'[rules.balance_usd]\nwarning = {WARNING}\ncritical = {CRITICAL}\nremind_every = "off"\ncooldown = "off"\n'
    confirm = f'[accounts.{ACCOUNTS[-1]}.rules.balance_usd]\nconfirm = 2\ncooldown = "1m"\n'
    channels = [
        f'[channels.{one.name}]\nurl = {json.dumps(one.url_for(life))}\nmin_level = "warning"\nchart = false\n'
        for one in inboxes
    ]
    return head + rule + api.settings(confirm + "".join(channels))


@contextlib.contextmanager
def _rig(folder: Path, body: Body, told: Mapping[str, Iterator[News]], manner: Manner) -> Iterator[tuple[Rig, Story]]:
    folder.mkdir()
    with Api(*ACCOUNTS) as api, contextlib.ExitStack() as opened:
        story = Story(api, told)
        inboxes = [opened.enter_context(Inbox(name, story.stir)) for name in CHANNELS]
        story.start(inboxes)
        try:
            yield Rig(body, Record(folder, story.happened, inboxes), story, api, manner), story
        finally:
            story.stop()


def kill_it(folder: Path, body: Body, orders: Orders, manner: Manner, show: Progress = lambda _: None) -> Record:
    """Play the story with kills at these moments, while services flap."""
    chance, tries = random.Random(manner.seed), Counter[Point]()  # noqa: S311 - moments
    with _rig(folder, body, {name: steps(name, manner.seed) for name in ACCOUNTS}, manner) as (rig, story):
        flapping = Flapping(rig.record.inboxes, manner.seed)
        while orders:
            wanted, nth = orders.popleft()
            life = rig.live(wanted, nth, after=manner.patience if wanted else chance.uniform(0.02, manner.longest))
            if wanted is not None and life.mark is None and not manner.bug:
                tries[wanted] += 1
                if tries[wanted] < _TRIES:
                    orders.append((wanted, 1))
                else:
                    rig.record.troubles.append(f"the moment {wanted} did not come")
            show(rig.record)
        flapping.stop()
        story.stop()
        rig.finish()
    return rig.record


def leave_it(folder: Path, body: Body, happened: Mapping[str, Sequence[News]], manner: Manner) -> Record:
    """Play the same story without kills, to services that are well."""
    with _rig(folder, body, {name: iter(all_of_it) for name, all_of_it in happened.items()}, manner) as (rig, _):
        rig.finish()
    return rig.record


def kill_program(folder: Path, kills: int, manner: Manner, show: Progress = lambda _: None) -> Record:
    """Kill ``balance-monitor run`` itself, at random and while services take a message; they are ill by turns."""
    chance = random.Random(manner.seed)  # noqa: S311 - moments
    illness = {2: ("c1", "hang"), 4: ("c2", "error"), 5: ("c2", "ok"), 6: ("c1", "ok"), 7: ("c0", "slow")}
    with _rig(folder, Program(folder), {name: steps(name, manner.seed) for name in ACCOUNTS}, manner) as (rig, story):
        by_name = {inbox.name: inbox for inbox in rig.record.inboxes}
        for number in range(kills):
            if number in illness:
                name, mode = illness[number]
                by_name[name].turn(mode)
            if number % 2:
                rig.live(Point.TAKING, chance.randint(1, 4), after=manner.patience)
            else:
                rig.live(None, 0, after=chance.uniform(0.1, manner.longest))
            show(rig.record)
        by_name["c0"].turn("ok")
        story.stop()
        rig.finish()
    return rig.record
