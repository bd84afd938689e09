"""``outbox``: messages that wait or were given up."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from monitor.cli.ailment import ailment
from monitor.cli.common import WRONG_USE, Stop, load, open_store, print_json, table, utc_now
from monitor.model import Message
from monitor.quantity import ago
from monitor.store import Tx, life, outbox
from monitor.store.outbox import Queued

_SHOWN = 8
"""So much of an id is shown and must be given: an empty variable must not drop the only message there is."""
_HERE = {"waiting", "given_up"}


@click.group(name="outbox", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def outbox_group(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """List, retry or drop messages that wait or were given up."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"--json goes behind {ctx.invoked_subcommand}")


@outbox_group.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def listing(path: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """List the messages, the oldest first."""
    with open_store(path) as store, store.transaction(reads=True) as tx:
        found = outbox.listing(tx)
    if as_json:
        print_json([_document(one) for one in found])
    elif not found:
        click.echo("The outbox is empty: everything was delivered.")
    else:
        now = utc_now()
        click.echo(table(("ID", "CHANNEL", "STATE", "DECIDED", "TRIES", "TITLE"), [_row(one, now) for one in found]))


def _row(one: Queued, now: datetime) -> tuple[str, ...]:
    return (
        one.message.id[:_SHOWN],
        one.message.channel,
        one.state.replace("_", " "),
        ago(one.message.decided_at, now),
        str(one.attempts),
        one.message.title,
    )


def _document(one: Queued) -> dict[str, object]:
    known = asdict(one)
    message = known.pop("message") | {"severity": one.message.severity.word}
    message["changes"] = [
        asdict(change) | {"level": change.level.word, "before": change.before.word} for change in one.message.changes
    ]
    document: dict[str, object] = message | known
    return document


@outbox_group.command()
@click.argument("message", metavar="ID")
@click.pass_obj
def retry(path: Path | None, message: str) -> None:
    """Send a message again: at once if it waits, anew if it was given up."""
    with open_store(path) as store, store.transaction() as tx:
        found, now = _find(tx, message).message, utc_now()
        if _is_gone(tx, path, found.channel):
            raise Stop(_gone(found), code=WRONG_USE)
        outbox.retry(tx, found, now)
        is_well = ailment(life.read(tx), now) is None
    when = "within 5 s" if is_well else "once the daemon runs"
    click.echo(f"{found.id[:_SHOWN]} will be tried {when}: {found.title}")


def _is_gone(tx: Tx, path: Path | None, channel: str) -> bool:
    """Say whether nothing sends to a channel: the daemon has forgotten it, and the configuration does not name it.

    The configuration alone does not count, since the service may have another environment than this shell.
    """
    if channel in outbox.all_health(tx):
        return False
    try:
        config = load(path, needs_secrets=False)
    except Stop:
        return False
    return config.path is not None and channel not in config.channels


def _gone(message: Message) -> str:
    put_back = f"put [channels.{message.channel}] back and reload, or let it go with balance-monitor outbox drop"
    return f"{message.id[:_SHOWN]} is for {message.channel}, which is no longer configured: {put_back}"


@outbox_group.command()
@click.argument("message", metavar="ID")
@click.pass_obj
def drop(path: Path | None, message: str) -> None:
    """Drop a message for good."""
    with open_store(path) as store, store.transaction() as tx:
        found = _find(tx, message).message
        outbox.drop(tx, found, utc_now())
    click.echo(f"{found.id[:_SHOWN]} is dropped: {found.title}")


def _find(tx: Tx, message: str) -> Queued:
    found = outbox.find(tx, message) if len(message) >= _SHOWN else None
    if found is None:
        raise Stop(f'no message has the id "{message}": balance-monitor outbox list shows what there is')
    if found.state not in _HERE:
        raise Stop(f"{message} no longer waits, it was {found.state}: nothing to do")
    return found
