"""A log record as one line of text (and the lines of its traceback), for people, for the journal and for programs."""

import json
import logging
import math
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any, Final, TextIO

from monitor.journal import leads_to_journal
from monitor.log.redaction import redact

OURS: Final = "monitor"
KEYS: Final = "monitor_keys"
"""The attribute of a record that holds the keys of our own events."""

_DEEPEST: Final = 8
_WIDEST: Final = 64  # bits of an integer that other programs read back as it was
_RESERVED: Final = {"time", "level", "event", "exception", "logger"}

# From here up: the name, what syslog and the journal call it, and its colour on a terminal.
_LEVELS: Final = (
    (logging.CRITICAL, "critical", 2, "1;31"),
    (logging.ERROR, "error", 3, "31"),
    (logging.WARNING, "warning", 4, "33"),
    (logging.INFO, "info", 6, "32"),
    (logging.NOTSET, "debug", 7, "2"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What there is to say of a record, in any format."""

    time: str
    level: str
    priority: int
    colour: str
    event: str
    keys: dict[str, object]
    """Only what JSON knows; a key that is the name of another field has an underscore appended."""
    trace: list[str]
    """The lines of a traceback, without local variables."""

    @classmethod
    def of(cls, record: logging.LogRecord) -> "Entry":
        """Never raises, whatever was logged."""
        _, level, priority, colour = next(row for row in _LEVELS if record.levelno >= row[0])
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        given: dict[str, Any] = getattr(record, KEYS, {})
        keys = {f"{key}_" if key in _RESERVED else key: _shown(value) for key, value in given.items()}
        if record.name != OURS:
            keys["logger"] = record.name
        return cls(time.replace("+00:00", "Z"), level, priority, colour, _message(record), keys, _trace(record))


Render = Callable[[Entry], str]


def renderer(name: str, stream: TextIO, environ: Mapping[str, str]) -> Render:
    """Choose the format; auto looks at where the stream leads."""
    if name == "auto":
        name = "console" if stream.isatty() else "journal" if leads_to_journal(stream, environ) else "json"
    if name == "console":
        coloured = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        return partial(_console, coloured=coloured)
    return {"json": _json, "journal": _journal}[name]


def _message(record: logging.LogRecord) -> str:
    try:
        return redact(record.getMessage().strip())
    except Exception:  # noqa: BLE001 - a library that logs badly is still heard
        return f"{_shown(record.msg)} {_shown(record.args)}"


def _trace(record: logging.LogRecord) -> list[str]:
    lines = [*(record.stack_info or "").splitlines()]
    if not record.exc_info or record.exc_info[1] is None:
        return lines
    try:
        # Redacted before it is cut into lines, for a secret of several.
        return [*lines, *redact("".join(traceback.format_exception(record.exc_info[1]))).splitlines()]
    except Exception:  # noqa: BLE001 - an error may be broken itself
        return [*lines, f"{type(record.exc_info[1]).__name__} that cannot be shown"]


def _shown(value: object) -> object:
    try:
        return _plain(value, _DEEPEST)
    except Exception:  # noqa: BLE001 - a value that cannot be shown must not cost the line
        return f"<{type(value).__name__} that cannot be shown>"


def _plain(value: object, depth: int) -> object:
    """Make of any value one that JSON knows, as text where JSON would lose something."""
    if depth and isinstance(value, Mapping):
        return {str(key): _plain(one, depth - 1) for key, one in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, depth - 1) for one in value]
    return next((show(value) for kind, show in _SIMPLE if isinstance(value, kind)), None)


_SIMPLE: Final[tuple[tuple[type, Callable[[Any], object]], ...]] = (
    (Enum, lambda value: value.value if isinstance(value.value, str) else value.name.lower()),
    (str, redact),  # before any format escapes it once more
    (bool, bool),
    (type(None), lambda _: None),
    (int, lambda value: int(value) if value.bit_length() <= _WIDEST else hex(value)),
    (float, lambda value: float(value) if math.isfinite(value) else str(value)),
    (timedelta, timedelta.total_seconds),
    (date, lambda value: value.isoformat()),
    (bytes, lambda value: redact(value.decode("utf-8", "backslashreplace"))),
    (object, lambda value: redact(str(value))),  # a Decimal too: exact
)


def _json(entry: Entry) -> str:
    line = {"time": entry.time, "level": entry.level, "event": entry.event, **entry.keys}
    if entry.trace:
        line["exception"] = "\n".join(entry.trace)
    # ASCII, so that no reader of lines finds a line break where we made none.
    return json.dumps(line, allow_nan=False).replace("\x7f", "\\u007f")


def _journal(entry: Entry) -> str:
    lines = [" ".join([_line(entry.event), *_pairs(entry)]), *_indented(entry)]
    return "\n".join(f"<{entry.priority}>{line}" for line in lines)


def _console(entry: Entry, *, coloured: bool) -> str:
    paint = _paint if coloured else lambda text, _: text
    head = (paint(entry.time, "2"), paint(f"{entry.level:8}", entry.colour), paint(_line(entry.event), "1"))
    return "\n".join([" ".join([*head, *_pairs(entry)]), *_indented(entry)])


_NO_KEY: Final = re.compile(r"[^\w.-]", re.ASCII)
_QUOTED: Final = re.compile(r"[\s\"=\\]")


def _paint(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


def _pairs(entry: Entry) -> list[str]:
    return [f"{_NO_KEY.sub('_', key)}={_word(value)}" for key, value in entry.keys.items()]


def _indented(entry: Entry) -> list[str]:
    # No line of a traceback begins like a line of the log, whatever the error says.
    return [f"  {_line(line)}" for line in entry.trace]


def _word(value: object) -> str:
    if not isinstance(value, str):
        return _line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    if value and value.isprintable() and not _QUOTED.search(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_line(escaped)}"'


def _line(text: str) -> str:
    """Escape what would break the line or steer the terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
