"""Pictures of the terminal for the README, made of what the program really prints there: ``make pictures``.

A week of three accounts is put into a database by the daemon's own code, ``status`` and ``history`` are run in a
terminal, and what a person sees there becomes a PNG. Needs the font DejaVu Sans Mono.
"""

import math
import re
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pixels
from resvg_py import svg_to_bytes
from ttys import Cell, Page, shown
from world import OPS, World, reading

from monitor import poll
from monitor.model import Failure, Kind, Level, Snooze
from monitor.store import life, outbox, snoozes
from monitor.store.life import Life

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
FONT = Path("/usr/share/fonts/truetype/dejavu")
COMMANDS = {"status": ("status",), "history": ("history", "render")}
COLUMNS, LINES = 92, 28
_ACROSS, _DOWN, _SIZE, _EDGE = 8.43, 18.0, 14.0, 14.0
Palette = Mapping[str, str]
DARK = {"ground": "#11151c", "ink": "#d6dbe4", "0": "#11151c", "1": "#e5534b", "2": "#57ab5a", "3": "#d9a02f"}
DARK |= {"6": "#4fb8c4", "7": "#ffffff", "60": "#7d8796"}
LIGHT = {"ground": "#ffffff", "ink": "#1f2328", "0": "#1f2328", "1": "#c9252d", "2": "#1a7f37", "3": "#b8860b"}
LIGHT |= {"6": "#0f7f8f", "7": "#ffffff", "60": "#6a737d"}
HOUR = timedelta(hours=1)
WEEK = 7 * 24 * HOUR
LOST = Failure(Kind.UNREACHABLE, "no answer within 20 s")
CONFIG = f"""
[accounts.render]
api_key = "key-of-render-0001"
interval = "30m"
[accounts.batch]
api_key = "key-of-batch-0002"
interval = "30m"
[accounts.studio]
api_key = "key-of-studio-0003"
interval = "30m"
{OPS}
[channels.mail]
url = "json://localhost/mail"
"""


def live(world: World, now: datetime) -> None:
    """Let a week go by until now: three accounts are spent by day more than by night, and two are topped up."""
    usd = {"render": 205.0, "batch": 64.0, "studio": 480.0}
    for step in range(7 * 48 + 1):
        pace = 1.0 + 0.8 * math.sin(step / 48 * 2 * math.pi)
        bought = {"render": 150 * (step == 190), "batch": 50 * (step == 230)}
        usd = {
            name: usd[name] - pace * spent + bought.get(name, 0)
            for name, spent in (("render", 0.99), ("batch", 0.21), ("studio", 0.35))
        }
        with world.store.transaction() as tx:
            for name, left in usd.items():
                seen = LOST if 100 <= step < 126 and name == "render" else reading(round(left, 2))
                poll.settle(tx, world.config, world.config.accounts[name], seen, now - WEEK + step * HOUR / 2)
    world.now = now
    for channel in ("ops", "mail"):
        world.heard(channel)
    _stand(world, now)


def _stand(world: World, now: datetime) -> None:
    """Let the daemon be well, one channel fail, and somebody have silenced something."""
    where = "/etc/balance-monitor/config.toml"
    well = Life(pid=4711, version="0.1.0", started_at=now - 75 * HOUR, beat_at=now, config=where, accounts=3)
    with world.store.transaction() as tx:
        life.write(tx, well)
        outbox.save_health(tx, replace(outbox.health(tx, "ops"), last_success_at=now - HOUR))
        failing = replace(
            outbox.health(tx, "mail"),
            failures=2,
            failing_since=now - HOUR / 2,
            last_success_at=now - 5 * HOUR,
            last_error="HTTP 503 Service Unavailable",
            last_error_at=now - HOUR / 10 - HOUR / 180,
        )
        outbox.save_health(tx, failing)
        snoozes.ask(tx, Snooze(account="batch", rule="", level=Level.WARNING, until=now + 3 * HOUR))


# -- from a terminal to a picture -------------------------------------------------------------------------------------


