"""``outbox``: messages that wait or were given up."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from monitor.cli.common import Stop, ago, open_store, print_json, table, utc_now
from monitor.store import Tx, outbox
from monitor.store.outbox import Queued


@click.group(name="outbox", invoke_without_command=True)
@click.pass_context
def outbox_group(ctx: click.Context) -> None:
    """List, retry or drop messages that wait or were given up."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


@outbox_group.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def listing(path: Path | None, as_json: bool = False) -> None:  # noqa: FBT001, FBT002 - click's way
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
        one.message.id[:8],
        one.message.channel,
        one.state.replace("_", " "),
        ago(one.message.decided_at, now),
        str(one.attempts),
        one.message.title,
    )


def _document(one: Queued) -> dict[str, object]:
    message = asdict(one.message) | {"severity": one.message.severity.word}
    message["changes"] = [
        asdict(change) | {"level": change.level.word, "before": change.before.word} for change in one.message.changes
    ]
    known = asdict(one)
    known.pop("message")
    return message | known


@outbox_group.command()
@click.argument("message", metavar="ID")
@click.pass_obj
def retry(path: Path | None, message: str) -> None:
    """Send a message again: at once if it waits, anew if it was given up."""
    with open_store(path) as store, store.transaction() as tx:
        found = _find(tx, message)
        outbox.retry(tx, found.message)
    click.echo(f"{found.message.id} will be tried within 5 s of the daemon: {found.message.title}")


@outbox_group.command()
@click.argument("message", metavar="ID")
@click.pass_obj
def drop(path: Path | None, message: str) -> None:
    """Drop a message for good."""
    with open_store(path) as store, store.transaction() as tx:
        found = _find(tx, message)
        outbox.drop(tx, found.message, utc_now())
    click.echo(f"dropped {found.message.id}: {found.message.title}")


def _find(tx: Tx, message: str) -> Queued:
    found = outbox.find(tx, message)
    if found is None or found.state not in {"waiting", "given_up"}:
        raise Stop(f"no message that waits or was given up has the id {message}: see balance-monitor outbox list")
    return found
