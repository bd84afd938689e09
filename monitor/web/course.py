"""The history of an account, in steps that are few enough to draw: asked for, read, told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from starlette.requests import Request
from starlette.responses import Response

from monitor.config import Config
from monitor.documents import encode
from monitor.quantity import parse_duration, short, spoken
from monitor.store import Tx, history, steps
from monitor.store.steps import Asked, Step
from monitor.web.problem import ProblemError
from monitor.web.site import Site, answer
from monitor.when import moment_of, parse_when

MOST = 2000
"""Points of an answer."""
_USUAL = 500
_WEEK, _DAY, _HOUR, _MINUTE = timedelta(days=7), timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
_LADDER = (
    *(_MINUTE * count for count in (1, 2, 3, 5, 10)),
    *(_HOUR * count for count in (1, 2, 3, 4, 6, 8, 12, 24)),
)
"""Steps that are taken unless others are asked for. Above ten minutes they are whole hours, which an index knows."""
_GAP = 3
"""Polls in a row that brought nothing are a gap."""
_PARAMETERS = {"since", "until", "step"}


@dataclass(frozen=True, slots=True)
class _Window:
    since: datetime
    until: datetime
    step: timedelta | None
    """As asked for."""


async def course(site: Site, request: Request) -> Response:
    """Answer the course of a balance, from a time to another."""
    config, now = site.behind.config(), site.behind.clock.now()
    name, window = site.account(request), _window(request.query_params, now, config.timezone)
    interval = config.accounts[name].interval
    breaks = _breaks(config, interval, now)
    if trouble := site.behind.pulse().trouble:
        raise ProblemError(503, f"what was before is not known while the database cannot be used: {trouble}")

    def look(tx: Tx) -> str:
        first = history.earliest(tx, name)
        since = window.since if first is None else max(window.since, min(first, window.until))
        length = _length(since, window, interval)
        asked = Asked(account=name, since=since, until=max(window.until, since), length=length, breaks=breaks)
        return _document(asked, steps.steps(tx, asked) if first is not None else [])

    return answer(request, await site.read(look))


def _window(given: Mapping[str, str], now: datetime, zone: tzinfo) -> _Window:
    for name in given:
        if name not in _PARAMETERS:
            raise ProblemError(422, "an unknown parameter: there are since, until and step")
    since, until = (_moment(name, given.get(name), now, zone) for name in ("since", "until"))
    since, until = since or now - _WEEK, min(until or now, now)
    if since > until:
        raise ProblemError(422, "since is later than until, which is now unless given")
    try:
        step = parse_duration(given["step"]) if "step" in given else None
    except ValueError as error:
        raise ProblemError(422, f"step: {error}") from None
    return _Window(since, until, step)


def _moment(name: str, text: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    try:
        return None if text is None else moment_of(parse_when(text), now, zone)
    except (ValueError, OverflowError) as error:
        raise ProblemError(422, f"{name}: {error}") from None


def _length(since: datetime, window: _Window, interval: timedelta) -> timedelta:
    """Return the length of a step: as asked for, or so that there are some hundred."""
    span = window.until - since
    if window.step is None:
        least = max(span / _USUAL, interval)
        return next((one for one in _LADDER if one >= least), _whole(least, _DAY))
    length = _whole(window.step, _MINUTE if window.step <= _MINUTE * 10 else _HOUR)
    if span / length > MOST - 2:
        least = _whole(span / (MOST - 2), _HOUR if span > _MINUTE * 10 * MOST else _MINUTE)
        raise ProblemError(422, f"step: more than {MOST} steps of {spoken(length)}: ask for {short(least)} or more")
    return length


def _whole(length: timedelta, unit: timedelta) -> timedelta:
    """Round up to whole units, one at least."""
    return max(-(-length // unit), 1) * unit


def _breaks(config: Config, interval: timedelta, now: datetime) -> Callable[[datetime], timedelta]:
    """Return how long a pause before a moment is a gap: old readings are kept one an hour."""
    thinned_until = now - config.retention.raw
    return lambda at: _GAP * (max(interval, _HOUR) if at < thinned_until else interval)


def _document(asked: Asked, found: list[Step]) -> str:
    points = [{"at": one.at, "min": one.low, "max": one.high, "last": one.last} for one in found]
    since, until = asked.span
    head = {"account": asked.account, "since": since, "until": until}
    return encode(head | {"step_seconds": int(asked.length.total_seconds()), "points": points})
