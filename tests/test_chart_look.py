"""What a picture is drawn from: what is recorded of an account, as it is known at that moment."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from world import MAIN, OPS, START, World, reading

from monitor.chart import Chart, Rise, Seen, Span, Terms, course
from monitor.model import Failure, Kind, Level
from monitor.poll import chart
from monitor.runway import NotYet, Runway
from monitor.spending import Balance
from monitor.store import memory, schema
from monitor.store.mirror import PARTIAL
from monitor.store.outline import Grain, Held, outline

Worlds = Callable[..., World]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def week(world: World, account: str = "main") -> Chart | None:
    with world.store.transaction() as tx:
        return chart.week(tx, world.config, account, world.now)


def look(world: World, since: timedelta, until: timedelta = timedelta(0)) -> Chart:
    with world.store.transaction() as tx:
        span = Span(world.now - since, world.now - until)
        return chart.look(tx, world.config, "main", span, now=world.now)


def test_a_week_shows_thresholds_alerts_what_came_in_and_how_long_it_lasts(worlds: Worlds) -> None:
    world = worlds(MAIN + "[accounts.main.rules.balance_usd]\nwarning = 40\n" + OPS)
    for hour in range(72):
        world.sees_balance(100 - hour, after=HOUR)
    top_up = world.now
    world.sees_balance(200, after=HOUR)
    for hour in range(24):
        world.sees_balance(199 - hour, after=HOUR)
    found = week(world)
    assert found is not None
    assert [f"{line.level.word} {line.usd}" for line in found.lines] == ["warning 40", "critical 5"]
    assert found.course.rises == [Rise(top_up + HOUR, Decimal(29), Decimal(200))]
    assert {one.level for one in found.alarms} == {Level.WARNING, Level.CRITICAL}
    assert all(START <= one.span.since <= one.span.until <= world.now for one in found.alarms)
    assert found.standing is not None
    assert isinstance(found.standing.runway, Runway)
    assert found.lasts == found.standing.runway
    assert found.latest == Balance(world.now, Decimal(176))


def test_a_new_account_is_shown_from_its_first_reading_on_and_never_less_than_an_hour(worlds: Worlds) -> None:
    world = worlds().reads(72)
    found = week(world)
    assert found is not None
    assert found.span == Span(world.now - HOUR, world.now)
    assert (len(found.course.stretches), found.course.unknown) == (1, [])
    assert found.standing is not None
    assert isinstance(found.standing.runway, NotYet)
    world.sees_balance(71, after=2 * HOUR)
    later = week(world)
    assert later is not None
    assert later.span == Span(world.now - 2 * HOUR, world.now)


def test_polls_that_fail_now_are_a_gap_at_the_end(worlds: Worlds) -> None:
    world = worlds().reads(72, 71)
    read_at = world.now
    world.fails(times=12)
    found = week(world)
    assert found is not None
    assert found.course.unknown == [Span(read_at, world.now)]
    assert found.standing is not None
    assert isinstance(found.standing.failure, Failure)


def test_where_nothing_was_read_for_a_week_there_is_no_picture(worlds: Worlds) -> None:
    world = worlds()
    assert week(world) is None
    world.fails()
    assert week(world) is None
    world.reads(72).sees(Failure(Kind.UNREACHABLE, "boom"), after=8 * DAY)
    assert week(world) is None


def test_while_the_disk_fails_there_is_no_picture_of_the_part_that_memory_has(worlds: Worlds) -> None:
    world = worlds().reads(72)
    with world.store.transaction() as tx:
        tx.info[PARTIAL] = True
        try:
            assert chart.week(tx, world.config, "main", world.now) is None
        finally:
            del tx.info[PARTIAL]


def test_a_time_that_is_past_tells_nothing_of_now(worlds: Worlds) -> None:
    world = worlds().reads(*range(72, 12, -1))
    found = look(world, 4 * HOUR, 2 * HOUR)
    assert found.standing is None
    assert found.latest is not None
    assert found.latest.at <= world.now - 2 * HOUR


def test_an_account_that_has_left_is_drawn_without_thresholds_and_one_without_configuration_in_utc(
    worlds: Worlds,
) -> None:
    world = worlds('timezone = "Europe/Berlin"\n' + MAIN + OPS).reads(72, 60)
    world.reload('timezone = "Europe/Berlin"\n[accounts.other]\napi_key = "key-of-other-0001"\n' + OPS)
    found = look(world, DAY)
    assert (found.lines, str(found.zone), len(found.course.stretches)) == ([], "Europe/Berlin", 1)
    with world.store.transaction() as tx:
        bare = chart.look(tx, None, "main", Span(world.now - DAY, world.now), now=world.now)
    assert (bare.lines, str(bare.zone)) == ([], "UTC")


def test_a_smallest_rise_of_the_users_own_is_what_counts(tmp_path: Path) -> None:
    world = World(tmp_path, MAIN + OPS + "[rules.top_up]\nminimum_usd = 20\n", environ={})
    found = week(world.reads(50, 60, 90))
    world.close()
    assert found is not None
    assert found.course.rises == [Rise(world.now, Decimal(60), Decimal(90))]


# -- few out of many --------------------------------------------------------------------------------------------------

SPAN = Span(START, START + 7 * DAY)
TERMS = Terms(span=SPAN, interval=MINUTE, thinned_until=SPAN.since, least_rise=Decimal(1))
GRAIN = Grain(part=TERMS.part, gap=TERMS.breaks(SPAN.until), rise=TERMS.least_rise)


def write(world: World, seen: list[Seen]) -> None:
    rows = [
        {"account": "main", "first_at": one.since, "last_at": one.until, "polls": 1, "balance_usd": one.usd}
        for one in seen
    ]
    with world.store.transaction() as tx:
        tx.execute(schema.readings.delete())
        if rows:
            tx.execute(insert(schema.readings), rows)


def picked(world: World) -> list[Held]:
    with world.store.transaction() as tx:
        return outline(tx, "main", SPAN.since, SPAN.until, GRAIN)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("ground"))
    yield world
    world.close()


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 400),
    rest=st.sampled_from([0, 0.2]),
    gap=st.sampled_from([0, 0.05]),
)
def test_what_is_picked_draws_the_same_picture_as_all_of_it(
    ground: World, seed: int, count: int, rest: float, gap: float
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's
    at, usd, seen = SPAN.since - HOUR, Decimal(100), []
    for _ in range(count):
        length = MINUTE * chance.randint(1, 300) if chance.random() < rest else timedelta(0)
        seen.append(Seen(at, at + length, usd))
        at += length + MINUTE + (HOUR * chance.randint(1, 9) if chance.random() < gap else timedelta(0))
        usd += Decimal(chance.choice(("-0.5", "-0.25", "0.3", "0.5", "-30", "30")))
    seen = [one for one in seen if one.until >= SPAN.since]
    write(ground, seen)
    few = [Seen(one.since, one.until, one.usd, one.owner, one.follows) for one in picked(ground)]
    assert len(few) <= len(seen)
    assert course(few, TERMS) == course(seen, TERMS)


def test_of_a_week_of_minutes_a_few_hundred_are_picked(ground: World) -> None:
    write(ground, [Seen(START + n * MINUTE, START + n * MINUTE, Decimal(10_000 - n)) for n in range(7 * 24 * 60)])
    assert 300 <= len(picked(ground)) <= 460


def test_what_is_remembered_of_the_account_is_what_the_words_say(worlds: Worlds) -> None:
    world = worlds().reads("4.07")
    found = week(world)
    with world.store.transaction() as tx:
        known = memory.recall(tx, "main")
    assert found is not None
    assert found.standing is not None
    assert (found.standing.reading, found.standing.level) == (known.reading, Level.CRITICAL)
    assert known.reading == reading("4.07")
