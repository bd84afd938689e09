"""A picture of months is read in steps: nothing that it shows is lost by that."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import chain

from world import MAIN, OPS, World

from monitor.chart import Chart, Span
from monitor.poll.chart import look

Worlds = Callable[..., World]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def months(worlds: Worlds, days: int = 90) -> World:
    """Let a quarter pass with a reading an hour, a dip, a purchase of $100, and a week without readings."""
    world = worlds(MAIN.replace('"\n', '"\ninterval = "1h"\n', 1) + OPS, environ={})
    left = Decimal(400)
    for hour in range(days * 24):
        world.now += HOUR
        left -= Decimal("0.15")
        left += 100 * (hour == 1000)
        if not 1300 < hour < 1300 + 7 * 24:
            world.sees_balance(Decimal(1) if hour == 500 else left, after=timedelta(0))
    return world


def drawn(world: World, days: int) -> Chart:
    with world.store.transaction() as tx:
        return look(tx, world.config, "main", Span(world.now - days * DAY, world.now), now=world.now)


def test_the_dip_the_purchase_the_gap_and_the_latest_reading_are_there(worlds: Worlds) -> None:
    world = months(worlds)
    chart = drawn(world, 90)
    points = list(chain.from_iterable(chart.course.stretches))
    assert min(point.amount for point in points) == 1
    assert len(points) < 1200
    bought = [rise.after - rise.before for rise in chart.course.rises]
    assert Decimal("99.85") in bought
    assert len(bought) == 2  # and the end of the dip
    gaps = [gap.until - gap.since for gap in chart.course.unknown]
    assert len(gaps) == 1
    assert abs(gaps[0] - 7 * DAY) < DAY
    assert len(chart.course.stretches) == 2

    short = drawn(world, 7)
    assert chart.latest == short.latest
