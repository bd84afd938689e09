"""``history``: what polls saw of an account, as it is recorded; a year of it takes no more memory than a day."""

import csv
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TextIO

import click

from monitor.cli.common import (
    Progress,
    in_parts,
    is_terminal,
    long_json,
    long_table,
    open_store,
    print_lines,
    read_by,
    screen,
    unknown,
    utc_now,
)
from monitor.cli.picture import paint, parse_file
from monitor.cli.when import When, Window, parse_when, window, zone_of
from monitor.documents import as_text
from monitor.documents.history import run as document
from monitor.messages import moment
from monitor.model import Failure, Reading, Seen
from monitor.quantity import Unit, tell
from monitor.store import Store
from monitor.store import history as recorded
from monitor.store.history import FIELDS, Run

_SHOWN_EVERY = 1.0
"""Seconds until people are shown how far it has come."""
_HEADERS = ("FROM", "TO", "POLLS", "BALANCE", "CREDITS", "POINTS", "FAILURE")
_COLUMNS = ("time", *FIELDS, "polls")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be shown, and what is known of it beforehand."""

    account: str
    window: Window
    zone: tzinfo
    latest: datetime
    """When the account was polled last."""


@click.command()
@click.argument("account")
@click.option(
    "--since",
    metavar="WHEN",
    default="7d",
    show_default=True,
    callback=read_by(parse_when),
    help='So long ago, such as "30d", or a time, such as "2026-01-13T10:00:00Z".',
)
@click.option("--until", metavar="WHEN", callback=read_by(parse_when), help="Likewise; now unless given.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), help="A table unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document: the same as --format json.")
@click.option(
    "--chart", metavar="FILE", callback=read_by(parse_file), help="Draw it instead: a file that ends in .svg or .png."
)
@click.pass_obj
def history(  # noqa: PLR0913 - as many as it has options
    path: Path | None,
    account: str,
    since: When,
    until: When | None,
    *,
    form: str | None,
    as_json: bool,
    chart: Path | None,
) -> None:
    """Show what the polls of an account saw, the newest last.

    A row is a run of polls that saw the same, from the first to the last of them. What failed is among them: nothing
    is known of that time. CSV has a row for the first and one for the last poll of a run, and no failures. --chart
    draws the balance, its thresholds, what came in, when there were alerts, and how long it will last.
    """
    if as_json and form not in {None, "json"}:
        raise click.UsageError("--json is --format json: give one of them")
    if chart is not None and (as_json or form):
        raise click.UsageError("--chart draws what --format and --json print: give one of them")
    zone, now = zone_of(path), utc_now()
    looked = window(since, until, now=now, zone=zone)
    with open_store(path) as store:
        asked = Asked(account, looked, zone, _latest(store, account))
        if chart is not None:
            paint(store, path, account, looked, chart, now=now)
            return
        if form is None and not as_json and is_terminal(sys.stdout):
            print_lines(_at_a_terminal(store, path, asked, now))
            return
        begin = partial(store.transaction, reads=True)
        runs = recorded.runs(begin, account, since=looked.since, until=looked.until)
        progress = beside(sys.stdout, sys.stderr)
        try:
            print_lines(_FORMS["json" if as_json else form or "table"](watched(runs, zone, progress), asked))
        finally:
            progress.clear()


def _at_a_terminal(store: Store, path: Path | None, asked: Asked, now: datetime) -> list[str]:
    """Return the latest rows and a chart, as large as the terminal."""
    from monitor.cli.graph import graph  # noqa: PLC0415 - rich is for terminals only

    shown = graph(store, path, asked.account, asked.window, now=now, zone=asked.zone, screen=screen())
    return shown or [_nothing(asked)]


def _latest(store: Store, account: str) -> datetime:
    """Return when an account was polled last; stop if it never was."""
    with store.transaction(reads=True) as tx:
        latest = recorded.latest(tx, account)
        if latest is None:
            raise unknown(account, recorded.accounts(tx), "account with a history")
    return latest


def beside(output: TextIO | None, stream: TextIO | None) -> Progress:
    """Return where progress is shown: beside a file only, since a pager has the terminal to itself."""
    is_file = False
    with suppress(OSError):
        is_file = output is not None and stat.S_ISREG(os.fstat(output.fileno()).st_mode)
    return Progress(stream if is_file else None)


def watched(runs: Iterator[Run], zone: tzinfo, progress: Progress, *, every: float = _SHOWN_EVERY) -> Iterator[Run]:
    """Yield the runs, and show every so many seconds how far they have come."""
    shown_at = time.monotonic()
    for count, run in enumerate(runs, 1):
        if time.monotonic() - shown_at >= every:
            progress.show(f"up to {moment(run.last_at, zone)} ({count:,} rows) …")
            shown_at = time.monotonic()
        yield run


# -- a table ----------------------------------------------------------------------------------------------------------


def _table(runs: Iterator[Run], asked: Asked) -> Iterator[str]:
    lines = long_table(_HEADERS, in_parts(_row(run, asked.zone) for run in runs))
    yield next(lines, _nothing(asked))
    yield from lines


def _nothing(asked: Asked) -> str:
    since, until, latest = (moment(at, asked.zone) for at in (asked.window.since, asked.window.until, asked.latest))
    return f"No poll of {asked.account} is recorded from {since} to {until}; the latest was at {latest}."


def _row(run: Run, zone: tzinfo) -> tuple[str, ...]:
    return (moment(run.first_at, zone), moment(run.last_at, zone), f"{run.polls:,}", *_seen(run.seen))


def _seen(seen: Seen) -> tuple[str, ...]:
    if isinstance(seen, Failure):
        return ("unknown", "", "", f"{seen.kind.value}: {seen.reason}")
    amounts = ((seen.available_credits, Unit.CREDITS), (seen.available_points, Unit.POINTS))
    counts = ["" if amount is None else tell(amount, unit).split()[0] for amount, unit in amounts]
    return (tell(seen.balance_usd, Unit.USD, against=(seen.balance_usd,)), *counts, "")


# -- CSV --------------------------------------------------------------------------------------------------------------


_END = "\r\n"
"""Not how rows end here, but a value with either in it is then put between quotes."""


class _Lines:
    """Takes what a CSV writer writes, a row each time, and hands it back."""

    def write(self, row: str) -> str:
        """Return the row without its end."""
        return row.removesuffix(_END)


def _csv(runs: Iterator[Run], asked: Asked) -> Iterator[str]:  # noqa: ARG001 - as the other forms
    """Write every reading of which the time is known: the first and the last of a run.

    Without the last, what was spent after hours of rest would seem to be spent in all that time.
    """
    line = csv.writer(_Lines(), lineterminator=_END).writerow
    yield line(_COLUMNS)
    for run in runs:
        if isinstance(run.seen, Reading):
            fields = [_cell(getattr(run.seen, name)) for name in FIELDS]
            yield line([as_text(run.first_at), *fields, 1])
            if run.polls > 1:
                yield line([as_text(run.last_at), *fields, run.polls - 1])


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return value
    return as_text(value)


# -- JSON -------------------------------------------------------------------------------------------------------------


def _json(runs: Iterator[Run], asked: Asked) -> Iterator[str]:
    """Write one document, a line for each run."""
    head = {"account": asked.account, "since": asked.window.since, "until": asked.window.until}
    return long_json(head, "history", map(document, runs))


_FORMS = {"table": _table, "csv": _csv, "json": _json}
