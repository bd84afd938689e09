"""One stream of log lines, ours and the libraries': one event a line, no secret in it, and never a reason to stop."""

import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from monitor.log.lines import KEYS, OURS, Entry, Render, renderer
from monitor.log.redaction import hide, redact
from monitor.log.structured import structlog

__all__ = ["Logger", "get", "hide", "redact", "setup"]

Logger = structlog.stdlib.BoundLogger


def setup(*, level: str, format: str, stream: TextIO, environ: Mapping[str, str]) -> None:  # noqa: A002 - the user's word
    """Send every log line from now on to this stream; at a reload call it again.

    ``format`` is auto, json, console or journal. ``level`` is for our own events; libraries are heard from WARNING up.
    """
    _configure()
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(handler)
    root.addHandler(_Handler(stream, renderer(format, stream, environ)))
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    logging.captureWarnings(capture=True)


def get(name: str = OURS) -> Logger:
    """Give a logger; names of ours are ``monitor`` and ``monitor.…``.

    Before ``setup`` only the events of warnings and worse are seen, without their keys, on standard error.
    """
    _configure()
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


class _Handler(logging.Handler):
    """The one that writes."""

    def __init__(self, stream: TextIO, render: Render) -> None:
        super().__init__()
        self._stream = stream
        self._render = render
        self._encoding = stream.encoding or "utf-8"

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.name.partition(".")[0] == OURS

    def emit(self, record: logging.LogRecord) -> None:
        text = redact(self._render(Entry.of(record)))
        try:
            self._stream.write(text.encode(self._encoding, "backslashreplace").decode(self._encoding) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()
        except (OSError, ValueError):
            pass  # a full disk may have room for the next line; a closed stream has no reader

    def _give_up(self) -> None:
        # What the stream still holds would fail again at every line, and at exit turn the program's status into 120.
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())


def _configure() -> None:
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _hand_over],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _hand_over(_logger: object, _method: str, keys: structlog.typing.EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """Pass an event on as a record of the standard library, where those of all others are."""
    event, error = keys.pop("event"), keys.pop("exc_info", None)
    return (str(event),), {"exc_info": error, "extra": {KEYS: keys}}
