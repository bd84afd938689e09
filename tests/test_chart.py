"""What a picture of an account shows: everything within it, no gap bridged, no dip lost, words that are legible."""

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.chart import (
    DARK,
    LIGHT,
    NARROW,
    STYLESHEET,
    WIDE,
    Alarm,
    Chart,
    Line,
    Seen,
    Span,
    Terms,
    course,
    draw,
)
from monitor.chart.frame import Box
from monitor.chart.svg import width
from monitor.messages import Standing
from monitor.model import Failure, Kind, Level, Reading
from monitor.runway import NotYet, Runway
from monitor.spending import Balance

END = datetime(2026, 1, 13, 9, 33, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
WEEK = Span(END - 7 * DAY, END)
BERLIN = ZoneInfo("Europe/Berlin")
LINES = (Line(Level.WARNING, Decimal(25)), Line(Level.CRITICAL, Decimal(5)))
SVG = "{http://www.w3.org/2000/svg}"


def every(span: Span, step: timedelta, usd: Callable[[float], float | None]) -> list[Seen]:
    """Return a reading each step; the balance is told by the days since the beginning, None for a failed poll."""
    found, at = [], span.since
    while at <= span.until:
        if (amount := usd((at - span.since) / DAY)) is not None:
            found.append(Seen(at, at, Decimal(str(round(amount, 4)))))
        at += step
    return found


def chart(
    readings: Iterable[Seen],
    span: Span = WEEK,
    *,
    interval: timedelta = 5 * MINUTE,
    level: Level = Level.OK,
    runway: Runway | NotYet | None = None,
    failure: Failure | None = None,
    lines: Iterable[Line] = LINES,
    alarms: Iterable[Alarm] = (),
    is_past: bool = False,
) -> Chart:
    seen = list(readings)
    reading = Reading(balance_usd=seen[-1].usd) if seen else None
    standing = Standing(
        account="main", level=level, reading=reading, read_at=span.until, failure=failure, runway=runway
    )
    return Chart(
        account="main",
        span=span,
        course=course(seen, terms(span, interval)),
        lines=tuple(lines),
        alarms=tuple(alarms),
        standing=None if is_past else standing,
        zone=BERLIN,
    )


def terms(span: Span = WEEK, interval: timedelta = 5 * MINUTE, thinned_until: datetime = WEEK.since) -> Terms:
    return Terms(span=span, interval=interval, thinned_until=thinned_until, least_rise=Decimal(1))


FALLING = every(WEEK, 5 * MINUTE, lambda day: 118 - 32 * day if day < 3.4 else 200 - 50 * (day - 3.4))
CONE = Runway(2 * DAY, 3 * DAY, 5 * DAY, 20 * DAY)
NOTHING = timedelta(0)
EMPTY = Runway(NOTHING, NOTHING, NOTHING, DAY)
SCENES = {
    "falling, topped up, with a cone": chart(FALLING, runway=CONE, alarms=[Alarm(Level.WARNING, Span(END - DAY, END))]),
    "no longer than hours": chart(FALLING, runway=Runway(HOUR, 2 * HOUR, 3 * HOUR, DAY), level=Level.CRITICAL),
    "nobody knows how long": chart(FALLING, runway=Runway(400 * DAY / 2, None, None, DAY)),
    "far longer than a week": chart(FALLING, runway=Runway(60 * DAY, 90 * DAY, None, DAY)),
    "polls fail": chart(
        every(WEEK, 5 * MINUTE, lambda day: None if 1 < day < 2 or day > 6.5 else 80 - day),
        level=Level.CRITICAL,
        failure=Failure(Kind.UNREACHABLE, "no answer"),
        runway=CONE,
        alarms=[Alarm(Level.CRITICAL, Span(END - DAY, END - DAY)), Alarm(Level.CRITICAL, Span(END, END))],
    ),
    "flat": chart(every(WEEK, 5 * MINUTE, lambda _: 72.048)),
    "nothing left": chart(every(WEEK, 5 * MINUTE, lambda _: 0), runway=EMPTY),
    "negative": chart(every(WEEK, 5 * MINUTE, lambda day: 30 - 7 * day), runway=EMPTY),
    "one reading": chart([Seen(END, END, Decimal("4.07"))], runway=NotYet(DAY)),
    "one reading and no time": chart([Seen(END, END, Decimal(4))], Span(END, END)),
    "none": chart([]),
    "huge": chart(every(WEEK, HOUR, lambda day: 999_999_999_999 - day * 10**9), interval=HOUR),
    "tiny": chart(every(WEEK, HOUR, lambda day: 0.004 - day / 2000), interval=HOUR, lines=()),
    "far from its thresholds": chart(every(WEEK, HOUR, lambda _: 0.01), interval=HOUR),
    "a time that is past": chart(FALLING, is_past=True),
}


def parts(found: Chart, size: tuple[float, float] = NARROW) -> ET.Element:
    return ET.fromstring(draw(found, size))  # noqa: S314 - our own


def texts(root: ET.Element) -> list[ET.Element]:
    return root.findall(f"{SVG}text")


def written(found: Chart, size: tuple[float, float] = NARROW) -> list[str]:
    return [one.text or "" for one in texts(parts(found, size))]


def paths(root: ET.Element, name: str, kind: str = "stroke") -> list[list[tuple[float, float]]]:
    """Return where the lines, or the outlines, in a colour go."""
    found = [one.get("d", "") for one in root.findall(f"{SVG}path") if one.get("class") == f"bm-{kind}-{name}"]
    return [[(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", way)] for way in found]


def line(found: Chart, size: tuple[float, float] = NARROW) -> list[list[tuple[float, float]]]:
    """Return where the line of the balance goes, a list for each stretch."""
    return [way for way in paths(parts(found, size), "line") if len(way) > 2]


# -- everything has its place -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize("name", SCENES)
def test_nothing_reaches_beyond_the_picture_and_no_letter_is_smaller_than_twelve_pixels(
    name: str, size: tuple[float, float]
) -> None:
    root = parts(SCENES[name], size)
    for one in texts(root):
        letters, bold = float(one.get("font-size", 0)), one.get("font-weight") is not None
        length, x = width(one.text or "", letters, bold=bold), float(one.get("x", 0))
        left = x - {"start": 0.0, "middle": length / 2, "end": length}[one.get("text-anchor", "start")]
        assert letters >= 12
        assert left >= 0, one.text
        assert left + length <= size[0] + 0.1, one.text
        assert letters <= float(one.get("y", 0)) <= size[1] - 4
    for way in (way for name in LIGHT for kind in ("stroke", "fill") for way in paths(root, name, kind)):
        assert all(0 <= x <= size[0] and 0 <= y <= size[1] for x, y in way)


@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize("name", SCENES)
def test_no_words_stand_on_others(name: str, size: tuple[float, float]) -> None:
    boxes = []
    for one in texts(parts(SCENES[name], size)):
        letters, x, y = (float(one.get(key, 0)) for key in ("font-size", "x", "y"))
        length = width(one.text or "", letters, bold=one.get("font-weight") is not None)
        left = x - {"start": 0.0, "middle": length / 2, "end": length}[one.get("text-anchor", "start")]
        boxes.append((Box(left=left, top=y - letters * 0.75, right=left + length, bottom=y + 1), one.text))
    for place, (box, words) in enumerate(boxes):
        assert not [(words, other) for it, other in boxes[:place] if box.meets(it)]


@settings(max_examples=60, deadline=None)
@given(
    amounts=st.lists(st.decimals(-(10**12), 10**12, places=6), max_size=60),
    minutes=st.lists(st.integers(1, 3000), min_size=60, max_size=60),
    lines=st.lists(st.decimals(-(10**12), 10**12, places=2), min_size=2, max_size=2),
)
def test_whatever_was_read_lies_within_the_frame(
    amounts: list[Decimal], minutes: list[int], lines: list[Decimal]
) -> None:
    at, seen = WEEK.since, []
    for amount, wait in zip(amounts, minutes, strict=False):
        at += wait * MINUTE
        seen.append(Seen(at, at, amount))
    both = [Line(Level.WARNING, max(lines)), Line(Level.CRITICAL, min(lines))]
    for way in line(chart(seen, lines=both)):
        assert all(30 <= x <= 346 and 60 <= y <= 214 for x, y in way)


# -- what was read ----------------------------------------------------------------------------------------------------


def test_a_gap_is_not_bridged_and_is_named() -> None:
    found = SCENES["polls fail"]
    first, second = line(found)
    assert second[0][0] - first[-1][0] > 20
    assert [(gap.since, gap.until) for gap in found.course.unknown] == [
        (WEEK.since + DAY, WEEK.since + 2 * DAY),
        (WEEK.since + 6.5 * DAY, END),
    ]
    long = chart([one for one in FALLING if not WEEK.since + DAY < one.since < WEEK.since + 4 * DAY])
    assert "no readings" in written(long, NARROW)


def test_the_line_goes_on_over_a_poll_or_two_that_failed_but_not_over_more() -> None:
    for lost, stretches in ((2, 1), (12, 2)):
        seen = [one for place, one in enumerate(FALLING) if not 100 <= place < 100 + lost]
        assert len(course(seen, terms()).stretches) == stretches


def test_where_only_one_reading_an_hour_is_kept_two_hours_are_no_gap() -> None:
    seen = every(WEEK, 2 * HOUR, lambda day: 90 - day)
    assert len(course(seen, terms(thinned_until=END)).stretches) == 1
    assert len(course(seen, terms(thinned_until=WEEK.since + 3 * DAY)).stretches) > 1


def test_what_was_read_once_between_two_gaps_is_a_dot() -> None:
    lonely = Seen(END - 3 * DAY, END - 3 * DAY, Decimal(50))
    seen = [one for one in FALLING if abs(one.since - lonely.since) > 6 * HOUR]
    root = parts(chart(sorted([*seen, lonely], key=lambda one: one.since)))
    assert [one.get("r") for one in root.findall(f"{SVG}circle")] == ["3", "1.5", "5.5", "4"]


def test_a_dip_of_one_reading_in_a_year_of_minutes_is_seen() -> None:
    year = Span(END - 365 * DAY, END)
    seen = every(year, 10 * MINUTE, lambda day: 300 + 20 * math.sin(day))
    dip = len(seen) // 3
    seen[dip] = Seen(seen[dip].since, seen[dip].until, Decimal(1))
    found = chart(seen, year, interval=10 * MINUTE)
    (points,) = found.course.stretches
    assert 150 < len(points) <= 600
    assert Decimal(1) in {point.amount for point in points}
    (way,) = line(found)
    assert max(y for _, y in way) > 210  # the frame ends at 214


def test_a_balance_that_rests_is_a_level_line_and_not_a_slope_into_the_next() -> None:
    seen = [
        Seen(WEEK.since, END - 2 * DAY, Decimal(80)),
        Seen(END - 2 * DAY + 5 * MINUTE, END, Decimal(40)),
    ]
    (way,) = line(chart(seen))
    assert [round(y) for _, y in way] == [round(way[0][1])] * 2 + [round(way[-1][1])] * 2


def test_what_lasted_into_the_span_or_beyond_it_is_cut_at_its_edges() -> None:
    seen = [Seen(WEEK.since - DAY, WEEK.since - HOUR, Decimal(9)), Seen(WEEK.since - HOUR, END + DAY, Decimal(8))]
    (points,) = course(seen, terms()).stretches
    assert points == [Balance(WEEK.since, Decimal(8)), Balance(END, Decimal(8))]


# -- what is marked ---------------------------------------------------------------------------------------------------


def test_what_came_in_is_marked_with_its_amount() -> None:
    found = SCENES["falling, topped up, with a cone"]
    (rise,) = found.course.rises
    assert (round(rise.before), round(rise.after)) == (9, 200)
    assert "+$191" in written(found)
    (marker,) = paths(parts(found), "ok", "fill")
    assert len(marker) == 3


def test_another_accounts_balance_and_a_small_rise_are_no_money_that_came_in() -> None:
    amounts = [("10", "1"), ("90", "2"), ("90.5", "2"), ("95", None), ("99", "2"), ("95", "2")]
    seen = [
        Seen(END - (9 - n) * HOUR, END - (9 - n) * HOUR, Decimal(usd), owner) for n, (usd, owner) in enumerate(amounts)
    ]
    assert [f"{one.before} {one.after}" for one in course(seen, terms()).rises] == ["90.5 95", "95 99"]


def test_of_very_many_rises_the_largest_are_marked_and_those_of_some_size_named() -> None:
    seen = every(WEEK, HOUR, lambda day: 40 + (round(day * 24) % 2) * (2 + day))
    found = chart(seen, interval=HOUR)
    assert len(found.course.rises) == 24
    assert found.course.rises[0].at > WEEK.since + 4 * DAY
    little = [*every(Span(WEEK.since, END - DAY), HOUR, lambda _: 5), Seen(END - HOUR, END, Decimal(7))]
    assert "+$2" in written(chart(little, interval=HOUR))
    assert "+$2" not in written(chart([*little, Seen(END, END, Decimal(700))], interval=HOUR))


def test_thresholds_are_drawn_and_named_and_far_ones_left_out() -> None:
    assert {"warning $25", "critical $5"} <= set(written(SCENES["flat"]))
    assert not {"warning $25", "critical $5"} & set(written(SCENES["far from its thresholds"]))
    assert {"warning $25", "critical $5"} <= set(written(SCENES["none"]))


def test_thresholds_too_close_to_each_other_are_named_side_by_side() -> None:
    for amount in (150, 5000):
        root = parts(chart([Seen(WEEK.since, END, Decimal(amount))]))
        heights = {one.text: one.get("y") for one in texts(root) if one.text in {"warning $25", "critical $5"}}
        assert len(heights) == 2
        assert (len(set(heights.values())) == 1) is (amount == 5000)


def test_a_threshold_is_named_even_where_the_balance_leaves_no_room() -> None:
    def up_and_down(day: float) -> float:
        return 60 * (round(day * 288) % 2)

    assert {"warning $25", "critical $5"} <= set(written(chart(every(WEEK, 5 * MINUTE, up_and_down))))


def test_alerts_tint_their_time_the_worse_one_last_and_those_that_touch_as_one() -> None:
    alarms = [
        Alarm(Level.CRITICAL, Span(END - 2 * DAY, END - DAY)),
        Alarm(Level.WARNING, Span(END - 5 * DAY, END - 3 * DAY)),
        Alarm(Level.WARNING, Span(END - 4 * DAY, END - DAY)),
        Alarm(Level.WARNING, Span(END, END)),
    ]
    root = parts(chart(FALLING, alarms=alarms))
    bars = [one for one in root.findall(f"{SVG}rect") if one.get("height") == "4"]
    assert [one.get("class") for one in bars] == ["bm-fill-warning", "bm-fill-warning", "bm-fill-critical"]
    assert [round(float(one.get("width", 0))) for one in bars] == [
        pytest.approx(176, abs=4),
        2,
        pytest.approx(44, abs=2),
    ]


# -- how long it lasts ------------------------------------------------------------------------------------------------


def test_the_cone_goes_from_the_latest_reading_to_where_nothing_is_left() -> None:
    (cone,) = paths(parts(SCENES["falling, topped up, with a cone"]), "line", "fill")
    start, high, corner, low = cone
    assert high[0] == corner[0] == 346
    assert corner[1] == low[1] == 214
    assert start[1] < high[1] < 214
    near = paths(parts(SCENES["no longer than hours"]), "line", "fill")
    assert [len(way) for way in near] == [4]


def test_of_a_runway_that_is_far_longer_only_its_beginning_is_shown() -> None:
    (cone,) = paths(parts(SCENES["far longer than a week"]), "line", "fill")
    assert len(cone) == 3
    assert {x for x, _ in cone[1:]} == {346}
    assert cone[1][1] == cone[0][1]  # what may last for longer than a year hardly falls


@pytest.mark.parametrize(
    "name", ["nobody knows how long", "nothing left", "one reading", "none", "a time that is past"]
)
def test_without_a_runway_there_is_no_cone(name: str) -> None:
    assert paths(parts(SCENES[name]), "line", "fill") == []


# -- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("falling, topped up, with a cone", ["main", "$20.00", "ok", "lasts about 3 days (2 to 5)"]),
        ("polls fail", ["main", "$73.50", "critical, polls fail", "lasts about 3 days (2 to 5)"]),
        ("nothing left", ["main", "$0.00", "ok", "nothing left"]),
        ("negative", ["main", "-$19.00", "ok", "nothing left"]),
        ("one reading", ["main", "$4.07", "ok", "runway: not enough data yet"]),
        ("nobody knows how long", ["main", "$20.00", "ok", "lasts more than a year (at least 200 days)"]),
    ],
)
def test_its_two_first_lines_say_what_matters(name: str, words: list[str]) -> None:
    found = written(SCENES[name])
    place = found.index("main")
    assert found[place : place + 4] == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("flat", "read Tue 13 Jan 10:33 CET"),
        ("polls fail", "last read Mon 12 Jan 22:33 CET"),
        ("none", "as of Tue 13 Jan 10:33 CET"),
        ("a time that is past", "2026-01-06 10:33 to 2026-01-13 10:33 CET"),
    ],
)
def test_its_last_line_says_of_when_it_is(name: str, words: str) -> None:
    assert written(SCENES[name])[-1] == words


