"""An alert in words: the only file to edit for wording. Plain text that reads well in chat and in mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from monitor import outlook
from monitor.model import MONITOR, Cause, Change, Failure, Kind, Level, Message, Reading
from monitor.quantity import Unit, spoken, tell, to_the_minute
from monitor.rules import Age, Fact, Flag, Gone, Lasting, Measure, Rise, Spike, Trouble, Unforeseen
from monitor.runway import NotYet, Runway
from monitor.spending import Spend

LATE = timedelta(minutes=2)
"""A message that goes out later than this after its decision says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an account stands: what a message adds to its news."""

    account: str
    level: Level
    reading: Reading | None
    read_at: datetime | None
    failure: Failure | None
    """Why the latest poll brought no reading; None if it brought one."""
    spent: Spend | None = None
    """What went in the last 24 hours; None if nobody asked."""
    runway: Runway | NotYet | None = None
    """How long it lasts; None if that is not known while the disk fails."""


def phrase(fact: Fact, level: Level, now: datetime, *, zone: tzinfo = UTC) -> str:
    """Say what a rule found, at the level that it has come to (OK: what ended it)."""
    match fact:
        case Measure():
            return _measure(fact, level)
        case Flag(raised):
            return f"the API's own low balance alert is {'on' if raised else 'off'}"
        case Rise(before, after, at_least):
            least = "at least " * at_least
            money = [tell(amount, Unit.USD) for amount in (after - before, before, after)]
            return f"went up by {least}{money[0]}, from {money[1]} to {money[2]}"
        case Lasting() | Unforeseen() | Gone() | Spike():
            return outlook.phrase(fact, level, zone)
        case Age(since):
            return _age(since, level, now, zone=zone)
        case _:
            return _trouble(fact, level, now)


def _measure(fact: Measure, level: Level) -> str:
    line = fact.critical if level is Level.CRITICAL else fact.warning
    if line is None:
        line = fact.critical
    if line is None:
        return f"{tell(fact.value, fact.unit)} left"
    value = tell(fact.value, fact.unit, against=(fact.warning, fact.critical))
    threshold = tell(line, fact.unit, against=(line,))
    if fact.value <= line:
        where = f"at or below {fact.whose}{threshold}"
    elif level is Level.OK:
        where = f"above {fact.whose}{threshold}"
    else:
        clear = fact.margin.above(line)
        value = tell(fact.value, fact.unit, against=(fact.warning, fact.critical, clear))
        where = f"ends above {tell(clear, fact.unit, against=(clear,))}"
    return f"{value} left ({where})"


def _trouble(fact: Trouble, level: Level, now: datetime) -> str:
    silence = to_the_minute(now - fact.since) if fact.since else ""
    if level is Level.OK:
        return {
            Kind.UNREACHABLE: f"readings again, after {silence} without" if silence else "readings again",
            Kind.REFUSED: "the API accepts the key again",
            Kind.UNREADABLE: "the API's answers can be used again",
        }[fact.kind]
    what = {
        Kind.UNREACHABLE: f"no reading for {silence}",
        Kind.REFUSED: "the API refuses the key",
        Kind.UNREADABLE: "the API's answer cannot be used",
    }[fact.kind]
    return f"{what} ({fact.reason})" if fact.reason else what


def _age(since: datetime, level: Level, now: datetime, *, zone: tzinfo) -> str:
    """Say how old the balance is: it is the API's word, and an end may be due to another threshold."""
    length, when = spoken(now - since), moment(since, zone)
    if level is Level.OK:
        return f"the balance changed {length} ago, says the API ({when})"
    return f"no change of the balance for {length}, says the API (since {when})"


def title(change: Change) -> str:
    """Say one change in one line: ``[CRITICAL] main: $4.07 left (at or below $5.00)``."""
    return f"[{_tag(change)}] {change.account}: {_said(change)}"


def _tag(change: Change) -> str:
    return Level.INFO.name if change.cause is Cause.UNWATCHED else change.level.name


def _said(change: Change) -> str:
    match change.cause:
        case Cause.REMINDER:
            return f"still {change.phrase}"
        case Cause.EASED:
            return f"{change.phrase}, eased from {change.before.word}"
        case Cause.PASSED:
            return f"{change.phrase} at {change.before.word}"
        case Cause.UNWATCHED:
            return f"{change.rule} is no longer watched (was {change.before.word}: {change.phrase})"
        case _:
            return change.phrase


