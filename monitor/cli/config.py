"""The commands ``config check``, ``config show``, ``config schema`` and ``config init``."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from monitor.config import ConfigError, find
from monitor.config.check import check
from monitor.config.example import Answers, example
from monitor.config.init import write_new
from monitor.config.load import understand
from monitor.config.schema import schema
from monitor.config.secret import parse_key, parse_url
from monitor.config.show import show
from monitor.manager import Manager
from monitor.quantity import parse_amount, plain
from monitor.rules import BalanceUsd

T = TypeVar("T")
_WRONG = 2
_DEFAULT_WARNING: Decimal = BalanceUsd.model_fields["warning"].default
_DEFAULT_CRITICAL: Decimal = BalanceUsd.model_fields["critical"].default


@click.group("config")
def config_group() -> None:
    """Check, show, describe or write the configuration."""


@config_group.command("check")
@click.pass_obj
def check_command(explicit: Path | None) -> None:
    """Tell every mistake at once, with its place; also the channel URLs that Apprise refuses."""
    try:
        path = find(explicit, os.environ, Path.cwd())
        loaded, problems = check(path, os.environ)
    except ConfigError as error:
        _refuse_to_start(error.problems)
    _warn(loaded.config.warnings)
    if problems:
        _refuse_to_start(problems)
    accounts, channels = _count(len(loaded.config.accounts), "account"), _count(len(loaded.config.channels), "channel")
    click.echo(f"{path or 'environment'}: ok ({accounts}, {channels})")


@config_group.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def show_command(explicit: Path | None, *, as_json: bool) -> None:
    """Show the effective values and where each came from, secrets masked."""
    try:
        path = find(explicit, os.environ, Path.cwd())
        loaded = understand(path, os.environ, needs_secrets=False)
    except ConfigError as error:
        _refuse(error.problems)
    if loaded.problems:
        _refuse(loaded.problems)
    lines = list(show(loaded))
    if as_json:
        values = {line.key: {"value": line.json, "source": line.source} for line in lines}
        document = {"config": str(path) if path else None, "values": values, "warnings": loaded.config.warnings}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    click.echo(f"# {path or 'no configuration file: the environment alone'}")
    for line in lines:
        click.echo(str(line))
    _warn(loaded.config.warnings)


@config_group.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    click.echo(json.dumps(schema(), ensure_ascii=False, indent=2))


@config_group.command("init")
@click.argument("path", type=click.Path(path_type=Path), default=Path("config.toml"))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init_command(path: Path, *, force: bool) -> None:
    """Write a commented configuration to PATH (./config.toml); on a terminal, ask for what it needs first."""
    if path.is_dir():
        _refuse([f"{path}: a folder: name the file to write, such as {path / 'config.toml'}"])
    if not force and path.exists():
        _refuse([f"{path}: there is one already: choose another path, or write over it with --force"])
    answers = _ask() if sys.stdin.isatty() and sys.stdout.isatty() else {}
    try:
        write_new(path, example(answers), force=force)
    except FileExistsError:
        _refuse([f"{path}: there is one already: choose another path, or write over it with --force"])
    except OSError as error:
        _refuse([f"{path}: cannot be written ({error.strerror}): correct the path or its permissions"], exit_code=1)
    click.echo(f"{path}: written, readable only by you. Next: balance-monitor --config {path} config check")


def _ask() -> Answers:
    key = click.prompt("API key (hidden; Enter to give it later)", **_hidden(parse_key))
    url = click.prompt("Apprise URL of a channel, such as slack://… (hidden; Enter for none)", **_hidden(parse_url))
    warning = click.prompt(
        "Warn when the balance is at or below, in USD", default=plain(_DEFAULT_WARNING), value_proc=_amount
    )
    answers = {
        ("accounts", "main", "api_key"): key or None,
        ("channels", "ops", "url"): url or None,
        # A default is left to be one, so that it can still yield to a critical threshold above it.
        ("rules", "balance_usd", "warning"): None if warning == _DEFAULT_WARNING else warning,
        ("rules", "balance_usd", "critical"): _ask_critical(warning),
    }
    return {path: answer for path, answer in answers.items() if answer is not None}


def _ask_critical(warning: Decimal) -> Decimal | None:
    """Ask for the critical threshold where its default would give way to the warning, and nobody be paged."""
    if warning > _DEFAULT_CRITICAL:
        return None

    def read(text: str) -> Decimal:
        critical = _amount(text)
        if critical > warning:
            raise click.UsageError(f"critical must not be above the warning of {plain(warning)}")
        return critical

    usual = plain(min(_DEFAULT_CRITICAL, warning / 2)) if warning > 0 else plain(warning)
    critical: Decimal = click.prompt("Critical at or below, in USD", default=usual, value_proc=read)
    return critical


def _hidden(parse: Callable[[object], str]) -> dict[str, Any]:
    """Ask without echo, again after a mistake; an empty answer is one too: later."""

    def read(text: str) -> str:
        return _retry(parse, text) if text.strip() else ""

    return {"default": "", "show_default": False, "hide_input": True, "value_proc": read}


def _amount(text: str) -> Decimal:
    return _retry(parse_amount, text)


def _retry(parse: Callable[[object], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _refuse_to_start(problems: Sequence[str]) -> NoReturn:
    """Refuse; a service manager that checks before a start shows why for as long as it does not start."""
    Manager(os.environ).tell_status("; ".join(problems))
    _refuse(problems)


def _refuse(problems: Iterable[str], *, exit_code: int = _WRONG) -> NoReturn:
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(exit_code)
