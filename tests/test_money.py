"""Money as an account's readings tell it: what went, how long the rest lasts, and the rules about both."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_mirror import find_again, lose
from world import MAIN, OPS, START, World, parse, reading

from monitor.config import ConfigError
from monitor.figures import Money
from monitor.model import Failure, Kind, Level
from monitor.poll.money import informed, money
from monitor.quantity import SpanMargin
from monitor.runway import NotYet, Runway
from monitor.spending import HOUR, Hour, spent
from monitor.store import casebook, hourly, memory

Worlds = Callable[..., World]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NO_BALANCE = "[rules.balance_usd]\nenabled = false\n"
DOWN = Failure(Kind.UNREACHABLE, "HTTP 503")


def spends(world: World, hours: int, *, start: object, rate: object, busy: dict[int, object] | None = None) -> Decimal:
    """Let an account be read every half hour while so many USD go an hour, and return what is left."""
    left = Decimal(str(start))
    for step in range(hours * 2):
        left -= Decimal(str((busy or {}).get(step // 2, rate))) / 2
        world.sees_balance(left, after=HOUR / 2)
    return left


def lines(world: World, channel: str = "ops") -> list[str]:
    """Return the body of the latest message, line by line."""
    return world.heard(channel)[-1].body.split("\n")


def hours(world: World, since: datetime, account: str = "main") -> list[Hour]:
    with world.store.transaction() as tx:
        known = memory.recall(tx, account)
        assert known.tally is not None
        assert known.balance is not None
        return hourly.read(tx, account, known.tally, known.balance, since)


# -- what went --------------------------------------------------------------------------------------------------------


def test_a_message_says_what_went_in_24_hours_and_how_long_the_rest_lasts(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + "[rules.runway]\nenabled = false\n")
    spends(world, 72, start=97, rate=1)
    assert lines(world) == [
        "Rule balance_usd: warning.",
        "Balance: $25.00, read 2026-01-16 10:00:00 UTC.",
        "Gone in the last 24 hours: $24.00.",
        "Runway: about 25 hours (16 to 60), from 2 days of readings.",
    ]


def test_before_a_day_has_passed_it_says_what_is_missing(worlds: Worlds) -> None:
    world = worlds('timezone = "Europe/Berlin"\n' + MAIN + OPS)
    spends(world, 4, start=29, rate=1)
    assert lines(world)[2:] == [
        "Gone since 2026-01-13 11:30:00 CET: $3.50; nothing is known of before.",
        "Runway: not enough data yet (needs a day of readings; 20 hours and 30 minutes are missing).",
    ]


def test_a_last_known_balance_keeps_what_was_known_of_its_spending(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + "[rules.runway]\nenabled = false\n")
    spends(world, 48, start=148, rate=1)
    world.fails(times=6)
    body = lines(world)
    assert body[1:3] == ["Last known balance: $100.00, read 2026-01-15 10:00:00 UTC.", "Polls fail now: boom."]
    assert body[3] == "Gone in the last 24 hours: $24.00."
    assert body[4].startswith("Runway: about 4 days (")


def test_what_goes_in_a_gap_is_spread_over_it(world: World) -> None:
    world.reads(100)
    world.sees(DOWN, after=HOUR)
    world.sees_balance(40, after=9 * HOUR)
    assert [hour.fell for hour in hours(world, START)][1:-1] == [Decimal(6)] * 9


def test_an_hour_is_one_row_and_only_once_it_is_over(world: World) -> None:
    world.reads(100, 99, 98)  # 10:05, 10:10, 10:15
    assert rows(world) == []
    world.sees_balance(97, after=HOUR)
    assert rows(world) == [(START, Decimal("2.75"), timedelta(minutes=55))]


def test_a_balance_that_stays_is_counted_when_it_moves(world: World) -> None:
    world.reads(*[100] * 40)
    assert rows(world) == []
    assert spent(hours(world, START), START, world.now, now=world.now).watched == 39 * 5 * MINUTE
    world.reads(99)
    assert [watched for _, _, watched in rows(world)] == [55 * MINUTE, HOUR, HOUR]


def rows(world: World, account: str = "main") -> list[tuple[datetime, Decimal, timedelta]]:
    with world.store.transaction() as tx:
        found = hourly._SINCE.rows(tx, {"account": account, "start": START - 365 * DAY})
    return [(row.start, row.fell, row.watched) for row in found]


_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["1", "0.5", "0", "0", "-3", "20"]),
        st.sampled_from([MINUTE, 5 * MINUTE, HOUR, 7 * HOUR, 3 * DAY]),
        st.sampled_from(["", "", "fails", "restart", "lose", "find"]),
    ),
    max_size=30,
)


@given(_MOVES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_fall_and_rise_is_counted_once_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, timedelta, str]]
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        left, fell, rose = Decimal(1000), Decimal(0), Decimal(0)
        world.sees_balance(left, after=MINUTE)
        for amount, after, act in moves:
            act_on(world, act)
            left -= (gone := Decimal(amount))
            fell, rose = fell + max(gone, Decimal(0)), rose + max(-gone, Decimal(0))
            world.sees_balance(left, after=after)
        if world.store.trouble:
            find_again(world.store)
        found = hours(world, START - DAY)
        assert sum(hour.fell for hour in found) == fell
        assert sum(hour.rose for hour in found) == rose
        assert sum((hour.watched for hour in found), timedelta(0)) <= world.now - START
    finally:
        world.close()


def act_on(world: World, act: str) -> None:
    if act == "fails":
        world.fails()
    elif act == "restart" and world.store.trouble is None:
        world.restart()
    elif act == "lose" and world.store.trouble is None:
        lose(world.store)
    elif act == "find" and world.store.trouble is not None:
        find_again(world.store)


def test_a_key_of_another_account_begins_afresh(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + NO_BALANCE)
    for step in range(80):
        world.sees(reading(100 - step, account_id="1"), after=HOUR / 2)
    assert isinstance(runway_of(world), Runway)
    world.sees(reading(900, account_id="2"), after=HOUR / 2)
    assert isinstance(runway_of(world), NotYet)
    assert [hour.fell + hour.rose for hour in hours(world, START)] == [Decimal(0)]
    world.sees(reading(899, account_id="2"), after=HOUR / 2)
    assert sum(hour.fell for hour in hours(world, START)) == 1


def runway_of(world: World) -> Runway | NotYet | None:
    with world.store.transaction() as tx:
        return informed(tx, memory.recall(tx, "main"), Level.OK).runway


# -- runway -----------------------------------------------------------------------------------------------------------


def test_a_runway_rings_on_tuesday_for_friday(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + '[rules.runway]\nremind_every = "off"\n')
    spends(world, 24 * 9, start=300, rate=1)
    assert world.titles() == [
        "[WARNING] main: about 7 days left (at or below 7 days)",
    ]
    spends(world, 40, start=84, rate=1)
    assert world.titles() == ["[CRITICAL] main: about 1.9 days left (at or below 2 days)"]


def test_a_top_up_ends_it_and_never_distorts_it(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + NO_BALANCE)
    spends(world, 24 * 5, start=200, rate=1)
    world.heard()
    world.sees_balance(800, after=HOUR / 2)
    assert world.titles() == ["[OK] main: about 33 days left (above 7 days)"]
    spends(world, 24, start=800, rate=1)
    assert world.titles() == []


def test_it_never_speaks_from_less_than_a_day(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + NO_BALANCE)
    spends(world, 24, start=50, rate=2)
    assert world.titles() == []
    spends(world, 2, start=2, rate="0.1")
    assert len(world.titles()) == 1


def test_one_busy_hour_alone_pages_nobody(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS)
    spends(world, 24 * 7, start=1000, rate="0.5", busy={100: 200})
    assert world.titles() == []


def test_an_account_at_rest_lasts_for_ever(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS)
    spends(world, 48, start=30, rate=0)
    assert world.titles() == []


def test_a_margin_may_be_a_duration(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + NO_BALANCE + '[rules.runway]\nwarning = "3d"\ncritical = "off"\nclear_margin = "2d"\n')
    spends(world, 48, start=110, rate=1)
    assert world.titles() == ["[WARNING] main: about 3 days left (at or below 3 days)"]
    world.sees_balance(100, after=HOUR / 2)
    assert world.titles() == []
    world.sees_balance(130, after=HOUR / 2)
    assert world.titles() == ["[OK] main: about 5 days left (above 3 days)"]


def test_it_goes_on_while_the_disk_fails_and_over_a_restart(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + NO_BALANCE)
    spends(world, 24 * 4, start=300, rate=1)
    lose(world.store)
    spends(world, 40, start=204, rate=1)
    assert world.titles() == ["[WARNING] main: about 7 days left (at or below 7 days)"]
    find_again(world.store)
    world.restart()
    spends(world, 1, start=164, rate=1)
    assert world.titles() == []
    with world.store.transaction() as tx:
        latest = informed(tx, memory.recall(tx, "main"), Level.OK)
    assert latest.spent is not None
    assert latest.spent.fell == 24
    assert latest.spent.watched == DAY


def test_without_anything_known_a_failing_disk_makes_nobody_guess(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + '[rules.budget]\nperiod = "day"\nwarning = 1\ncritical = 2\n')
    lose(world.store)
    spends(world, 30, start=54, rate=1)
    assert lines(world)[-1] == "Runway: not known while the database cannot be used."
    assert world.level() is Level.WARNING  # of the balance alone


# -- budget -----------------------------------------------------------------------------------------------------------

BUDGET = '[rules.budget]\nperiod = "{}"\nwarning = {}\ncritical = {}\n'


def test_a_budget_rings_when_so_much_has_gone_and_a_new_period_ends_it(worlds: Worlds) -> None:
    world = worlds('timezone = "Europe/Berlin"\n' + MAIN + OPS + BUDGET.format("day", 20, 22))
    spends(world, 13, start=1000, rate=1)  # until midnight in Berlin
    spends(world, 26, start=987, rate=1)
    assert world.titles() == [
        "[WARNING] main: $20.00 gone today (at or above $20.00)",
        "[CRITICAL] main: $22.00 gone today (at or above $22.00)",
        "[OK] main: new day: $0.00 gone so far",
    ]


def test_a_first_partial_period_says_since_when(worlds: Worlds) -> None:
    world = worlds('timezone = "Europe/Berlin"\n' + MAIN + OPS + BUDGET.format("month", 10, 5000))
    spends(world, 24, start=1000, rate=1)
    assert world.titles() == [
        "[WARNING] main: $10.00 gone this month, as far as known since 13 January (at or above $10.00)"
    ]


def test_a_new_month_ends_the_alert_of_the_old_one_even_if_much_went_at_its_first_reading(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + BUDGET.format("month", 10, 5000))
    world.reads(1000)
    world.sees_balance(980, after=DAY)
    assert len(world.titles()) == 1
    world.sees_balance(680, after=timedelta(days=30))
    assert world.titles()[0] == "[OK] main: new month: $124.20 gone so far"
    world.reads(679)
    assert world.titles() == ["[WARNING] main: $125.20 gone this month (at or above $10.00)"]


def test_a_raised_budget_ends_it_with_what_it_was(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + BUDGET.format("week", 10, 5000))
    world.reads(100)
    world.sees_balance(80, after=HOUR)
    world.heard()
    world.reload(MAIN + OPS + BUDGET.format("week", 400, 5000))
    world.reads(79)
    (message,) = world.heard()
    assert message.title == ("[OK] main: $21.00 gone this week, as far as known since 13 January (below $400.00)")
    assert "before: warning $10.00, critical $5,000.00." in message.body


def test_a_budget_of_another_period_or_zone_counts_at_once(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + BUDGET.format("day", 2000, 5000))
    spends(world, 60, start=1000, rate=1)
    assert world.titles() == []
    world.reload(MAIN + OPS + BUDGET.format("week", 50, 5000))
    world.sees_balance(940, after=MINUTE)
    (title,) = world.titles()
    assert title.startswith("[WARNING] main: $59.50 gone this week, as far as known since 13 January")


@pytest.mark.parametrize(
    ("zone", "gone"),
    [
        ("UTC", ["47", "47"]),
        ("Asia/Kathmandu", ["47.5", "47.5"]),  # a quarter of an hour of the day is known at its last reading only
        ("Australia/Lord_Howe", ["47", "48"]),  # half an hour longer on the fifth
        ("America/St_Johns", ["47", "47"]),
    ],
)
def test_days_begin_where_the_zone_says(worlds: Worlds, zone: str, gone: list[str]) -> None:
    world = worlds(f'timezone = "{zone}"\n' + MAIN + OPS + BUDGET.format("day", 5000, 9000))
    world.now = datetime(2026, 4, 3, tzinfo=UTC)
    days = dict[str, Decimal]()
    for step in range(4 * 48):
        figures = world.sees_balance(1000 - step, after=HOUR / 2).figures
        assert figures is not None
        here = world.now.astimezone(ZoneInfo(zone))
        midnight = here.replace(hour=0, minute=0, fold=0).astimezone(UTC)
        days[f"{here:%d}"] = Money(figures, hours(world, figures.until), world.now).since(midnight).fell
    assert [days["04"], days["05"]] == [Decimal(each) for each in gone]  # the last half hour is seen at midnight


# -- spikes -----------------------------------------------------------------------------------------------------------

SPIKE = "[rules.spend_spike]\nminimum_usd = 10\n[rules.runway]\nenabled = false\n"


def test_a_runaway_job_rings_within_the_hour_and_its_end_is_told(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + SPIKE)
    left = spends(world, 24 * 9, start=5000, rate=3)
    assert world.titles() == []
    left = spends(world, 2, start=left, rate=40)
    assert world.titles() == [
        "[WARNING] main: $21.50 gone in the last hour, 7 times the usual for such an hour ($3.00)"
    ]
    left = spends(world, 2, start=left, rate=3)
    assert world.titles() == ["[OK] main: $3.00 gone in the last hour (usual for such an hour: $3.00)"]


def test_a_night_job_that_runs_each_night_is_usual(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + SPIKE)
    spends(world, 24 * 10, start=5000, rate=1, busy={24 * day + 15: 60 for day in range(10)})
    assert world.titles() == []


def test_a_failure_moves_none_of_these_rules(worlds: Worlds) -> None:
    calm = '[rules.unreachable]\nenabled = false\n[rules.runway]\nwarning = "365d"\ncritical = "off"\n'
    world = worlds(MAIN + OPS + NO_BALANCE + calm + BUDGET.format("week", 10, 5000) + "[rules.spend_spike]\n")
    spends(world, 1, start=spends(world, 24 * 9, start=5000, rate=3), rate=100)
    world.heard()
    alerts = opened(world)
    assert alerts == {"runway": Level.WARNING, "budget": Level.WARNING, "spend_spike": Level.WARNING}
    for _ in range(6):
        world.sees(DOWN, after=HOUR)
    assert opened(world) == alerts
    assert world.titles() == []


def opened(world: World) -> dict[str, Level]:
    with world.store.transaction() as tx:
        return {alert.rule: alert.level for alert in casebook.open_alerts(tx)}


def test_it_cannot_tell_before_a_week_and_small_amounts_never_count(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + SPIKE)
    left = spends(world, 48, start=5000, rate=1)
    left = spends(world, 1, start=left, rate=500)
    assert world.titles() == []
    spends(world, 24 * 9, start=left, rate="0.1", busy={24 * 8 + 5: 9})
    assert world.titles() == []


# -- in messages ------------------------------------------------------------------------------------------------------


def test_a_message_says_where_the_api_contradicts_itself(world: World) -> None:
    world.sees(reading(20, alert_threshold=100, low_balance_alert=False))
    assert lines(world)[-1] == (
        "The API's own alert is off, although the balance is at or below its threshold of $100.00."
    )


def test_of_an_account_that_was_never_read_nothing_is_known(world: World) -> None:
    with world.store.transaction() as tx:
        unread = memory.Memory(account="main")
        assert money(tx, world.config, world.config.accounts["main"], unread, None) is None
        assert informed(tx, unread, Level.OK).spent is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[rules.spend_spike]\nfactor = 0.5\n", "rules.spend_spike.factor: below 1"),
        ("[rules.spend_spike]\nminimum_usd = -1\n", "rules.spend_spike.minimum_usd: below 0"),
        ('[rules.budget]\nperiod = "year"\n', "rules.budget.period: not one of the words for this"),
        ("[rules.budget]\nwarning = 50\ncritical = 40\n", "critical must be above warning"),
        ('[rules.runway]\nwarning = "2d"\ncritical = "7d"\n', "critical must be shorter than warning"),
        ("[rules.runway]\nclear_margin = 5\n", "rules.runway.clear_margin: a duration needs a unit"),
        ('[rules.runway]\nclear_margin = "-5%"\n', "rules.runway.clear_margin: a margin cannot be negative"),
    ],
)
def test_a_mistake_in_these_rules_is_one_sentence_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse(tmp_path, MAIN + OPS + text)
    assert place in str(told.value)


def test_their_limits_are_told_when_a_reload_changes_them(tmp_path: Path) -> None:
    config = parse(tmp_path, MAIN + OPS + "[rules.budget]\n[rules.spend_spike]\n")
    limits = {rule.name: rule.limits for rule in config.accounts["main"].rules}
    assert limits["runway"] == "warning 7d, critical 2d"
    assert limits["budget"] == "warning $400.00, critical $500.00"
    assert limits["spend_spike"] == "5 times the usual, at least $10.00"


def test_a_default_that_contradicts_what_was_set_gives_way(tmp_path: Path) -> None:
    config = parse(tmp_path, MAIN + OPS + '[rules.runway]\ncritical = "9d"\n[rules.budget]\nwarning = 900\n')
    limits = {rule.name: rule.limits for rule in config.accounts["main"].rules}
    assert limits["runway"] == "critical 9d"
    assert limits["budget"] == "warning $900.00"
    assert str(SpanMargin(Decimal(0), 2 * DAY)) == "2d"
    assert str(SpanMargin(Decimal("2.50"), timedelta(0))) == "2.5%"


# -- reminders --------------------------------------------------------------------------------------------------------


def test_rules_about_one_account_share_their_reminders(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + '[rules.balance_usd]\nwarning = "off"\n[rules.runway]\nwarning = "off"\n')
    left = spends(world, 30, start=48, rate="1.45")  # the runway is critical, then the balance is
    world.heard()
    told = []
    for _ in range(48):
        left -= Decimal("0.001")
        world.sees_balance(left, after=HOUR / 2)
        told += world.heard()
    assert [message.title.endswith("(and 1 more)") for message in told].count(False) <= 1
    assert len(told) <= 7  # every four hours, in a day


def test_an_alert_of_another_account_is_over_when_nothing_is_known_of_this_one(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS)
    for step in range(80):
        world.sees(reading(100 - step, account_id="1"), after=HOUR / 2)
    assert opened(world) == {"runway": Level.CRITICAL, "balance_usd": Level.WARNING}
    world.heard()
    world.sees(reading(60, account_id="2"), after=HOUR / 2)
    assert opened(world) == {}
    (message,) = world.heard()
    assert "[OK] main: not enough data yet to say how long it lasts" in message.body
