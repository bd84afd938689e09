"""A table a rule: what it says of one poll, and what it takes as its configuration."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import ValidationError
from world import START, reading

from monitor.model import Failure, Kind, Level, Reading, Seen
from monitor.quantity import Margin, Unit
from monitor.rules import (
    REMINDERS,
    RULES,
    Age,
    AvailableCredits,
    AvailablePoints,
    BalanceUsd,
    Flag,
    Look,
    LowBalanceAlert,
    Measure,
    Pauses,
    Refused,
    Rule,
    Stale,
    Trouble,
    TwoLevels,
    Unreachable,
    Unreadable,
    Verdict,
    parse_pauses,
)

OK, WARNING, CRITICAL = Level.OK, Level.WARNING, Level.CRITICAL
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BOTH = Stale(critical=14 * DAY)
LOST = Failure(Kind.UNREACHABLE, "no answer")
REFUSED = Failure(Kind.REFUSED, "HTTP 401")
ODD = Failure(Kind.UNREADABLE, "the answer is HTML")


def look(seen: Seen, silence: timedelta | None = None, needed: Mapping[str, str] = MappingProxyType({})) -> Look:
    return Look(
        account="main",
        seen=seen,
        now=START,
        interval=5 * MINUTE,
        failing_since=None if silence is None else START - silence,
        needed=needed,
    )


def levels(verdict: Verdict | None) -> tuple[Level, Level] | None:
    return None if verdict is None else (verdict.level, verdict.held)


# -- amounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "balance", "expected"),
    [
        (BalanceUsd(), "100", (OK, OK)),
        (BalanceUsd(), "26.251", (OK, OK)),
        (BalanceUsd(), "26.25", (OK, WARNING)),
        (BalanceUsd(), "25", (WARNING, WARNING)),
        (BalanceUsd(), "5.251", (WARNING, WARNING)),
        (BalanceUsd(), "5.25", (WARNING, CRITICAL)),
        (BalanceUsd(), "5", (CRITICAL, CRITICAL)),
        (BalanceUsd(), "-1", (CRITICAL, CRITICAL)),
        (BalanceUsd(warning=None), "20", (OK, OK)),
        (BalanceUsd(critical=None), "1", (WARNING, WARNING)),
        (BalanceUsd(warning=None, critical=Decimal(0)), "0", (CRITICAL, CRITICAL)),
        (BalanceUsd(warning=None, critical=Decimal(0)), "0.01", (OK, CRITICAL)),
        (BalanceUsd(warning=None, critical=Decimal(0)), "0.011", (OK, OK)),
        (BalanceUsd(clear_margin=Margin(Decimal(10), percent=False)), "35", (OK, WARNING)),
        (BalanceUsd(warning=None, critical=None), "0", (OK, OK)),
    ],
)
def test_balance_usd_is_at_or_below_a_threshold_and_held_up_to_its_margin(
    rule: BalanceUsd, balance: str, expected: tuple[Level, Level]
) -> None:
    assert levels(rule.judge(look(reading(balance)))) == expected


def test_balance_usd_says_value_thresholds_and_margin() -> None:
    verdict = BalanceUsd().judge(look(reading("4.068")))
    assert verdict is not None
    assert verdict.fact == Measure(
        value=Decimal("4.068"),
        unit=Unit.USD,
        warning=Decimal(25),
        critical=Decimal(5),
        margin=Margin(Decimal(5), percent=True),
    )


@pytest.mark.parametrize("rule", [AvailableCredits(), AvailablePoints()])
@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (None, None),
        (5251, (OK, OK)),
        (5250, (OK, WARNING)),
        (5000, (WARNING, WARNING)),
        (1000, (CRITICAL, CRITICAL)),
        (0, (CRITICAL, CRITICAL)),
    ],
)
def test_credits_and_points_are_judged_where_they_are_there(
    rule: Rule, amount: int | None, expected: tuple[Level, Level] | None
) -> None:
    seen = Reading(balance_usd=Decimal(1), **{rule.name: None if amount is None else Decimal(amount)})  # type: ignore[arg-type]
    assert levels(rule.judge(look(seen))) == expected


@pytest.mark.parametrize("seen", [LOST, REFUSED, ODD])
@pytest.mark.parametrize("rule", [BalanceUsd(), AvailableCredits(), AvailablePoints(), LowBalanceAlert()])
def test_a_failure_tells_nothing_about_what_is_left(rule: Rule, seen: Failure) -> None:
    assert rule.judge(look(seen)) is None


@pytest.mark.parametrize(
    ("rule", "limits"),
    [
        (BalanceUsd(), "warning $25.00, critical $5.00"),
        (BalanceUsd(warning=Decimal("25.005"), critical=None), "warning $25.005"),
        (AvailableCredits(), "warning 5,000 credits, critical 1,000 credits"),
        (Unreachable(), "warning 15m, critical 2h"),
        (Unreachable(warning=None, critical=None), ""),
        (Stale(), "warning 7d"),
        (BOTH, "warning 7d, critical 14d"),
        (Refused(), ""),
    ],
)
def test_the_thresholds_of_a_rule_in_words(rule: Rule, limits: str) -> None:
    assert rule.limits == limits


# -- the API's own alert ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "flag", "threshold", "expected"),
    [
        ("both", None, None, None),
        ("both", False, None, (OK, OK)),
        ("both", True, None, (WARNING, WARNING)),
        ("both", False, "100", (WARNING, WARNING)),  # false proves nothing
        ("both", None, "70", (WARNING, WARNING)),
        ("both", False, "69.99", (OK, WARNING)),
        ("both", False, "66", (OK, OK)),
        ("both", True, "10", (WARNING, WARNING)),
        ("flag", False, "100", (OK, OK)),
        ("flag", None, "100", None),
        ("numbers", True, "10", (OK, OK)),
        ("numbers", True, None, None),
        ("numbers", False, "100", (WARNING, WARNING)),
    ],
)
def test_low_balance_alert_believes_the_flag_the_numbers_or_the_worse_of_both(
    use: Any, flag: Any, threshold: str | None, expected: tuple[Level, Level] | None
) -> None:
    known = {
        name: value
        for name, value in {"low_balance_alert": flag, "alert_threshold": threshold}.items()
        if value is not None
    }
    assert levels(LowBalanceAlert(use=use).judge(look(reading(70, **known)))) == expected


def test_low_balance_alert_says_what_it_believed() -> None:
    rule = LowBalanceAlert(level=CRITICAL)
    flagged = rule.judge(look(reading(70, low_balance_alert=True, alert_threshold=10)))
    low = rule.judge(look(reading(5, low_balance_alert=True, alert_threshold=10)))
    assert flagged == Verdict(CRITICAL, CRITICAL, Flag(raised=True))
    assert low is not None
    assert low.level is CRITICAL
    assert low.fact == Measure(
        value=Decimal(5),
        unit=Unit.USD,
        warning=Decimal(10),
        critical=Decimal(10),
        margin=rule.clear_margin,
        whose="the API's own alert threshold of ",
    )


# -- polls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "seen", "silence", "expected"),
    [
        (Unreachable(), reading(1), None, (OK, OK)),
        (Unreachable(), reading(1), 3 * 60 * MINUTE, (OK, OK)),
        (Unreachable(), LOST, 0 * MINUTE, (OK, CRITICAL)),
        (Unreachable(), LOST, 15 * MINUTE - timedelta(seconds=31), (OK, CRITICAL)),
        (Unreachable(), LOST, 15 * MINUTE - timedelta(seconds=30), (WARNING, CRITICAL)),  # a tenth of an interval
        (Unreachable(), LOST, 15 * MINUTE, (WARNING, CRITICAL)),
        (Unreachable(), REFUSED, 15 * MINUTE, (WARNING, CRITICAL)),
        (Unreachable(), ODD, 120 * MINUTE, (CRITICAL, CRITICAL)),
        (Unreachable(warning=MINUTE), LOST, 14 * MINUTE, (OK, CRITICAL)),  # three intervals at least
        (Unreachable(warning=MINUTE), LOST, 15 * MINUTE, (WARNING, CRITICAL)),
        (Unreachable(warning=None), LOST, 60 * MINUTE, (OK, CRITICAL)),
    ],
)
def test_unreachable_is_a_silence_so_long_and_only_a_reading_ends_it(
    rule: Unreachable, seen: Seen, silence: timedelta | None, expected: tuple[Level, Level]
) -> None:
    assert levels(rule.judge(look(seen, silence))) == expected


def test_unreachable_says_since_when_and_why() -> None:
    assert Unreachable().judge(look(LOST, 20 * MINUTE)).fact == Trouble(
        kind=Kind.UNREACHABLE, reason="no answer", since=START - 20 * MINUTE
    )
    assert Unreachable().judge(look(reading(1), 20 * MINUTE)).fact == Trouble(
        kind=Kind.UNREACHABLE, reason="", since=START - 20 * MINUTE
    )


@pytest.mark.parametrize(
    ("rule", "seen", "expected"),
    [
        (Refused(), reading(1), (OK, OK)),
        (Refused(), REFUSED, (CRITICAL, CRITICAL)),
        (Refused(level=WARNING), REFUSED, (WARNING, WARNING)),
        (Refused(), LOST, None),
        (Refused(), ODD, None),
        (Unreadable(), reading(1), (OK, OK)),
        (Unreadable(), ODD, (WARNING, WARNING)),
        (Unreadable(level=CRITICAL), ODD, (CRITICAL, CRITICAL)),
        (Unreadable(), LOST, None),
        (Unreadable(), REFUSED, None),
    ],
)
def test_refused_and_unreadable_hear_their_own_kind_of_failure_and_readings_only(
    rule: Rule, seen: Seen, expected: tuple[Level, Level] | None
) -> None:
    assert levels(rule.judge(look(seen))) == expected


def test_unreadable_is_also_a_reading_without_what_another_rule_needs() -> None:
    needed = {"available_credits": "available_credits", "alert_threshold": "low_balance_alert"}
    verdict = Unreadable().judge(look(reading(1, alert_threshold=10), needed=needed))
    assert verdict == Verdict(
        WARNING,
        WARNING,
        Trouble(
            kind=Kind.UNREADABLE,
            reason="the answer has no available_credits (for rules.available_credits)",
            since=None,
        ),
    )
    assert levels(Unreadable().judge(look(reading(1, available_credits=1, alert_threshold=0), needed=needed))) == (
        OK,
        OK,
    )
    none = Unreadable().judge(look(reading(1), needed=needed))
    assert none is not None
    assert isinstance(none.fact, Trouble)
    assert none.fact.reason.endswith(", no alert_threshold (for rules.low_balance_alert)")


# -- age --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "age", "expected"),
    [
        (Stale(), 0 * DAY, (OK, OK)),
        (Stale(), 7 * DAY - timedelta(microseconds=1), (OK, OK)),
        (Stale(), 7 * DAY, (WARNING, WARNING)),
        (Stale(), 700 * DAY, (WARNING, WARNING)),  # no critical, unless it is set
        (BOTH, 14 * DAY - timedelta(seconds=1), (WARNING, WARNING)),
        (BOTH, 14 * DAY, (CRITICAL, CRITICAL)),
        (Stale(warning=None, critical=DAY), 2 * DAY, (CRITICAL, CRITICAL)),
        (Stale(), -DAY, (OK, OK)),  # a clock of theirs that is ahead of ours
    ],
)
def test_stale_is_a_balance_that_has_not_changed_for_so_long(
    rule: Stale, age: timedelta, expected: tuple[Level, Level]
) -> None:
    assert levels(rule.judge(look(reading(70, updated_at=START - age)))) == expected


def test_stale_says_since_when() -> None:
    verdict = Stale().judge(look(reading(70, updated_at=START - 8 * DAY)))
    assert verdict is not None
    assert verdict.fact == Age(START - 8 * DAY)


@pytest.mark.parametrize("seen", [LOST, REFUSED, ODD, reading(70)])
def test_stale_cannot_tell_without_the_time_of_the_last_change(seen: Seen) -> None:
    assert Stale().judge(look(seen)) is None


# -- what all of them are ---------------------------------------------------------------------------------------------


def test_every_rule_has_a_name_of_its_own_and_those_that_watch_by_default_are_known() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.name for rule in RULES if rule.on] == [
        "balance_usd",
        "low_balance_alert",
        "runway",
        "unreachable",
        "refused",
        "unreadable",
        "top_up",
    ]
    assert LowBalanceAlert.yields_to == "balance_usd"


@pytest.mark.parametrize(
    ("rule", "needs"),
    [
        (BalanceUsd(), "balance_usd"),
        (AvailablePoints(), "available_points"),
        (LowBalanceAlert(), None),
        (LowBalanceAlert(use="flag"), "low_balance_alert"),
        (LowBalanceAlert(use="numbers"), "alert_threshold"),
        (Unreachable(), None),
        (Unreadable(), None),
        (Stale(), "updated_at"),
    ],
)
def test_what_a_rule_cannot_do_without(rule: Rule, needs: str | None) -> None:
    assert rule.needs == needs


@pytest.mark.parametrize(
    ("rule", "confirm"), [(BalanceUsd(), 1), (Unreachable(), 1), (Refused(), 2), (Unreadable(), 3), (Stale(), 1)]
)
def test_how_many_polls_in_a_row_a_rule_waits_for_unless_told(rule: Rule, confirm: int) -> None:
    assert rule.confirm == confirm


@pytest.mark.parametrize(
    ("rule", "given", "warning", "critical"),
    [
        (BalanceUsd, {}, Decimal(25), Decimal(5)),
        (BalanceUsd, {"critical": 50}, None, Decimal(50)),
        (BalanceUsd, {"warning": 4}, Decimal(4), None),
        (BalanceUsd, {"warning": 50, "critical": 50}, Decimal(50), Decimal(50)),
        (BalanceUsd, {"warning": "off", "critical": 50}, None, Decimal(50)),
        (Unreachable, {"warning": "3h"}, timedelta(hours=3), None),
        (Unreachable, {"critical": "5m"}, None, timedelta(minutes=5)),
        (Stale, {}, timedelta(days=7), None),
        (Stale, {"critical": "14d"}, timedelta(days=7), timedelta(days=14)),
        (Stale, {"critical": "5d"}, None, timedelta(days=5)),
    ],
)
def test_a_default_that_contradicts_what_was_set_is_dropped(
    rule: type[Rule], given: dict[str, object], warning: object, critical: object
) -> None:
    made = rule.model_validate(given)
    assert isinstance(made, TwoLevels)
    lines = [(Level.WARNING, warning), (Level.CRITICAL, critical)]
    assert made.lines == [(level, line) for level, line in lines if line is not None]


@pytest.mark.parametrize(
    ("rule", "given", "reason"),
    [
        (BalanceUsd, {"warning": 5, "critical": 25}, "critical must be below warning"),
        (Unreachable, {"warning": "2h", "critical": "1h"}, "critical must be longer than warning"),
        (Stale, {"warning": "7d", "critical": "1d"}, "critical must be longer than warning"),
        (BalanceUsd, {"confirm": 0}, "greater than or equal to 1"),
        (BalanceUsd, {"warnign": 5}, "Extra inputs"),
        (Refused, {"level": "ok"}, "not a level: write warning or critical"),
        (LowBalanceAlert, {"use": "hope"}, "Input should be"),
        (BalanceUsd, {"remind_every": "30s"}, "shorter than a minute"),
        (BalanceUsd, {"remind_every": {"info": "1h", "bad": "1h"}}, "takes warning and critical, not bad, info"),
        (BalanceUsd, {"remind_every": 5}, "a duration needs a unit"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_with_a_reason(
    rule: type[Rule], given: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason) as refused:
        rule.model_validate(given)
    assert "input_value" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("24h", Pauses(timedelta(hours=24), timedelta(hours=24))),
        ("off", Pauses(None, None)),
        ({"critical": "1h"}, Pauses(timedelta(hours=24), timedelta(hours=1))),
        ({"warning": "off", "critical": "1m"}, Pauses(None, MINUTE)),
        (REMINDERS, Pauses(timedelta(hours=24), timedelta(hours=4))),
    ],
)
def test_reminders_are_a_duration_off_or_one_a_level(written: object, expected: Pauses) -> None:
    assert parse_pauses(written, default=REMINDERS) == expected
    assert expected.at(WARNING) == expected.warning
    assert expected.at(CRITICAL) == expected.critical


def test_a_rule_is_written_back_as_users_write_it() -> None:
    rule = Refused.model_validate({"level": "warning", "remind_every": {"warning": "off"}})
    assert rule.model_dump() == {
        "enabled": True,
        "confirm": 2,
        "remind_every": {"warning": "off", "critical": "4h"},
        "cooldown": {"warning": "1h", "critical": "1h"},
        "level": "warning",
    }
