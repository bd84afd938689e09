"""``channels test``: sends a test message, to see whether one arrives."""

import concurrent.futures
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import click

from monitor import log
from monitor.cli.common import Progress, Stop, choose, load, print_json, utc_now
from monitor.config import Channel, Unusable
from monitor.documents.account import tried
from monitor.model import NotSent, Outcome, Sent
from monitor.notify import Notifier
from monitor.trial import attempt
from monitor.worker import Worker

DEADLINE = 60.0
"""Seconds for all channels together: each has a thread of its own."""
PATIENCE = 2.0
"""After so many seconds a terminal shows what is awaited."""


@click.group(name="channels")
def channels_group() -> None:
    """See whether the channels work."""


@channels_group.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def test(path: Path | None, names: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Send a test message now through each channel, or those named, and say what the service answered.

    Exit code 1 if one did not take it. Needs no API key.
    """
    config = load(path, needs_secrets=False)
    log.hide(config.secrets)
    chosen = choose(names, list(config.channels), "channel")
    if not chosen:
        raise Stop("there is no channel to test: write [channels.NAME] with a url into the configuration", code=2)
    outcomes: dict[str, Outcome] = {}
    for name, outcome in send([config.channels[name] for name in chosen], Progress(sys.stderr)):
        outcomes[name] = outcome
        if not as_json:
            click.echo(_line(name, outcome))
    if as_json:
        print_json([tried(name, outcomes[name]) for name in chosen])
    if not all(isinstance(outcome, Sent) for outcome in outcomes.values()):
        sys.exit(1)


def send(
    channels: Sequence[Channel], progress: Progress, *, deadline: float = DEADLINE, patience: float = PATIENCE
) -> Iterator[tuple[str, Outcome]]:
    """Send a test message through all at once, and yield each outcome as it comes; both times are in seconds."""
    waiting = {_begin(channel): channel.name for channel in channels}
    end = time.monotonic() + deadline
    while waiting and (left := end - time.monotonic()) > 0:
        done, _ = concurrent.futures.wait(
            waiting, timeout=min(left, patience), return_when=concurrent.futures.FIRST_COMPLETED
        )
        progress.clear()
        for future in sorted(done, key=waiting.__getitem__):
            yield waiting.pop(future), future.result()
        if not done:
            progress.show(_awaited(waiting.values(), left))
    progress.clear()
    yield from (
        (name, NotSent(f"the service did not come to an end within {deadline:g} s")) for name in waiting.values()
    )


def _awaited(names: Iterable[str], left: float) -> str:
    return f"Waiting for {', '.join(names)} ({left:.0f} s at most) …"


def _begin(channel: Channel) -> "Future[Outcome]":
    worker = Worker(f"test-{channel.name}")
    future = worker.submit(lambda: attempt(channel, _connect, utc_now()))
    worker.close()
    return future


def _connect(channel: Channel) -> Notifier:
    assert not isinstance(channel.url, Unusable)  # noqa: S101 - such a channel is never connected
    return Notifier(channel.url.get_secret_value(), redact=log.redact, form=channel.form)


def _line(name: str, outcome: Outcome) -> str:
    if isinstance(outcome, NotSent):
        return f"{name}: {click.style('not delivered', fg='red')}: {outcome.reason}"
    return f"{name}: {click.style('delivered', fg='green')}"
