"""The page of one account: how it stands, its course, what was wrong, what was sent where, and what was read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from starlette.requests import Request
from starlette.responses import Response

from monitor import __version__
from monitor.chart import NARROW, WIDE, Chart, Span, draw, frame
from monitor.chart.svg import Spot
from monitor.config import Config
from monitor.messages import Standing
from monitor.model import MONITOR, Alert, Level
from monitor.outlook import contradiction
from monitor.poll import informed
from monitor.poll.chart import look as look_at
from monitor.poll.group import KINDS, place_of, rule_of
from monitor.quantity import Unit, ago, spoken, tell
from monitor.store import Tx, casebook, history, memory, outbox, snoozes
from monitor.store.memory import Memory
from monitor.store.outbox import Queued
from monitor.web import say
from monitor.web.overview import EVERY, silence
from monitor.web.pages import render
from monitor.web.past import Past, Seen, Sent, past, seen, sent
from monitor.web.say import Moment, Note
from monitor.web.site import Site, answer

RANGES = {"1d": (1, "1 day"), "7d": (7, "7 days"), "30d": (30, "30 days"), "1y": (365, "1 year")}
"""The spans of time that are offered, in days."""
USUAL = "7d"
LENGTHS = (("1h", "1 hour"), ("4h", "4 hours"), ("1d", "1 day"), ("7d", "1 week"), ("", "until the alert ends"))
USUAL_LENGTH = "4h"
_MOST_ALERTS, _MOST_SENT, _MOST_READ = 30, 120, 100
_LAST_KNOWN = ", last known"
_HINT = "Point at the chart, or focus it and use the arrow keys, for exact values."


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure and what it is."""

    name: str
    said: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several to choose from."""

    name: str
    said: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture, and where in it time lies, as JSON."""

    svg: str
    plot: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """The course for a wide window and for a narrow one."""

    wide: Drawing
    narrow: Drawing
    hint: str
    points: str
    """Where the values are."""


@dataclass(frozen=True, slots=True)
class Silent:
    """What is silent."""

    rule: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """All that the page shows."""

    now: Moment
    version: str
    every: int
    worst: str
    name: str
    word: str
    balance: str
    last_known: str
    facts: Sequence[Fact]
    notes: Sequence[Note]
    is_whole: bool
    """Whether what was before can be read."""
    ranges: Sequence[Choice]
    zone: str
    chart: Pictures | None
    snoozes: Sequence[Silent]
    rules: Sequence[str]
    lengths: Sequence[Choice]
    alerts: Sequence[Past]
    messages: Sequence[Sent]
    readings: Sequence[Seen]
    readings_said: str
    can_change: bool


@dataclass(frozen=True, slots=True)
class _Daemon:
    """How the daemon is, as far as it concerns what is shown."""

    wrong: str | None
    reasons: Sequence[str]
    is_whole: bool

    @property
    def notes(self) -> list[Note]:
        """What a reader must know of what follows."""
        level = "critical" if self.wrong else "warning"
        return [Note(f"The monitor: {reason}", level) for reason in self.reasons]


async def account(site: Site, request: Request) -> Response:
    """Answer with the page of an account."""
    name, config, now = site.account(request), site.behind.config(), site.behind.clock.now()
    asked = request.query_params.get("range", "")
    chosen = asked if asked in RANGES else USUAL
    wrong, reasons = await site.condition.look()
    daemon = _Daemon(wrong, [wrong, *reasons] if wrong else reasons, is_whole=not site.behind.pulse().trouble)
    text = await site.read(lambda tx: render("account.html", page=_page(tx, config, name, chosen, daemon, now=now)))
    return answer(request, text, "text/html")