def severity(changes: Sequence[Change]) -> Level:
    """Return the severity of a message: its worst change, where news is INFO and an end OK."""
    return Level[_tag(worst(changes))]


def worst(changes: Sequence[Change]) -> Change:
    """Return what a message is about: its worst change, where alerts come before news."""
    return max(changes, key=lambda change: (bool(change.rule), Level[_tag(change)]))


def headline(changes: Sequence[Change]) -> str:
    """Return the title of a message: its worst change, and how many more there are."""
    return title(worst(changes)) + (f" (and {len(changes) - 1} more)" if len(changes) > 1 else "")


def body(changes: Sequence[Change], standing: Standing | None, zone: tzinfo) -> str:
    """Write what the title leaves out: each change, what was known when, and the thresholds that were changed.

    Without a standing, the changes are the monitor's own.
    """
    lines = [title(change) for change in changes] if len(changes) > 1 else []
    lines += [about(change) for change in changes if change.rule]
    lines += _known(standing, zone) if standing else []
    lines += sorted({f"The thresholds were changed; before: {change.was}." for change in changes if change.was})
    return "\n".join(lines) or title(changes[0])


def afterwards(change: Change, lasted: timedelta) -> Change:
    """Word what is told only after quiet hours: for how long it lasted."""
    said = change.phrase
    return change if ", after " in said else replace(change, phrase=f"{said}, after {to_the_minute(lasted)}")


def about(change: Change) -> str:
    """Say what became of an alert, by its rule."""
    now = {
        Cause.ENDED: f"fine again (was {change.before.word})",
        Cause.PASSED: f"fine again (was {change.before.word} in the quiet hours)",
        Cause.UNWATCHED: f"no longer watched (was {change.before.word})",
        Cause.WORSE: f"{change.level.word}, worse than before ({change.before.word})",
        Cause.EASED: f"{change.level.word}, better than before ({change.before.word})",
        Cause.REMINDER: f"still {change.level.word}",
    }.get(change.cause, change.level.word)
    return f"Rule {change.rule}: {now}."


def _known(standing: Standing, zone: tzinfo) -> list[str]:
    fails = [f"Polls fail now: {standing.failure.reason}."] if standing.failure else []
    if standing.reading is None or standing.read_at is None:
        return ["No balance has been read yet.", *fails]
    words = "Last known balance" if standing.failure else "Balance"
    known = f"{words}: {amounts(standing.reading)}, read {moment(standing.read_at, zone)}."
    return [known, *fails, *_money(standing, standing.reading, standing.read_at, zone)]


def _money(standing: Standing, reading: Reading, read_at: datetime, zone: tzinfo) -> list[str]:
    """Say what went and how long the rest lasts, as of the latest reading."""
    if standing.spent is None:
        return []
    since = moment(standing.spent.since, zone) if standing.spent.since else ""
    lines = [outlook.spent_line(standing.spent, read_at, since), outlook.runway_line(standing.runway)]
    contradiction = outlook.contradiction(reading)
    return lines + ([contradiction] if contradiction else [])


def amounts(reading: Reading) -> str:
    """Say what there is: ``$4.07, 3,000 credits, 1,068 points``."""
    parts = [tell(reading.balance_usd, Unit.USD, against=(Decimal(0),))]
    parts += [tell(n, Unit.CREDITS) for n in [reading.available_credits] if n is not None]
    parts += [tell(n, Unit.POINTS) for n in [reading.available_points] if n is not None]
    return ", ".join(parts)


def moment(when: datetime, zone: tzinfo) -> str:
    """Say a time in the configured zone: ``2026-01-13 10:33:56 UTC``."""
    return f"{when.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def in_a_line(standings: Sequence[Standing], *, accounts: int, alerting: int) -> str:
    """Say how things stand where there is one line for it; ``standings`` are the first few of the accounts."""
    parts = [f"{alerting or 'none'} of {accounts:,} accounts alert{'s' * (alerting == 1)}"] if accounts > 1 else []
    parts += [_in_short(one) for one in standings]
    more = accounts - len(standings)
    return "; ".join(parts) + (f"; and {more:,} more" if more else "")


def _in_short(standing: Standing) -> str:
    """Say how one account stands; only what was read just now can be ok."""
    known = tell(standing.reading.balance_usd, Unit.USD, against=(Decimal(0),)) if standing.reading else "not read yet"
    failure = standing.failure
    parts = [f"last known {known}" if failure and standing.reading else known]
    parts += [standing.level.word] if standing.level or (standing.reading and not failure) else []
    parts += [f"polls fail ({failure.kind.value})"] if failure else []
    return f"{standing.account}: {', '.join(parts)}"


