"""The layers of a picture, from the lowest to the uppermost, each as SVG."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from monitor.chart import hours, words
from monitor.chart.frame import Box, Frame
from monitor.chart.money import brief
from monitor.chart.shape import Alarm, Chart, Line, Rise
from monitor.chart.svg import Pen, Spot, fit, width
from monitor.model import Level
from monitor.spending import Balance

_STRIP = 4.0
"""The height of the bar that tells when there was an alert."""
_EDGE = 12.0
"""Nothing is written closer to the edge of the picture."""
_TICK = timedelta(microseconds=1)
_APART = 52.0
"""From one mark of time to the next, at least."""


def unknown(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Grey out the time of which nothing is known."""
    for gap in chart.course.unknown:
        left, right = frame.x(gap.since), frame.x(gap.until)
        yield pen.box((left, frame.box.top), (right - left, frame.box.bottom - frame.box.top), "unknown")


def alarms(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Tint the time in which there was an alert."""
    for name, left, right in _alarmed(chart, frame):
        yield pen.box((left, frame.box.top), (right - left, frame.box.bottom - frame.box.top), name, opacity=0.1)


def strip(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Draw a bar below the plot for as long as there was an alert."""
    for name, left, right in _alarmed(chart, frame):
        yield pen.box((left, frame.box.bottom + 1), (right - left, _STRIP), name)


def _alarmed(chart: Chart, frame: Frame) -> Iterator[tuple[str, float, float]]:
    """Yield from where to where there was an alert, the worse ones last."""
    for level in (Level.WARNING, Level.CRITICAL):
        for left, right in _merged([alarm for alarm in chart.alarms if alarm.level is level], frame):
            yield level.word, left, right


def _merged(found: Sequence[Alarm], frame: Frame) -> list[Spot]:
    """Return from where to where there was an alert, at least so wide that it is seen."""
    merged: list[Spot] = []
    for alarm in sorted(found, key=lambda alarm: alarm.span.since):
        left, right = frame.x(alarm.span.since), frame.x(alarm.span.until)
        left, right = min(left, frame.box.right - 2), max(right, min(left, frame.box.right - 2) + 2)
        if merged and left <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(right, merged[-1][1]))
        else:
            merged.append((left, right))
    return merged


def money(frame: Frame, pen: Pen) -> Iterator[str]:
    """Draw the axis of money: a thin line for each mark, a stronger one for zero."""
    for mark in frame.scale.marks:
        y = frame.y(mark)
        yield pen.path([(frame.box.left, y), (frame.box.right, y)], "grid" if mark else "axis", 1)
        yield pen.text((frame.box.left - 6, y + 4), brief(mark), "muted", anchor="end")


def time(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Draw the axis of time: a small stroke for each mark, and as many words as are easy to read."""
    most = int((frame.box.right - frame.box.left) / _APART)
    edge = frame.box.right + _EDGE - 4
    for mark in hours.marks(frame.span, chart.zone, most=most):
        x, half = frame.x(mark.at), width(mark.label, 12) / 2
        yield pen.path([(x, frame.box.bottom + 6), (x, frame.box.bottom + 9)], "axis", 1)
        place = min(max(x, half + 4), edge - half)
        yield pen.text((place, frame.box.bottom + 22), mark.label, "muted", anchor="middle")


def thresholds(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Draw each threshold that is on the scale."""
    for line in on_scale(chart, frame):
        y = frame.y(line.usd)
        yield pen.path([(frame.box.left, y), (frame.box.right, y)], line.level.word, 1.25, dashes="5 4")


def on_scale(chart: Chart, frame: Frame) -> list[Line]:
    """Return the thresholds that can be drawn."""
    return [line for line in chart.lines if frame.scale.shows(line.usd)]


def cone(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Draw for how long it lasts: the range as an area, its middle as a line."""
    latest, lasts = chart.latest, chart.lasts
    if latest is None or lasts is None or lasts.low is None:
        return
    start = (frame.x(latest.at), frame.y(latest.amount))
    low, mid, high = (_descent(latest, length, frame) for length in (lasts.low, lasts.mid, lasts.high))
    corner = [(high[0], low[1])] if low[0] < high[0] else []
    yield pen.area([start, high, *corner, low], "line", opacity=0.16)
    yield pen.path([start, mid], "line", 1.5, dashes="1 4")


def _descent(latest: Balance, length: timedelta | None, frame: Frame) -> Spot:
    """Return where a balance comes to nothing, or leaves the frame."""
    end, nothing = frame.span.until, latest.amount * 0
    if length is None:
        return frame.x(end), frame.y(latest.amount)
    if latest.at + length <= end:
        return frame.x(latest.at + length), frame.y(nothing)
    gone = latest.amount * ((end - latest.at) // _TICK) / (length // _TICK)
    return frame.x(end), frame.y(latest.amount - gone)


def line(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Draw the balance; what was read only once between two gaps is a dot."""
    for spots in lines(chart, frame):
        if len(spots) == 1:
            yield pen.dot(spots[0], "line", 1.5)
        else:
            yield pen.path(spots, "line", 2)
    if chart.latest is not None:
        yield pen.dot((frame.x(chart.latest.at), frame.y(chart.latest.amount)), _hue(chart), 4)


def lines(chart: Chart, frame: Frame) -> list[list[Spot]]:
    """Return where the line of each stretch goes."""
    return [[(frame.x(point.at), frame.y(point.amount)) for point in stretch] for stretch in chart.course.stretches]


def _hue(chart: Chart) -> str:
    is_bad = chart.standing is not None and chart.standing.level >= Level.WARNING
    return chart.standing.level.word if is_bad and chart.standing else "line"


def rises(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Mark where money came in."""
    for place in (peak(rise, frame) for rise in chart.course.rises):
        yield pen.area(
            [(place.left, place.bottom), (place.right, place.bottom), ((place.left + place.right) / 2, place.top)], "ok"
        )


def peak(rise: Rise, frame: Frame) -> Box:
    """Return where a rise is marked: above the balance that it came to."""
    x, y = frame.x(rise.at), frame.y(rise.after)
    return Box(left=x - 4, top=y - 10, right=x + 4, bottom=y - 4)


def header(chart: Chart, size: Spot, pen: Pen) -> Iterator[str]:
    """Write account and balance, and below them the level and how long it lasts."""
    left, right = _EDGE, size[0] - _EDGE
    amount = words.balance(chart)
    room = right - left - width(amount, 17, bold=True) - 12
    yield pen.text((left, 26), fit(chart.account, 17, room, bold=True), "ink", 17, bold=True)
    yield pen.text((right, 26), amount, "ink" if _hue(chart) == "line" else _hue(chart), 17, anchor="end", bold=True)
    level, outcome = words.level(chart), words.outcome(chart)
    hue = _hue(chart) if _hue(chart) != "line" else "ok" if level == Level.OK.word else "muted"
    yield pen.text((left, 46), level, hue, 13, bold=True)
    yield pen.text(
        (right, 46), fit(outcome, 13, right - left - width(level, 13, bold=True) - 10), "muted", 13, anchor="end"
    )


def footer(chart: Chart, size: Spot, pen: Pen) -> Iterator[str]:
    """Write of when it is."""
    yield pen.text((_EDGE, size[1] - 10), fit(words.below(chart), 12, size[0] - 2 * _EDGE), "muted")
