"""An account's state as a pure function of elapsed time, exact to the thousandth of a dollar.

Time is whole nanoseconds since the simulator started; money is whole thousandths of a dollar, of which one is one
credit and one point. What has been spent but is less than a thousandth is kept, so that no rate is ever rounded.
"""

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from monitor.quantity import Amount, Duration, parse_amount, plain
from monitor.simulator.faults import Fault, parse_fault

SECOND = 10**9
_HOUR = 3600 * SECOND
FOREVER = 10**30
_MONEY = frozenset({"balance_usd", "available_credits", "available_points", "add_usd", "take_usd"})
_SETTINGS = ("alert_threshold", "low_balance_alert", "account_id", "shape", "omit")


class Mistake(ValueError):  # noqa: N818 - whose it is: the user's
    """Something asked for that cannot be: one sentence that names the place."""


class UnknownAccount(Mistake):
    """There is no account of that name."""


def _thousandths(value: object) -> int:
    amount = parse_amount(value) * 1000
    if amount % 1:
        raise ValueError("not an amount: at most three decimals, as the API has")
    return int(amount)


def dollars(thousandths: int) -> str:
    """Write thousandths of a dollar as the API does: ``72.048``, ``7.28``, ``60``."""
    return plain(Decimal(thousandths) / 1000)


Usd = Annotated[int, BeforeValidator(_thousandths)]
"""Dollars as people write them, thousandths as they are kept."""
_Positive = Annotated[Usd, Field(ge=0)]
_Count = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]
Optional = Literal[
    "account_id", "available_credits", "available_points", "alert_threshold", "low_balance_alert", "updated_at"
]
"""The fields that the API may leave out."""


class Change(BaseModel):
    """What a step of a story, a call or a control request changes; what is not given stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    balance_usd: Usd | None = None
    """All there is; the points stay as far as they fit in, unless given too."""
    available_credits: _Count | None = None
    available_points: _Count | None = None
    add_usd: _Positive | None = None
    take_usd: _Positive | None = None
    """One job or an expiry; points go first, and the balance may fall below zero."""
    spend_usd_per_hour: _Positive | None = None
    """Points go first, as the published examples suggest; spending stops at zero."""
    burst_usd_per_hour: _Positive | None = None
    """On top of the spending, as long as it ``lasts``."""
    alert_threshold: Amount | None = None
    low_balance_alert: Literal["auto", True, False] | None = None
    account_id: _Count | None = None
    shape: Literal["envelope", "bare"] | None = None
    omit: frozenset[Optional] | None = None
    fault: Annotated[Fault | None, BeforeValidator(parse_fault)] = None
    times: Annotated[int, Field(strict=True, ge=1)] | None = None
    """For how many requests the fault is on; without it, until it is switched off."""
    lasts: Duration | None = None
    """How long the burst or the fault is on, in the time of the story."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if None not in (self.balance_usd, self.available_credits, self.available_points):
            raise ValueError("give two of balance_usd, available_credits and available_points: the third follows")
        if self.times is not None and self.fault is None:
            raise ValueError("times needs a fault")
        if self.lasts is not None and self.fault is None and self.burst_usd_per_hour is None:
            raise ValueError("lasts needs a fault or burst_usd_per_hour")
        return self


class Event(NamedTuple):
    """A change to come; ``every`` is the time after which it comes again; ``ends`` undoes what only lasts a while."""

    at: int
    change: Change
    every: int = 0
    ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """An account at one moment; money in thousandths of a dollar, rates in thousandths an hour."""

    credits: int = 0
    points: int = 0
    owed: int = 0
    """What has been spent of the next thousandth, in thousandths x nanoseconds an hour."""
    updated: int = 0
    """When the balance changed last."""
    spend: int = 0
    burst: int = 0
    alert_threshold: Decimal = Decimal(10)
    low_balance_alert: bool | Literal["auto"] = "auto"
    account_id: int = 1
    shape: Literal["envelope", "bare"] = "envelope"
    omit: frozenset[Optional] = frozenset()
    fault: Fault | None = None
    times: int | None = None

    @property
    def balance(self) -> int:
        """Everything there is, in thousandths of a dollar."""
        return self.credits + self.points

    @property
    def flag(self) -> bool:
        """What the API says as low_balance_alert."""
        if self.low_balance_alert == "auto":
            return self.balance <= self.alert_threshold * 1000
        return self.low_balance_alert


