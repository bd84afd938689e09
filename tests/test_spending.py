"""What fell is counted once and exactly, in the hours in which it fell; what nobody saw is unknown, not zero."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.spending import HOUR, ROWS, Balance, Hour, Spend, Tally, advance, count, known, plus, spent, together

TEN = datetime(2026, 1, 13, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it gets one
AMOUNTS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(1 - 10**20, 10**20 - 1),
    st.integers(8, 20),
)
"""Whatever a reading may hold: at most 20 digits, and 10^12."""


def usd(at: datetime, amount: str) -> Balance:
    return Balance(at, Decimal(amount))


def row(start: datetime, fell: str = "0", *, rose: str = "0", minutes: float = 0) -> Hour:
    return Hour(start, Decimal(fell), Decimal(rose), minutes * MINUTE)


def total(hours: list[Hour]) -> Decimal:
    with localcontext(prec=80):
        return sum((hour.fell for hour in hours), Decimal(0))


# -- one reading after another ----------------------------------------------------------------------------------------


def test_a_first_reading_tells_nothing() -> None:
    assert advance(None, usd(TEN, "72.048")) == []


@pytest.mark.parametrize(
    ("minutes", "before", "after", "hours"),
    [
        (5, "72.048", "71.9", [row(TEN, "0.148", minutes=5)]),
        (5, "72.048", "72.048", [row(TEN, minutes=5)]),
        (5, "4.068", "104.068", [row(TEN, rose="100")]),
        (60, "10", "9", [row(TEN, "1", minutes=60)]),
        (120, "10", "8", [row(TEN, "1", minutes=60), row(TEN + HOUR, "1", minutes=60)]),
        (90, "10", "9.1", [row(TEN, "0.6", minutes=60), row(TEN + HOUR, "0.3", minutes=30)]),
        (180, "1", "0", [row(TEN + n * HOUR, "0.33333" + "343"[n], minutes=60) for n in range(3)]),
        (90, "-1", "-1.3", [row(TEN, "0.2", minutes=60), row(TEN + HOUR, "0.1", minutes=30)]),
    ],
)
def test_a_fall_is_spread_over_its_time_and_a_rise_belongs_to_its_moment(
    minutes: float, before: str, after: str, hours: list[Hour]
) -> None:
    assert advance(usd(TEN, before), usd(TEN + minutes * MINUTE, after)) == hours


def test_a_rise_after_a_gap_hides_what_fell_in_it() -> None:
    assert advance(usd(TEN, "5"), usd(TEN + 30 * HOUR, "100")) == [row(TEN + 30 * HOUR, rose="95")]


@pytest.mark.parametrize("back", [timedelta(0), MINUTE, timedelta(days=400)])
def test_a_clock_that_does_not_go_forward_loses_no_fall_and_watches_no_time(back: timedelta) -> None:
    at = TEN - back
    assert advance(usd(TEN, "10"), usd(at, "9")) == [row(at.replace(minute=0), "1")]
    assert advance(usd(TEN, "10"), usd(at, "10")) == []
    assert advance(usd(TEN, "10"), usd(at, "11")) == [row(at.replace(minute=0), rose="1")]


def test_of_a_gap_of_months_the_last_35_days_have_their_hours_and_the_first_hour_has_the_rest() -> None:
    hours = advance(usd(TEN, "1000"), usd(TEN + timedelta(days=100), "0"))
    assert len(hours) == 1 + 35 * 24
    assert hours[0] == row(TEN, "650", minutes=60)
    assert hours[1].start == TEN + timedelta(days=65)
    assert total(hours[1:]) == 350


@example(before=Decimal("1E-20"), after=Decimal("1E+12"), one=TEN, other=TEN + HOUR)
@example(before=Decimal("1E+12"), after=Decimal("1E-20"), one=TEN, other=TEN + 7 * HOUR)
@given(before=AMOUNTS, after=AMOUNTS, one=MOMENTS, other=MOMENTS)
def test_nothing_is_lost_and_nothing_is_made_up(
    before: Decimal, after: Decimal, one: datetime, other: datetime
) -> None:
    hours = advance(Balance(one, before), Balance(other, after))
    with localcontext(prec=80):
        assert sum((hour.rose - hour.fell for hour in hours), before) == after
    assert all(hour.fell >= 0 and hour.rose >= 0 and timedelta(0) <= hour.watched <= HOUR for hour in hours)
    assert all(not hour.fell or not hour.rose for hour in hours)
    assert [hour.start for hour in hours] == sorted({hour.start for hour in hours})
    assert all(hour.start == hour.start.replace(minute=0, second=0, microsecond=0) for hour in hours)
    assert len(hours) <= 842


@given(fell=st.decimals(0, 10**6, places=3), at=MOMENTS, gap=st.timedeltas(MINUTE, ROWS))
def test_each_hour_of_a_gap_gets_its_share_to_a_millionth(fell: Decimal, at: datetime, gap: timedelta) -> None:
    for hour in advance(Balance(at, fell), Balance(at + gap, Decimal(0))):
        part = min(hour.start + HOUR, at + gap) - max(hour.start, at)
        assert hour.watched == part
        assert abs(hour.fell - fell * (part // MINUTE.resolution) / (gap // MINUTE.resolution)) <= Decimal("0.000002")


@given(at=MOMENTS, gaps=st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), max_size=6), amount=AMOUNTS)
def test_an_unchanged_balance_may_be_looked_at_often_or_only_at_the_ends(
    at: datetime, gaps: list[timedelta], amount: Decimal
) -> None:
    times = [at, *(at + sum(gaps[: place + 1], timedelta(0)) for place in range(len(gaps)))]
    often: dict[datetime, Hour] = {}
    for one, other in pairwise(times):
        for hour in advance(Balance(one, amount), Balance(other, amount)):
            often[hour.start] = plus(often.get(hour.start, Hour(hour.start)), hour)
    assert list(often.values()) == advance(Balance(times[0], amount), Balance(times[-1], amount))


def test_an_hour_grows_by_what_is_added_and_is_never_watched_for_longer_than_it_lasts() -> None:
    hour = plus(row(TEN, "0.1", minutes=50), row(TEN, "0.2", rose="3", minutes=5))
    assert hour == row(TEN, "0.3", rose="3", minutes=55)
    assert plus(hour, row(TEN, minutes=40)).watched == HOUR


def test_hours_add_up_exactly_however_large_and_fine_they_are() -> None:
    huge, fine = row(TEN, "1999999999999", rose="1999999999999"), row(TEN, "1E-20", rose="1E-20")
    assert str(plus(huge, fine).fell) == "1999999999999.00000000000000000001"
    assert str(plus(huge, fine).rose) == "1999999999999.00000000000000000001"


# -- top-ups ----------------------------------------------------------------------------------------------------------


# -- sums over hours --------------------------------------------------------------------------------------------------

DAY = [row(TEN + n * HOUR, str(n), minutes=60) for n in range(24)]
"""Nothing in the first hour, a dollar in the second, and so on."""


@pytest.mark.parametrize(
    ("since", "until", "fell", "minutes"),
    [
        (0, 24, "276", 24 * 60),
        (23, 24, "23", 60),
        (-5, 30, "276", 24 * 60),
        (1.5, 2.5, "1.5", 60),
        (2.25, 2.5, "0.5", 15),
        (24, 25, "0", 0),
        (5, 5, "0", 0),
    ],
)
def test_hours_at_the_edge_count_in_proportion(since: float, until: float, fell: str, minutes: float) -> None:
    found = spent(DAY, TEN + since * HOUR, TEN + until * HOUR, now=TEN + 30 * HOUR)
    assert (found.fell, found.watched) == (Decimal(fell), minutes * MINUTE)


def test_what_the_hour_that_goes_on_has_told_is_of_the_time_until_now() -> None:
    hours = [row(TEN, "6", minutes=60), row(TEN + HOUR, "2", minutes=20)]
    now = TEN + HOUR + 20 * MINUTE
    assert spent(hours, now - HOUR, now, now=now) == Spend(Decimal(6), HOUR, now - HOUR)
    assert spent(hours, now - 10 * MINUTE, now, now=now) == Spend(Decimal(1), 10 * MINUTE, now - 10 * MINUTE)


def test_hours_that_a_wrong_clock_put_into_the_future_do_not_count_yet() -> None:
    hours = [row(TEN, "1", minutes=60), row(TEN + HOUR, "5", minutes=60)]
    assert spent(hours, TEN - HOUR, TEN + 9 * HOUR, now=TEN + HOUR).fell == 1


def test_a_sum_says_since_when_it_is_known() -> None:
    hours = [row(TEN, rose="50"), row(TEN + 2 * HOUR, "1", minutes=60), row(TEN + HOUR, "1", minutes=60)]
    assert spent(hours, TEN, TEN + 3 * HOUR, now=TEN + 3 * HOUR) == Spend(Decimal(2), 2 * HOUR, TEN + HOUR)
    assert spent(hours[:1], TEN, TEN + HOUR, now=TEN + HOUR) == Spend(Decimal(0), timedelta(0), None)


@given(
    falls=st.lists(st.decimals(0, 10**6, places=6), min_size=1, max_size=30),
    cuts=st.lists(st.timedeltas(timedelta(0), 30 * HOUR), min_size=1, max_size=5),
)
def test_the_parts_of_a_span_add_up_to_it(falls: list[Decimal], cuts: list[timedelta]) -> None:
    hours = [Hour(TEN + n * HOUR, fell, watched=HOUR) for n, fell in enumerate(falls)]
    ends = [TEN, *sorted(TEN + cut for cut in cuts), TEN + 30 * HOUR]
    parts = [spent(hours, one, other, now=ends[-1]).fell for one, other in pairwise(ends)]
    assert sum(parts, Decimal(0)) == total(hours)


# -- one reading after another, kept ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(-5000, 20000), st.integers(-3, 9)), max_size=40))
def test_what_is_counted_reading_by_reading_is_what_advance_says(steps: list[tuple[int, int]]) -> None:
    tally, before, rows, apart = Tally.begin(TEN), usd(TEN, "100"), list[Hour](), list[Hour]()
    for seconds, amount in steps:
        after = Balance(before.at + timedelta(seconds=seconds), before.amount - amount)
        over, tally = count(tally, before, after)
        rows, apart, before = [*rows, *over], [*apart, *advance(before, after)], after
    assert _told(together([*rows, tally.hour])) == _told(together(apart))


def _told(hours: list[Hour]) -> list[Hour]:
    return [hour for hour in hours if hour.fell or hour.rose or hour.watched]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_while_the_balance_stays_nothing_need_be_counted_and_all_of_it_is_known(pauses: list[int]) -> None:
    moments = [TEN + timedelta(seconds=sum(pauses[: place + 1])) for place in range(len(pauses))]
    told = known(Tally.begin(TEN), usd(moments[-1], "100"))
    assert sum((hour.watched for hour in told), timedelta(0)) == moments[-1] - TEN
