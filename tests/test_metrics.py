"""What Prometheus scrapes: every metric that was promised, in both formats, absent where it would not be true."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from math import inf

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain
from site_of import LOCAL, WORLD, Site
from world import World, reading

from monitor import __version__
from monitor.counts import Counts
from monitor.model import Failure, Kind, Level, NotSent, Sent, Snooze
from monitor.pulse import Pulse
from monitor.store import snoozes

OPEN = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}
PROMISED = {
    "balance_usd": ("gauge", "usd"),
    "available_credits": ("gauge", "credits"),
    "available_points": ("gauge", "points"),
    "runway_seconds": ("gauge", "seconds"),
    "spend_usd_24h": ("gauge", ""),
    "alert_level": ("gauge", ""),
    "snoozed": ("gauge", ""),
    "polls": ("counter", ""),
    "poll_duration_seconds": ("histogram", "seconds"),
    "last_reading_timestamp_seconds": ("gauge", "seconds"),
    "outbox_messages": ("gauge", "messages"),
    "deliveries": ("counter", ""),
    "config_last_reload_successful": ("gauge", ""),
    "build_info": ("gauge", ""),
}


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:
    return worlds(WORLD + LOCAL)


@pytest.fixture
def site(world: World, sites: Callable[..., Site]) -> Site:
    return sites(world)


def scraped(site: Site) -> dict[str, Metric]:
    """Scrape, and return the families without the prefix that they all have."""
    answer = site.get("/metrics", headers=OPEN)
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    return {one.name.removeprefix("balance_monitor_"): one for one in _families(answer.text)}


def _families(text: str, *, is_open: bool = True) -> Iterable[Metric]:
    parse: Callable[[str], Iterable[Metric]] = parse_openmetrics if is_open else parse_plain
    return parse(text)


def values(family: Metric) -> dict[tuple[str, ...], float]:
    return {tuple(one.labels.values()): one.value for one in family.samples}


def test_every_metric_that_was_promised_is_there_with_help_and_unit(site: Site, world: World) -> None:
    world.reads("72.048")
    found = scraped(site)
    assert {name: (one.type, one.unit) for name, one in found.items()} == PROMISED
    assert all(one.documentation.endswith(".") for one in found.values())


def test_amounts_are_those_read_last(site: Site, world: World) -> None:
    world.reads("80", "72.048", available_credits="71000.5", available_points=0)
    found = scraped(site)
    assert values(found["balance_usd"]) == {("main",): 72.048}
    assert values(found["available_credits"]) == {("main",): 71000.5}
    assert values(found["available_points"]) == {("main",): 0}
    assert values(found["spend_usd_24h"]) == {("main",): 7.952}
    assert values(found["runway_seconds"]) == {}  # not enough data yet
    assert values(found["last_reading_timestamp_seconds"]) == {("main",): world.now.timestamp()}


@pytest.mark.parametrize(("balance", "least", "most"), [(100, 2 * 86400, 4 * 86400), (10**6, inf, inf)])
def test_a_runway_is_in_seconds_and_infinite_beyond_a_year(
    balance: int, least: float, most: float, site: Site, world: World
) -> None:
    for hour in range(30):
        world.sees_balance(balance - hour, after=timedelta(hours=1))
    (lasts,) = values(scraped(site)["runway_seconds"]).values()
    assert least <= lasts <= most


def test_while_an_account_is_unreachable_its_amounts_are_absent_and_the_time_of_the_last_reading_stays(
    site: Site, world: World
) -> None:
    world.reads("72.048")
    read_at = world.now.timestamp()
    world.fails()
    assert values(scraped(site)["balance_usd"]) == {("main",): 72.048}
    world.fails(times=5)
    found = scraped(site)
    for name in ("balance_usd", "available_credits", "available_points", "runway_seconds", "spend_usd_24h"):
        assert values(found[name]) == {}, name
    assert values(found["last_reading_timestamp_seconds"]) == {("main",): read_at}
    assert values(found["alert_level"])["main", "unreachable"] == 1
    world.reads("72")
    assert values(scraped(site)["balance_usd"]) == {("main",): 72}


def test_every_rule_that_watches_has_a_level_and_news_has_none(site: Site, world: World) -> None:
    world.reads("4")
    found = values(scraped(site)["alert_level"])
    assert found == {
        ("main", "balance_usd"): 2,
        ("main", "low_balance_alert"): 0,
        ("main", "runway"): 0,
        ("main", "unreachable"): 0,
        ("main", "refused"): 0,
        ("main", "unreadable"): 0,
    }
    world.reads("20")
    assert values(scraped(site)["alert_level"])["main", "balance_usd"] == 1


def test_silence_is_seen(site: Site, world: World) -> None:
    world.reads("4")
    assert values(scraped(site)["snoozed"]) == {("main",): 0}

    def ask(rule: str, level: Level) -> None:
        until = world.now + timedelta(hours=1)
        with world.store.transaction() as tx:
            snoozes.ask(tx, Snooze(account="main", rule=rule, level=level, until=until))

    ask("runway", Level.CRITICAL)
    ask("", Level.WARNING)
    assert values(scraped(site)["snoozed"]) == {("main",): 0}  # for neither is about what is critical
    ask("", Level.CRITICAL)
    assert values(scraped(site)["snoozed"]) == {("main",): 1}
    world.sees(reading("4"), after=timedelta(hours=2))
    assert values(scraped(site)["snoozed"]) == {("main",): 0}


def test_polls_and_deliveries_are_counted(site: Site, world: World) -> None:
    for seen, seconds in ((reading(1), 0.05), (reading(1), 0.3), (Failure(Kind.REFUSED, "401"), 30.0)):
        site.counts.polled("main", seen, seconds)
    site.counts.polled("gone", reading(1), 0.01)
    for outcome in (Sent(), NotSent("x"), NotSent("x")):
        site.counts.tried("ops", outcome)
    site.counts.tried("gone", Sent())
    world.reads("4")
    found = scraped(site)
    assert values(found["polls"]) == {("main", "reading"): 2, ("main", "refused"): 1}
    assert values(found["deliveries"]) == {("ops", "delivered"): 1, ("ops", "failed"): 2}
    assert values(found["outbox_messages"]) == {("ops", "waiting"): 1, ("ops", "given_up"): 0}
    took = {
        one.labels.get("le", one.name.rpartition("_")[2]): one.value for one in found["poll_duration_seconds"].samples
    }
    assert (took["0.05"], took["0.25"], took["0.5"], took["20.0"], took["+Inf"]) == (2, 2, 3, 3, 4)
    assert (took["count"], round(took["sum"], 2)) == (4, 30.36)


def test_a_reload_that_was_refused_is_seen_and_which_version_runs(site: Site) -> None:
    assert values(scraped(site)["config_last_reload_successful"]) == {(): 1}
    site.pulse = Pulse(pid=1, overdue=0, reload_error="wrong")
    found = scraped(site)
    assert values(found["config_last_reload_successful"]) == {(): 0}
    assert values(found["build_info"]) == {(__version__,): 1}


@pytest.mark.parametrize(
    ("accept", "is_open"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=x", False),
        ("application/openmetrics-text", True),
        ("text/plain;q=0.5, Application/OpenMetrics-Text; version=1.0.0", True),
        ('application/openmetrics-text;version="><script>;q=1;q=1', True),
    ],
)
def test_the_format_is_the_one_that_is_liked_best(accept: str | None, is_open: bool, site: Site, world: World) -> None:  # noqa: FBT001 - a table
    world.reads("4")
    answer = site.get("/metrics", headers={} if accept is None else {"Accept": accept})
    kind = "application/openmetrics-text; version=1.0.0" if is_open else "text/plain; version=0.0.4"
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert {one.name for one in _families(answer.text, is_open=is_open)} >= {
        "balance_monitor_balance_usd",
        "balance_monitor_polls",
    }
    assert answer.text.endswith("# EOF\n") is is_open


def test_buckets_count_up() -> None:
    counts = Counts()
    assert counts.buckets[-1] == ("+Inf", 0)
    counts.polled("main", reading(1), 0.0)
    assert [count for _, count in counts.buckets] == [1] * 10
