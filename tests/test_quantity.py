"""Durations and money: how users write them, how they are kept, and how people read them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from monitor.quantity import (
    Amount,
    ClearMargin,
    Duration,
    Margin,
    OffAmount,
    OffDuration,
    Unit,
    parse_amount,
    parse_duration,
    parse_margin,
    plain,
    short,
    spoken,
    tell,
)

_AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=3)
DAY, HOUR, MINUTE = 86400, 3600, 60


# -- durations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("12h", 12 * HOUR),
        ("7d", 7 * DAY),
        ("1h30m", 5400),
        ("1d1h1m1s", 90061),
        (" 5m ", 300),
        ("0s", 0),
        ("90m", 5400),
        ("36500d", 36500 * DAY),
        (timedelta(minutes=3), 180),
    ],
)
def test_a_duration_is_read_as_it_is_written(written: object, seconds: int) -> None:
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (5, 'a duration needs a unit: write "5s", "5m", "5h" or "5d"'),
        (1.5, "a duration needs a unit"),
        (Decimal(5), "a duration needs a unit"),
        ("5", "a duration needs a unit"),
        ("", "not a duration"),
        ("5 m", "not a duration"),
        ("5M", "not a duration"),
        ("1m1h", "not a duration"),
        ("-5m", "not a duration"),
        ("1.5h", "not a duration"),
        ("PT5M", "not a duration"),
        ("\N{ARABIC-INDIC DIGIT FIVE}m", "not a duration"),
        (True, "not a duration"),
        (None, "not a duration"),
        (["5m"], "not a duration"),
        ("36501d", "longer than a hundred years"),
        ("9" * 30 + "d", "longer than a hundred years"),
        ("9" * 5000 + "s", "longer than a hundred years"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_reason(written: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration(written)


@given(st.integers(0, 36500 * DAY))
def test_a_duration_written_back_is_read_as_the_same(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(short(length)) == length


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 seconds"),
        (0, "0 seconds"),
        (0.9, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (90, "1 minute and 30 seconds"),
        (121, "2 minutes and 1 second"),
        (599, "9 minutes and 59 seconds"),
        (600, "10 minutes"),
        (659, "10 minutes"),
        (HOUR - 1, "59 minutes"),
        (HOUR, "1 hour"),
        (HOUR + 59, "1 hour"),
        (90 * MINUTE, "1 hour and 30 minutes"),
        (2 * HOUR + MINUTE, "2 hours and 1 minute"),
        (DAY - 1, "23 hours and 59 minutes"),
        (DAY, "1 day"),
        (DAY + 59 * MINUTE, "1 day"),
        (3 * DAY + 5 * HOUR, "3 days and 5 hours"),
        (10 * DAY - 1, "9 days and 23 hours"),
        (10 * DAY + 5 * HOUR, "10 days"),
        (400 * DAY, "400 days"),
    ],
)
def test_a_duration_is_said_as_a_person_says_it(seconds: float, said: str) -> None:
    assert spoken(timedelta(seconds=seconds)) == said


# -- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (25, "25"),
        ("4.50", "4.50"),
        (" 4.5 ", "4.5"),
        (Decimal("72.048"), "72.048"),
        (Decimal("1E+3"), "1000"),
        ("-3", "-3"),
        ("+3", "3"),
        ("0", "0"),
        (10**12, "1000000000000"),
        ("0.00000000000000000001", "0.00000000000000000001"),
    ],
)
def test_an_amount_is_read_exactly(written: object, amount: str) -> None:
    assert parse_amount(written) == Decimal(amount)


@pytest.mark.parametrize(
    "written",
    [
        True,
        None,
        4.5,
        [],
        "",
        "lots",
        "1e3",
        "1,000",
        "$5",
        ".5",
        "5.",
        "\N{ARABIC-INDIC DIGIT FIVE}",
        "NaN",
        "Infinity",
        Decimal("NaN"),
        Decimal("-Infinity"),
        Decimal("1E+1000000"),
        Decimal("1E-1000000"),
        "1" * 21,
        "999999999999.99999999999999999999",
        "1000000000000.01",
        -(10**12) - 1,
    ],
)
def test_what_is_no_amount_is_refused_with_a_reason(written: object) -> None:
    with pytest.raises(ValueError, match=r"^(not an amount: write a|an amount beyond 10\^12)"):
        parse_amount(written)


@given(_AMOUNTS)
def test_an_amount_written_back_is_read_as_the_same(amount: Decimal) -> None:
    assert parse_amount(plain(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"), [("72.0480", "72.048"), ("5000", "5000"), ("60.000", "60"), ("1E+3", "1000"), ("0.0", "0")]
)
def test_an_amount_is_written_plainly(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "unit", "against", "said"),
    [
        ("4.068", Unit.USD, (), "$4.07"),
        ("1234567.891", Unit.USD, (), "$1,234,567.89"),
        ("-0.5", Unit.USD, (), "-$0.50"),
        ("-0.001", Unit.USD, ("0",), "-$0.001"),
        ("0", Unit.USD, ("0",), "$0.00"),
        ("25.004", Unit.USD, ("25",), "$25.004"),
        ("24.996", Unit.USD, ("25", None), "$24.996"),
        ("5.004", Unit.USD, ("5.004",), "$5.004"),
        ("5.005", Unit.USD, ("5.004",), "$5.005"),
        ("1200", Unit.CREDITS, (), "1,200 credits"),
        ("0.5", Unit.POINTS, (), "0.5 points"),
    ],
)
def test_an_amount_is_said_to_the_cent_but_never_across_a_threshold(
    amount: str, unit: Unit, against: tuple[str | None, ...], said: str
) -> None:
    lines = [None if line is None else Decimal(line) for line in against]
    assert tell(Decimal(amount), unit, against=lines) == said


@given(_AMOUNTS, _AMOUNTS)
def test_what_is_said_is_always_on_the_side_of_the_threshold_where_the_amount_is(
    amount: Decimal, threshold: Decimal
) -> None:
    said = Decimal(tell(amount, Unit.USD, against=[threshold]).replace("$", "").replace(",", ""))
    assert (said > threshold, said < threshold) == (amount > threshold, amount < threshold)


# -- margins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "threshold", "line", "text"),
    [
        ("5%", "25", "26.25", "5%"),
        (" 5% ", "-10", "-9.5", "5%"),
        ("5%", "0", "0.01", "5%"),
        ("0%", "25", "25.01", "0%"),
        (10, "25", "35", "10"),
        ("2.50", "25", "27.5", "2.5"),
        (0, "25", "25.01", "0"),
        (Margin(Decimal(1), percent=False), "25", "26", "1"),
    ],
)
def test_a_margin_is_a_share_of_the_threshold_or_an_amount_and_a_cent_at_least(
    written: object, threshold: str, line: str, text: str
) -> None:
    margin = parse_margin(written)
    assert margin.above(Decimal(threshold)) == Decimal(line)
    assert str(margin) == text


@pytest.mark.parametrize(
    ("written", "reason"),
    [("-5%", "cannot be negative"), (-1, "cannot be negative"), ("%", "not an amount"), ("5 percent", "not an amount")],
)
def test_what_is_no_margin_is_refused_with_a_reason(written: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_margin(written)


# -- as settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "written", "value", "back"),
    [
        (Duration, "90s", timedelta(seconds=90), "1m30s"),
        (OffDuration, "2h", timedelta(hours=2), "2h"),
        (OffDuration, "off", None, "off"),
        (OffDuration, None, None, "off"),
        (Amount, "4.50", Decimal("4.5"), "4.5"),
        (OffAmount, 25, Decimal(25), "25"),
        (OffAmount, "off", None, "off"),
        (ClearMargin, "5%", Margin(Decimal(5), percent=True), "5%"),
    ],
)
def test_a_setting_is_read_and_written_back(setting: Any, written: object, value: object, back: str) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(setting)
    assert adapter.validate_python(written) == value
    assert adapter.dump_python(value) == back
