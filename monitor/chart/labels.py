"""The words in the plot: each where it hides nothing, or not at all."""

from collections.abc import Iterator

from monitor.chart.frame import Box, Frame, Label, Room
from monitor.chart.money import brief
from monitor.chart.plot import lines, on_scale, peak
from monitor.chart.shape import Chart, Rise, Span
from monitor.chart.svg import Pen, width

_NOTHING = "no readings"
_STEP = 6.0
_CLOSE = 17.0
_LITTLE = 10


def write(chart: Chart, frame: Frame, pen: Pen) -> Iterator[str]:
    """Write what there is room for: thresholds first, then what came in, then where nothing was read."""
    room = Room(frame.box, labels=[peak(rise, frame) for rise in chart.course.rises])
    for spots in lines(chart, frame):
        room.take_line(spots)
    for line in on_scale(chart, frame):
        room.take_line([(frame.box.left, frame.y(line.usd) - 1), (frame.box.right, frame.y(line.usd))])
    yield from _thresholds(chart, frame, pen, room)
    yield from _rises(chart, frame, pen, room)
    yield from _unknown(chart, frame, pen, room)


def _thresholds(chart: Chart, frame: Frame, pen: Pen, room: Room) -> Iterator[str]:
    """Name each threshold, the highest first; one that no place beside the balance is left for, across it.

    Two that are too close for words between them are named side by side.
    """
    top = 0.0
    for line in sorted(on_scale(chart, frame), key=lambda line: -line.usd):
        y = frame.y(line.usd)
        top = top if y - top < _CLOSE else y
        places = list(_along(f"{line.level.word} {brief(line.usd)}", top, frame.box))
        if found := room.find(places) or room.find(places, over_lines=True):
            yield pen.label(found.at, found.words, line.level.word)


def _along(words: str, y: float, box: Box) -> Iterator[Label]:
    """Yield where the words of a threshold might stand: above it, on the left first, or else below."""
    for height in (y - 4, y + 14):
        for step in range(int((box.right - box.left - width(words, 12)) / _STEP)):
            yield Label((box.left + 4 + step * _STEP, height), words)


def _rises(chart: Chart, frame: Frame, pen: Pen, room: Room) -> Iterator[str]:
    """Say how much came in, the most first; what is little beside it is only marked."""
    rises = sorted(chart.course.rises, key=lambda rise: rise.before - rise.after)
    for rise in (one for one in rises if (one.after - one.before) * _LITTLE >= rises[0].after - rises[0].before):
        if found := room.find(_around(rise, frame)):
            yield pen.label(found.at, found.words, "ok", anchor=found.anchor)


def _around(rise: Rise, frame: Frame) -> Iterator[Label]:
    words = f"+{brief(rise.after - rise.before)}"
    x, y = frame.x(rise.at), frame.y(rise.after)
    yield Label((x, y - 14), words, "middle")
    yield Label((x - 8, y - 3), words, "end")
    yield Label((x + 8, y - 7), words, "start")


def _unknown(chart: Chart, frame: Frame, pen: Pen, room: Room) -> Iterator[str]:
    for gap in chart.course.unknown:
        if frame.x(gap.until) - frame.x(gap.since) > width(_NOTHING, 12) + 8 and (found := room.find(_in(gap, frame))):
            yield pen.label(found.at, found.words, "muted", anchor="middle")


def _in(gap: Span, frame: Frame) -> Iterator[Label]:
    """Yield where the words of a gap might stand, the middle first."""
    middle, height = (frame.x(gap.since) + frame.x(gap.until)) / 2, frame.box.bottom - frame.box.top
    yield from (Label((middle, frame.box.top + height * share), _NOTHING, "middle") for share in (0.5, 0.25, 0.75))
