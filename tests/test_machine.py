"""Properties of the state machine, whatever comes: readings, failures, restarts, reloads, absences.

The reader is a person who reads every message of a channel and nothing else.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import START, World, reading

from monitor import alerts, messages
from monitor.alerts import Case, State, advance
from monitor.model import MONITOR, Cause, Failure, Kind, Level, Message, Reading, Seen, Snooze
from monitor.rules import BalanceUsd, Flag, Look, Verdict
from monitor.store import casebook, durations, snoozes

_RULES = (
    "",
    "[rules.balance_usd]\nwarning = 50\ncritical = 20\n",
    "[rules.balance_usd]\nconfirm = 3\n",
    '[rules.balance_usd]\nwarning = "off"\ncritical = 0\n',
    "[rules.balance_usd]\nenabled = false\n",
    '[rules.available_credits]\nremind_every = "1h"\n[rules.low_balance_alert]\nlevel = "critical"\n',
    '[rules.refused]\nconfirm = 1\n[rules.unreachable]\nwarning = "20m"\ncritical = "30m"\n',
    '[rules.budget]\nperiod = "day"\nwarning = 20\ncritical = 100\n[rules.spend_spike]\nminimum_usd = 1\n',
)
_ACCOUNTS = ("main", "batch")
_CHANNELS = {
    "ops": "",
    "pager": 'min_level = "critical"\n',
    "quiet": 'accounts = ["main"]\n',
    "night": 'quiet_hours = "11:00-17:00"\n',
}


def _text(rules: str, accounts: tuple[str, ...], channels: tuple[str, ...]) -> str:
    parts = [rules]
    parts += [f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n' for name in accounts]
    parts += [f'[channels.{name}]\nurl = "json://localhost/{name}"\n{_CHANNELS[name]}' for name in channels]
    return "".join(parts)


@dataclass
class Reader:
    """What somebody believes who has read every message of one channel."""

    levels: dict[tuple[str, str], Level] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def read(self, message: Message) -> None:
        assert message.id not in self.seen
        self.seen.add(message.id)
        for change in message.changes:
            if not change.rule:
                continue  # news
            key = (change.account, change.rule)
            if change.cause is not Cause.PASSED:
                assert change.before is self.levels.get(key, Level.OK), "does not follow from what was said"
            assert change.cause is not Cause.REMINDER or change.level is change.before
            ended = change.level is Level.OK or change.cause is Cause.UNWATCHED
            self.levels.pop(key, None) if ended else self.levels.__setitem__(key, change.level)

    def believes(self, account: str) -> Level:
        return max((level for (name, _), level in self.levels.items() if name == account), default=Level.OK)

    def fears(self, account: str) -> Level:
        """Return what they believe of an account, also because of what they were told of all accounts at once."""
        return max(self.believes(account), self.believes(MONITOR))


class Machine(RuleBasedStateMachine):
    """Any interleaving of what can happen."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.channels: tuple[str, ...] = ("ops", "pager", "night")
        self.accounts: tuple[str, ...] = _ACCOUNTS
        self.written = ""
        self.world = World(Path(self.folder.name), self.text())
        self.readers = {name: Reader() for name in _CHANNELS}
        self.fresh: set[str] = set()  # accounts polled since the last change of the configuration
        self.up_to = dict.fromkeys(_ACCOUNTS, Level.OK)  # what was snoozed at the last poll
        self.was_common = False  # something was told of all accounts at once
        self.just_now: set[str] = set()  # accounts polled since time went by without polls

    def text(self) -> str:
        return _text(self.written, self.accounts, self.channels)

    def listen(self) -> None:
        for name in self.channels:
            for message in self.world.heard(name):
                self.readers[name].read(message)

    def common(self) -> dict[str, State]:
        """Return what is open about all accounts at once, or was and is not told to be over."""
        with self.world.store.transaction() as tx:
            states = casebook.states(tx, MONITOR).items()
        return {rule: state for rule, state in states if "." in rule and (state.level is not Level.OK or state.cooling)}

    def keep_house(self) -> None:
        """Look as the daemon does every ten seconds; who still fails at a common end is told of at the next poll."""
        before = self.common()
        self.world.rouses()
        self.world.watches()
        if self.common().keys() != before.keys():
            self.was_common = True
            self.fresh.clear()
            self.just_now.clear()
        self.listen()

    def states(self, account: str) -> dict[str, State]:
        with self.world.store.transaction() as tx:
            rules = self.world.config.accounts[account].rules
            return {case.rule.name: case.state for case in casebook.cases(tx, account, rules)}

    @rule(
        account=st.sampled_from(_ACCOUNTS),
        balance=st.sampled_from(["-1", "0", "4.068", "5", "5.004", "20", "25", "26", "40", "51", "60", "204"]),
        flag=st.sampled_from([None, True, False]),
        amount=st.sampled_from([None, 500, 3000, 90000]),
        threshold=st.sampled_from([None, 10, 100]),
    )
    def reads(self, account: str, balance: str, **rest: Any) -> None:
        if account not in self.accounts:
            return
        known = {
            "low_balance_alert": rest["flag"],
            "available_credits": rest["amount"],
            "alert_threshold": rest["threshold"],
        }
        seen = reading(balance, **{name: value for name, value in known.items() if value is not None})
        self.world.sees(seen, account)
        self.fresh.add(account)
        self.just_now.add(account)
        self.up_to[account] = self._snoozed(account)
        self.keep_house()

    @rule(account=st.sampled_from(_ACCOUNTS), kind=st.sampled_from(list(Kind)), times=st.integers(1, 8))
    def fails(self, account: str, kind: Kind, times: int) -> None:
        if account not in self.accounts:
            return
        before = self.states(account)
        for _ in range(times):
            self.world.sees(Failure(kind, "boom"), account)
        after = self.states(account)
        for name in before.keys() - {"unreachable", "refused", "unreadable"}:
            assert after[name] == before[name], "a failure moved a rule about the balance"
        self.fresh.add(account)
        self.just_now.add(account)
        self.up_to[account] = self._snoozed(account)
        self.keep_house()

    @rule(times=st.integers(1, 8), kinds=st.lists(st.sampled_from(list(Kind)), min_size=1, max_size=2))
    def all_fail(self, times: int, kinds: list[Kind]) -> None:
        """They are polled in turn, and the daemon looks between."""
        for turn in range(times):
            for account in self.accounts:
                self.world.sees(Failure(kinds[turn % len(kinds)], "boom"), account, timedelta(minutes=3))
                self.fresh.add(account)
                self.just_now.add(account)
                self.up_to[account] = self._snoozed(account)
                self.keep_house()

    @rule(
        account=st.sampled_from(_ACCOUNTS),
        level=st.sampled_from([Level.WARNING, Level.CRITICAL]),
        hours=st.sampled_from([None, 0.1, 1, 30]),
    )
    def snoozes(self, account: str, level: Level, hours: float | None) -> None:
        until = None if hours is None else self.world.now + timedelta(hours=hours)
        with self.world.store.transaction() as tx:
            snoozes.ask(tx, Snooze(account=account, rule="", level=level, until=until))
        self.fresh.discard(account)

    @rule(hours=st.sampled_from([1, 5, 13]))
    def time_passes(self, hours: int) -> None:
        """The hours go by without a poll, and the daemon looks whether quiet hours are over."""
        self.world.now += timedelta(hours=hours)
        self.keep_house()
        self.fresh.clear()

    @rule(step=st.sampled_from([timedelta(hours=1), timedelta(hours=-2), timedelta(days=3)]))
    def the_clock_is_stepped(self, step: timedelta) -> None:
        with self.world.store.transaction() as tx:
            durations.move_clock(tx, step)
        self.world.now += step
        self.fresh.clear()

    @rule(away=st.sampled_from([0, 30, 3600, 200_000]))
    def restarts(self, away: int) -> None:
        self.just_now.clear()
        before = {account: self.states(account) for account in self.accounts}
        self.world.restart(timedelta(seconds=away))
        assert {account: self.states(account) for account in self.accounts} == before
        for name in self.channels:
            assert self.world.heard(name) == [], "a restart sent something by itself"

    @rule(
        rules=st.sampled_from(_RULES),
        accounts=st.sampled_from([("main",), ("main", "batch")]),
        channels=st.sampled_from([("ops",), ("ops", "pager", "night"), ("ops", "pager", "quiet", "night")]),
    )
    def reloads(self, rules: str, accounts: tuple[str, ...], channels: tuple[str, ...]) -> None:
        gone = set(self.channels) - set(channels)
        self.written, self.accounts, self.channels = rules, accounts, channels
        self.world.reload(self.text())
        for name in gone:  # whoever no longer listens starts afresh when they come back
            self.readers[name] = Reader()
        self.fresh.clear()
        self.listen()

    @invariant()
    def whoever_reads_every_message_knows_the_level_of_every_account(self) -> None:
        for account in sorted(getattr(self, "fresh", ())):
            states = self.states(account).values()
            if self.was_common and any(state.level and (state.down_warning or state.down_critical) for state in states):
                continue  # they were told that all are read again; its own rule has yet to confirm that
            level = max((state.level for state in states), default=Level.OK)
            if "night" in self.channels and account in self.just_now:
                self._check_the_night(account, level, is_cooling=any(state.cooling for state in states))
            up_to, fears = self.up_to[account], self.readers["ops"].fears(account)
            if up_to is not Level.OK:  # worse goes out; what is not worse, they may not know
                believed = self.readers["ops"].believes(account)
                assert fears >= level if level > up_to else believed <= max(level, up_to)
                continue
            if any(state.cooling for state in states):  # an end that is not told yet: they fear the worse
                assert fears >= level
                continue
            if self.common():  # likewise, as long as some of them still fail
                assert fears >= level
                if "pager" in self.channels and level is Level.CRITICAL:
                    assert self.readers["pager"].fears(account) is Level.CRITICAL
                continue
            assert self.readers["ops"].believes(account) is level
            if "pager" in self.channels:
                is_critical = self.readers["pager"].believes(account) is Level.CRITICAL
                assert is_critical is (level is Level.CRITICAL)
            if "quiet" in self.channels:
                assert self.readers["quiet"].believes(account) is (level if account == "main" else Level.OK)

    def _snoozed(self, account: str) -> Level:
        with self.world.store.transaction() as tx:
            asked = [one for one in snoozes.present(tx, self.world.now) if one.account == account]
        return max((one.level for one in asked), default=Level.OK)

    def _check_the_night(self, account: str, level: Level, *, is_cooling: bool) -> None:
        """In quiet hours they know what is critical and what is not, after them everything."""
        believed, night = self.readers["night"].believes(account), self.world.config.channels["night"]
        if self.common():
            fears, sleeps = self.readers["night"].fears(account), self.world.config.sleeps(night, self.world.now)
            assert self.up_to[account] or fears >= (level if level is Level.CRITICAL or not sleeps else Level.OK)
            return
        if self.up_to[account] is not Level.OK or is_cooling:
            return
        if self.world.config.sleeps(night, self.world.now):
            assert (believed is Level.CRITICAL) is (level is Level.CRITICAL)
        else:
            assert believed is level

    @invariant()
    def nobody_believes_anything_of_an_account_that_is_gone(self) -> None:
        for name in getattr(self, "channels", ()):
            if name == "night":
                continue  # they hear of it once their quiet hours are over
            believed = {account for account, _ in self.readers[name].levels}
            assert believed <= {*self.accounts, *([MONITOR] if len(self.accounts) > 1 else [])}

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()
            self.folder.cleanup()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=30, stateful_step_count=40)


