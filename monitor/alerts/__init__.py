"""The state machine: verdict -> confirmed? -> changed since each channel was last told? Pure.

It promises that a failure never moves a rule about the balance, that a change is told once to each channel that wants
its level, and that a channel once told of an alert hears every change of it up to its end.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.alerts.own import Found, Own, own, still_open, unwatch
from monitor.alerts.state import State, advance, former
from monitor.alerts.telling import Listener, change, due, follow, is_silenced, opened
from monitor.model import Alert, Cause, Change, Level, Snooze, Told
from monitor.rules import Fact, Look, Rule, Verdict

__all__ = [
    "Case",
    "Found",
    "Listener",
    "Own",
    "Ruling",
    "Say",
    "State",
    "advance",
    "change",
    "due",
    "follow",
    "is_calm",
    "judge",
    "opened",
    "own",
    "still_open",
    "tell",
    "unwatch",
]

Say = Callable[[Fact, Level, datetime], str]
"""Puts a fact into words at a level."""


@dataclass(frozen=True, slots=True)
class Case:
    """One rule of one account: what is remembered of it."""

    rule: Rule
    state: State = field(default_factory=State)
    alert: Alert | None = None
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one poll made of a case: the new state, the alert (just ended, if its level is OK), and who is told what."""

    case: Case
    state: State
    alert: Alert | None
    changes: Mapping[str, Change] = field(default_factory=dict)
    later: Mapping[str, Change] = field(default_factory=dict)
    """What channels are told once they may be disturbed again."""

    @property
    def is_over(self) -> bool:
        """Whether the alert has just ended for good."""
        return self.alert is not None and self.alert.level is Level.OK and self.state.cooling is None

    def case_after(self, now: datetime) -> Case:
        """Return what is remembered of the rule from this poll on."""
        if self.alert is None and self.state is self.case.state:
            return self.case  # nearly every poll
        if self.alert is None or self.is_over:
            return Case(self.case.rule, self.state)
        fresh = {channel: Told(channel, change.level, now) for channel, change in self.changes.items()}
        return Case(self.case.rule, self.state, self.alert, {**self.case.told, **fresh})


def judge(cases: Sequence[Case], look: Look, *, say: Say, new_id: Callable[[str], str]) -> list[Ruling]:
    """Judge every rule of an account by one poll; nobody is told anything yet.

    ``new_id`` gives an alert of the named rule its identity.
    """
    return [_judge(case, look, say, new_id) for case in cases]


def tell(
    judged: Sequence[Ruling],
    listeners: Sequence[Listener],
    now: datetime,
    *,
    snoozes: Callable[[], Sequence[Snooze]] = tuple,
    covered: Mapping[str, Level] | None = None,
) -> list[Ruling]:
    """Say what each channel is to be told of what was judged.

    ``snoozes`` are asked for only where there is an alert; ``covered`` are rules that an alert about many accounts
    speaks for, up to a level.
    """
    if all(ruling.alert is None for ruling in judged):
        return list(judged)
    levels = {ruling.case.rule.name: ruling.state.level for ruling in judged}
    asked = snoozes()
    hushes = [_hush(ruling, levels, asked, covered or {}, now=now) for ruling in judged]
    told = [_tell(ruling, listeners, now, hush) for ruling, hush in zip(judged, hushes, strict=True)]
    if not (soon := _reminded(told)):
        return told
    return [_tell(ruling, listeners, now, hush, soon=soon) for ruling, hush in zip(judged, hushes, strict=True)]


def _reminded(told: Sequence[Ruling]) -> frozenset[tuple[str, timedelta | None]]:
    """Return which channels are reminded of something, and how often they are of that.

    Whatever is due as often is said along with it once half of its time is up: two rules about one account then share
    their reminders, instead of ringing one after the other for ever.
    """
    return frozenset(
        (channel, ruling.case.rule.remind_every.at(change.level))
        for ruling in told
        for channel, change in ruling.changes.items()
        if change.cause is Cause.REMINDER
    )


def is_calm(cases: Sequence[Case], look: Look) -> bool:
    """Say whether a poll leaves every rule as it is, and nobody has anything to hear: so ``judge`` need not be asked.

    That is nearly every poll, and this costs half of it.
    """
    if any(case.alert is not None for case in cases):
        return False
    return all((verdict := case.rule.judge(look)) is None or _next(case, verdict) is case.state for case in cases)


