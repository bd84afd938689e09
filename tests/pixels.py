"""Looks at PNGs: which colours are where, as somebody would see them."""

import struct
import zlib
from dataclasses import dataclass

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 6: 4}
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Pixels:
    """A picture: its rows of colours."""

    rows: list[list[Colour]]

    @property
    def size(self) -> tuple[int, int]:
        return len(self.rows[0]), len(self.rows)

    def count(self, colour: Colour, left: int = 0, top: int = 0, right: int = 10**6, bottom: int = 10**6) -> int:
        """Count the pixels of a colour in a part of it."""
        return sum(pixel == colour for row in self.rows[top:bottom] for pixel in row[left:right])


def size(png: bytes) -> tuple[int, int]:
    """Return the width and the height that a PNG says it has."""
    assert png.startswith(_SIGNATURE)
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def read(png: bytes) -> Pixels:
    """Decode a PNG of eight bits a channel that is not interlaced."""
    assert png.startswith(_SIGNATURE)
    chunks: dict[bytes, bytes] = {}
    place = len(_SIGNATURE)
    while place < len(png):
        (length,), kind = struct.unpack(">I", png[place : place + 4]), png[place + 4 : place + 8]
        data = png[place + 8 : place + 8 + length]
        assert zlib.crc32(kind + data) == struct.unpack(">I", png[place + 8 + length : place + 12 + length])[0]
        chunks[kind] = chunks.get(kind, b"") + data
        place += 12 + length
    width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, interlaced) == (8, 0)
    return Pixels(_rows(zlib.decompress(chunks[b"IDAT"]), width, height, _CHANNELS[colours]))


def _rows(raw: bytes, width: int, height: int, channels: int) -> list[list[Colour]]:
    stride, rows, above = width * channels, [], bytes(width * channels)
    for y in range(height):
        line = raw[y * (stride + 1) : (y + 1) * (stride + 1)]
        above = _unfiltered(line[0], bytearray(line[1:]), above, channels)
        rows.append([(above[x], above[x + 1], above[x + 2]) for x in range(0, stride, channels)])
    return rows


def _unfiltered(kind: int, line: bytearray, above: bytes, channels: int) -> bytes:
    for x in range(len(line)):
        left = line[x - channels] if x >= channels else 0
        corner = above[x - channels] if x >= channels else 0
        line[x] = (line[x] + _guess(kind, left, above[x], corner)) & 255
    return bytes(line)


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        near = left + up - corner
        return min((left, up, corner), key=lambda one: abs(near - one))
    return (0, left, up, (left + up) // 2)[kind]