@dataclass(frozen=True, slots=True)
class Story:
    """An account from a moment on: how it is now, and what is to come, in order."""

    now: int = 0
    state: State = field(default_factory=State)
    events: tuple[Event, ...] = ()

    def at(self, now: int) -> "Story":
        """Return the story at a moment that is not before this one."""
        story = self
        while story.events and story.events[0].at <= now:
            event, *rest = story.events
            story = replace(_spent(story, event.at), events=tuple(rest))
            if event.every:
                story = story.with_event(event._replace(at=event.at + event.every))
            story = story.changed(event.change)
        return _spent(story, now)

    def changed(self, change: Change) -> "Story":
        """Return the story with a change made at its present moment."""
        state = replace(self.state, **_settings(change) | _money(self.state, change, now=self.now))
        # the end of an earlier burst or fault must not end the one that takes its place
        replaced = {"burst_usd_per_hour", "fault"} & change.model_fields_set
        events = tuple(e for e in self.events if not (e.ends and replaced & e.change.model_fields_set))
        story = replace(self, state=state, events=events)
        if change.lasts is None:
            return story
        neutral: dict[str, Any] = {"burst_usd_per_hour": 0, "fault": None}
        end = Change(**{name: neutral[name] for name in replaced})
        return story.with_event(Event(self.now + nanoseconds(change.lasts), end, ends=True))

    def with_event(self, event: Event) -> "Story":
        """Return the story with one more thing to come, after those of the same moment."""
        place = bisect_right(self.events, event.at, key=lambda e: e.at)
        return replace(self, events=(*self.events[:place], event, *self.events[place:]))

    def answered(self) -> "Story":
        """Return the story after a request that met a fault for a count of them: one fewer is left."""
        state = self.state
        left = (state.times or 1) - 1
        return replace(self, state=replace(state, times=left or None, fault=state.fault if left else None))

    @property
    def until(self) -> int:
        """The moment up to which nothing that a reader sees can change by itself."""
        state, next_event = self.state, self.events[0].at if self.events else FOREVER
        rate = state.spend + state.burst
        if not rate or state.balance <= 0:
            return next_event
        return min(next_event, self.now - (state.owed - _HOUR) // rate)


def nanoseconds(length: timedelta) -> int:
    """Return a duration as stories count it."""
    return length // timedelta(microseconds=1) * 1000


def _settings(change: Change) -> dict[str, Any]:
    new = {name: value for name in _SETTINGS if (value := getattr(change, name)) is not None}
    if change.spend_usd_per_hour is not None:
        new["spend"] = change.spend_usd_per_hour
    if change.burst_usd_per_hour is not None:
        new["burst"] = change.burst_usd_per_hour
    if "fault" in change.model_fields_set:
        new |= {"fault": change.fault, "times": change.times}
    return new


def _money(state: State, change: Change, *, now: int) -> dict[str, Any]:
    if not _MONEY & change.model_fields_set:
        return {}
    credit, points = state.credits, state.points
    if change.available_credits is not None:
        credit = change.available_credits
    if change.available_points is not None:
        points = change.available_points
    if change.balance_usd is not None:
        credit, points = _split(change.balance_usd, change, points)
    credit, points = _take(credit + (change.add_usd or 0), points, change.take_usd or 0)
    owed = state.owed if change.balance_usd is None else 0
    return {"credits": credit, "points": points, "owed": owed, "updated": now}


def _split(balance: int, change: Change, points: int) -> tuple[int, int]:
    if change.available_credits is not None:
        return change.available_credits, balance - change.available_credits
    if change.available_points is None:
        points = min(points, max(balance, 0))
    return balance - points, points


def _take(credit: int, points: int, amount: int) -> tuple[int, int]:
    from_points = min(max(points, 0), amount)
    return credit - (amount - from_points), points - from_points


def _spent(story: Story, now: int) -> Story:
    state = story.state
    rate = state.spend + state.burst
    left = state.balance * _HOUR - state.owed
    if not rate or left <= 0:
        return replace(story, now=now)
    cost = rate * (now - story.now)
    whole, owed = divmod(state.owed + min(cost, left), _HOUR)
    if not whole:
        return replace(story, now=now, state=replace(state, owed=owed))
    updated = now - owed // rate if cost < left else story.now - -left // rate
    credit, points = _take(state.credits, state.points, whole)
    return replace(story, now=now, state=replace(state, credits=credit, points=points, owed=owed, updated=updated))