def svg(page: Page, columns: int, palette: Palette) -> str:
    """Draw a page of a terminal; bars, blocks and braille are drawn, since few fonts have them at the same width."""
    width, height = columns * _ACROSS + 2 * _EDGE, len(page.lines) * _DOWN + 2 * _EDGE
    parts = [f'<rect width="{width:.0f}" height="{height:.0f}" fill="{palette["ground"]}"/>']
    for row in range(len(page.lines)):
        for column, cell in enumerate(page.line(row)):
            parts += _cell(cell, _EDGE + column * _ACROSS, _EDGE + row * _DOWN, palette)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="DejaVu Sans Mono" font-size="{_SIZE}" xml:space="preserve">{"".join(parts)}</svg>'
    )


def _cell(cell: Cell, x: float, y: float, palette: Palette) -> Iterator[str]:
    letter, look = cell
    codes = [int(code) for code in look.split(";") if code]
    ink, ground, bold = palette["ink"], None, 1 in codes
    for code in codes:
        if 30 <= code <= 37 or 90 <= code <= 97:
            ink = palette[str(code - 30)]
        elif 40 <= code <= 47:
            ground = palette[str(code - 40)]
    if ground:
        yield f'<rect x="{x:.2f}" y="{y:.2f}" width="{_ACROSS + 0.3:.2f}" height="{_DOWN}" fill="{ground}"/>'
    if "▁" <= letter <= "█":
        part = (ord(letter) - 0x2580) / 8 * _DOWN
        yield f'<rect x="{x:.2f}" y="{y + _DOWN - part:.2f}" width="{_ACROSS:.2f}" height="{part:.2f}" fill="{ink}"/>'
    elif "\u2800" <= letter <= "\u28ff":
        yield from _dots(ord(letter) - 0x2800, x, y, ink)
    elif letter.strip():
        weight = ' font-weight="bold"' if bold else ""
        yield f'<text x="{x:.2f}" y="{y + 13.5:.2f}" fill="{ink}"{weight}>{escape(letter)}</text>'


def _dots(lit: int, x: float, y: float, ink: str) -> Iterator[str]:
    for place, bit in enumerate((0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)):
        if lit & bit:
            across, down = x + (0.25 + 0.5 * (place % 2)) * _ACROSS, y + (0.125 + 0.25 * (place // 2)) * _DOWN
            yield f'<circle cx="{across:.2f}" cy="{down:.2f}" r="1.3" fill="{ink}"/>'


def png(page: Page, columns: int, palette: Palette, zoom: int = 1) -> bytes:
    """Rasterise it, and write into the file what is to be read in it."""
    if not FONT.is_dir():
        sys.exit(f"there is no {FONT}: install fonts-dejavu-mono")
    drawn = svg_to_bytes(svg_string=svg(page, columns, palette), zoom=zoom, font_dirs=[str(FONT)])
    rows = pixels.read(bytes(drawn)).rows
    raw = b"".join(b"\0" + bytes(part for colour in row for part in colour) for row in rows)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0),
        b"iTXt": b"Description\0\0\0\0\0" + "\n".join(page.lines).encode(),
        b"IDAT": zlib.compress(raw, 9),  # half of what it is with the filters that suit photographs
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read(picture: bytes) -> list[str]:
    """Return the lines that are to be read in a picture."""
    at = picture.index(b"iTXtDescription")
    (length,) = struct.unpack(">I", picture[at - 4 : at])
    return picture[at + 4 : at + 4 + length].split(b"\0", 5)[-1].decode().splitlines()


def steady(lines: list[str]) -> list[str]:
    """Return lines without what is another thing each day: numbers, days of the week and what is drawn."""
    days = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun|[A-Z][a-z]{2}(?= \d\d:))\b|[\d▁-█⠀-⣿╌─┬░▀━,]+| +")
    return [days.sub(" ", line).strip() for line in lines]


def take(world: World) -> Iterator[tuple[str, Page]]:
    """Run each command in a terminal beside a world."""
    places = {"BALANCE_MONITOR_DATABASE": f"sqlite:///{world.folder / 'monitor.db'}"}
    places |= {"BALANCE_MONITOR_CONFIG": str(world.folder / "config.toml")}
    for name, words in COMMANDS.items():
        code, page = shown(*words, columns=COLUMNS, lines=LINES, **places)
        assert code == 0, page.lines
        yield name, page


def main() -> None:
    """Write the pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), CONFIG, {})
        live(world, datetime.now(UTC))
        for name, page in take(world):
            (FOLDER / f"{name}.png").write_bytes(png(page, COLUMNS, DARK))
        world.close()


if __name__ == "__main__":
    main()
