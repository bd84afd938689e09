"""The chart and the sparkline of a terminal: in every size what is drawn is where it belongs, and says what it is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_chart import DAY, END, HOUR, WEEK, chart, every

from monitor.chart import Alarm, Chart, Line, Seen, Span
from monitor.chart.cells import ASCII, FINE, Run, Type, legend, plot
from monitor.chart.spark import spark
from monitor.model import Level
from monitor.spending import Balance, Hour


def text(rows: Sequence[Sequence[Run]]) -> list[str]:
    return ["".join(letters for letters, _ in row) for row in rows]


def hues(row: Sequence[Run]) -> dict[str, str]:
    """Return what is drawn in each colour of a row."""
    found: dict[str, str] = {}
    for letters, hue in row:
        found[hue] = found.get(hue, "") + letters.strip()
    return found


def falling(usd: float) -> Chart:
    return chart(every(WEEK, HOUR, lambda day: usd * (1 - day / 7)), interval=HOUR)


# -- the chart --------------------------------------------------------------------------------------------------------


def test_a_balance_that_falls_to_nothing_goes_from_the_upper_left_to_the_lower_right() -> None:
    *body, axis, times = text(plot(replace(falling(80), lines=()), 60, 14))
    drawn = [[place for place, letter in enumerate(row) if "\u2801" <= letter <= "\u28ff"] for row in body]
    assert [row for row in drawn if not row] == drawn[:1]  # above the highest point there is room for words
    assert all(before[-1] <= after[0] + 1 for before, after in pairwise(drawn[1:]))
    assert drawn[1][0] == len("$80 ┤")
    assert drawn[-1][-1] == 59
    assert axis.startswith("    ──")
    assert times.split()[:2] == ["Wed", "7"]


def test_amounts_stand_beside_their_rows_and_a_threshold_goes_before_what_is_close_to_it() -> None:
    rows = plot(falling(80), 60, 20)
    named = {letters.split()[0]: hue for (letters, hue), *_ in rows[:-2] if letters.strip()}
    assert named == {"$80": "muted", "$60": "muted", "$40": "muted", "$25": "warning", "$5": "critical"}
    line = next(row for row in rows if row[0][0].startswith("$25"))
    assert set(hues(line)["warning"]) <= set("$25 ┤╌")
    assert hues(line)["line"]


def test_what_came_in_is_marked_with_how_much_where_there_is_room() -> None:
    rows = plot(chart(every(WEEK, HOUR, lambda day: 80 - 10 * day + (50 if day >= 4 else 0)), interval=HOUR), 80, 14)
    assert [hues(row)["ok"] for row in rows if "ok" in hues(row)] == ["+$49.6▲"]
    often = chart(every(WEEK, HOUR, lambda day: 80 + 5 * int(day * 2 % 2)), interval=HOUR)
    marks = "".join(hues(row).get("ok", "") for row in plot(often, 40, 10))
    assert marks.count("▲") == 7
    assert marks.count("$") < 7


def test_a_time_without_readings_is_a_gap_and_no_line_goes_through_it() -> None:
    silent = chart(every(WEEK, HOUR, lambda day: None if 2 < day < 4 else 40), interval=HOUR)
    rows = plot(silent, 70, 12)
    shaded = [row for row in text(rows) if "░" in row]
    assert len(shaded) == 8  # the lines of the thresholds go through
    (level,) = [row for row in text(rows) if any("\u2801" <= letter <= "\u28ff" for letter in row)]
    left, _, right = level[5:].partition("░")
    assert left
    assert "░" not in right.lstrip("░")
    assert "░" * 15 in level


def test_an_alert_is_a_bar_below_for_as_long_as_it_lasted() -> None:
    spans = [Span(END - 4 * DAY, END - 2 * DAY), Span(END - 3 * DAY, END - 2.5 * DAY)]
    alarmed = replace(falling(80), alarms=[Alarm(Level.CRITICAL, spans[1]), Alarm(Level.WARNING, spans[0])])
    axis = plot(alarmed, 77, 12)[-2]
    assert [(letters[0], len(letters)) for letters, hue in axis if hue in {"warning", "critical"}] == [
        ("━", 11),
        ("▀", 6),
        ("━", 5),
    ]


def test_the_legend_says_in_words_what_is_there_and_nothing_else() -> None:
    silent = chart(every(WEEK, HOUR, lambda day: None if 2 < day < 4 else 40 + 60 * (day > 5)), interval=HOUR)
    silent = replace(silent, alarms=[Alarm(Level.WARNING, WEEK), Alarm(Level.CRITICAL, WEEK)])
    assert [words for words, _ in legend(silent)] == [
        "╌╌ warning $25",
        "╌╌ critical $5",
        "▲ came in",
        "━━ warning alert",
        "▀▀ critical alert",
        "░░ no readings",
    ]
    assert [words for words, _ in legend(silent, kind=ASCII)][2:4] == ["^ came in", "== warning alert"]
    assert legend(replace(falling(80), lines=())) == []


def test_where_only_ascii_is_known_all_of_it_is_ascii() -> None:
    silent = chart(every(WEEK, HOUR, lambda day: None if 2 < day < 4 else 40 + 60 * (day > 5)), interval=HOUR)
    rows = text(plot(replace(silent, alarms=[Alarm(Level.CRITICAL, WEEK)]), 70, 14, kind=ASCII))
    assert "".join(rows).isascii()
    assert any("****" in row for row in rows)
    assert any("+$60 ^" in row for row in rows)
    assert any(":::::" in row for row in rows)
    assert "####" in rows[-2]


amounts = st.one_of(st.none(), st.integers(-2_000, 10**7).map(lambda cents: cents / 100))


@settings(max_examples=60)
@given(
    values=st.lists(amounts, min_size=1, max_size=40),
    columns=st.integers(12, 220),
    rows=st.integers(4, 40),
    kind=st.sampled_from([FINE, ASCII]),
    lines=st.lists(st.decimals(-100, 10**6, places=2), max_size=3),
)
def test_in_every_size_it_is_as_large_as_it_may_be_and_shows_a_balance_if_there_is_one(
    values: list[float | None], columns: int, rows: int, kind: Type, lines: list[Decimal]
) -> None:
    step = 7 * DAY / len(values)
    seen = [
        Seen(WEEK.since + place * step, WEEK.since + place * step, Decimal(str(usd)))
        for place, usd in enumerate(values)
        if usd is not None
    ]
    drawn = replace(chart(seen, interval=step), lines=[Line(Level.WARNING, usd) for usd in lines])
    drawn = replace(drawn, alarms=[Alarm(Level.CRITICAL, Span(WEEK.since, WEEK.since + step))])
    shown = text(plot(drawn, columns, rows, kind=kind))
    assert [len(row) for row in shown] == [columns] * rows
    dots = "".join(shown[:-2])
    assert any("\u2801" <= letter <= "\u28ff" or (kind is ASCII and letter == "*") for letter in dots) is bool(seen)


# -- the sparkline ----------------------------------------------------------------------------------------------------

LATEST = Balance(END, Decimal(20))


def hours(count: int, *, fell: int = 0, rose: int = 0, watched: timedelta = HOUR) -> list[Hour]:
    """Return so many hours up to the end in which that went and came in."""
    start = END.replace(minute=0)
    return [Hour(start - n * HOUR, Decimal(fell), Decimal(rose), watched) for n in range(count)]


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        (hours(8, fell=20), "█▇▆▅▅▄▃▂"),
        (hours(8), "████████"),
        (hours(4), "    ████"),
        (hours(8, watched=timedelta(0)), " " * 8),
        (hours(8, watched=timedelta(0), rose=2), "▃▄▅▅▆▇▇█"),
        ([], " " * 8),
    ],
)
def test_the_course_is_reckoned_back_from_the_latest_balance(known: list[Hour], shown: str) -> None:
    assert spark(known, LATEST, Span(END - 8 * HOUR, END), 8) == shown


def test_what_is_owed_is_below_nothing_and_nothing_at_all_is_the_lowest_bar() -> None:
    owed = Balance(END, Decimal(-80))
    assert spark(hours(8, fell=20), owed, Span(END - 8 * HOUR, END), 8, bars="_.-=+*%#") == "#%*+=-._"
    assert spark(hours(3), Balance(END, Decimal(0)), Span(END - 3 * HOUR, END), 3) == "▁▁▁"


def test_a_time_for_which_there_is_no_room_is_not_written() -> None:
    assert text(plot(falling(80), 9, 8))[-1].strip() == ""
    assert {len(row) for row in text(plot(falling(80), 9, 8))} == {9}
