"""``check``: poll now, by the rules of the Monitoring Plugins (https://www.monitoring-plugins.org/doc/guidelines.html)."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn

import click

from monitor import messages
from monitor.ask import ask
from monitor.cli.common import choose, load, print_json, utc_now
from monitor.config import Account
from monitor.model import Failure, Level, Reading, Seen
from monitor.provider import Legnext
from monitor.quantity import Unit, parse_amount, plain, tell
from monitor.rules import AvailableCredits, AvailablePoints, BalanceUsd, Look, LowBalanceAlert, Rule, Verdict

_JUDGED = (BalanceUsd, AvailableCredits, AvailablePoints, LowBalanceAlert)
"""What needs neither history nor a database."""
_IN_FLIGHT = 20


class Exit(IntEnum):
    """The exit codes of the Monitoring Plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_WORST_FIRST = (Exit.CRITICAL, Exit.WARNING, Exit.UNKNOWN, Exit.OK)
_BY_LEVEL = {Level.OK: Exit.OK, Level.WARNING: Exit.WARNING, Level.CRITICAL: Exit.CRITICAL}


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check says of one account."""

    account: str
    exit: Exit
    said: str
    seen: Seen


class _Money(click.ParamType[Decimal]):
    name = "USD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:  # noqa: ANN401
        try:
            return parse_amount(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Plugin(click.Command):
    """Whatever goes wrong with a plugin is UNKNOWN: said on standard output, where its caller reads, with exit 3."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _unknown(error.format_message())

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own shape
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            _unknown(error.format_message())


def _unknown(sentence: str) -> NoReturn:
    click.echo(f"UNKNOWN - {sentence}")
    sys.exit(Exit.UNKNOWN)


@click.command(cls=_Plugin)
@click.argument("accounts", nargs=-1)
@click.option("--need", type=_Money(), help="Critical unless that much could be spent and the balance stay fine.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def check(path: Path | None, accounts: tuple[str, ...], need: Decimal | None, as_json: bool) -> None:  # noqa: FBT001
    """Poll now and judge: exit 0 ok, 1 warning, 2 critical, 3 unknown. Sends nothing, needs no database."""
    config = load(path)
    chosen = [config.accounts[name] for name in choose(accounts, list(config.accounts), "account")]
    seen = asyncio.run(_ask(chosen))
    findings = [_find(account, one, need) for account, one in zip(chosen, seen, strict=True)]
    worst = min((finding.exit for finding in findings), key=_WORST_FIRST.index)
    if as_json:
        print_json({"status": worst.name.lower(), "accounts": [_document(one) for one in findings]})
    else:
        click.echo(_text(findings, chosen, worst))
    sys.exit(worst)


async def _ask(accounts: Sequence[Account]) -> list[Seen]:
    provider, slots = Legnext(), asyncio.Semaphore(_IN_FLIGHT)

    async def ask_one(account: Account) -> Seen:
        async with slots:
            return await ask(account, provider, wait_until=None, now=utc_now())

    try:
        return await asyncio.gather(*(ask_one(account) for account in accounts))
    finally:
        await provider.aclose()


def _find(account: Account, seen: Seen, need: Decimal | None) -> Finding:
    if isinstance(seen, Failure):
        return Finding(account.name, Exit.UNKNOWN, f"{seen.kind.value}: {seen.reason}", seen)
    if need is not None:
        return _afford(account, seen, need)
    judged = [rule for rule in account.rules if isinstance(rule, _JUDGED)]
    return _judge(account, seen, judged)


def _afford(account: Account, reading: Reading, need: Decimal) -> Finding:
    """Say whether so much could be spent with the balance staying above its critical threshold."""
    rule = next((rule for rule in account.rules if isinstance(rule, BalanceUsd)), None)
    line = rule.critical if rule and rule.critical is not None else Decimal(0)
    left = reading.balance_usd - need
    enough = left > line
    said = (
        f"{tell(reading.balance_usd, Unit.USD)} left, {tell(left, Unit.USD, against=(line,))} after "
        f"{tell(need, Unit.USD)} ({'above' if enough else 'not above'} {tell(line, Unit.USD, against=(line,))})"
    )
    return Finding(account.name, Exit.OK if enough else Exit.CRITICAL, said, reading)


def _judge(account: Account, reading: Reading, rules: Sequence[Rule]) -> Finding:
    now = utc_now()
    look = Look(account=account.name, seen=reading, now=now, interval=account.interval, failing_since=None, needed={})
    judged = [(rule, rule.judge(look)) for rule in rules]
    lacking = [rule.needs for rule, verdict in judged if verdict is None and rule.needs]
    verdicts = [verdict for _, verdict in judged if verdict is not None]
    exits = [_BY_LEVEL[verdict.level] for verdict in verdicts] + [Exit.UNKNOWN] * bool(lacking)
    worst = min([*exits, Exit.OK], key=_WORST_FIRST.index)
    said = [_say(verdict) for verdict in verdicts if verdict.level is not Level.OK]
    said += [f"the answer has no {field}" for field in lacking]
    return Finding(account.name, worst, "; ".join(said) or f"{messages.amounts(reading)} left", reading)


def _say(verdict: Verdict) -> str:
    return messages.phrase(verdict.fact, verdict.level, utc_now())


def _text(findings: Sequence[Finding], accounts: Sequence[Account], worst: Exit) -> str:
    """Write the first line with all performance data, and, for several accounts, a line for each."""
    lines = [f"{one.exit.name} - {one.account}: {one.said}" for one in findings]
    several = len(findings) > 1
    measured = " ".join(
        perf for one, account in zip(findings, accounts, strict=True) for perf in _performance(one, account, several)
    )
    first = f"{worst.name} - {_summary(findings)}" if several else lines[0]
    rest = sorted(lines, key=lambda line: _WORST_FIRST.index(Exit[line.split()[0]])) if several else []
    return "\n".join([f"{first} | {measured}" if measured else first, *rest])


def _summary(findings: Sequence[Finding]) -> str:
    counts = [(sum(one.exit is code for one in findings), code.name.lower()) for code in _WORST_FIRST]
    return f"{len(findings)} accounts: " + ", ".join(f"{count} {name}" for count, name in counts if count)


def _performance(finding: Finding, account: Account, several: bool) -> list[str]:  # noqa: FBT001 - one caller
    """Return ``label=value;warning;critical``; ``@~:25`` is the guidelines' way to write "at or below 25"."""
    if isinstance(finding.seen, Failure):
        return []
    parts = []
    for kind in (BalanceUsd, AvailableCredits, AvailablePoints):
        value = getattr(finding.seen, kind.name)
        rule = next((rule for rule in account.rules if isinstance(rule, kind)), None)
        lines = [f"@~:{plain(line)}" if line is not None else "" for line in _thresholds(rule)]
        label = f"{account.name}.{kind.name}" if several else kind.name
        if value is not None:
            parts.append(f"{label}={plain(value)};{';'.join(lines)}")
    return parts


def _thresholds(rule: BalanceUsd | AvailableCredits | AvailablePoints | None) -> tuple[Decimal | None, Decimal | None]:
    return (rule.warning, rule.critical) if rule else (None, None)


def _document(finding: Finding) -> dict[str, object]:
    known = asdict(finding.seen)
    if isinstance(finding.seen, Failure):
        known = {"kind": finding.seen.kind.value, "reason": finding.seen.reason}
    key = "failure" if isinstance(finding.seen, Failure) else "reading"
    return {"account": finding.account, "status": finding.exit.name.lower(), "said": finding.said, key: known}
