"""All simulated accounts: by name for whoever changes them, by key for whoever asks for a balance."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from monitor.quantity import plain
from monitor.simulator.answers import answer
from monitor.simulator.faults import REFUSED, Answer
from monitor.simulator.request import Request
from monitor.simulator.scenario import Account, told
from monitor.simulator.story import SECOND, Change, Mistake, Story, UnknownAccount, dollars

_REMEMBERED = 1000
_REFUSED = Answer(REFUSED)


@dataclass(slots=True)
class _Kept:
    name: str
    key: str
    story: Story
    answer: Answer = _REFUSED
    until: int = -1
    """Up to when the answer holds; after a change, it does not at all."""
    requests: int = 0
    last: int | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    at: int
    account: str | None
    fault: str | None
    request: Request


class Accounts:
    """The accounts and their time: elapsed seconds of the clock since the beginning, times the speed.

    ``started_at`` is what ``updated_at`` and the times in the log count from; now, unless given.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        started_at: datetime | None = None,
    ) -> None:
        if not (math.isfinite(speed) and speed > 0):
            raise Mistake("the speed must be a number above 0")
        self._speed, self._clock, self._began = speed, clock, clock()
        self._started = time.time_ns() if started_at is None else round(started_at.timestamp() * 1e6) * 1000
        self._now = 0
        self._by_name: dict[str, _Kept] = {}
        self._by_key: dict[str, _Kept] = {}
        self._log: deque[_Seen] = deque(maxlen=_REMEMBERED)
        self._created = 0
        self._login = "http://localhost/login"
        for account in accounts:
            self.create(account)

    @property
    def keys(self) -> dict[str, str]:
        """The key of each account."""
        return {name: kept.key for name, kept in self._by_name.items()}

    def create(self, account: Account) -> None:
        """Add an account whose story begins now."""
        if account.name in self._by_name:
            raise Mistake(f"accounts.{account.name}: there is such an account already")
        if account.key in self._by_key:
            raise Mistake(f"accounts.{account.name}.api_key: the key of {self._by_key[account.key].name} already")
        self._created += 1
        kept = _Kept(account.name, account.key, account.story(now=self.elapsed(), account_id=self._created))
        self._by_name[kept.name] = self._by_key[kept.key] = kept

    def delete(self, name: str) -> None:
        """Remove an account: its key is refused from now on."""
        del self._by_key[self._account(name).key]
        del self._by_name[name]

    def change(self, name: str, /, **changes: Any) -> None:  # noqa: ANN401 - Change says what each may be
        """Change an account now, by the keys of a step: ``change("main", balance_usd="4.07", fault="hang")``."""
        self._change([self._account(name)], changes)

    def change_all(self, /, **changes: Any) -> None:  # noqa: ANN401
        """Change every account now."""
        self._change(self._by_name.values(), changes)

    def requests(self, name: str) -> int:
        """Return how often the account's balance was asked for."""
        return self._account(name).requests

    def describe(self, name: str) -> dict[str, Any]:
        """Return everything about an account, by the keys of a step, as JSON has it."""
        kept = self._account(name)
        kept.story = kept.story.at(self.elapsed())
        state = kept.story.state
        return {
            "name": name,
            "api_key": kept.key,
            "account_id": state.account_id,
            "balance_usd": dollars(state.balance),
            "available_credits": state.credits,
            "available_points": state.points,
            "alert_threshold": plain(state.alert_threshold),
            "low_balance_alert": state.low_balance_alert,
            "spend_usd_per_hour": dollars(state.spend),
            "burst_usd_per_hour": dollars(state.burst),
            "shape": state.shape,
            "omit": sorted(state.omit),
            "fault": str(state.fault) if state.fault else None,
            "times": state.times,
            "requests": kept.requests,
            "last_request_at": None if kept.last is None else self._time(kept.last),
        }

    def log(self, account: str | None = None) -> list[dict[str, Any]]:
        """Return the last thousand requests, or what is among them for one account, oldest first."""
        if account is not None:
            self._account(account)
        return [self._entry(seen) for seen in self._log if account in (None, seen.account)]

    def elapsed(self) -> int:
        """Return how long the stories have been going on, in nanoseconds; it never goes back."""
        self._now = max(self._now, round((self._clock() - self._began) * self._speed * SECOND))
        return self._now

    def balance(self, request: Request) -> Answer:
        """Answer a request for the balance of the account whose key it carries."""
        kept = self._by_key.get(request.headers.get("x-api-key", ""))
        now = self.elapsed()
        if kept is None:
            self._log.append(_Seen(now, None, None, request))
            return _REFUSED
        if now >= kept.until:
            self._refresh(kept, now)
        kept.requests += 1
        kept.last = now
        state = kept.story.state
        self._log.append(_Seen(now, kept.name, str(state.fault) if state.fault else None, request))
        if state.times is not None:
            kept.story, kept.until = kept.story.answered(), -1
        return kept.answer

    def note(self, request: Request) -> None:
        """Put a request for something else into the log."""
        self._log.append(_Seen(self.elapsed(), None, None, request))

    def _refresh(self, kept: _Kept, now: int) -> None:
        kept.story = kept.story.at(now)
        state = kept.story.state
        kept.answer = answer(state, updated_at=self._time(state.updated), login=self._login)
        kept.until = kept.story.until

    def _change(self, accounts: Iterable[_Kept], changes: Mapping[str, Any]) -> None:
        try:
            change = Change.model_validate(changes)
        except ValidationError as error:
            raise Mistake(told(error)) from None
        for kept in accounts:
            kept.story, kept.until = kept.story.at(self.elapsed()).changed(change), -1

    def _account(self, name: str) -> _Kept:
        if name not in self._by_name:
            raise UnknownAccount(f'there is no account "{name}"')
        return self._by_name[name]

    def _entry(self, seen: _Seen) -> dict[str, Any]:
        request = seen.request
        return {
            "at": self._time(seen.at),
            "account": seen.account,
            "fault": seen.fault,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": dict(request.headers),
        }

    def _time(self, elapsed: int) -> str:
        # a reader's clock is not sped up: what changed a story's hour ago changed a minute ago at 60 times the speed
        real = elapsed if self._speed == 1 else round(elapsed / self._speed)
        seconds, fraction = divmod(self._started + real, SECOND)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
