"""One rule of one account: how verdicts move it from level to level, confirmed and with a margin."""

from dataclasses import dataclass, replace
from datetime import datetime

from monitor.model import Level
from monitor.rules import Verdict


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
    return replace(moved, was=former(state, limits)) if _is_pending(moved) and moved.level is state.level else moved


def _is_pending(state: State) -> bool:
    return bool(state.up_warning or state.up_critical or state.down_warning or state.down_critical)


def former(state: State, limits: str) -> str:
    """Return the thresholds that a change at this poll must mention, or nothing."""
    former = state.limits if state.limits not in {"", limits} else state.was
    return "" if former == limits else former
