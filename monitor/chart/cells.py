"""The picture of an account in the characters of a terminal: the same frame, axes and marks, in cells for pixels.

Pure: rows of cells come out, each a character and the name of its colour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import chain, groupby, pairwise

from monitor.chart import hours
from monitor.chart.frame import Box, Frame
from monitor.chart.money import brief, scale
from monitor.chart.plot import on_scale
from monitor.chart.shape import Alarm, Chart
from monitor.model import Level

Run = tuple[str, str]
"""Characters, and the name of their colour."""
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The dots of a braille character, a row each from the top."""
_BRAILLE = 0x2800
_LINES_APART, _MARKS_APART = 3, 10
"""Between two marks of money, and between two of time, at least."""


@dataclass(frozen=True, slots=True)
class Type:
    """The characters that things are drawn with, and how many dots one has."""

    across: int
    down: int
    threshold: str
    unknown: str
    rise: str
    axis: str
    tick: str
    edge: str
    alarms: Sequence[str]
    """For a warning, and for worse."""

    def dots(self, lit: int) -> str:
        """Return the character of a cell with these dots."""
        return chr(_BRAILLE + lit) if self.down > 1 else "*"


FINE = Type(2, 4, "╌", "░", "▲", "─", "┬", "┤", "━▀")
ASCII = Type(1, 1, "-", ":", "^", "-", "+", "|", "=#")


@dataclass(slots=True)
class _Canvas:
    """Cells that are written on, the last one uppermost; dots lie above whatever is written."""

    columns: int
    rows: int
    kind: Type
    marks: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    lit: dict[tuple[int, int], int] = field(default_factory=dict)

    def write(self, row: int, column: int, text: str, hue: str) -> None:
        for place, letter in enumerate(text, column):
            self.marks[row, place] = (letter, hue)

    def light(self, x: int, y: int) -> None:
        """Light a dot."""
        row, column = y // self.kind.down, x // self.kind.across
        bit = _DOTS[y % self.kind.down][x % self.kind.across]
        self.lit[row, column] = self.lit.get((row, column), 0) | bit

    def is_free(self, row: int, first: int, last: int) -> bool:
        """Say whether nothing is drawn in a part of a row, which must lie within."""
        places = [(row, column) for column in range(first, last)]
        is_within = 0 <= row < self.rows and first >= 0 and last <= self.columns
        return is_within and not any(place in self.lit or place in self.marks for place in places)

    def line(self, row: int) -> list[Run]:
        """Return a row, cells of one colour together."""
        cells = [self._cell(row, column) for column in range(self.columns)]
        return [("".join(letter for letter, _ in run), hue) for hue, run in groupby(cells, key=lambda cell: cell[1])]

    def _cell(self, row: int, column: int) -> tuple[str, str]:
        lit = self.lit.get((row, column))
        return (self.kind.dots(lit), "line") if lit else self.marks.get((row, column), (" ", ""))


