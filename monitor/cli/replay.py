"""``replay``: what the configured rules would have sent in the past, and when; nothing is sent or written."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path

import click

from monitor.cli import sheet
from monitor.cli.common import (
    LEVEL_COLOURS,
    Progress,
    is_terminal,
    load,
    open_store,
    print_json,
    read_by,
    table,
    unknown,
    utc_now,
)
from monitor.cli.history import beside
from monitor.cli.when import When, Window, parse_when, window
from monitor.config import Channel, Config, Unusable
from monitor.messages import moment, title
from monitor.model import Failure, Level, Seen
from monitor.quantity import spoken
from monitor.replay import WARM, Said, replay
from monitor.store import history as recorded
from monitor.store.history import Run

_BEGIN, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LONG_AGO = timedelta(days=30)
_SHOWN_EVERY = 1.0
"""Seconds until people are shown how far it has come."""
_LOOK = 500
"""Polls after which it is seen to that people are shown it."""
_NEWS = "news"
_NOTE = " (so from the start)"
_SOMEBODY = "log"
"""Stands for a channel where none is configured."""


@dataclass(slots=True)
class Outcome:
    """What was replayed so far, and what would have been sent."""

    zone: tzinfo
    said: list[Said] = field(default_factory=list)
    polls: int = 0
    failed: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    def count(self, at: datetime, seen: Seen) -> None:
        """Count one more poll."""
        self.polls += 1
        self.failed += isinstance(seen, Failure)
        self.first_at, self.last_at = self.first_at or at, at


@click.command("replay")
@click.argument("account")
@click.option(
    "--since",
    metavar="WHEN",
    callback=read_by(parse_when),
    help='So long ago, such as "90d", or a time, such as "2026-01-13T10:00:00Z"; 30d unless given, all of a file.',
)
@click.option(
    "--until", metavar="WHEN", callback=read_by(parse_when), help="Likewise; now unless given, all of a file."
)
@click.option(
    "--csv",
    "file",
    metavar="FILE",
    help="Readings from a CSV file with the columns time and balance_usd, such as history --format csv writes, instead "
    "of recorded ones; - is standard input.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(
    path: Path | None, account: str, since: When | None, until: When | None, *, file: str | None, as_json: bool
) -> None:
    """Show what the configured rules would have sent in the past.

    Decides as the daemon would have with this configuration, had it begun at the beginning of that time. Needs neither
    secrets nor a daemon; with a file no database either. Snoozes and the monitor's own alerts are left out.
    """
    config = load(path, needs_secrets=False)
    if account not in config.accounts:
        raise unknown(account, list(config.accounts), "configured account")
    if not config.channels:
        config = replace(config, channels={_SOMEBODY: _everything()})
    outcome = Outcome(config.timezone)
    looked = _window(since, until, is_file=file is not None, zone=config.timezone)
    progress = Progress(sys.stderr) if is_terminal(sys.stdout) else beside(sys.stdout, sys.stderr)
    try:
        with _runs(path, account, file, looked, config.timezone) as runs:
            polls = watched(_polls(runs, looked), looked, outcome, progress)
            outcome.said.extend(replay(config, config.accounts[account], polls, looked.since))
    finally:
        progress.clear()
    if as_json:
        print_json(_document(config, account, outcome))
    else:
        click.echo(_text(config, account, outcome))


def _everything() -> Channel:
    """Return a channel that hears everything: without any, alerts go to the log."""
    return Channel(
        name=_SOMEBODY, url=Unusable("no channel is configured"), min_level=Level.INFO, accounts=None, fallback=None
    )


def _window(since: When | None, until: When | None, *, is_file: bool, zone: tzinfo) -> Window:
    begin, end = (_BEGIN, _END) if is_file else (_LONG_AGO, None)
    return window(since or begin, until or end, now=utc_now(), zone=zone)


# -- polls ------------------------------------------------------------------------------------------------------------


@contextmanager
def _runs(path: Path | None, account: str, file: str | None, looked: Window, zone: tzinfo) -> Iterator[Iterator[Run]]:
    """Open what is to be replayed, and some time before it."""
    if file is not None:
        yield sheet.runs(file, zone, lambda what: click.echo(f"warning: {what}", err=True))
        return
    with open_store(path) as store:
        begin = partial(store.transaction, reads=True)
        with begin() as tx:
            if recorded.latest(tx, account) is None:
                raise unknown(account, recorded.accounts(tx), "account with a history")
        yield recorded.runs(begin, account, since=max(looked.since, _BEGIN + WARM) - WARM, until=looked.until)


def _polls(runs: Iterator[Run], looked: Window) -> Iterator[tuple[datetime, Seen]]:
    """Yield every poll of every run: those between the first and the last are spread evenly."""
    for run in runs:
        for at in _spread(run):
            if at > looked.until:
                return
            yield at, run.seen


def _spread(run: Run) -> Iterable[datetime]:
    if run.polls == 1:
        return (run.last_at,)  # nearly every row of a file
    span, gaps = run.last_at - run.first_at, run.polls - 1
    return (run.first_at + span * place / gaps for place in range(run.polls))


def watched(
    polls: Iterator[tuple[datetime, Seen]],
    looked: Window,
    outcome: Outcome,
    progress: Progress,
    *,
    every: float = _SHOWN_EVERY,
    look: int = _LOOK,
) -> Iterator[tuple[datetime, Seen]]:
    """Yield the polls, count those of the window, and show every so many seconds how far they have come."""
    shown_at = time.monotonic()
    for number, (at, seen) in enumerate(polls, 1):
        if at >= looked.since:
            outcome.count(at, seen)
        if number % look == 0 and time.monotonic() - shown_at >= every:
            progress.show(f"up to {moment(at, outcome.zone)} ({number:,} polls, {len(outcome.said):,} messages) …")
            shown_at = time.monotonic()
        yield at, seen


# -- a table ----------------------------------------------------------------------------------------------------------


def _text(config: Config, account: str, outcome: Outcome) -> str:
    if outcome.first_at is None or outcome.last_at is None:
        return f"No poll of {account} is known from that time: there is nothing to replay."
    headers: tuple[str, ...] = ("TIME", "CHANNELS", "MESSAGE")
    rows = [row for said in outcome.said for row in _rows(said, outcome.zone)]
    if len(config.channels) == 1:
        headers, rows = (headers[0], headers[2]), [(row[0], row[2]) for row in rows]
    shown = [table(headers, rows)] if rows else []
    return "\n\n".join([*shown, _sentence(config, outcome, outcome.last_at - outcome.first_at)])


def _rows(said: Said, zone: tzinfo) -> list[tuple[str, ...]]:
    """Return a row for a message, and one for each change where it stands for several."""
    message = said.message
    lines = [title(change) + _NOTE * (change.rule in said.from_the_start) for change in message.changes]
    first, *rest = [message.title, *(f"  {line}" for line in lines)] if len(lines) > 1 else lines
    colour = LEVEL_COLOURS[message.severity.word]
    shown = (moment(message.decided_at, zone), ", ".join(said.channels), click.style(first, fg=colour))
    return [shown, *(("", "", line) for line in rest)]


def _sentence(config: Config, outcome: Outcome, lasted: timedelta) -> str:
    """Sum it up."""
    count, failed = len(outcome.said), f", {outcome.failed:,} of them failed" if outcome.failed else ""
    over = f"in {spoken(lasted)} ({outcome.polls:,} poll{'s' * (outcome.polls != 1)}{failed})"
    if not count:
        return f"No message {over}."
    parts = [f"{count:,} message{'s' * (count != 1)} {over}: {_listed(levels(outcome.said))}"]
    parts.append(f"by rule: {_listed(rules(outcome.said))}")
    if len(config.channels) > 1:
        parts.append(f"by channel: {_listed(channels(outcome.said, config))}")
    silent = [] if config.channels.keys() != {_SOMEBODY} else ["No channel is configured: this is what one would hear."]
    return "\n".join(["; ".join(parts) + ".", *silent])


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


# -- counting ---------------------------------------------------------------------------------------------------------


def levels(said: Sequence[Said]) -> dict[str, int]:
    """Count messages by level, the worst first; what ended is ok."""
    counts = Counter(one.message.severity for one in said)
    return {level.word: counts[level] for level in sorted(counts, reverse=True)}


def rules(said: Sequence[Said]) -> dict[str, int]:
    """Count what rules had to say, in messages that may stand for several; news is no rule's."""
    counts = Counter(change.rule or _NEWS for one in said for change in one.message.changes)
    return dict(counts.most_common())


def channels(said: Sequence[Said], config: Config) -> dict[str, int]:
    """Count messages by channel, also those that hear nothing."""
    counts = Counter(channel for one in said for channel in one.channels)
    return {name: counts[name] for name in config.channels}


# -- JSON -------------------------------------------------------------------------------------------------------------


def _document(config: Config, account: str, outcome: Outcome) -> dict[str, object]:
    said = outcome.said
    return {
        "account": account,
        "messages": [_message(one) for one in said],
        "summary": {
            "messages": len(said),
            "levels": levels(said),
            "rules": rules(said),
            "channels": channels(said, config),
            "polls": outcome.polls,
            "failed_polls": outcome.failed,
            "first_at": outcome.first_at,
            "last_at": outcome.last_at,
        },
    }


def _message(said: Said) -> dict[str, object]:
    message = said.message
    return {
        "time": message.decided_at,
        "channels": said.channels,
        "level": message.severity.word,
        "rules": list(dict.fromkeys(change.rule or _NEWS for change in message.changes)),
        "title": message.title,
        "body": message.body,
        "from_the_start": sorted(said.from_the_start),
    }
