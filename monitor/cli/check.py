"""``check``: poll now and judge, as a monitoring plugin."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

import click

from monitor import messages
from monitor.ask import ask
from monitor.cli.common import PATIENCE, Progress, choose, is_terminal, load, print_json, read_by, table, utc_now
from monitor.cli.plugin import WORST_FIRST, Exit, one_line, worst
from monitor.config import Account
from monitor.model import Failure, Level, Reading, Seen
from monitor.provider import Legnext
from monitor.quantity import Unit, parse_amount, plain, tell
from monitor.rules import AvailableCredits, AvailablePoints, BalanceUsd, Look, LowBalanceAlert, Rule

_AMOUNTS = (BalanceUsd, AvailableCredits, AvailablePoints)
_JUDGED = (*_AMOUNTS, LowBalanceAlert)
"""What needs neither history nor a database."""
_IN_FLIGHT = 20
_SHOWN_EVERY = 0.5
"""Seconds until a terminal is shown how many have answered by now."""
_BY_LEVEL = {Level.OK: Exit.OK, Level.WARNING: Exit.WARNING, Level.CRITICAL: Exit.CRITICAL}
_Lines = tuple[Decimal | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check says of one account."""

    account: Account
    seen: Seen
    exit: Exit
    said: str


def _need(text: object) -> Decimal:
    amount = parse_amount(text)
    if amount < 0:
        raise ValueError("nobody needs less than nothing")
    return amount


