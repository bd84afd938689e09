"""What the commands share: reading the configuration, failing with a sentence, plain tables, JSON."""

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor import config as configuration
from monitor.config import Config, ConfigError
from monitor.quantity import plain, spoken

if TYPE_CHECKING:
    from monitor.store import Store

WRONG_USE = 2


class Stop(click.ClickException):
    """The command ends with this sentence on standard error, and this exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance


def load(path: Path | None) -> Config:
    """Read the configuration, or stop with every mistake in it."""
    try:
        return configuration.load(configuration.find(path, os.environ, Path.cwd()), os.environ)
    except ConfigError as error:
        raise Stop(str(error), WRONG_USE) from error


@contextmanager
def open_store(path: Path | None) -> "Iterator[Store]":
    """Open the daemon's database beside it; needs no secrets."""
    from monitor.store import Store, StoreError  # noqa: PLC0415 - 0.1 s that check must not pay

    try:
        url = configuration.database_of(configuration.find(path, os.environ, Path.cwd()), os.environ)
    except ConfigError as error:
        raise Stop(str(error), WRONG_USE) from error
    try:
        store = Store.open_existing(url)
    except StoreError as error:
        raise Stop(str(error)) from error
    try:
        yield store
    finally:
        store.close()


def choose(named: Sequence[str], there: Sequence[str], what: str) -> list[str]:
    """Return the names asked for, or all; stop if one is not there."""
    unknown = [name for name in named if name not in there]
    if unknown:
        raise Stop(f"no {what} is named {unknown[0]}: there is {', '.join(sorted(there)) or 'none'}", WRONG_USE)
    return list(named) or list(there)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns, two spaces apart."""
    widths = [max(len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (headers, *rows))
    return "\n".join(line.rstrip() for line in lines)


def ago(when: datetime | None, now: datetime) -> str:
    """Say how long ago something was."""
    return "never" if when is None else f"{spoken(max(now - when, timedelta(0)))} ago"


def print_json(document: object) -> None:
    """Print one JSON document and nothing else."""
    click.echo(json.dumps(document, default=_encode, indent=2 if sys.stdout.isatty() else None))


def _encode(value: Any) -> object:  # noqa: ANN401 - whatever json cannot write by itself
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def utc_now() -> datetime:
    """Return the present time: commands other than the daemon have no clock of their own."""
    return datetime.now(UTC)