def test_only_what_was_read_just_now_is_ok() -> None:
    old = chart([one for one in FALLING if one.since < END - 2 * DAY])
    assert not {"ok", "polls fail"} & set(written(old))
    assert written(old)[-1].startswith("last read")
    assert "ok" not in written(SCENES["none"])
    failing = chart(FALLING[:-100], failure=Failure(Kind.UNREACHABLE, "no answer"))
    assert "polls fail" in written(failing)


def test_a_long_name_is_cut_and_the_amount_is_not() -> None:
    long = "a_name_" * 9 + "x"
    root = parts(Chart(account=long, span=WEEK, course=SCENES["huge"].course, zone=UTC))
    assert any((one.text or "").endswith("…") for one in texts(root))
    assert "$992,999,999,999.00" in [one.text for one in texts(root)]
    assert root.get("aria-label", "").startswith(f"{long}: $992,999,999,999.00")


def test_whoever_cannot_see_it_hears_title_and_description() -> None:
    alarms = [Alarm(Level.WARNING, Span(END - DAY, END)), Alarm(Level.CRITICAL, WEEK), Alarm(Level.CRITICAL, WEEK)]
    seen = [one for one in FALLING if not WEEK.since + DAY < one.since < WEEK.since + 2 * DAY]
    root = parts(chart(seen, level=Level.WARNING, runway=CONE, alarms=alarms))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == root.get("aria-label")
    assert root.findtext(f"{SVG}title") == "main: $20.00, warning, lasts about 3 days (2 to 5)"
    assert root.findtext(f"{SVG}desc") == (
        "The balance in USD from Tue 6 Jan 10:33 CET to Tue 13 Jan 10:33 CET. "
        "It was $118.00 at first and $20.00 at last, between $9.22 and $199.86. "
        "Warning is at or below $25.00. Critical is at or below $5.00. "
        "$190.64 came in at Fri 9 Jan 20:13 CET. "
        "2 alerts came to critical. 1 alert came to warning. Of 1 day there are no readings."
    )


