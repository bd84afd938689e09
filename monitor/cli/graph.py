"""``history`` for people at a terminal: the latest polls as a table, and all of the time as a chart."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from rich.text import Text

from monitor.chart import Chart, Span, words
from monitor.chart.cells import ASCII, FINE, Type, legend, plot
from monitor.cli.picture import configured
from monitor.cli.rows import listing, packed
from monitor.cli.screen import Screen, look_of
from monitor.cli.when import Window
from monitor.model import Failure, Level, Seen
from monitor.poll import chart
from monitor.quantity import Unit, tell
from monitor.store import Store, history
from monitor.store.history import Run

_FEWEST_ROWS, _MOST_ROWS = 5, 40
_LOWEST, _HIGHEST, _NARROWEST = 8, 15, 30
"""Lines of a chart, and the columns that it needs."""
_BESIDE = 9
"""Lines that are neither of the table nor of the chart."""


def graph(  # noqa: PLR0913 - all that a terminal is shown
    store: Store, path: Path | None, account: str, window: Window, *, now: datetime, zone: tzinfo, screen: Screen
) -> list[str]:
    """Return the lines of both; none if nothing was polled in that time."""
    high = max(min(screen.height // 2, _HIGHEST), _LOWEST)
    most = min(max(screen.height - high - _BESIDE, _FEWEST_ROWS), _MOST_ROWS)
    config = configured(path)
    with store.transaction(reads=True) as tx:
        found, count = history.newest(tx, account, window.since, window.until, most)
        span = Span(window.since, min(window.until, now))
        drawn = chart.look(tx, config, account, span, now=now) if found else None
    if drawn is None:
        return []
    lines = _table(found, count, zone, screen)
    if drawn.latest is None or screen.width < _NARROWEST:
        return lines
    return [*lines, "", *screen.draw(_chart(drawn, screen, high))]


# -- the table --------------------------------------------------------------------------------------------------------


def _table(found: Sequence[Run], count: int, zone: tzinfo, screen: Screen) -> list[str]:
    here = found[-1].last_at.astimezone(zone).tzname() or "UTC"
    headers = (f"WHEN ({here})", "POLLS", "BALANCE", "CREDITS", "POINTS", "FAILURE")
    lines = list(listing(screen, headers, [[_row(run, zone, here) for run in found]]))
    if count == len(found):
        return lines
    more = Text(f"… {count - len(found):,} earlier rows: --format table shows all of them", look_of("muted"))
    return [*screen.draw(screen.wrapped(more, screen.width)), *lines]


def _row(run: Run, zone: tzinfo, here: str) -> list[str | Text]:
    return [_when(run, zone, here), f"{run.polls:,}", *_seen(run.seen)]


def _when(run: Run, zone: tzinfo, here: str) -> str:
    """Say from when to when, as shortly as is clear; where clocks have changed since, also in which time."""
    first, last = (at.astimezone(zone) for at in (run.first_at, run.last_at))
    other = "".join(f" {at:%Z}" for at in (last,) if at.tzname() != here)
    if f"{first:%F%T}" == f"{last:%F%T}":
        return f"{first:%Y-%m-%d %H:%M:%S}{other}"
    is_same_day = first.date() == last.date()
    return f"{first:%Y-%m-%d %H:%M:%S} to {_end(last, is_same_day=is_same_day)}{other}"


def _end(last: datetime, *, is_same_day: bool) -> str:
    return f"{last:%H:%M:%S}" if is_same_day else f"{last:%m-%d %H:%M}"


def _seen(seen: Seen) -> list[str | Text]:
    if isinstance(seen, Failure):
        return ["unknown", "", "", f"{seen.kind.value}: {seen.reason}"]
    amounts = ((seen.available_credits, Unit.CREDITS), (seen.available_points, Unit.POINTS))
    counts = ["" if amount is None else tell(amount, unit).split()[0] for amount, unit in amounts]
    return [Text(tell(seen.balance_usd, Unit.USD, against=(seen.balance_usd,)), look_of("strong")), *counts, ""]


# -- the chart --------------------------------------------------------------------------------------------------------


def _chart(drawn: Chart, screen: Screen, high: int) -> Iterable[Text]:
    kind = FINE if screen.unicode else ASCII
    yield from packed(screen, _header(drawn), screen.width)
    for runs in plot(drawn, screen.width, high, kind=kind):
        line = Text.assemble(*((text, look_of(_HUES.get(hue, hue))) for text, hue in runs))
        line.rstrip()
        yield line
    yield from packed(screen, _footer(drawn, kind), screen.width)


_HUES = {"warning": "warning-dot", "critical": "critical-dot"}
"""What is drawn is no word on a ground."""


def _header(drawn: Chart) -> list[Text]:
    """Say in a line what matters."""
    level = words.level(drawn)
    look = look_of(level) if level in {Level.OK.word, Level.WARNING.word, Level.CRITICAL.word} else look_of("warning")
    parts = [(drawn.account, look_of("strong")), (words.balance(drawn), look_of("strong"))]
    parts += [(level, look), (words.outcome(drawn), ""), (words.below(drawn), look_of("muted"))]
    return [Text(said, style) for said, style in parts if said]


def _footer(drawn: Chart, kind: Type) -> list[Text]:
    """Say what stands for what."""
    return [Text(said, look_of(_HUES.get(hue, hue))) for said, hue in legend(drawn, kind=kind)]
