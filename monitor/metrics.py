"""What Prometheus scrapes: read when it asks, in one transaction, by a registry of our own."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.config import Config
from monitor.counts import Counts
from monitor.messages import Standing
from monitor.model import Level, Snooze
from monitor.poll.money import standings
from monitor.rules import TopUp, Unreachable
from monitor.runway import Runway
from monitor.store import Tx, casebook, memory, outbox, snoozes
from monitor.store.memory import Memory

_PREFIX = "balance_monitor_"
LEVELS = {Level.OK: 0, Level.WARNING: 1, Level.CRITICAL: 2}
STATES = ("waiting", "given_up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """All that is told, as of one moment."""

    config: Config
    accounts: Mapping[str, Memory]
    standings: Mapping[str, Standing]
    levels: Mapping[tuple[str, str], Level]
    """Of each rule of an account that is not ok."""
    snoozed: frozenset[str]
    outbox: Mapping[tuple[str, str], int]
    counts: Counts
    is_reloaded: bool
    """Whether the last reload was taken, or there was none."""

    def is_read(self, account: str) -> bool:
        """Say whether its figures are fresh enough to be told."""
        return (account, Unreachable.name) not in self.levels


def look(tx: Tx, config: Config, counts: Counts, now: datetime, *, is_reloaded: bool) -> Scraped:
    """Read all that is told, of the accounts that are configured."""
    accounts = {name: one for name, one in memory.recall_all(tx).items() if name in config.accounts}
    levels = casebook.rule_levels(tx)
    return Scraped(
        config=config,
        accounts=accounts,
        standings=standings(tx, accounts),
        levels=levels,
        snoozed=_silent(snoozes.present(tx, now), levels),
        outbox=outbox.counts(tx),
        counts=counts,
        is_reloaded=is_reloaded,
    )


def _silent(asked: Sequence[Snooze], levels: Mapping[tuple[str, str], Level]) -> frozenset[str]:
    """Return the accounts of which somebody has silenced all that is as bad as the worst; or where nothing is wrong."""
    rules: dict[str, dict[str, Level]] = {one.account: {} for one in asked}
    for (account, rule), level in levels.items():
        if account in rules:
            rules[account][rule] = level
    by_account: dict[str, list[Snooze]] = {}
    for one in asked:
        by_account.setdefault(one.account, []).append(one)
    return frozenset(account for account, about in by_account.items() if _is_silent(about, rules[account]))


def _is_silent(about: Sequence[Snooze], rules: Mapping[str, Level]) -> bool:
    worst = max(rules.values(), default=Level.OK)
    return all(
        any(one.is_about(rule) and one.level >= level for one in about)
        for rule, level in rules.items()
        if level is worst
    )


def write(scraped: Scraped, accept: str) -> tuple[bytes, str]:
    """Return what is scraped, in the format that the scraper likes best, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(scraped))
    if _likes_openmetrics(accept):
        return _openmetrics(registry), openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


_openmetrics: Callable[[CollectorRegistry], bytes] = openmetrics.generate_latest


def _likes_openmetrics(accept: str) -> bool:
    """Say whether OpenMetrics is wanted at least as much as plain text, by the weights of the header."""
    weights: dict[str, float] = {}
    for one in accept.split(","):
        kind, *parameters = (part.strip() for part in one.lower().split(";"))
        weights[kind] = max(weights.get(kind, 0.0), _weight(parameters))
    wanted = weights.get("application/openmetrics-text", 0.0)
    return wanted > 0 and wanted >= weights.get("text/plain", 0.0)


def _weight(parameters: Iterable[str]) -> float:
    given = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return min(max(float(given), 0.0), 1.0)
    except ValueError:
        return 0.0


class _Once(Collector):
    """One scrape."""

    def __init__(self, scraped: Scraped) -> None:
        self._scraped = scraped

    def collect(self) -> Iterator[Metric]:
        scraped = self._scraped
        yield from _amounts(scraped)
        yield from _money(scraped)
        yield _alerts(scraped)
        yield _snoozed(scraped)
        yield from _polls(scraped)
        yield from _deliveries(scraped)
        yield from _itself(scraped)


def _gauge(name: str, about: str, labels: Iterable[str] = (), unit: str = "") -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, about, labels=list(labels), unit=unit)


