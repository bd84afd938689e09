"""The page of all accounts: those in trouble first, the channels, and how the daemon itself is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from monitor import __version__
from monitor.chart import Span
from monitor.config import Config
from monitor.messages import Standing
from monitor.model import MONITOR, Alert, Level, NotSent, Snooze
from monitor.poll.money import hours_since, standings
from monitor.quantity import age, ago, spoken
from monitor.store import Tx, casebook, life, memory, outbox, snoozes
from monitor.store.memory import Memory
from monitor.store.outbox import Health
from monitor.web import say
from monitor.web.pages import render
from monitor.web.say import Moment, Note
from monitor.web.site import Site, Trial, answer
from monitor.web.sparkline import Spark, spark

MOST = 100
"""Accounts on a page."""
LARGE = 12
"""With more accounts than this one wants to search."""
EVERY = 10
"""Seconds between two looks of a page that is open."""
_WEEK = timedelta(days=7)
_HUES = {Level.OK: "ok", Level.INFO: "ok", Level.WARNING: "warning", Level.CRITICAL: "critical"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An account in a line."""

    name: str
    level: str
    hue: str
    balance: str
    amounts: str
    gone: str
    lasts: str
    spark: Spark | None
    read: str
    is_old: bool
    what: Sequence[Note]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel in a line."""

    name: str
    state: str
    hue: str
    waiting: str
    given_up: str
    success: str
    error: str
    trial: Note | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """How the daemon is."""

    word: str
    level: str
    notes: Sequence[Note]
    config: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the page shows."""

    now: Moment
    version: str
    every: int
    worst: str
    summary: str
    daemon: Daemon
    rows: Sequence[Row]
    count: int
    is_large: bool
    asked: str
    left: str
    before: str
    after: str
    channels: Sequence[Way]
    can_change: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of all accounts is to be shown."""

    part: str
    page: int

    @classmethod
    def of(cls, request: Request) -> "_Asked":
        number = request.query_params.get("page", "")
        is_number = number.isascii() and number.isdigit() and len(number) < 6  # noqa: PLR2004 - a million accounts
        return cls(request.query_params.get("q", "").strip()[:64], max(int(number), 1) if is_number else 1)

    def link(self, page: int) -> str:
        words = {"q": self.part} if self.part else {}
        return f"/?{urlencode(words | {'page': str(page)})}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was read in one transaction."""

    now: datetime
    accounts: Mapping[str, Memory]
    alerts: Sequence[Alert]
    levels: Mapping[str, Level]
    snoozes: Sequence[Snooze]
    born: life.Life | None

    def level(self, name: str) -> Level:
        return self.levels.get(name, Level.OK)

    @property
    def own(self) -> list[Alert]:
        """The alerts of the monitor itself."""
        return [alert for alert in self.alerts if alert.account == MONITOR and alert.level > Level.OK]

    def ranked(self, part: str) -> list[str]:
        """Return the accounts whose name has something in it: worst first, then those that are not read."""
        names = (name for name in self.accounts if part.lower() in name)
        return memory.ranked(names, self.accounts, self.levels)


async def overview(site: Site, request: Request) -> Response:
    """Answer with the page of all accounts."""
    behind, asked = site.behind, _Asked.of(request)
    config, now = behind.config(), behind.clock.now()
    wrong, reasons = await site.condition.look()

    def look(tx: Tx) -> str:
        known = _read(tx, config, now)
        names = known.ranked(asked.part)
        shown = names[(asked.page - 1) * MOST : asked.page * MOST]
        return render(
            "overview.html",
            page=Overview(
                now=Moment.of(now, config.timezone),
                version=__version__,
                every=EVERY,
                worst=_worst(known),
                summary=_summary(known),
                daemon=_daemon(known, wrong, reasons),
                rows=_rows(tx, known, shown),
                count=len(known.accounts),
                is_large=len(known.accounts) > LARGE,
                asked=asked.part,
                left=_left(names, asked),
                before=asked.link(asked.page - 1) if asked.page > 1 else "",
                after=asked.link(asked.page + 1) if asked.page * MOST < len(names) else "",
                channels=_channels(tx, config, now, site),
                can_change=config.web.token is not None,
            ),
        )

    return answer(request, await site.read(look), "text/html")


def _read(tx: Tx, config: Config, now: datetime) -> _Known:
    found = memory.recall_all(tx)
    return _Known(
        now=now,
        accounts={name: found.get(name) or Memory(account=name) for name in sorted(config.accounts)},
        alerts=casebook.open_alerts(tx),
        levels=casebook.levels(tx),
        snoozes=snoozes.present(tx, now),
        born=life.read(tx),
    )


# -- in short ---------------------------------------------------------------------------------------------------------


def _worst(known: _Known) -> str:
    """Return the colour of it all: that of the worst alert; grey where nobody knows."""
    worst = max([known.level(name) for name in known.accounts] + [alert.level for alert in known.own], default=Level.OK)
    is_unknown = any(one.failure is not None or one.reading is None for one in known.accounts.values())
    return "unknown" if worst is Level.OK and (is_unknown or not known.accounts) else _HUES[worst]


