"""``status`` for people at a terminal: one line an account, those in trouble first, and below each what is wrong."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from monitor.chart.shape import Span
from monitor.chart.spark import ASCII, BARS, spark
from monitor.cli.known import WEEK, Known, about_daemon, channel_row, how_long
from monitor.cli.rows import Cell, listing
from monitor.cli.screen import Screen, look_of
from monitor.messages import Standing
from monitor.model import MONITOR, Level
from monitor.outlook import DAY, about
from monitor.quantity import Unit, age, tell
from monitor.runway import Runway
from monitor.store.memory import Memory, level_word
from monitor.store.outbox import Health

MOST = 40
"""So many accounts are shown unless somebody asks for more."""
_WIDEST, _NARROWEST = 28, 7
"""Characters of the last seven days."""
_TALLEST = 4
"""Lines that few accounts need."""
_HEADERS = ("ACCOUNT", "LEVEL", "BALANCE", "GONE 24H", "LASTS", "READ", "7 DAYS", "WHAT")
_DRAWN = _HEADERS.index("7 DAYS")
_SLACK = timedelta(minutes=1)


def overview(known: Known, screen: Screen, names: Sequence[str]) -> list[str]:
    """Return the lines that show these accounts, and say how many others there are."""
    parts = [_daemon(known, screen), _accounts(known, screen, names), _channels(known, screen)]
    shown = [list(part) for part in parts]
    return [line for part in shown if part for line in ("", *part)][1:]


def fitted(known: Known, screen: Screen, names: Sequence[str]) -> list[str]:
    """Return the same in no more lines than the terminal has: of as many accounts as there is room for.

    The last line says of when it is.
    """
    count, room = len(names), screen.height - 1
    lines = overview(known, screen, names)
    while len(lines) > room and count > 1:
        count = max(1, count - max(1, (len(lines) - room) // _TALLEST))
        lines = overview(known, screen, names[:count])
    said = Text(f"{known.now:%H:%M:%S} UTC, Ctrl-C ends", look_of("muted"))
    return [*lines[:room], *screen.draw([said])]


# -- the daemon -------------------------------------------------------------------------------------------------------


def _daemon(known: Known, screen: Screen) -> Iterator[str]:
    """Say how the daemon is, and what it has to say of itself."""
    first, *rest = about_daemon(known).splitlines()
    is_well = known.wrong is None and not known.trouble
    lines = [_marked("ok-dot" if is_well else "critical-dot", first), *(_marked("warning-dot", line) for line in rest)]
    own = [alert for alert in known.alerts if alert.account == MONITOR and alert.level > Level.OK]
    for alert in own:
        said = Text.assemble(
            (alert.level.word, look_of(alert.level.word)), f" {alert.phrase}", _since(known, alert.started_at)
        )
        lines.append(Text.assemble((f"{MONITOR} ", look_of("strong")), said))
    for line in lines:
        yield from screen.draw(screen.wrapped(line, screen.width))


def _marked(look: str, words: str) -> Text:
    return Text.assemble(("● ", look_of(look)), words)


def _since(known: Known, begun: datetime) -> tuple[str, str]:
    return (f", for {age(known.now - begun)}", look_of("muted"))


# -- accounts ---------------------------------------------------------------------------------------------------------


def _accounts(known: Known, screen: Screen, names: Sequence[str]) -> Iterator[str]:
    if not names:
        yield "No account has been polled yet."
        return
    rows = [_account(known, name) for name in names]
    room = _room(screen, rows)
    drawn = [
        [*row[:_DRAWN], _drawn(known, name, screen, room), *row[_DRAWN + 1 :]]
        for name, row in zip(names, rows, strict=True)
    ]
    shown = _HEADERS if room else tuple(header for header in _HEADERS if header != "7 DAYS")
    drawn = drawn if room else [[*row[:_DRAWN], *row[_DRAWN + 1 :]] for row in drawn]
    yield from listing(screen, shown, [drawn])
    if left := _left_out(known, names):
        yield from screen.draw(screen.wrapped(Text(left, look_of("muted")), screen.width))


def _room(screen: Screen, rows: Sequence[Sequence[Cell]]) -> int:
    """Return how many characters there are for the last seven days; 0 if they are too few."""
    others = [
        max(len(header), *(_length(row[place]) for row in rows)) + 2 for place, header in enumerate(_HEADERS[:_DRAWN])
    ]
    room = min(screen.width - sum(others), _WIDEST)
    return room if room >= _NARROWEST else 0


def _length(cell: Cell) -> int:
    return cell.cell_len if isinstance(cell, Text) else len(cell)


def _account(known: Known, name: str) -> list[Cell]:
    one, standing = known.accounts[name], known.standings[name]
    balance = tell(one.reading.balance_usd, Unit.USD) if one.reading else "unknown"
    read = f"{age(known.now - one.read_at)} ago" if one.read_at else "never"
    return [
        Text(name, look_of("strong")),
        _level(known, one),
        Text(balance, look_of("strong")),
        Text(_gone(standing), look_of("muted") if one.failure else ""),
        Text(_lasts(standing), look_of("muted") if one.failure else ""),
        Text(read, look_of("alarmed" if one.failure else "muted")),
        "",
        _what(known, one),
    ]


def _level(known: Known, one: Memory) -> str:
    """Say how bad it is; only what the last poll read can be ok."""
    word = level_word(one, known.level(one.account))
    return "polls fail" if word == "unknown" and one.reading else word


def _gone(standing: Standing) -> str:
    """Say what went in 24 hours; with a plus where it may be more."""
    spent, read_at = standing.spent, standing.read_at
    if spent is None or spent.since is None or read_at is None:
        return "unknown"
    return tell(spent.fell, Unit.USD) + "+" * (spent.since > read_at - DAY + _SLACK)


def _lasts(standing: Standing) -> str:
    if not isinstance(standing.runway, Runway):
        return "unknown"
    mid = standing.runway.mid
    return "over a year" if mid is None else "nothing left" if not mid else about(mid).removeprefix("about ")


def _what(known: Known, one: Memory) -> Text:
    """Say what is wrong, the worst first, and what somebody has silenced."""
    alerts = sorted((alert for alert in known.alerts if alert.account == one.account), key=lambda alert: -alert.level)
    level, lines = known.level(one.account), []
    for alert in alerts:
        other = f"{alert.level.word}: " if alert.level is not level else ""
        lines.append(Text.assemble(other, alert.phrase, _since(known, alert.started_at)))
    if one.failure is not None and one.failing_since is not None:
        said = f"polls fail ({one.failure.kind.value}: {one.failure.reason})"
        lines.append(Text.assemble(said, _since(known, one.failing_since)))
    for snooze in (snooze for snooze in known.snoozes if snooze.account == one.account):
        about_it = f" about {snooze.rule}" if snooze.rule else ""
        until = how_long(snooze, known.now)
        said = f"snoozed{about_it} up to {snooze.level.word}, {'for ' * (snooze.until is not None)}{until}"
        lines.append(Text(said, look_of("muted")))
    return Text("\n").join(lines)


def _drawn(known: Known, name: str, screen: Screen, room: int) -> Text:
    latest = known.accounts[name].balance
    if latest is None or not room:
        return Text()
    bars = BARS if screen.unicode else ASCII
    drawn = spark(known.hours[name], latest, Span(known.now - WEEK, known.now), room, bars=bars)
    return Text(drawn, look_of("line"))


def _left_out(known: Known, names: Sequence[str]) -> str:
    """Say how the other accounts are: ``… and 960 that are fine``."""
    others = [known.accounts[name] for name in known.chosen if name not in set(names)]
    counts = Counter(_level(known, one) for one in others)
    fine, bad = counts.pop("ok", 0), [f"{count:,} {level}" for level, count in counts.most_common()]
    if not others:
        return ""
    said = [*([f"{sum(counts.values()):,} more in trouble ({', '.join(bad)})"] if bad else [])]
    said += [f"{fine:,} that {'is' if fine == 1 else 'are'} fine"] if fine else []
    return f"… and {', and '.join(said)}: name accounts or give --all to see them"


# -- channels ---------------------------------------------------------------------------------------------------------


def _channels(known: Known, screen: Screen) -> Iterator[str]:
    if known.channels:
        columns = ("CHANNEL", "FAILING", "WAITING", "GIVEN UP", "LAST SUCCESS", "LAST ERROR")
        yield from listing(screen, columns, [[_channel(known, health) for health in known.channels.values()]])


def _channel(known: Known, health: Health) -> list[Cell]:
    name, failing, waiting, lost, success, error = channel_row(known, health)
    return [
        Text(name, look_of("strong")),
        Text(failing, look_of("alarmed" if health.failing_since else "ok")),
        waiting,
        Text(lost, look_of("alarmed" if lost != "0" else "")),
        success,
        error,
    ]