class MachineAtLength(Machine):
    """The same, thousands of steps."""


TestMachineAtLength = pytest.mark.slow(pytest.mark.timeout(600)(MachineAtLength.TestCase))
TestMachineAtLength.settings = settings(max_examples=60, stateful_step_count=50)


_LEVELS = st.sampled_from([Level.OK, Level.WARNING, Level.CRITICAL])
_VERDICTS = st.tuples(_LEVELS, _LEVELS).map(lambda two: Verdict(min(two), max(two), Flag(raised=True)))


@given(st.lists(_VERDICTS, max_size=30), st.integers(1, 4))
@settings(max_examples=500)
def test_a_level_is_reached_and_left_just_when_so_many_judged_polls_in_a_row_say_so(
    verdicts: list[Verdict], confirm: int
) -> None:
    """Against the definition itself, over the whole list, without counters."""
    state, latched = State(), dict.fromkeys((Level.WARNING, Level.CRITICAL), False)
    for count in range(1, len(verdicts) + 1):
        state = advance(state, verdicts[count - 1], confirm=confirm, limits="")
        window = verdicts[max(0, count - confirm) : count]
        for level in latched:
            if len(window) == confirm and all(one.level >= level for one in window):
                latched[level] = True
            elif len(window) == confirm and all(one.held < level for one in window):
                latched[level] = False
        assert state.level is max((level for level, on in latched.items() if on), default=Level.OK)


_READINGS = st.sampled_from(["-1", "0", "5", "20", "26", "60"]).map(reading)
_FAILURES = st.sampled_from(list(Kind)).map(lambda kind: Failure(kind, "boom"))


@given(st.lists(_READINGS | _FAILURES, max_size=30), st.integers(1, 3))
@settings(max_examples=300)
def test_leaving_the_failures_out_changes_nothing_for_a_rule_about_the_balance(seen: list[Seen], confirm: int) -> None:
    kept = [one for one in seen if isinstance(one, Reading)]
    assert _last_state(seen, confirm) == _last_state(kept, confirm)


def _last_state(seen: Sequence[Seen], confirm: int) -> State:
    case = Case(BalanceUsd(confirm=confirm))
    for one in seen:
        look = Look(account="main", seen=one, now=START, interval=timedelta(minutes=5), failing_since=START, needed={})
        (ruling,) = alerts.judge([case], look, say=messages.phrase, new_id=str)
        case = Case(case.rule, ruling.state, ruling.alert if ruling.state.level is not Level.OK else None)
    return case.state
