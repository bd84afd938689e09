"""The state machine: verdict -> confirmed? -> changed since each channel was last told? Pure.

It promises that a failure never moves a rule about the balance, that a change is told once to each channel that wants
its level, and that a channel once told of an alert hears every change of it up to its end.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.model import Alert, Cause, Change, Level, Snooze, Told
from monitor.rules import Fact, Look, Rule, Verdict

Say = Callable[[Fact, Level, datetime], str]
"""Puts a fact into words at a level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a rule of an account has come to, and the streaks that may move it.

    ``up`` counts readings in a row at a level or worse that it has not reached, ``down`` those that would clear a level
    that it has reached; both up to ``confirm``, and 0 where they do not matter.
    """

    level: Level = Level.OK
    up_warning: int = 0
    up_critical: int = 0
    down_warning: int = 0
    down_critical: int = 0
    limits: str = ""
    """The thresholds by which it was judged last."""
    was: str = ""
    """Those before them, while a change that they may have caused is being confirmed."""
    ended_at: datetime | None = None
    """When it came to OK last."""
    cooling: datetime | None = None
    """Since when an alert is over whose end is not told yet, since it may begin again."""


@dataclass(frozen=True, slots=True)
class _Latch:
    """One level of a state: set after ``confirm`` readings at it or worse, cleared after as many below its margin."""

    closed: bool
    up: int
    down: int

    def turn(self, *, reached: bool, held: bool, confirm: int) -> "_Latch":
        up = min(self.up + 1, confirm) if reached else 0
        down = 0 if held else min(self.down + 1, confirm)
        closed = down < confirm if self.closed else up >= confirm
        return _Latch(closed, 0 if closed else up, down if closed else 0)


def advance(state: State, verdict: Verdict, *, confirm: int, limits: str) -> State:
    """Return the state after one more judged poll.

    A level fires when the last ``confirm`` judged polls are all at it or worse, and clears when as many were all
    beyond its margin; polls without a verdict are not shown to this function.
    """
    if verdict.held is Level.OK and state.level is Level.OK and state.limits == limits and not _is_pending(state):
        return state  # nearly every poll: it is fine, as it was
    warning, critical = (
        _Latch(state.level >= level, up, down).turn(
            reached=verdict.level >= level,
            held=verdict.held >= level,
            confirm=confirm,
        )
        for level, up, down in (
            (Level.WARNING, state.up_warning, state.down_warning),
            (Level.CRITICAL, state.up_critical, state.down_critical),
        )
    )
    moved = replace(
        state,
        level=Level.CRITICAL if critical.closed else Level.WARNING if warning.closed else Level.OK,
        up_warning=warning.up,
        up_critical=critical.up,
        down_warning=warning.down,
        down_critical=critical.down,
        limits=limits,
        was="",
    )
    return replace(moved, was=_former(state, limits)) if _is_pending(moved) and moved.level is state.level else moved


def _is_pending(state: State) -> bool:
    return any((state.up_warning, state.up_critical, state.down_warning, state.down_critical))


def _former(state: State, limits: str) -> str:
    """Return the thresholds that a change at this poll must mention, or nothing."""
    former = state.limits if state.limits not in {"", limits} else state.was
    return "" if former == limits else former


@dataclass(frozen=True, slots=True)
class Listener:
    """A channel as one account sees it; ``hears`` says whether account and channel both agree."""

    channel: str
    min_level: Level | None
    """None: a fallback only, which wants nothing of its own."""
    hears: bool = True

    def wants(self, level: Level) -> bool:
        """Say whether it is to be told of an alert at this level."""
        return self.hears and self.min_level is not None and level >= self.min_level


@dataclass(frozen=True, slots=True)
class Case:
    """One rule of one account: what is remembered of it."""

    rule: Rule
    state: State = State()
    alert: Alert | None = None
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one poll made of a case: the new state, the alert (just ended, if its level is OK), and who is told what."""

    case: Case
    state: State
    alert: Alert | None
    changes: Mapping[str, Change]

    @property
    def is_over(self) -> bool:
        """Whether the alert has just ended for good."""
        return self.alert is not None and self.alert.level is Level.OK and self.state.cooling is None


