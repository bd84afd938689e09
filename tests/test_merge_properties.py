"""Whatever is queued, refused, killed or restarted: nothing is lost, each account hears all in order, none waits long.

The outbox and the decisions about it are the real ones; only time and the service are played.
"""

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from world import OPS, World

from monitor import messages
from monitor.deliver.ledger import Attempt, Next, plan, settle
from monitor.deliver.merge import SPAN
from monitor.deliver.words import Parcel
from monitor.model import MONITOR, Cause, Change, Level, Message, NotSent, Outcome, Sent
from monitor.store import durations, outbox

SECOND = timedelta(seconds=1)
ACCOUNTS = ("a", "b", "c")
RULES = ("balance_usd", "unreachable", "")
_TEXT = "".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n' for name in ACCOUNTS) + OPS


class Channel:
    """One channel, its outbox and its service; every change has a number of its own."""

    def __init__(self, folder: Path) -> None:
        self.world, self.count = World(folder, _TEXT), 0
        self.queued: list[Change] = []
        self.heard: list[Change] = []
        self.sent: list[Parcel] = []
        self.repeated = 0
        """Changes that were sent and not written down."""

    def queue(self, accounts: Sequence[str], rule: str, level: Level) -> None:
        """Decide something: about several accounts at once in one message."""
        changes = [self._change(account, rule, level) for account in accounts]
        message = Message(
            id=str(uuid4()),
            event=str(uuid4()),
            channel="ops",
            account=changes[0].account,
            decided_at=self.world.now,
            severity=messages.severity(changes),
            title=messages.headline(changes),
            body="",
            changes=tuple(changes),
        )
        self.queued += changes
        with self.world.store.transaction() as tx:
            outbox.queue(tx, [message])

    def _change(self, account: str, rule: str, level: Level) -> Change:
        self.count += 1
        known = {"account": account, "rule": rule, "level": level, "before": Level.OK, "cause": Cause.RAISED}
        return Change(alert="", phrase=f"change {self.count}", **known)  # type: ignore[arg-type]

    def look(self) -> Next:
        world = self.world
        with world.store.transaction() as tx:
            found = plan(tx, world.config, world.config.channels["ops"], world.now)
        if found.parcel is None:
            self._check_that_none_waits_for_long()
        return found

    def _check_that_none_waits_for_long(self) -> None:
        with self.world.store.transaction() as tx:
            waiting, health = outbox.waiting(tx, "ops"), outbox.health(tx, "ops")
        if health.next_attempt_at is None or health.next_attempt_at <= self.world.now:
            held = [one.message for one in waiting if one.aside_until is None]
            assert all(self.world.now - one.decided_at < SPAN for one in held)

    def send(self, outcome: Outcome, *, written: bool = True) -> None:
        """Send what is next, if anything is, and write down what came of it; or be killed before."""
        todo = self.look()
        if todo.parcel is None:
            return
        if isinstance(outcome, Sent):
            self.heard += parts(todo.parcel)
            self.sent.append(todo.parcel)
        self.repeated += 0 if written else len(parts(todo.parcel))
        if written:
            attempt = Attempt(parcel=todo.parcel, outcome=outcome, now=self.world.now, seconds=0)
            with self.world.store.transaction() as tx:
                settle(tx, self.world.config, attempt, 0)

    def run(self, length: timedelta) -> None:
        """Let the lane do its work for so long, with a service that takes everything."""
        until = self.world.now + length
        while self.world.now < until:
            todo = self.look()
            if todo.parcel is not None:
                self.send(Sent())
            else:
                wait = length if todo.wait is None else timedelta(seconds=todo.wait)
                self.world.now = min(until, self.world.now + wait)

    def step_clock(self, step: timedelta) -> None:
        with self.world.store.transaction() as tx:
            durations.move_clock(tx, step)
        self.world.now += step


_NEWS = st.tuples(st.just("queue"), st.sampled_from([(name,) for name in ACCOUNTS]))
_STEPS = st.one_of(
    _NEWS,
    _NEWS,
    st.tuples(st.just("queue"), st.sampled_from([(MONITOR,), ("a", "b")])),
    st.tuples(st.just("run"), st.sampled_from((0.5, 4))),
    st.tuples(st.just("run"), st.sampled_from((29, 31, 700))),
    st.tuples(st.just("fail"), st.integers(1, 4)),
    st.tuples(st.sampled_from(("kill", "restart")), st.none()),
    st.tuples(st.just("step"), st.sampled_from((-3600, -5, 5, 3600))),
)


def _play(channel: Channel, step: tuple[str, object], rule: str, level: Level) -> None:
    match step:
        case ("queue", tuple() as accounts):
            channel.queue(accounts, rule, level)
        case ("run", seconds):
            channel.run(float(str(seconds)) * SECOND)
        case ("fail", times):
            for _ in range(int(str(times))):
                channel.send(NotSent("HTTP 500"))
                channel.world.now += 20 * SECOND
        case ("kill", _):
            channel.send(Sent(), written=False)
            channel.world.restart()
        case ("step", seconds):
            channel.step_clock(float(str(seconds)) * SECOND)
        case _:
            channel.world.restart()


def of(account: str, changes: Sequence[Change]) -> list[str]:
    """Return what was said of an account, each thing once."""
    return list(dict.fromkeys(one.phrase for one in changes if one.account == account))


@settings(max_examples=25)
@given(
    steps=st.lists(
        st.tuples(_STEPS, st.sampled_from(RULES), st.sampled_from((Level.OK, Level.WARNING, Level.CRITICAL))),
        min_size=20,
        max_size=40,
    )
)
def test_nothing_is_lost_each_account_hears_all_in_order_and_none_waits_for_longer_than_half_a_minute(
    steps: list[tuple[tuple[str, object], str, Level]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        channel = Channel(Path(folder))
        for step, rule, level in steps:
            _play(channel, step, rule, level)
        channel.run(timedelta(hours=1))
        channel.world.close()
    for account in (*ACCOUNTS, MONITOR):
        assert of(account, channel.heard) == of(account, channel.queued)
    assert len(channel.heard) == len(channel.queued) + channel.repeated
    for parcel in channel.sent:
        _check_words(parcel)


def _check_words(parcel: Parcel) -> None:
    """What stands for several has a line for each change, or says late what each alert came to."""
    if not parcel.others:
        return
    changes, told = parts(parcel), parcel.words.changes
    lines = [line for line in parcel.words.body.splitlines() if line.startswith("[")]
    if told == tuple(changes):
        assert lines == [messages.title(one) for one in changes] or "Late: " in parcel.words.body
        return
    assert parcel.words.body.startswith("Late: ")
    last = {(one.account, one.rule): one for one in changes if one.rule}
    known = {(one.account, one.rule): one for one in told if one.rule}
    assert last.keys() == known.keys()
    assert all((known[key].level, one.phrase in known[key].phrase) == (one.level, True) for key, one in last.items())
    assert {one.phrase for one in told if not one.rule} == {one.phrase for one in changes if not one.rule}


def parts(parcel: Parcel) -> list[Change]:
    """Return what was decided."""
    return [change for one in (parcel.queued, *parcel.others) for change in one.message.changes]
