"""One picture of an account, for messages, pages and files: the balance, its thresholds, and how long it will last.

Pure: what to draw goes in, SVG comes out. ``course`` makes a few points of many readings; ``draw`` draws.
"""

from datetime import timedelta
from itertools import chain

from monitor.chart import labels, plot, words
from monitor.chart.frame import Box, Frame
from monitor.chart.ink import DARK, LIGHT, STYLESHEET, Palette
from monitor.chart.money import brief, scale
from monitor.chart.readings import RISES, Terms, course
from monitor.chart.shape import Alarm, Chart, Course, Line, Rise, Seen, Span
from monitor.chart.svg import FONT, Pen, Spot, document, width

__all__ = [
    "DARK",
    "FONT",
    "LIGHT",
    "NARROW",
    "RISES",
    "STYLESHEET",
    "WIDE",
    "Alarm",
    "Chart",
    "Course",
    "Line",
    "Rise",
    "Seen",
    "Span",
    "Terms",
    "course",
    "draw",
    "frame",
]

NARROW: Spot = (360.0, 270.0)
"""Pixels: as wide as a phone shows a picture in a chat."""
WIDE: Spot = (800.0, 380.0)
_TOP, _BOTTOM, _RIGHT = 60.0, 56.0, 14.0
"""Around the plot; on its left is as much room as the amounts there need."""
_APART = 50.0
"""From one mark of money to the next, at least."""
_SHORTEST, _LONGEST, _FAR = 0.05, 0.5, 0.25
"""So much of the past's length is shown of the future, at least and at most; and of a runway that is far longer."""


def draw(chart: Chart, size: Spot, *, palette: Palette = LIGHT, adapts: bool = False) -> str:
    """Return a picture as SVG, at least 12 px high in all its letters at this size.

    One that ``adapts`` is for a file: it brings the style that makes it dark where people want that. Without, it has no
    style of its own, and may stand in a page that forbids such; the page serves ``ink.STYLESHEET``.
    """
    plotted = frame(chart, size)
    pen = Pen(palette)
    layers = chain(
        [pen.box((0, 0), size, "ground")],
        plot.alarms(chart, plotted, pen),
        plot.unknown(chart, plotted, pen),
        plot.strip(chart, plotted, pen),
        plot.money(plotted, pen),
        plot.time(chart, plotted, pen),
        plot.cone(chart, plotted, pen),
        plot.thresholds(chart, plotted, pen),
        plot.line(chart, plotted, pen),
        plot.rises(chart, plotted, pen),
        labels.write(chart, plotted, pen),
        plot.header(chart, size, pen),
        plot.footer(chart, size, pen),
    )
    style = STYLESHEET if adapts else ""
    return document(size, words.title(chart), words.description(chart), layers, style=style)


def frame(chart: Chart, size: Spot) -> Frame:
    """Return where on a picture of this size time and money lie."""
    amounts = [point.amount for point in chain.from_iterable(chart.course.stretches)]
    money = scale(amounts, [line.usd for line in chart.lines], marks=int((size[1] - _TOP - _BOTTOM) / _APART))
    left = 12 + max(width(brief(mark), 12) for mark in money.marks)
    box = Box(left=left, top=_TOP, right=size[0] - _RIGHT, bottom=size[1] - _BOTTOM)
    return Frame(box=box, span=Span(chart.span.since, chart.span.until + _ahead(chart)), scale=money)


def _ahead(chart: Chart) -> timedelta:
    """Return how much of the future is shown: all of the runway, unless that is far longer than what is shown."""
    past = chart.span.until - chart.span.since
    lasts = chart.lasts
    if lasts is None or lasts.mid is None:
        return timedelta(0)
    whole = (lasts.high or lasts.mid) * 1.1
    return max(past * _SHORTEST, whole) if whole <= past * _LONGEST else past * (_LONGEST if lasts.mid < past else _FAR)