def _summary(known: _Known) -> str:
    count, alerting = len(known.accounts), [name for name in known.ranked("") if known.level(name) > Level.OK]
    if not count:
        return "No account is watched"
    if alerting:
        who = say.listed(alerting) if count > 1 else alerting[0]
        return f"{len(alerting):,} of {say.counted(count, 'account')} alert{'s' * (len(alerting) == 1)}: {who}"
    silent = [name for name, one in known.accounts.items() if one.failure is not None or one.reading is None]
    if silent:
        return f"No alert, but {say.counted(len(silent), 'account')} cannot be read now: {say.listed(silent)}"
    return f"All {say.counted(count, 'account')} are fine" if count > 1 else f"{next(iter(known.accounts))} is fine"


def _daemon(known: _Known, wrong: str | None, reasons: Sequence[str]) -> Daemon:
    notes = [Note(f"{wrong[0].upper()}{wrong[1:]}.", "critical")] if wrong else []
    notes += [Note(f"{reason[0].upper()}{reason[1:]}.", "warning") for reason in reasons]
    notes += [
        Note(f"{alert.phrase}, for {spoken(known.now - alert.started_at)}", alert.level.word) for alert in known.own
    ]
    born = known.born
    if born is not None:
        notes.append(Note(f"The monitor runs for {spoken(known.now - born.started_at)}, by {born.config}."))
    word, level = ("failing", "critical") if wrong else ("degraded", "warning") if reasons else ("healthy", "ok")
    return Daemon(word=word, level=level, notes=notes, config=born.config if born else "the configuration")


# -- accounts ---------------------------------------------------------------------------------------------------------


def _rows(tx: Tx, known: _Known, shown: Sequence[str]) -> list[Row]:
    here = {name: known.accounts[name] for name in shown}
    stands, span = standings(tx, here), Span(known.now - _WEEK, known.now)
    about: dict[str, list[Alert]] = {}
    for alert in known.alerts:
        about.setdefault(alert.account, []).append(alert)
    return [
        _row(known, one, stands[name], about.get(name, []), spark(hours_since(tx, one, span.since), one.balance, span))
        for name, one in here.items()
    ]


def _row(known: _Known, one: Memory, standing: Standing, alerts: Sequence[Alert], drawn: Spark | None) -> Row:
    level = known.level(one.account)
    return Row(
        name=one.account,
        level=say.level(one, level),
        hue=say.hue(one, level),
        balance=say.balance(one),
        amounts=", ".join(say.amounts(one)),
        gone=say.gone(standing),
        lasts=say.lasts(standing),
        spark=drawn,
        read=f"{age(known.now - one.read_at)} ago" if one.read_at else "never",
        is_old=one.failure is not None,
        what=_what(known, one, alerts),
    )


def _what(known: _Known, one: Memory, alerts: Sequence[Alert]) -> list[Note]:
    """Say what is wrong, the worst first, and what is silent."""
    worst_first = sorted((alert for alert in alerts if alert.level > Level.OK), key=lambda alert: -alert.level)
    notes = [
        Note(f"{alert.phrase}, for {age(known.now - alert.started_at)}", alert.level.word) for alert in worst_first
    ]
    if one.failure is not None and not any(alert.rule == one.failure.kind.value for alert in worst_first):
        notes.append(Note(f"Polls fail: {one.failure.reason}", "warning"))
    silent = [snooze for snooze in known.snoozes if snooze.account == one.account]
    return [*notes, *(Note(silence(snooze, known.now)) for snooze in silent)]


def silence(one: Snooze, now: datetime) -> str:
    """Say what is silent, and for how long."""
    about = f" about {one.rule}" if one.rule else ""
    until = "until it ends" if one.until is None else f"for {spoken(one.until - now)}"
    return f"Snoozed{about} up to {one.level.word}, {until}"


def _left(names: Sequence[str], asked: _Asked) -> str:
    """Say which accounts there are beside those that are shown."""
    if len(names) <= MOST:
        return ""
    first, last = (asked.page - 1) * MOST + 1, min(asked.page * MOST, len(names))
    return f"{first:,} to {last:,} of {len(names):,}, those in trouble first."


# -- channels ---------------------------------------------------------------------------------------------------------


def _channels(tx: Tx, config: Config, now: datetime, site: Site) -> list[Way]:
    health, counts = outbox.all_health(tx), outbox.counts(tx)
    trials = {name: _trial(trial, now) for name, trial in site.trials.items()}
    trials |= {name: Note("A test message is under way.", "warning") for name in list(site.testing)}
    return [
        _channel(health.get(name, Health(channel=name)), counts, now, trials.get(name))
        for name in sorted(config.channels)
    ]


def _channel(health: Health, counts: Mapping[tuple[str, str], int], now: datetime, trial: Note | None) -> Way:
    state, hue = "delivers", "ok"
    if health.failing_since is not None:
        state, hue = f"failing for {age(now - health.failing_since)}", "critical"
    elif health.last_success_at is None:
        state, hue = "not used yet", "unknown"
    waiting, lost = (f"{counts.get((health.channel, state), 0):,}" for state in ("waiting", "given_up"))
    error = f"{ago(health.last_error_at, now)}: {health.last_error}" if health.last_error else "none"
    return Way(
        name=health.channel,
        state=state,
        hue=hue,
        waiting=waiting,
        given_up=lost,
        success=ago(health.last_success_at, now),
        error=error,
        trial=trial,
    )


def _trial(trial: Trial, now: datetime) -> Note:
    when = ago(trial.at, now)
    if isinstance(trial.outcome, NotSent):
        return Note(f"Test {when}: {trial.outcome.reason}", "critical")
    return Note(f"Test {when}: delivered", "ok")
