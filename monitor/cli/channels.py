"""``channels test``: sends a test message, to see whether one arrives."""

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from uuid import uuid4

import click

from monitor import log, messages
from monitor.cli.common import Stop, choose, load, print_json, utc_now
from monitor.config import Channel, Unusable
from monitor.model import Level, Message, NotSent, Outcome, Sent
from monitor.notify import Notifier
from monitor.worker import Worker

DEADLINE = 60.0


@click.group(name="channels")
def channels_group() -> None:
    """See whether the channels work."""


@channels_group.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def test(path: Path | None, names: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Send a test message now through each channel, or those named, and say what the service answered."""
    config = load(path)
    log.hide(config.secrets)
    chosen = choose(names, list(config.channels), "channel")
    if not chosen:
        raise Stop("there is no channel to test: write [channels.NAME] with a url into the configuration")
    outcomes = _send([config.channels[name] for name in chosen])
    if as_json:
        print_json([_document(name, outcome) for name, outcome in outcomes.items()])
    else:
        for name, outcome in outcomes.items():
            click.echo(f"{name}: {'delivered' if isinstance(outcome, Sent) else f'not delivered: {outcome.reason}'}")
    if any(isinstance(outcome, NotSent) for outcome in outcomes.values()):
        raise click.exceptions.Exit(1)


def _send(channels: Sequence[Channel]) -> dict[str, Outcome]:
    """Send through all at once, each in a thread of its own, so that one that hangs delays no other."""
    sending = {channel.name: _begin(channel) for channel in channels}
    return {name: _result(future) for name, future in sending.items()}


def _begin(channel: Channel) -> "Future[Outcome]":
    worker = Worker(f"test-{channel.name}")
    future = worker.submit(lambda: _deliver(channel))
    worker.close()
    return future


def _deliver(channel: Channel) -> Outcome:
    if isinstance(channel.url, Unusable):
        return NotSent(channel.url.reason)
    title, body = messages.self_test(channel.name)
    message = Message(
        id=str(uuid4()),
        event="test",
        channel=channel.name,
        account="monitor",
        decided_at=utc_now(),
        severity=Level.INFO,
        title=title,
        body=body,
        changes=(),
    )
    return Notifier(channel.url.get_secret_value(), redact=log.redact).send(message)


def _result(future: "Future[Outcome]") -> Outcome:
    try:
        return future.result(timeout=DEADLINE)
    except TimeoutError:
        return NotSent(f"no end after {DEADLINE:.0f} s")


def _document(name: str, outcome: Outcome) -> dict[str, object]:
    reason = outcome.reason if isinstance(outcome, NotSent) else None
    return {"channel": name, "delivered": isinstance(outcome, Sent), "reason": reason}
