"""How long the money lasts is said with a range, from at least a day of readings, whatever is paid in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.runway import NotYet, Pace, Runway, pace, runway
from monitor.spending import HOUR, Balance, Hour, advance, plus

NOW = datetime(2026, 1, 30, 18, 20, tzinfo=UTC)
"""A Friday."""
LAST = NOW.replace(minute=0) - HOUR
DAY = timedelta(days=1)
ONE = Decimal(1)
Falls = Callable[[int], float | str | Decimal]
"""What fell in the hour so many hours before the last whole one."""


def history(days: float, falls: Falls, *, watched: timedelta = HOUR) -> list[Hour]:
    """Return hours up to the last whole one."""
    return [Hour(LAST - n * HOUR, Decimal(falls(n)), watched=watched) for n in range(round(days * 24))]


def paced(hours: list[Hour]) -> Pace:
    found = pace(hours, NOW)
    assert isinstance(found, Pace)
    return found


def lasts(hours: list[Hour], balance: str | int) -> Runway:
    return runway(paced(hours), Decimal(balance))


def days(length: timedelta | None) -> float:
    return float("inf") if length is None else length / DAY


def is_weekend(n: int) -> bool:
    return (LAST - n * HOUR).weekday() >= 5


# -- too early to say -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "missing"),
    [
        ([], DAY),
        (history(0.5, lambda _: 1), DAY / 2),
        (history(23 / 24, lambda _: 1000), HOUR),
        (history(20, lambda _: 1, watched=timedelta(minutes=2)), 8 * HOUR),
        ([Hour(hour.start - timedelta(days=40), hour.fell, watched=HOUR) for hour in history(28, lambda _: 1)], DAY),
    ],
)
def test_less_than_a_day_of_readings_tells_nothing_but_what_is_missing(hours: list[Hour], missing: timedelta) -> None:
    assert pace(hours, NOW) == NotYet(missing)


def test_a_day_of_readings_is_enough() -> None:
    told = lasts(history(1, lambda _: 1), 96)
    assert told.mid == 4 * DAY
    assert told.basis == DAY


def test_the_hour_that_goes_on_and_what_a_wrong_clock_put_into_the_future_do_not_count() -> None:
    hours = history(7, lambda _: 1)
    wrong = [Hour(LAST + n * HOUR, Decimal(500), watched=HOUR) for n in range(1, 9)]
    assert paced([*hours, *wrong]) == paced(hours)


# -- how long it lasts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("falls", "balance", "expected"),
    [
        (lambda _: 1, "240", 10),
        (lambda _: "0.5", "240", 20),
        (lambda n: 2 if n % 24 < 12 else 0, "240", 10),
        (lambda n: 12 if n % 12 == 0 else 0, "240", 10),
        (lambda _: 1, "8000", 333),
        (lambda _: 1, "9000", float("inf")),
        (lambda n: 0 if is_weekend(n) else 1, "7500", float("inf")),
        (lambda _: 0, "0.001", float("inf")),
        (lambda _: 1, "0", 0),
        (lambda _: 1, "-4", 0),
        (lambda _: 0, "0", 0),
    ],
)
def test_a_balance_lasts_at_the_pace_of_the_last_weeks(falls: Falls, balance: str, expected: float) -> None:
    told = lasts(history(28, falls), balance)
    assert days(told.mid) == pytest.approx(expected, rel=0.01)
    assert days(told.low) <= days(told.mid) <= days(told.high)
    assert told.basis == 28 * DAY


def test_a_range_is_narrow_where_days_are_alike_and_wide_where_they_are_not() -> None:
    alike = lasts(history(28, lambda _: 1), 72)
    unlike = lasts(history(28, lambda n: 5 if n // 24 % 5 == 0 else 0), 72)
    assert days(alike.low) == pytest.approx(2.3, abs=0.1)
    assert days(alike.high) == pytest.approx(4.3, abs=0.2)
    assert days(unlike.low) < 2
    assert days(unlike.high) == pytest.approx(4 * days(unlike.mid))


def test_a_range_is_wider_the_further_ahead_and_the_fewer_days_it_rests_on() -> None:
    def width(told: Runway) -> float:
        return days(told.high) / days(told.low)

    old = paced(history(28, lambda n: 1 + n // 24 % 2))
    near, far, young = runway(old, Decimal(72)), runway(old, Decimal(720)), runway(replace(old, days=ONE), Decimal(72))
    assert width(near) < width(far)
    assert width(near) < width(young)
    assert width(near) < width(lasts(history(2, lambda n: 1 + n // 24 % 2), 72))


def test_hours_that_nobody_saw_are_no_pause() -> None:
    seen = [hour for n, hour in enumerate(history(28, lambda _: 1)) if n // 7 % 2]
    assert days(lasts(seen, 240).mid) == pytest.approx(10)


def test_a_top_up_changes_the_balance_and_nothing_else() -> None:
    plain: dict[datetime, Hour] = {}
    topped: dict[datetime, Hour] = {}
    for rows, tops in ((plain, 0), (topped, 7)):
        before, balance = None, Decimal(500)
        for n in range(14 * 24 * 12):
            balance += 40 * (bool(tops) and n % (24 * 12 * 2) == 100) - Decimal("0.05")
            after = Balance(NOW - 14 * DAY + n * timedelta(minutes=5), balance)
            for hour in advance(before, after):
                rows[hour.start] = plus(rows.get(hour.start, Hour(hour.start)), hour)
            before = after
    one, other = (days(lasts(list(rows.values()), 100).mid) for rows in (plain, topped))
    assert sum(hour.rose for hour in topped.values()) == 7 * (40 - Decimal("0.05"))
    assert one == pytest.approx(other, rel=0.002)


# -- what people do ---------------------------------------------------------------------------------------------------


def test_on_a_friday_evening_the_weekend_is_known() -> None:
    hours = history(28, lambda n: 0 if is_weekend(n) else 1)
    assert days(lasts(hours, 24).mid) == pytest.approx(3, abs=0.3)
    assert days(lasts(hours, 24 * 6).mid) == pytest.approx(10, abs=0.3)  # and so is the next one


def test_weekdays_are_alike_until_two_weeks_were_seen() -> None:
    hours = history(10, lambda n: 0 if is_weekend(n) else 1)
    assert set(paced(hours).weekdays) == {1}


def test_a_weekday_that_nobody_ever_saw_is_like_all_others() -> None:
    seen = [hour for n, hour in enumerate(history(28, lambda n: 2 if n // 24 % 7 == 3 else 1)) if n // 24 % 7 != 5]
    shares = paced(seen).weekdays
    assert max(shares) > Decimal("1.5")
    assert shares[1] == 1


def test_what_has_grown_for_weeks_goes_on_growing() -> None:
    told = lasts(history(28, lambda n: 28 - n // 24), 28 * 24 * 10)
    assert 8 < days(told.mid) < 9.5


def test_what_has_got_less_for_weeks_is_expected_to_stay_as_it_is() -> None:
    hours = history(28, lambda n: 4 + n // 24)
    assert paced(hours).growth == 0
    assert 10 <= days(lasts(hours, 4 * 24 * 10).mid) < 12


def test_chance_is_no_growth() -> None:
    assert paced(history(28, lambda n: [1, 3, 2, 5, 1, 2, 4][n // 24 * 5 % 7])).growth == 0


def test_money_that_has_stopped_going_for_three_days_lasts() -> None:
    stopped = history(28, lambda n: 0 if n < 72 else 1)
    assert lasts(stopped, 100).mid is None
    assert days(lasts(history(28, lambda n: "0.1" if n < 72 else 1), 100).mid) == pytest.approx(100 / 2.4)
    assert days(lasts(history(28, lambda n: 0 if n < 48 else 1), 100).mid) < 10


def test_a_pause_that_was_seen_before_is_no_end() -> None:
    hours = history(28, lambda n: 0 if n // 24 % 9 < 3 else 1)
    assert 4 < days(lasts(hours, 100).mid) < 9


def test_days_that_nobody_saw_are_no_end() -> None:
    assert days(lasts(history(28, lambda _: 1)[72:], 100).mid) == pytest.approx(100 / 24)


@pytest.mark.parametrize("amount", ["20", "500", "100000"])
@pytest.mark.parametrize("n", [0, 1, 24, 300, 671])
@pytest.mark.parametrize("part", ["1", "0.3"])
def test_one_busy_hour_however_busy_brings_the_end_hardly_nearer(amount: str, n: int, part: str) -> None:
    usual = history(28, lambda _: 1)
    busy = list(usual)
    for place, share in (
        (n, Decimal(part)),
        (max(n - 1, 0), 1 - Decimal(part)),
    ):  # it may lie in two hours of the clock
        busy[place] = plus(busy[place], Hour(busy[place].start, Decimal(amount) * share))
    one, other = (days(lasts(hours, 72).mid) for hours in (usual, busy))
    assert other >= one / 1.11
    assert days(lasts(busy, 72).low) > 1.9


def test_one_busy_hour_alone_pages_nobody_after_a_day_of_readings_either() -> None:
    busy = history(1, lambda n: 300 if n == 5 else 1)
    assert days(lasts(busy, 72).mid) > 2.7


def test_a_busy_hour_in_an_account_that_is_idle_is_an_accident() -> None:
    assert lasts(history(28, lambda n: 300 if n == 5 else 0), 10).mid is None


def test_two_busy_hours_are_a_habit() -> None:
    twice = history(28, lambda n: 300 if n in (50, 300) else 1)
    assert days(lasts(twice, 240).mid) == pytest.approx(240 / (24 + 600 / 28), rel=0.25)


# -- for all that may come --------------------------------------------------------------------------------------------

HOURS = st.lists(
    st.tuples(
        st.integers(0, 900),
        st.decimals(0, 10**12, places=6) | st.sampled_from([Decimal(0), Decimal(1)]),
        st.timedeltas(timedelta(0), HOUR) | st.just(HOUR),
    ),
    max_size=300,
)
RUNS = st.lists(st.tuples(st.integers(1, 200), st.decimals(0, 10**6, places=3)), min_size=1, max_size=8)
"""So many hours at so much."""


def spread(runs: list[tuple[int, Decimal]]) -> list[Hour]:
    falls = [fell for length, fell in runs for _ in range(length)]
    return [Hour(LAST - n * HOUR, fell, watched=HOUR) for n, fell in enumerate(falls)]


@given(rows=HOURS, balance=st.decimals(-(10**12), 10**12, places=6))
def test_whatever_the_hours_are_there_is_an_answer(
    rows: list[tuple[int, Decimal, timedelta]], balance: Decimal
) -> None:
    found = pace([Hour(LAST - n * HOUR, fell, watched=watched) for n, fell, watched in rows], NOW)
    if isinstance(found, Pace):
        told = runway(found, balance)
        assert 0 <= days(told.low) <= days(told.mid) <= days(told.high)
        assert (told.mid == timedelta(0)) >= (balance <= 0)
        assert DAY <= told.basis <= 28 * DAY
    else:
        assert timedelta(0) < found.missing <= DAY


@given(runs=RUNS, one=st.decimals("0.01", 10**6, places=2), other=st.decimals("0.01", 10**6, places=2))
def test_more_money_lasts_longer(runs: list[tuple[int, Decimal]], one: Decimal, other: Decimal) -> None:
    found = pace(spread(runs), NOW)
    if isinstance(found, Pace):
        less, more = (runway(found, balance).mid for balance in sorted((one, other)))
        assert days(less) <= days(more)


@given(runs=RUNS, balance=st.decimals("0.01", 10**6, places=2))
def test_cents_and_dollars_last_alike(runs: list[tuple[int, Decimal]], balance: Decimal) -> None:
    dollars, cents = (
        pace([Hour(hour.start, hour.fell * scale, watched=HOUR) for hour in spread(runs)], NOW) for scale in (1, 100)
    )
    if isinstance(dollars, Pace) and isinstance(cents, Pace):
        one, other = runway(dollars, balance), runway(cents, balance * 100)
        assert days(one.mid) == pytest.approx(days(other.mid), rel=1e-6, abs=1e-6)
        assert days(one.low) == pytest.approx(days(other.low), rel=1e-6, abs=1e-6)
    else:
        assert dollars == cents
