"""The page of all accounts: those in trouble first, the channels, and how the daemon itself is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from monitor import __version__
from monitor.chart import Span
from monitor.config import Config
from monitor.messages import Standing
from monitor.model import MONITOR, Alert, Level, Snooze
from monitor.poll.money import hours_since, standings
from monitor.quantity import age, spoken
from monitor.store import Tx, casebook, life, memory, snoozes
from monitor.store.memory import Memory
from monitor.web import say
from monitor.web.pages import render
from monitor.web.say import Moment, Note
from monitor.web.site import Site, answer
from monitor.web.sparkline import Spark, spark
from monitor.web.ways import Way, ways

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

    def within(self, count: int) -> "_Asked":
        """Return the last page there is, if it is behind that."""
        return replace(self, page=min(self.page, max(-(-count // MOST), 1)))

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
    late: frozenset[str]
    """Accounts whose poll is overdue."""

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
    behind, sought = site.behind, _Asked.of(request)
    config, now = behind.config(), behind.clock.now()
    wrong, reasons = await site.condition.look()

    def look(tx: Tx) -> str:
        known = _read(tx, config, now, is_late=wrong is not None)
        names = known.ranked(sought.part)
        asked = sought.within(len(names))
        shown = names[(asked.page - 1) * MOST : asked.page * MOST]
        return render(
            "overview.html",
            page=Overview(
                now=Moment.of(now, config.timezone),
                version=__version__,
                every=EVERY,
                worst=_worst(known, wrong),
                summary=_summary(known, wrong),
                daemon=_daemon(known, wrong, reasons),
                rows=_rows(tx, known, shown),
                count=len(known.accounts),
                is_large=len(known.accounts) > LARGE,
                asked=asked.part,
                left=_left(names, asked),
                before=asked.link(asked.page - 1) if asked.page > 1 else "",
                after=asked.link(asked.page + 1) if asked.page * MOST < len(names) else "",
                channels=ways(tx, config, now, site),
                can_change=config.web.token is not None,
            ),
        )

    return answer(request, await site.read(look), "text/html")


def _read(tx: Tx, config: Config, now: datetime, *, is_late: bool) -> _Known:
    found = memory.recall_all(tx)
    accounts = {name: found.get(name) or Memory(account=name) for name in sorted(config.accounts)}
    late = (name for name, one in accounts.items() if say.is_late(one, config.accounts[name].interval, now))
    return _Known(
        now=now,
        accounts=accounts,
        alerts=casebook.open_alerts(tx),
        levels=casebook.levels(tx),
        snoozes=snoozes.present(tx, now),
        born=life.read(tx),
        late=frozenset(late if is_late else ()),
    )


# -- in short ---------------------------------------------------------------------------------------------------------


def _worst(known: _Known, wrong: str | None) -> str:
    """Return the colour of it all: that of the worst alert; grey where nobody knows."""
    worst = max([known.level(name) for name in known.accounts] + [alert.level for alert in known.own], default=Level.OK)
    is_unknown = any(one.failure is not None or one.reading is None for one in known.accounts.values())
    return "unknown" if worst is Level.OK and (wrong or is_unknown or not known.accounts) else _HUES[worst]


def _summary(known: _Known, wrong: str | None) -> str:
    count, alerting = len(known.accounts), [name for name in known.ranked("") if known.level(name) > Level.OK]
    if not count:
        return "No account is watched"
    if alerting:
        who = say.listed(alerting) if count > 1 else alerting[0]
        return f"{len(alerting):,} of {say.counted(count, 'account')} alert{'s' * (len(alerting) == 1)}: {who}"
    if wrong:
        return f"Nobody knows: {wrong}"
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
    level, is_late = known.level(one.account), one.account in known.late
    return Row(
        name=one.account,
        level=say.level(one, level, is_late=is_late),
        hue=say.hue(one, level, is_late=is_late),
        balance=say.balance(one),
        amounts=", ".join(say.amounts(one)),
        gone=say.gone(standing),
        lasts=say.lasts(standing),
        spark=drawn,
        read=f"{age(known.now - one.read_at)} ago" if one.read_at else "never",
        is_old=one.reading is not None and (one.failure is not None or is_late),
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