_AMOUNTS = {
    "balance_usd": ("Balance in USD, as read last.", "usd"),
    "available_credits": ("Credits, as read last.", "credits"),
    "available_points": ("Points, as read last.", "points"),
}
_ABSENT = " Absent while the account is unreachable."


def _amounts(scraped: Scraped) -> Iterator[Metric]:
    for name, (about, unit) in _AMOUNTS.items():
        family = _gauge(name, about + _ABSENT, ["account"], unit)
        for account, known in scraped.accounts.items():
            value = getattr(known.reading, name, None)
            if value is not None and scraped.is_read(account):
                family.add_metric([account], float(value))
        yield family
    read_at = _gauge("last_reading_timestamp_seconds", "When the balance was read last.", ["account"], "seconds")
    for account, known in scraped.accounts.items():
        if known.read_at is not None:
            read_at.add_metric([account], known.read_at.timestamp())
    yield read_at


def _money(scraped: Scraped) -> Iterator[Metric]:
    runway = _gauge(
        "runway_seconds",
        "Time left at the present rate of spending; +Inf is more than a year, absent is not enough data yet." + _ABSENT,
        ["account"],
        "seconds",
    )
    spent = _gauge("spend_usd_24h", "USD that went in the 24 hours before the latest reading." + _ABSENT, ["account"])
    for account, standing in scraped.standings.items():
        if not scraped.is_read(account):
            continue
        if isinstance(standing.runway, Runway):
            runway.add_metric(
                [account], standing.runway.mid.total_seconds() if standing.runway.mid is not None else inf
            )
        if standing.spent is not None and standing.spent.since is not None:
            spent.add_metric([account], float(standing.spent.fell))
    yield from (runway, spent)


def _alerts(scraped: Scraped) -> Metric:
    family = _gauge("alert_level", "Level of a rule of an account: 0 ok, 1 warning, 2 critical.", ["account", "rule"])
    watched = {
        (account.name, rule.name): Level.OK
        for account in scraped.config.accounts.values()
        for rule in account.rules
        if not isinstance(rule, TopUp)
    }
    for (account, rule), level in (watched | dict(scraped.levels)).items():
        family.add_metric([account, rule], LEVELS[level])
    return family


def _snoozed(scraped: Scraped) -> Metric:
    family = _gauge("snoozed", "1 while what is worst about an account is snoozed.", ["account"])
    for account in scraped.config.accounts:
        family.add_metric([account], account in scraped.snoozed)
    return family


def _polls(scraped: Scraped) -> Iterator[Metric]:
    counts = scraped.counts
    about = "Polls since the start: what they brought, a reading or a kind of failure."
    polls = CounterMetricFamily(_PREFIX + "polls", about, labels=["account", "outcome"])
    for (account, outcome), count in sorted(counts.polls.items()):
        if account in scraped.config.accounts:
            polls.add_metric([account, outcome], count)
    yield polls
    yield HistogramMetricFamily(
        _PREFIX + "poll_duration_seconds",
        "How long polls took since the start, retries included.",
        buckets=counts.buckets,
        sum_value=counts.seconds,
        unit="seconds",
    )


def _deliveries(scraped: Scraped) -> Iterator[Metric]:
    waiting = _gauge(
        "outbox_messages",
        "Messages that a channel has not taken, waiting or given up.",
        ["channel", "state"],
        "messages",
    )
    known = {(channel, state): 0 for channel in scraped.config.channels for state in STATES}
    for (channel, state), count in (known | dict(scraped.outbox)).items():
        waiting.add_metric([channel, state], count)
    yield waiting
    about = "Attempts to deliver since the start: delivered or failed."
    family = CounterMetricFamily(_PREFIX + "deliveries", about, labels=["channel", "outcome"])
    tried = {(channel, outcome): 0 for channel in scraped.config.channels for outcome in ("delivered", "failed")}
    for (channel, outcome), count in (tried | dict(scraped.counts.deliveries)).items():
        if channel in scraped.config.channels:
            family.add_metric([channel, outcome], count)
    yield family


def _itself(scraped: Scraped) -> Iterator[Metric]:
    about = "1 if the last reload was taken, or there was none; 0 while an earlier configuration goes on."
    reloaded = _gauge("config_last_reload_successful", about)
    reloaded.add_metric([], scraped.is_reloaded)
    info = _gauge("build_info", "1, with the version that runs.", ["version"])
    info.add_metric([__version__], 1)
    yield from (reloaded, info)
