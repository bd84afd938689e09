"""The evaluation of the forecasts can fail, knows the truth, and a small run of it holds the larger bounds."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from forecast.replay import CRITICAL, LINE, MEAN, OURS, SHORT, WARNING, WHOSE, Alarm, Moment, Story, readings, replay
from forecast.rivals import Rivals
from forecast.score import missed, report, scores
from forecast.traces import DAY, EXTRAS, KINDS, Trace, make
from live import clean_environment

TOP = Path(__file__).parent.parent


def trace(falls: list[int], balance: int, tops: dict[int, int] | None = None) -> Trace:
    """Return one whose falls go on as they are, looked at in every slot."""
    made = make(0, 1)
    falls = (falls * (len(made.falls) // len(falls) + 1))[: len(made.falls)]
    fallen = [0]
    for fell in falls:
        fallen.append(fallen[-1] + fell)
    return replace(
        made, balance=balance, falls=falls, fallen=fallen, tops=tops or {}, extra="plain", polls=range(42 * DAY)
    )


def test_a_trace_can_be_had_again_and_all_sorts_are_there() -> None:
    assert make(5, 7) == make(5, 7) != make(5, 8)
    assert {(one.kind, one.extra) for one in (make(n, 1) for n in range(21))} == {
        (kind, extra) for kind in KINDS for extra in EXTRAS
    }


@pytest.mark.parametrize("number", range(21))
def test_a_trace_is_fit_to_be_judged(number: int) -> None:
    made = make(number, 1)
    assert min(made.falls) >= 0
    assert made.balance > 0
    assert made.extra == "top-ups" or not made.tops
    assert list(made.polls) == sorted(set(made.polls))
    assert len(made.fallen) == len(made.falls) + 1


def test_the_truth_is_when_the_balance_would_be_gone_without_top_ups() -> None:
    made = trace([10], 1000, tops={50: 700})
    assert made.lasts(0, 1000) == 100
    assert made.lasts(40, 605) == 61
    assert list(readings(made))[-1] == (170, 0)


def test_a_steady_trace_is_foretold_by_everybody() -> None:
    story = replay(trace([10], 10 * DAY * 20))
    assert story.dry == 20 * DAY
    assert not story.jumped
    assert all(moment.error(whose) < 0.01 for moment in story.moments for whose in WHOSE)
    assert all(moment.inside for moment in story.moments)
    assert len(story.moments) == pytest.approx(19 * 4, abs=2)
    assert story.lead(OURS, WARNING) == pytest.approx(7, abs=0.1)
    assert story.lead(OURS, CRITICAL) == pytest.approx(2, abs=0.1)


def test_a_top_up_misleads_the_line_and_not_us() -> None:
    story = replay(trace([10], 10 * DAY * 12, tops={8 * DAY: 10 * DAY * 10}))
    after = [moment for moment in story.moments if moment.truth > 12]
    assert len(after) > 5
    assert median(moment.error(LINE) for moment in after) > 0.4
    assert max(moment.error(OURS) for moment in after) < 0.01


def test_a_jump_is_one() -> None:
    story = replay(trace([10] * (10 * DAY) + [10 * DAY * 5] + [10] * (90 * DAY), 10 * DAY * 14))
    assert story.dry == 10 * DAY + 1
    assert story.jumped
    assert not Story(story.trace).jumped


def test_an_alarm_fires_once_clears_by_its_margin_and_is_false_if_there_was_time() -> None:
    alarm = Alarm(2.0)
    for slot, said, truth in ((1, 3, 3), (2, 2.0, 4.1), (3, 2.05, 4), (4, 1.9, 4), (5, 2.2, 4), (6, 1.9, 3.9)):
        alarm.judge(slot, said, truth)
    assert (alarm.since, alarm.false) == (6, 1)


def test_the_rivals_say_what_they_would() -> None:
    rivals = Rivals()
    rivals.see(0, 10_000)
    assert rivals.mean() == rivals.line(7) == math.inf
    for day in range(1, 5):
        rivals.see(day * DAY, 10_000 - day * 1000)
    assert rivals.mean() == pytest.approx(6)
    assert rivals.line(7) == pytest.approx(6)
    rivals.see(5 * DAY, 25_000)
    assert rivals.line(7) == math.inf
    assert rivals.mean() == pytest.approx(25 / (4 / 5))


# -- the bounds -------------------------------------------------------------------------------------------------------


def story(kind: str, extra: str, *, ours: float = 10.0, mean: float = 12.0, late: bool = False) -> Story:
    """Return one that was true at ten days, with a line that says 20, and that then ran dry."""
    made = replace(make(list(KINDS).index(kind), 1), extra=extra)
    said = {OURS: ours, MEAN: mean, LINE: 20.0, SHORT: 20.0}
    told = Story(made, moments=[Moment(10.0, said, 8.0, 12.0)], slots=30 * DAY, dry=30 * DAY)
    told.alarms[OURS, CRITICAL].since = None if late else 28 * DAY
    return told


def stories() -> list[Story]:
    return [story(kind, extra) for kind in KINDS for extra in EXTRAS]


def test_bounds_that_are_kept_are_not_spoken_of() -> None:
    assert list(missed(scores(stories()))) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            [story(kind, "top-ups", ours=16, mean=17) for kind in KINDS] * 2,
            "with top-ups, the median error is more than half that of the line through the balance",
        ),
        (
            [story("bursts", "plain", ours=13)] * 5,
            "bursts: the median error is more than that of the mean of seven days",
        ),
        ([story("steady", "plain", late=True)] * 3, "critical came before the end in less than 95 %"),
    ],
)
def test_a_bound_that_is_not_kept_is_named(wrong: list[Story], sentence: str) -> None:
    (said,) = missed(scores(stories() + wrong))
    assert said.startswith(sentence)


def test_truths_outside_the_range_are_spoken_of() -> None:
    outside = [
        replace(one, moments=[replace(moment, truth=13.0) for moment in one.moments])
        for one in stories()[: len(KINDS) * len(EXTRAS) // 3]
    ]
    assert "less than 80 % of the truths are inside the range" in missed(scores(stories() + outside))


def test_nothing_at_all_keeps_no_bound() -> None:
    found = scores([])
    assert len(list(missed(found))) == 3 + len(KINDS)
    assert "nan" in report(found)


def test_the_report_has_a_row_for_each_kind_and_says_what_it_counts() -> None:
    text = report(scores(stories()))
    for name in (*KINDS, *EXTRAS, "all"):
        assert len([line for line in text.splitlines() if line.strip().startswith(f"{name} ")]) == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_run_prints_its_tables_and_holds_what_so_few_traces_can_show() -> None:
    path = os.pathsep.join([str(TOP), str(TOP / "tests")])
    run = subprocess.run(
        [sys.executable, "-m", "forecast", "--traces", "63", "--seed", "7"],
        env=clean_environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.returncode in (0, 1)
    rows = {line.strip().split("  ")[0]: line.split() for line in run.stdout.splitlines() if "%" in line}
    assert {*KINDS, *EXTRAS, "all"} <= set(rows)
    for sentence in ("with top-ups", "less than 80 %", "critical came"):
        assert f"\n{sentence}" not in run.stdout
