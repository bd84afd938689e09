"""``snooze`` and ``unsnooze``: silence about what somebody already takes care of."""

from datetime import timedelta
from pathlib import Path

import click

from monitor.cli.common import WRONG_USE, Stop, choose, open_store, read_by, utc_now
from monitor.model import Snooze
from monitor.poll.silence import silence
from monitor.quantity import parse_duration, spoken
from monitor.rules import RULES
from monitor.store import memory, snoozes

_NAMES = [rule.name for rule in RULES]


def _whom(account: str | None, *, everybody: bool, there: list[str], rule: str | None) -> tuple[list[str], str]:
    """Return the accounts and the rule that are meant; with --all, the one word is a rule."""
    if everybody:
        if rule is not None:
            raise click.UsageError("name an account or give --all, not both")
        account, rule = None, account
    elif account is None:
        raise click.UsageError("name an account, or give --all")
    if rule is not None:
        choose([rule], _NAMES, "rule")
    return choose([] if account is None else [account], there, "polled account"), rule or ""


@click.command()
@click.argument("account", required=False)
@click.argument("rule", required=False)
@click.option("--all", "everybody", is_flag=True, help="All accounts.")
@click.option("--for", "length", callback=read_by(parse_duration), help='Such as "4h"; else until the alert ends.')
@click.pass_obj
def snooze(
    path: Path | None,
    account: str | None,
    rule: str | None,
    everybody: bool,  # noqa: FBT001 - click's way
    length: timedelta | None,
) -> None:
    """Be silent about an ACCOUNT, or one RULE of it, up to the level that it is at now.

    What is worse goes out, and so does the end. If the time runs out while the alert lasts, it is said once more.
    """
    with open_store(path) as store, store.transaction() as tx:
        now = utc_now()
        names, which = _whom(account, everybody=everybody, there=sorted(memory.known_accounts(tx)), rule=rule)
        asked = [one for name in names if (one := silence(tx, name, which, length, now)) is not None]
        if not asked:
            about = "nothing is alerting" if everybody else f"{account}{f' {which}' if which else ''} has no alert"
            raise Stop(f"{about}: say for how long with --for 4h", code=WRONG_USE)
        for one in asked:
            snoozes.ask(tx, one)
    for one in asked:
        click.echo(f"{_named(one)}: silent up to {one.level.word}, {_until(one, length)}")


def _named(one: Snooze) -> str:
    return f"{one.account} {one.rule}".rstrip()


def _until(one: Snooze, length: timedelta | None) -> str:
    if length is None or one.until is None:
        return "until it ends"
    return f"for {spoken(length)}, until {one.until:%Y-%m-%d %H:%M} UTC"


@click.command()
@click.argument("account", required=False)
@click.argument("rule", required=False)
@click.option("--all", "everybody", is_flag=True, help="All accounts.")
@click.pass_obj
def unsnooze(path: Path | None, account: str | None, rule: str | None, everybody: bool) -> None:  # noqa: FBT001 - click's way
    """End the silence about an ACCOUNT, or about one RULE of it; what is open and untold is told at the next poll."""
    with open_store(path) as store, store.transaction() as tx:
        present = snoozes.present(tx, utc_now())
        there = sorted(memory.known_accounts(tx) | {one.account for one in present})
        names, which = _whom(account, everybody=everybody, there=there, rule=rule)
        ended = [one for one in present if one.account in names and which in {"", one.rule}]
        snoozes.drop(tx, ended)
    for one in ended:
        click.echo(f"{_named(one)}: no longer silent")
    if not ended:
        click.echo("Nothing was snoozed.")