def decide(
    cases: Sequence[Case],
    look: Look,
    listeners: Sequence[Listener],
    *,
    say: Say,
    new_id: Callable[[str], str],
    snoozes: Callable[[], Sequence[Snooze]] = tuple,
) -> list[Ruling]:
    """Judge every rule of an account by one poll, and say what each channel is to be told.

    ``new_id`` gives an alert of the named rule its identity; ``snoozes`` are asked for only where there is an alert.
    """
    judged = [_judge(case, look, say, new_id) for case in cases]
    if all(ruling.alert is None for ruling in judged):
        return judged
    levels = {ruling.case.rule.name: ruling.state.level for ruling in judged}
    asked = snoozes()
    return [
        replace(ruling, changes=dict(_tell(ruling, listeners, look.now, hush=_hush(ruling, levels, asked, look.now))))
        for ruling in judged
    ]


@dataclass(frozen=True, slots=True)
class _Hush:
    """Why a channel may not be told of an alert that it has not been told of, or not now."""

    hidden: bool
    """Another rule already says the same, as bad or worse."""
    up_to: Level
    """The worst level that somebody has silenced."""
    ran_out: bool
    """A silence about it has just come to its end."""

    def covers(self, alert: Alert, told: Told | None) -> bool:
        """Say whether what became of an alert is silenced: neither its end, nor what is better than was told."""
        return Level.OK < alert.level <= self.up_to and (told is None or told.level <= self.up_to)


def _hush(ruling: Ruling, levels: Mapping[str, Level], snoozes: Sequence[Snooze], now: datetime) -> _Hush:
    rule = ruling.case.rule
    about = [one for one in snoozes if one.is_about(rule.name)]
    over = [one for one in about if one.until is not None and one.until <= now]
    return _Hush(
        hidden=levels.get(rule.yields_to, Level.OK) >= max(ruling.state.level, Level.WARNING),
        up_to=max((one.level for one in about if one not in over), default=Level.OK),
        ran_out=bool(over),
    )


def _judge(case: Case, look: Look, say: Say, new_id: Callable[[str], str]) -> Ruling:
    verdict = case.rule.judge(look)
    if verdict is None:
        return Ruling(case, case.state, case.alert, {})
    state = advance(case.state, verdict, confirm=case.rule.confirm, limits=case.rule.limits)
    if case.alert is None and state.level is Level.OK:
        return Ruling(case, state, None, {})  # nearly every poll: there is nothing to put into words
    name, phrase = case.rule.name, say(verdict.fact, state.level, look.now)
    fresh = functools.partial(opened, new_id, look.account, name, look.now)
    alert = follow(case.alert, state.level, phrase, fresh=fresh)
    return Ruling(case, _cool(case, state, alert, look.now), alert, {})


def _cool(case: Case, state: State, alert: Alert | None, now: datetime) -> State:
    """Say whether an end is to be told: one soon after the end before only once it has lasted for the cooldown."""
    if alert is None or state.level is not Level.OK:
        return replace(state, cooling=None)
    pause, before = case.rule.cooldown.at(alert.worst), case.state
    if before.level is not Level.OK:
        soon = pause is not None and before.ended_at is not None and now - before.ended_at < pause
        return replace(state, ended_at=now, cooling=now if soon else None)
    lasted = pause is None or before.cooling is None or now - before.cooling >= pause
    return replace(state, cooling=None if lasted else before.cooling)


def opened(new_id: Callable[[str], str], account: str, rule: str, now: datetime) -> Alert:
    """Return an alert that has just been opened, before it has a level and words."""
    return Alert(id=new_id(rule), account=account, rule=rule, level=Level.OK, worst=Level.OK, started_at=now, phrase="")