@dataclass(frozen=True, slots=True)
class _Hush:
    """Why a channel may not be told of an alert that it has not been told of, or not now."""

    hidden: bool
    """Another rule, or an alert about many accounts, already says the same, as bad or worse."""
    up_to: Level
    """The worst level that somebody has silenced."""
    ran_out: bool
    """A silence about it has just come to its end."""

    def covers(self, alert: Alert, told: Told | None) -> bool:
        """Say whether what became of an alert is silenced: neither its end, nor what is better than was told."""
        return is_silenced(alert.level, told, self.up_to)

    def lets_pass(self, worst: Level) -> bool:
        """Say whether an alert that was so bad would have been told."""
        return not self.hidden and worst > self.up_to


def _hush(
    ruling: Ruling,
    levels: Mapping[str, Level],
    snoozes: Sequence[Snooze],
    covered: Mapping[str, Level],
    *,
    now: datetime,
) -> _Hush:
    rule = ruling.case.rule
    others = max(levels.get(rule.yields_to, Level.OK), covered.get(rule.name, Level.OK))
    about = [one for one in snoozes if one.is_about(rule.name)]
    over = [one for one in about if not one.holds(now)]
    return _Hush(
        hidden=others >= max(ruling.state.level, Level.WARNING),
        up_to=max((one.level for one in about if one not in over), default=Level.OK),
        ran_out=bool(over),
    )


def _judge(case: Case, look: Look, say: Say, new_id: Callable[[str], str]) -> Ruling:
    verdict = case.rule.judge(look)
    if verdict is None:
        return Ruling(case, case.state, case.alert)
    state = _next(case, verdict)
    if case.alert is None and state.level is Level.OK:
        return Ruling(case, state, None)  # nearly every poll: there is nothing to put into words
    name, phrase = case.rule.name, say(verdict.fact, state.level, look.now)
    fresh = functools.partial(opened, new_id, look.account, name, look.now)
    alert = follow(case.alert, state.level, phrase, fresh=fresh)
    return Ruling(case, _cool(case, state, alert, look.now), alert)


def _next(case: Case, verdict: Verdict) -> State:
    return advance(case.state, verdict, confirm=case.rule.confirm, limits=case.rule.limits)


def _cool(case: Case, state: State, alert: Alert | None, now: datetime) -> State:
    """Say whether an end is to be told: one soon after the end before only once it has lasted for the cooldown."""
    if alert is None or state.level is not Level.OK:
        return state if state.cooling is None else replace(state, cooling=None)
    pause, before = case.rule.cooldown.at(alert.worst), case.state
    if before.level is not Level.OK:
        soon = pause is not None and before.ended_at is not None and now - before.ended_at < pause
        return replace(state, ended_at=now, cooling=now if soon else None)
    lasted = pause is None or before.cooling is None or now - before.cooling >= pause
    return replace(state, cooling=None if lasted else before.cooling)


def _tell(
    ruling: Ruling,
    listeners: Sequence[Listener],
    now: datetime,
    hush: _Hush,
    *,
    soon: frozenset[tuple[str, timedelta | None]] = frozenset(),
) -> Ruling:
    """Add what each channel is told now, and what later."""
    alert, case = ruling.alert, ruling.case
    if alert is None or ruling.state.cooling is not None:
        return ruling
    before = case.state.level
    was = former(case.state, case.rule.limits) if alert.level is not before else ""
    pause = timedelta(0) if hush.ran_out else case.rule.remind_every.at(alert.level)
    changes: dict[str, Change] = {}
    later: dict[str, Change] = {}
    for listener in listeners:
        told = case.told.get(listener.channel)
        if hush.covers(alert, told):
            continue
        if listener.waits(alert.level, told):
            cause = listener.missed(alert, told, wanted=hush.lets_pass(alert.worst)) if ruling.is_over else None
            kept = later
        else:
            wanted, rose = listener.wants(alert.level) and not hush.hidden, alert.level > before
            wait = pause / 2 if pause is not None and (listener.channel, pause) in soon else pause
            cause, kept = due(alert, told, now, wanted=wanted, rose=rose, pause=wait), changes
        if cause is not None:
            kept[listener.channel] = change(alert, cause, told=told, was=was)
    return replace(ruling, changes=changes, later=later)