def late(
    message: Message, standings: Sequence[Standing], now: datetime, zone: tzinfo, *, until: datetime | None = None
) -> str:
    """Return the body of a message that goes out at ``now``: late ones say so, and how things stand.

    ``until`` is when the last of what it stands for was decided.
    """
    delay = now - message.decided_at
    if delay <= LATE:
        return message.body
    stands = [f"Now: {one.account} is {one.level.word}. {' '.join(_known(one, zone))}" for one in standings]
    return "\n".join([_late(message.decided_at, until, delay, zone), *stands, "", "Then:", message.body])


def late_title(message: Message, standings: Sequence[Standing]) -> str:
    """Return the title of a message that goes out late: of an alert whose account is fine by now it says so."""
    is_over = message.severity > Level.INFO and [one.level for one in standings] == [Level.OK]
    return f"{message.title}, over by now" if is_over else message.title


def _late(first: datetime, last: datetime | None, delay: timedelta, zone: tzinfo) -> str:
    if last is None or last - first < timedelta(minutes=1):
        return f"Late: decided {moment(first, zone)}, {spoken(delay)} before it could be sent."
    return f"Late: decided from {moment(first, zone)} to {moment(last, zone)}, the first {spoken(delay)} ago."


def passed_on(message: Message, fallback: str) -> str:
    """Return the body of a message that goes to a fallback because its own channel does not deliver."""
    return f"{message.body}\nSent to {fallback} because {message.channel} does not deliver."


def on_page(text: str, url: str, account: str) -> str:
    """Return the body of a message, with where to look at it; no account is all of them."""
    return f"{text}\nPage: {url}/" + (f"accounts/{account}" if account else "")


def gave_up(lost: Sequence[Message], *, why: str) -> Change:
    """Say that messages of one channel were given up, to the other channels."""
    what = "1 message" if len(lost) == 1 else f"{len(lost)} messages"
    first = f"the first: {lost[0].title}"
    return news(MONITOR, f"gave up delivering {what} to {lost[0].channel} ({why}); {first}", level=Level.CRITICAL)


def unusable(reasons: Mapping[str, str]) -> str:
    """Say which channels cannot be used, and why."""
    return "; ".join(f"channel {name} cannot be used ({why})" for name, why in reasons.items())


def without_disk(database: str, why: str) -> str:
    """Say that the database cannot be used."""
    return f"the database {database} cannot be used ({why}); all goes on from memory"


def with_disk(database: str, kept: str) -> str:
    """Say that the database can be used; ``kept`` names a damaged one that was moved aside."""
    aside = f"; the damaged one, with the history until then, is kept as {kept}" if kept else ""
    return f"the database {database} works again{aside}"


def lost_disk(database: str) -> Change:
    """Say that a database that was there before is there no more."""
    said = f"the database {database} is gone: this is a first start, and what is wrong now will be told again"
    return news(MONITOR, said, level=Level.WARNING)


def undelivered(channel: str, silence: timedelta, *, error: str | None, waiting: int) -> str:
    """Say that a channel does not deliver, why, and how much waits for it."""
    why = f" ({error})" if error else ""
    waits = {0: "no message waits", 1: "1 message waits"}.get(waiting, f"{waiting} messages wait")
    return f"channel {channel} has not delivered for {to_the_minute(silence)}{why}; {waits}"


def delivers_again(channel: str, silence: timedelta) -> str:
    """Say that a channel delivers after it did not for so long."""
    return f"channel {channel} delivers again, after {to_the_minute(silence)}"


def account_changed(account: str, before: str, after: str) -> Change:
    """Say that the key now belongs to another account."""
    return news(account, f"account_id changed from {before} to {after}")


def news(account: str, said: str, *, level: Level = Level.INFO) -> Change:
    """Return a change that is no alert's: told once, with no end."""
    return Change(alert="", account=account, rule="", cause=Cause.NEWS, level=level, before=Level.OK, phrase=said)


def self_test(channel: str) -> tuple[str, str]:
    """Return title and body of a test message."""
    return (
        f"[TEST] {channel}: this is what an alert looks like",
        f"balance-monitor can reach you through the channel {channel}.\nNothing is wrong with any account.",
    )