def _page(tx: Tx, config: Config, name: str, chosen: str, daemon: _Daemon, *, now: datetime) -> AccountPage:
    known, zone = memory.recall(tx, name), config.timezone
    is_late = daemon.wrong is not None and say.is_late(known, config.accounts[name].interval, now)
    last_known = _LAST_KNOWN if known.reading and (known.failure or is_late) else ""
    found = casebook.latest_alerts(tx, name, _MOST_ALERTS)
    level = max((alert.level for alert, ended_at in found if ended_at is None), default=Level.OK)
    standing, span = informed(tx, known, level), Span(now - timedelta(days=RANGES[chosen][0]), now)
    runs = history.recent(tx, name, span.since, span.until, _MOST_READ)
    return AccountPage(
        now=Moment.of(now, zone),
        version=__version__,
        every=EVERY,
        worst=say.hue(known, level, is_late=is_late),
        name=name,
        word=say.level(known, level, is_late=is_late),
        balance=say.balance(known),
        last_known=last_known,
        facts=_facts(known, standing, last_known, now=now, zone=zone),
        notes=[*daemon.notes, *_notes(known, [alert for alert, ended_at in found if ended_at is None], now)],
        is_whole=daemon.is_whole,
        ranges=[Choice(key, said, key == chosen) for key, (_, said) in RANGES.items()],
        zone=str(zone),
        chart=_pictures(look_at(tx, config, name, span, now=now)),
        snoozes=[Silent(one.rule, silence(one, now)) for one in snoozes.of(tx, name) if one.holds(now)],
        rules=[rule.name for rule in config.accounts[name].rules],
        lengths=[Choice(key, said, key == USUAL_LENGTH) for key, said in LENGTHS],
        alerts=[past(alert, ended_at, now, zone) for alert, ended_at in found],
        messages=sent(_about(tx, config, name), zone)[:_MOST_SENT],
        readings=[seen(run, zone) for run in reversed(runs)],
        readings_said=f"The latest {len(runs):,} rows: polls in a row that saw the same are one.",
        can_change=config.web.token is not None,
    )


# -- how it stands ----------------------------------------------------------------------------------------------------


def _facts(known: Memory, standing: Standing, last_known: str, *, now: datetime, zone: tzinfo) -> list[Fact]:
    reading = known.reading
    facts = [Fact(f"Gone in 24 h{last_known}", say.gone(standing)), Fact(f"Lasts{last_known}", say.lasts(standing))]
    if reading is None:
        return [*facts, Fact("Read", "never")]
    optional = (
        ("Credits", reading.available_credits, Unit.CREDITS),
        ("Points", reading.available_points, Unit.POINTS),
        ("The API's own threshold", reading.alert_threshold, Unit.USD),
    )
    facts += [Fact(name, tell(amount, unit)) for name, amount, unit in optional if amount is not None]
    facts.append(Fact("Read", ago(known.read_at, now)))
    facts += [Fact("Changed, says the API", say.stamp(reading.updated_at, zone))] if reading.updated_at else []
    return facts + ([Fact("Account at the API", reading.account_id)] if reading.account_id else [])


def _notes(known: Memory, alerts: Sequence[Alert], now: datetime) -> list[Note]:
    worst_first = sorted((alert for alert in alerts if alert.level > Level.OK), key=lambda alert: -alert.level)
    notes = [
        Note(f"{alert.level.word.capitalize()}: {alert.phrase}, for {spoken(now - alert.started_at)}", alert.level.word)
        for alert in worst_first
    ]
    if known.failure is not None and known.failing_since is not None:
        said = f"Polls fail for {spoken(now - known.failing_since)}: {known.failure.reason}"
        notes.append(Note(said, "warning"))
    disagrees = contradiction(known.reading) if known.reading else None
    return notes + ([Note(disagrees, "warning")] if disagrees else [])


def _about(tx: Tx, config: Config, name: str) -> list[Queued]:
    """Return the latest messages about an account, and those about its API, which are of several accounts at once."""
    place = place_of(config.accounts[name].base_url)
    of_its_api = {rule_of(kind, place) for kind in KINDS}
    own = outbox.about(tx, MONITOR, _MOST_SENT)
    common = [one for one in own if any(change.rule in of_its_api for change in one.message.changes)]
    found = [*outbox.about(tx, name, _MOST_SENT), *common]
    return sorted(found, key=lambda one: one.message.decided_at, reverse=True)


# -- its course -------------------------------------------------------------------------------------------------------


def _pictures(chart: Chart) -> Pictures | None:
    if chart.latest is None:
        return None
    points = f"/api/v1/accounts/{chart.account}/history?since={_quoted(chart.span.since.isoformat())}"
    return Pictures(_drawing(chart, WIDE), _drawing(chart, NARROW), _HINT, points)


def _drawing(chart: Chart, size: Spot) -> Drawing:
    at = frame(chart, size)
    times = {"since": at.span.since.timestamp() * 1000, "until": at.span.until.timestamp() * 1000}
    plot = {"left": at.box.left / size[0], "right": at.box.right / size[0]} | times
    return Drawing(draw(chart, size), json.dumps(plot))


def _quoted(moment: str) -> str:
    return moment.replace("+", "%2B")
