"""What the commands share: reading the configuration, failing with a sentence, tables and progress, JSON."""

import difflib
import json
import os
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO, TypeVar

import click

from monitor import config as configuration
from monitor.config import Config, ConfigError
from monitor.documents import as_text, encode

if TYPE_CHECKING:
    from monitor.cli.screen import Screen
    from monitor.store import Store

T = TypeVar("T")
WRONG_USE = 2
LEVEL_COLOURS = {"ok": "green", "warning": "yellow", "critical": "red", "info": "cyan"}
PATIENCE = 2.0
"""Seconds after which people are shown that something goes on."""
_MOST_NAMES = 20
_PART = 500


_secrets: set[str] = set()
"""What this command has read and must never show."""


def print_crash(error: BaseException) -> None:
    """Print the traceback of a mistake of ours, without any secret that an exception may quote."""
    from monitor import log  # noqa: PLC0415 - 10 ms that only a crash must pay

    text = log.redact("".join(traceback.format_exception(error)))
    log.hide(_secrets)
    click.echo(log.redact(text), nl=False, err=True)


class Stop(click.ClickException):
    """The command ends with these sentences on standard error, and this exit code."""

    def __init__(self, *sentences: str, code: int = 1) -> None:
        super().__init__("\n".join(sentences))
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: IO[str] | None = None) -> None:
        """Print each sentence on a line of its own."""
        for sentence in self.message.splitlines():
            click.echo(f"Error: {sentence}", file=file, err=True)


def read_by(parse: Callable[[object], T]) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """Return an option's callback: its value is read as the configuration reads it, and a mistake said in its words."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> T | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


def load(path: Path | None, *, needs_secrets: bool = True) -> Config:
    """Read the configuration, or stop with every mistake in it.

    Without ``needs_secrets``, an account or a channel that lacks its secret is Unusable, not a mistake.
    """
    try:
        found = configuration.load(_find(path), os.environ, needs_secrets=needs_secrets)
    except ConfigError as error:
        raise Stop(*error.problems, code=WRONG_USE) from error
    _secrets.update(found.secrets)
    return found


def _find(path: Path | None) -> Path | None:
    try:
        here = Path.cwd()
    except OSError:
        raise Stop("the current folder is gone: change to one that is there", code=WRONG_USE) from None
    return configuration.find(path, os.environ, here)


def database_url(path: Path | None) -> str:
    """Return where the database is, or stop if the configuration does not say."""
    try:
        return configuration.database_of(_find(path), os.environ)
    except ConfigError as error:
        raise Stop(*error.problems, code=WRONG_USE) from error


@contextmanager
def open_store(path: Path | None) -> "Iterator[Store]":
    """Open the daemon's database beside it; needs no secrets. Stop if it cannot be used."""
    from monitor.store import Store, StoreError  # noqa: PLC0415 - 0.1 s that check must not pay

    url = database_url(path)
    try:
        store = Store.open_existing(url)
    except StoreError as error:
        raise Stop(str(error)) from error
    try:
        yield store
    except Exception as error:
        said = error if isinstance(error, sqlite3.Error) else error.__cause__
        if isinstance(said, sqlite3.Error):  # the disk's trouble, or a daemon that keeps the file busy
            raise Stop(f"{store.path} cannot be used ({said}): is its disk full or read-only?") from error
        raise
    finally:
        store.close()


def choose(named: Sequence[str], there: Sequence[str], what: str) -> list[str]:
    """Return the names asked for, each once, or all; stop if one is not there."""
    for name in named:
        if name not in there:
            raise unknown(name, there, what)
    return list(dict.fromkeys(named)) or list(there)


def unknown(name: str, there: Sequence[str], what: str) -> Stop:
    """Return how to stop where a name is not among those that are there."""
    named = name or '""'
    return Stop(f"no {what} is named {named}: {_hint(name, there)}", code=WRONG_USE)