def plot(chart: Chart, columns: int, rows: int, *, kind: Type = FINE) -> list[list[Run]]:
    """Draw a chart in so many columns and rows: amounts on the left, times below, a bar for alerts between."""
    amounts = [point.amount for point in chain.from_iterable(chart.course.stretches)]
    money = scale(amounts, [line.usd for line in chart.lines], marks=max((rows - 2) // _LINES_APART, 1))
    labels = [brief(amount) for amount in (*money.marks, *(line.usd for line in chart.lines))]
    left = max(map(len, labels)) + 1
    canvas = _Canvas(max(columns - left - 1, 1), max(rows - 2, 1), kind)
    box = Box(left=0, top=0, right=canvas.columns * kind.across - 1, bottom=canvas.rows * kind.down - 1)
    frame = Frame(box=box, span=chart.span, scale=money)
    for layer in (_unknown, _thresholds, _balance, _rises):
        layer(chart, frame, canvas)
    axis = _amounts(chart, frame, kind)
    body = [[_label(axis.get(row), left, kind), *canvas.line(row)] for row in range(canvas.rows)]
    below = [[(" " * left, ""), *line] for line in _times(chart, frame, canvas)]
    return body + below


def legend(chart: Chart, *, kind: Type = FINE) -> list[Run]:
    """Say what stands for what, of all that is there to be seen."""
    lines = sorted(chart.lines, key=lambda line: -line.usd)
    parts = [(f"{kind.threshold * 2} {line.level.word} {brief(line.usd)}", line.level.word) for line in lines]
    parts += [(f"{kind.rise} came in", "ok")] if chart.course.rises else []
    levels = sorted({alarm.level for alarm in chart.alarms if alarm.level >= Level.WARNING})
    parts += [(f"{_bar(level, kind) * 2} {level.word} alert", level.word) for level in levels]
    return parts + ([(f"{kind.unknown * 2} no readings", "muted")] if chart.course.unknown else [])


def _cell_of(frame: Frame, kind: Type, at: datetime, usd: Decimal) -> tuple[int, int]:
    """Return the row and the column of a moment and an amount."""
    return round(frame.y(usd)) // kind.down, round(frame.x(at)) // kind.across


def _unknown(chart: Chart, frame: Frame, canvas: _Canvas) -> None:
    for gap in chart.course.unknown:
        first, last = (round(frame.x(at)) // canvas.kind.across for at in (gap.since, gap.until))
        for row in range(canvas.rows):
            canvas.write(row, first, canvas.kind.unknown * (last - first), "muted")


def _thresholds(chart: Chart, frame: Frame, canvas: _Canvas) -> None:
    for line in sorted(on_scale(chart, frame), key=lambda line: line.level):
        row, _ = _cell_of(frame, canvas.kind, chart.span.since, line.usd)
        canvas.write(row, 0, canvas.kind.threshold * canvas.columns, line.level.word)


def _balance(chart: Chart, frame: Frame, canvas: _Canvas) -> None:
    for stretch in chart.course.stretches:
        dots = [(round(frame.x(point.at)), round(frame.y(point.amount))) for point in stretch]
        for dot in chain(dots[:1], *(_between(*pair) for pair in pairwise(dots))):
            canvas.light(*dot)


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots of a line without its start."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    for step in range(1, steps + 1):
        yield tuple(round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True))  # type: ignore[misc]


def _rises(chart: Chart, frame: Frame, canvas: _Canvas) -> None:
    """Mark what came in, and say how much where there is room, the most first."""
    for rise in sorted(chart.course.rises, key=lambda rise: rise.before - rise.after):
        row, column = _cell_of(frame, canvas.kind, rise.at, rise.after)
        row = max(row - 1, 0)
        canvas.lit.pop((row, column), None)
        canvas.write(row, column, canvas.kind.rise, "ok")
        words = f"+{brief(rise.after - rise.before)}"
        starts = (column - len(words) - 1, column + 2)
        found = next((first for first in starts if canvas.is_free(row, first, first + len(words))), None)
        if found is not None:
            canvas.write(row, found, words, "ok")


def _amounts(chart: Chart, frame: Frame, kind: Type) -> dict[int, Run]:
    """Return what is written beside a row: thresholds, and what of the marks does not touch them."""
    found: dict[int, Run] = {}
    lines = sorted(on_scale(chart, frame), key=lambda line: -line.level)
    wanted = [(line.usd, line.level.word) for line in lines] + [(mark, "muted") for mark in frame.scale.marks]
    for usd, hue in wanted:
        row = round(frame.y(usd)) // kind.down
        is_close = hue == "muted" and not {row - 1, row + 1}.isdisjoint(found)
        if row not in found and not is_close:
            found[row] = (brief(usd), hue)
    return found


def _label(found: Run | None, left: int, kind: Type) -> Run:
    text, hue = found or ("", "")
    return (f"{text:>{left - 1}} {kind.edge if found else ' '}"[: left + 1], hue)


def _times(chart: Chart, frame: Frame, canvas: _Canvas) -> list[list[Run]]:
    """Return the axis, with a bar for as long as there was an alert, and what is written below it."""
    axis, words = (_Canvas(canvas.columns + 1, 1, canvas.kind) for _ in range(2))
    axis.write(0, 0, canvas.kind.axis * axis.columns, "axis")
    marks = hours.marks(frame.span, chart.zone, most=max(canvas.columns // _MARKS_APART, 1))
    for mark in marks:
        column = round(frame.x(mark.at)) // canvas.kind.across + 1
        axis.write(0, column, canvas.kind.tick, "axis")
        first = min(max(column - len(mark.label) // 2, 0), words.columns - len(mark.label))
        if words.is_free(0, first, first + len(mark.label)):
            words.write(0, first, mark.label, "muted")
    for alarm in sorted(chart.alarms, key=lambda alarm: alarm.level):
        first, length = _lasted(alarm, frame, canvas)
        axis.write(0, first + 1, _bar(alarm.level, canvas.kind) * length, alarm.level.word)
    return [axis.line(0), words.line(0)]


def _lasted(alarm: Alarm, frame: Frame, canvas: _Canvas) -> tuple[int, int]:
    first, last = (round(frame.x(at)) // canvas.kind.across for at in (alarm.span.since, alarm.span.until))
    return first, last - first + 1


def _bar(level: Level, kind: Type) -> str:
    return kind.alarms[level >= Level.CRITICAL]
