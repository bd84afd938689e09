"""Tables for people: in one line a row where there is room, else with the long words below it, else a block a row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from rich.text import Text

from monitor.cli.screen import Screen, is_level, look_of

Cell = str | Text
_RIGHT = {"POLLS", "BALANCE", "CREDITS", "POINTS", "WAITING", "GIVEN UP", "TRIES", "GONE IN 24H", "GONE 24H", "READ"}
"""What is compared best with its last digits below each other."""
_WORDS = {"WHAT", "TOLD", "TITLE", "MESSAGE", "LAST ERROR", "FAILURE", "SAID"}
"""What may be long, and may be broken into several lines."""
_PLAIN = _WORDS - {"TOLD", "LAST ERROR"} | {"ACCOUNT", "CHANNEL", "LEVEL", "STATE", "STATUS", "ID"}
"""What needs no name beside it."""
_GAP, _INDENT = "  ", "    "
_LEAST = 26
"""Columns in which words are easy to read."""


def listing(screen: Screen, headers: Sequence[str], parts: Iterable[Sequence[Sequence[Cell]]]) -> Iterator[str]:
    """Yield the lines of a table as a terminal is sent them; of one in parts, the columns only grow."""
    shape: _Shape | None = None
    for part in parts:
        rows = [[_text(cell) for cell in row] for row in part]
        shape = shape.grown(rows) if shape else _Shape.of(screen, headers, rows)
        yield from screen.draw([*shape.title(), *(line for row in rows for line in shape.lines(row))])


def packed(screen: Screen, parts: Iterable[Text], width: int) -> list[Text]:
    """Put texts one after the other; lines are broken between them, and within one only where it needs more itself."""
    lines = [Text()]
    for part in parts:
        if lines[-1] and lines[-1].cell_len + len(_GAP) + part.cell_len > width:
            lines.append(Text())
        lines[-1].append_text(Text(_GAP if lines[-1] else "")).append_text(part)
    return [line for packed in lines for line in screen.wrapped(packed, width)]


def _text(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text.from_ansi(cell) if "\x1b" in cell else Text(cell, look_of(cell) if is_level(cell) else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How a table is laid out."""

    screen: Screen
    headers: Sequence[str]
    widths: Sequence[int]
    cells: Sequence[int]
    """The columns of the table, by their numbers."""
    notes: Sequence[int]
    """Those that stand below each row; what is empty at first may be among them."""
    is_block: bool = False
    is_first: bool = True

    @classmethod
    def of(cls, screen: Screen, headers: Sequence[str], rows: Sequence[Sequence[Text]]) -> "_Shape":
        """Choose by what there is room for."""
        every = range(len(headers))
        widths = _widths([len(header) for header in headers], rows)
        used = [place for place in every if not place or any(row[place] for row in rows)]
        long = [place for place in used if headers[place] in _WORDS]
        short = [place for place in used if place not in long]
        room = screen.width - _total(widths[place] for place in short)
        is_wide = room >= sum(min(widths[place], _LEAST) + len(_GAP) for place in long)
        shown = used if is_wide else short
        notes = [place for place in every if place not in shown]
        return cls(screen=screen, headers=headers, widths=widths, cells=shown, notes=notes, is_block=room < 0)

    def grown(self, rows: Sequence[Sequence[Text]]) -> "_Shape":
        """Return the same for more rows."""
        return replace(self, widths=_widths(self.widths, rows), is_first=False)

    def title(self) -> list[Text]:
        """Return the line above a table; a block has none."""
        if self.is_block or not self.is_first:
            return []
        return self._aligned([Text(header, look_of("strong")) for header in self.headers])

    def lines(self, row: Sequence[Text]) -> list[Text]:
        """Return the lines of a row."""
        above = self._block(row) if self.is_block else self._aligned(row)
        below = [self._noted(place, row[place]) for place in self.notes if row[place]]
        return [*(line for line in above if line), *(line for lines in below for line in lines)]

    def _aligned(self, row: Sequence[Text]) -> list[Text]:
        """Return one line, or more if words in it need more."""
        rooms = self._rooms()
        cells = [self.screen.wrapped(row[place], room) for place, room in rooms.items()]
        return [self._line(list(rooms.items()), line) for line in zip_longest(*cells)]

    def _line(self, rooms: Sequence[tuple[int, int]], cells: Sequence[Text | None]) -> Text:
        line = Text()
        for (place, room), cell in zip(rooms, cells, strict=True):
            blank = Text(" " * max(room - (cell.cell_len if cell else 0), 0))
            is_right = self.headers[place] in _RIGHT
            line.append_text(blank if is_right else cell or Text()).append_text((cell or Text()) if is_right else blank)
            line.append(_GAP)
        line.rstrip()
        return line

    def _rooms(self) -> dict[int, int]:
        """Return how wide each column is; words share what the others leave, the shortest first."""
        rooms = {place: self.widths[place] for place in self.cells}
        long = sorted((place for place in self.cells if self.headers[place] in _WORDS), key=self.widths.__getitem__)
        left = self.screen.width - _total(width for place, width in rooms.items() if place not in long)
        for number, place in enumerate(long):
            share = (left - len(_GAP) * (len(long) - number)) // (len(long) - number)
            rooms[place] = max(min(rooms[place], share), 1)
            left -= rooms[place] + len(_GAP)
        return rooms

    def _block(self, row: Sequence[Text]) -> list[Text]:
        """Return the short cells one after the other, as many in a line as fit."""
        said = [self._named(place, row[place]) for place in self.cells]
        first, *rest = packed(self.screen, [cell for cell in said if cell], self.screen.width - len(_GAP))
        return [first, *(Text(_GAP).append_text(line) for line in rest)]

    def _named(self, place: int, cell: Text) -> Text:
        header = self.headers[place]
        return cell if header in _PLAIN or not cell else Text.assemble((f"{header.lower()} ", look_of("muted")), cell)

    def _noted(self, place: int, cell: Text) -> list[Text]:
        """Return words below a row."""
        lines = self.screen.wrapped(self._named(place, cell), self.screen.width - len(_INDENT))
        return [Text(_INDENT).append_text(line) for line in lines]


def _widths(before: Sequence[int], rows: Sequence[Sequence[Text]]) -> list[int]:
    found = [*before]
    for row in rows:
        found = [max(width, cell.cell_len) for width, cell in zip(found, row, strict=True)]
    return found


def _total(widths: Iterable[int]) -> int:
    """Return how wide columns are with the gaps between them."""
    many = list(widths)
    return sum(many) + len(_GAP) * max(len(many) - 1, 0)