def _hint(name: str, there: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, there, 1)
    if close:
        return f"did you mean {close[0]}?"
    listed = sorted(there)[:_MOST_NAMES]
    more = f" and {len(there) - len(listed)} more" if len(there) > len(listed) else ""
    return f"there is {', '.join(listed) or 'none'}{more}"


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether people read this stream; there may be none, as under ``>&-``."""
    return stream is not None and stream.isatty()


def is_dumb() -> bool:
    """Say whether the terminal is one that only prints: no place in it can be gone to again."""
    return os.environ.get("TERM", "").strip().lower() in {"dumb", "unknown"}


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal, with levels in their colours; elsewhere tabs between the columns."""
    return "\n".join(long_table(headers, [rows]))


def long_table(headers: Sequence[str], parts: Iterable[Sequence[Sequence[str]]]) -> Iterator[str]:
    """Yield the lines of a table whose rows are too many to hold; of no parts at all there is nothing."""
    if is_terminal(sys.stdout):
        from monitor.cli.rows import listing  # noqa: PLC0415 - rich is for terminals only

        yield from listing(screen(), headers, parts)
        return
    title = True
    for rows in parts:
        if title:
            yield "\t".join(headers)
            title = False
        yield from ("\t".join(row) for row in rows)


def screen() -> "Screen":
    """Return the terminal that people look at, as it is now."""
    from monitor.cli.screen import of  # noqa: PLC0415 - rich is for terminals only

    return of(sys.stdout, os.environ)


class Progress:
    """A line that comes and goes at the end of a terminal; nothing anywhere else, nor where no line can go again."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if is_terminal(stream) and not is_dumb() else None
        self._shown = False
        self._lock = threading.Lock()
        self._soon: threading.Timer | None = None

    def show(self, text: str) -> None:
        """Show a text in place of the last one, as far as there is room for it in one line."""
        self.clear()
        self._show(text)

    def soon(self, text: str, *, patience: float = PATIENCE) -> None:
        """Show a text once so many seconds have passed, if nothing else is shown or cleared before."""
        self.clear()
        if self._stream is not None:
            self._soon = threading.Timer(patience, self._show, [text])
            self._soon.daemon = True
            self._soon.start()

    def _show(self, text: str) -> None:
        with self._lock:
            if self._stream is not None:
                self._stream.write(_cut(text, self._stream))
                self._stream.flush()
                self._shown = True

    def clear(self) -> None:
        """Take the text away, before other output."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon.join()
            self._soon = None
        if self._stream is not None and self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False


@contextmanager
def patiently(text: str) -> Iterator[None]:
    """Show a text on standard error if what is done meanwhile takes long."""
    progress = Progress(sys.stderr)
    progress.soon(text)
    try:
        yield
    finally:
        progress.clear()


def _cut(text: str, stream: TextIO) -> str:
    """Cut a text so that it stays in one line: of two, only the second could be taken away again."""
    width = os.get_terminal_size(stream.fileno()).columns
    return text if not width or len(text) < width else f"{text[: max(width - 2, 0)]}…"


def print_json(document: object) -> None:
    """Print one JSON document: amounts as exact strings, times as RFC 3339 in UTC, with a Z."""
    click.echo(json.dumps(document, default=as_text, ensure_ascii=False, indent=2))


def long_json(head: Mapping[str, object], name: str, items: Iterable[object]) -> Iterator[str]:
    """Yield the lines of one JSON document whose list ``name`` is too long to hold: a line for each item."""
    yield "{"
    for key, value in head.items():
        yield f"  {encode(key)}: {encode(value)},"
    yield f"  {encode(name)}: ["
    before = ""
    for item in items:
        if before:
            yield f"{before},"
        before = f"    {encode(item)}"
    if before:
        yield before
    yield "  ]"
    yield "}"


def print_lines(lines: Iterable[str]) -> None:
    """Print lines that are too many to hold."""
    for part in in_parts(iter(lines)):
        click.echo("\n".join(part))


def in_parts(many: Iterator[T]) -> Iterator[list[T]]:
    """Yield so many at a time as are aligned, or printed, at once."""
    while part := list(islice(many, _PART)):
        yield part


def utc_now() -> datetime:
    """Return the present time: commands other than the daemon have no clock of their own."""
    return datetime.now(UTC)