def follow(alert: Alert | None, level: Level, phrase: str, *, fresh: Callable[[], Alert]) -> Alert | None:
    """Open, move or end an alert; None where there was none and is none."""
    if alert is None and level is Level.OK:
        return None
    alert = alert or fresh()
    return replace(alert, level=level, worst=max(alert.worst, level), phrase=phrase)


def _tell(ruling: Ruling, listeners: Sequence[Listener], now: datetime, *, hush: _Hush) -> Iterator[tuple[str, Change]]:
    alert, case = ruling.alert, ruling.case
    if alert is None or ruling.state.cooling is not None:
        return
    before = case.state.level
    was = _former(case.state, case.rule.limits) if alert.level is not before else ""
    for listener in listeners:
        told = case.told.get(listener.channel)
        if hush.covers(alert, told):
            continue
        wanted = listener.wants(alert.level) and not hush.hidden
        pause = timedelta(0) if hush.ran_out else case.rule.remind_every.at(alert.level)
        cause = due(alert, told, now, wanted=wanted, rose=alert.level > before, pause=pause)
        if cause is not None:
            yield listener.channel, change(alert, cause, told=told, was=was)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the monitor found about itself."""

    level: Level
    phrase: str
    since: datetime | None = None
    """Since when, if not just now."""
    pause: timedelta | None = None
    """Between reminders while it lasts; None for no reminders."""
    words_count: bool = True
    """While it lasts, other words are another thing, such as a second channel, of which nobody was told."""


def own(
    alert: Alert | None,
    told: Mapping[str, Told],
    found: Found,
    now: datetime,
    *,
    listeners: Sequence[Listener],
    fresh: Callable[[], Alert],
) -> tuple[Alert | None, dict[str, Change]]:
    """Follow an alert of the monitor's own, such as channels that cannot be used."""
    moved = follow(alert, found.level, found.phrase, fresh=fresh)
    if moved is None:
        return None, {}
    if found.words_count and alert is not None and alert.phrase != found.phrase and found.level is not Level.OK:
        told = {}
    rose = found.level > (alert.level if alert else Level.OK)
    causes = {
        listener.channel: due(
            moved,
            told.get(listener.channel),
            now,
            wanted=listener.wants(found.level),
            rose=rose,
            pause=found.pause,
        )
        for listener in listeners
    }
    return moved, {name: change(moved, cause, told=told.get(name)) for name, cause in causes.items() if cause}


def due(
    alert: Alert,
    told: Told | None,
    now: datetime,
    *,
    wanted: bool,
    rose: bool,
    pause: timedelta | None,
) -> Cause | None:
    """Say why a channel must be told of an alert now, or None: the whole rule of who hears what.

    ``wanted``: the channel wants alerts of this level of its own accord; ``rose``: it was raised or got worse at this
    very poll; ``pause``: the time between reminders, None for no reminders.
    """
    if told is None:
        return None if not wanted or alert.level is Level.OK else Cause.RAISED if rose else Cause.OPEN
    if alert.level is Level.OK:
        return Cause.ENDED
    if alert.level is not told.level:
        return Cause.WORSE if alert.level > told.level else Cause.EASED
    return Cause.REMINDER if wanted and pause is not None and now - told.at >= pause else None


def change(alert: Alert, cause: Cause, *, told: Told | None, was: str = "") -> Change:
    """Describe what became of an alert, for a reader who was last told ``told``."""
    return Change(
        alert=alert.id,
        account=alert.account,
        rule=alert.rule,
        cause=cause,
        level=alert.level,
        before=told.level if told else Level.OK,
        phrase=alert.phrase,
        was=was,
    )


def unwatch(alert: Alert, told: Sequence[Told]) -> dict[str, Change]:
    """End an alert whose account or rule has left the configuration: told to whoever was told of it."""
    return {one.channel: change(alert, Cause.UNWATCHED, told=one) for one in told}