@click.command()
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@click.option(
    "--need",
    metavar="USD",
    callback=read_by(_need),
    help="Answer only this: would the balance stay above its critical threshold if that much were spent?",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def check(path: Path | None, accounts: tuple[str, ...], need: Decimal | None, as_json: bool) -> None:  # noqa: FBT001
    """Poll now and judge the balance, as a monitoring plugin.

    Judges balance_usd, credits, points and the API's own alert; needs no database and sends nothing.

    \b
    Exit codes:
      0  ok
      1  warning
      2  critical
      3  unknown: any failure, wrong use, a wrong configuration
    """
    config = load(path)
    chosen = [config.accounts[name] for name in choose(accounts, list(config.accounts), "account")]
    progress = Progress(sys.stderr)
    try:
        seen = asyncio.run(_ask(chosen, progress))
    finally:
        progress.clear()
    sys.exit(_report(chosen, seen, need, as_json=as_json))


async def _ask(accounts: Sequence[Account], progress: Progress) -> list[Seen]:
    slots, answered = asyncio.Semaphore(_IN_FLIGHT), 0

    async def ask_one(account: Account) -> Seen:
        nonlocal answered
        async with slots:
            seen = await ask(account, provider, wait_until=None, now=utc_now())
        answered += 1
        return seen

    async def tell() -> None:
        await asyncio.sleep(PATIENCE)
        while True:
            progress.show(f"{answered:,} of {len(accounts):,} account{'s' * (len(accounts) != 1)} answered …")
            await asyncio.sleep(_SHOWN_EVERY)

    async with aclosing(Legnext()) as provider:
        telling = asyncio.create_task(tell())
        try:
            return await asyncio.gather(*(ask_one(account) for account in accounts))
        finally:
            telling.cancel()


def _report(accounts: Sequence[Account], seen: Sequence[Seen], need: Decimal | None, *, as_json: bool) -> Exit:
    findings = [_find(account, one, need) for account, one in zip(accounts, seen, strict=True)]
    end = worst(finding.exit for finding in findings)
    if as_json:
        documents = [_document(one) for one in findings]
        print_json({"status": end.word, "said": _summary(findings), "accounts": documents})
    elif is_terminal(sys.stdout):
        click.echo(_shown(findings))
    else:
        click.echo(_text(findings, need, end))
    return end


def _find(account: Account, seen: Seen, need: Decimal | None) -> Finding:
    if isinstance(seen, Failure):
        return Finding(account, seen, Exit.UNKNOWN, f"{seen.kind.value}: {seen.reason}")
    return _judge(account, seen) if need is None else _afford(account, seen, need)


def _afford(account: Account, reading: Reading, need: Decimal) -> Finding:
    """Say whether so much could be spent with the balance staying above its critical threshold."""
    line = _floor(account)
    left = reading.balance_usd - need
    enough = left > line
    said = (
        f"{tell(reading.balance_usd, Unit.USD)} left, {tell(left, Unit.USD, against=(line,))} after spending "
        f"{tell(need, Unit.USD, against=(need,))} ({'above' if enough else 'not above'} "
        f"{tell(line, Unit.USD, against=(line,))})"
    )
    return Finding(account, reading, Exit.OK if enough else Exit.CRITICAL, said)


def _floor(account: Account) -> Decimal:
    """Return the critical threshold of the balance; where there is none, nothing must be owed."""
    return next((rule.critical for rule in account.rules if isinstance(rule, BalanceUsd)), None) or Decimal(0)


def _judge(account: Account, reading: Reading) -> Finding:
    now = utc_now()
    look = Look(account=account.name, seen=reading, now=now, interval=account.interval, failing_since=None, needed={})
    verdicts = {rule: rule.judge(look) for rule in account.rules if isinstance(rule, _JUDGED)}
    levels = {rule.name: verdict.level for rule, verdict in verdicts.items() if verdict is not None}
    judged: list[tuple[Exit, str]] = []
    for rule, verdict in verdicts.items():
        if verdict is None and rule.needs is not None:
            judged.append((Exit.UNKNOWN, f"the answer has no {rule.needs} (for rules.{rule.name})"))
        elif verdict is not None and verdict.level > levels.get(rule.yields_to, Level.OK):
            judged.append((_BY_LEVEL[verdict.level], messages.phrase(verdict.fact, verdict.level, now)))
    said = [text for _, text in judged]
    fine = f"{messages.amounts(reading)} left"
    return Finding(account, reading, worst(code for code, _ in judged), "; ".join(said) or fine)


def _text(findings: Sequence[Finding], need: Decimal | None, end: Exit) -> str:
    """Write the first line with all performance data, and, for several accounts, a line for each, the worst first."""
    several = len(findings) > 1
    measured = " ".join(perf for one in findings for perf in _performance(one, need, several=several))
    worst_first = sorted(findings, key=lambda one: WORST_FIRST.index(one.exit))
    lines = [f"{one.exit.name} - {one_line(f'{one.account.name}: {one.said}')}" for one in worst_first]
    first, *rest = [f"{end.name} - {_summary(findings)}", *lines] if several else lines
    return "\n".join([f"{first} | {measured}" if measured else first, *rest])


def _shown(findings: Sequence[Finding]) -> str:
    """Write a table for people, the worst last, where they look; what is measured is for programs."""
    best_first = sorted(findings, key=lambda one: -WORST_FIRST.index(one.exit))
    rows = [(one.exit.word, one.account.name, one.said) for one in best_first]
    return "\n".join(
        [table(("STATUS", "ACCOUNT", "SAID"), rows), *([f"\n{_summary(findings)}."] if len(rows) > 1 else [])]
    )


def _summary(findings: Sequence[Finding]) -> str:
    if len(findings) == 1:
        return findings[0].said
    counts = [(sum(one.exit is code for one in findings), code.word) for code in WORST_FIRST]
    return f"{len(findings)} accounts: " + ", ".join(f"{count} {word}" for count, word in counts if count)


def _performance(finding: Finding, need: Decimal | None, *, several: bool) -> list[str]:
    """Return ``label=value;warning;critical``; ``@~:25`` is the guidelines' way to write "at or below 25"."""
    parts = []
    for kind in _AMOUNTS:
        value = getattr(finding.seen, kind.name, None)
        if value is not None:
            label = f"{finding.account.name}.{kind.name}" if several else kind.name
            lines = _thresholds(finding.account, kind) if need is None else _needed(finding.account, kind, need)
            ranges = ["" if line is None else f"@~:{plain(line)}" for line in lines]
            parts.append(f"{label}={plain(value)};{';'.join(ranges)}".rstrip(";"))
    return parts


def _thresholds(account: Account, kind: type[Rule]) -> _Lines:
    lines = (
        (rule.warning, rule.critical) for rule in account.rules if isinstance(rule, _AMOUNTS) and type(rule) is kind
    )
    return next(lines, (None, None))


def _needed(account: Account, kind: type[Rule], need: Decimal) -> _Lines:
    return (None, _floor(account) + need if kind is BalanceUsd else None)


def _document(finding: Finding) -> dict[str, object]:
    match finding.seen:
        case Failure(kind, reason):
            what: dict[str, object] = {"failure": {"kind": kind.value, "reason": reason}}
        case reading:
            what = {"reading": asdict(reading)}
    return {"account": finding.account.name, "status": finding.exit.word, "said": finding.said, **what}