# -- how it looks -----------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("name", ["ink", "muted", "ok", "info", "warning", "critical", "line"])
def test_all_text_is_easy_to_read_on_every_ground(palette: dict[str, str], name: str) -> None:
    for ground in ("ground", "unknown"):
        high, low = sorted((luminance(palette[name]), luminance(palette[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_it_can_stand_in_a_page_that_forbids_inline_styles_and_scripts() -> None:
    for name, found in SCENES.items():
        drawn = draw(found, NARROW)
        assert not re.search(r"<style|\bstyle=|<script|\bon\w+=|href|url\(|\bid=", drawn), name


def test_a_file_is_dark_where_people_want_it_so_and_a_page_can_have_the_same() -> None:
    file = draw(SCENES["flat"], WIDE, adapts=True)
    assert f"<style>{STYLESHEET}</style>" in file
    assert STYLESHEET.startswith("@media (prefers-color-scheme:dark){")
    classes = {name for one in re.findall(r'class="([^"]+)"', file) for name in one.split()}
    assert classes
    assert all(f".{name}{{" in STYLESHEET for name in classes)


def test_light_and_dark_differ_in_their_colours_only() -> None:
    light, dark = (draw(SCENES["flat"], WIDE, palette=palette) for palette in (LIGHT, DARK))
    assert light != dark
    assert re.sub(r"#[0-9a-f]{6}", "", light) == re.sub(r"#[0-9a-f]{6}", "", dark)
