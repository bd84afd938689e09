"""How good the forecasts were, by kind and in total; and how good they must be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import nan
from statistics import median

from forecast.replay import CRITICAL, LEVELS, LINE, MEAN, OURS, SHORT, WARNING, Moment, Story
from forecast.traces import DAY, EXTRAS, KINDS

_MONTH = 30 * DAY


@dataclass(frozen=True)
class Score:
    """Some traces, taken together; NaN is what they cannot tell."""

    name: str
    stories: Sequence[Story]

    @cached_property
    def moments(self) -> list[Moment]:
        """All forecasts."""
        return list(chain.from_iterable(story.moments for story in self.stories))

    def error(self, whose: str) -> float:
        """Return the median error, as a share of the truth."""
        return _median([moment.error(whose) for moment in self.moments])

    @property
    def inside(self) -> float:
        """Return the share of truths inside the range."""
        return _share([moment.inside for moment in self.moments])

    @property
    def width(self) -> float:
        """Return how many times its low end the high end of a range is: the median where a warning is due."""
        return _median([moment.high / moment.low for moment in self.moments if moment.said[OURS] <= WARNING])

    @property
    def dry(self) -> list[Story]:
        """Return those that ran dry without an instant jump."""
        return [story for story in self.stories if story.dry is not None and not story.jumped]

    def lead(self, whose: str, below: float) -> float:
        """Return the median of the days from the alarm to the end, where they ran dry without a jump."""
        return _median([story.lead(whose, below) for story in self.dry])

    def in_time(self, whose: str) -> float:
        """Return the share of those that ran dry without a jump in which critical came before."""
        return _share([story.lead(whose, CRITICAL) > 0 for story in self.dry])

    def false(self, whose: str) -> float:
        """Return the false alarms, warning and critical, in 30 days of watching."""
        slots = sum(story.slots for story in self.stories)
        alarms = sum(story.alarms[whose, below].false for story in self.stories for below in LEVELS)
        return alarms * _MONTH / slots if slots else nan


def _median(values: Sequence[float]) -> float:
    return median(values) if values else nan


def _share(those: Sequence[bool]) -> float:
    return sum(those) / len(those) if those else nan


ALL = "all"


def scores(stories: Sequence[Story]) -> dict[str, Score]:
    """Return the scores of each kind, of each extra, and of all."""
    kinds = [Score(kind, [story for story in stories if story.trace.kind == kind]) for kind in KINDS]
    extras = [Score(extra, [story for story in stories if story.trace.extra == extra]) for extra in EXTRAS]
    return {score.name: score for score in (*kinds, *extras, Score(ALL, stories))}


def missed(found: Mapping[str, Score]) -> Iterator[str]:
    """Yield a sentence for each bound that is not kept; what cannot be told is not kept."""
    if not found["top-ups"].error(OURS) <= found["top-ups"].error(LINE) / 2:
        yield "with top-ups, the median error is more than half that of the line through the balance"
    for kind in KINDS:
        if not found[kind].error(OURS) <= found[kind].error(MEAN):
            yield f"{kind}: the median error is more than that of the mean of seven days"
    if not found[ALL].inside >= 0.8:
        yield "less than 80 % of the truths are inside the range"
    if not found[ALL].in_time(OURS) >= 0.95:
        yield "critical came before the end in less than 95 % of the traces that ran dry without a jump"


# -- the tables -------------------------------------------------------------------------------------------------------

_Columns = Mapping[str, Callable[[Score], str]]
_FORECASTS: _Columns = {
    "traces": lambda score: f"{len(score.stories)}",
    "forecasts": lambda score: f"{len(score.moments):,}",
    "error": lambda score: f"{score.error(OURS):.1%}",
    "of the mean": lambda score: f"{score.error(MEAN):.1%}",
    "of the line": lambda score: f"{score.error(LINE):.1%}",
    "of the line of 1 d": lambda score: f"{score.error(SHORT):.1%}",
    "in the range": lambda score: f"{score.inside:.0%}",
    "range": lambda score: f"x{score.width:.1f}",
}
_ALARMS: _Columns = {
    "ran dry": lambda score: f"{len(score.dry)}",
    "by a jump": lambda score: f"{sum(story.jumped for story in score.stories)}",
    "in time": lambda score: f"{score.in_time(OURS):.0%}",
    "the mean": lambda score: f"{score.in_time(MEAN):.0%}",
    "the line": lambda score: f"{score.in_time(LINE):.0%}",
    "warned before": lambda score: f"{score.lead(OURS, WARNING):.1f} d",
    "critical before": lambda score: f"{score.lead(OURS, CRITICAL):.1f} d",
    "false a month": lambda score: f"{score.false(OURS):.2f}",
    "the mean's": lambda score: f"{score.false(MEAN):.2f}",
    "the line's": lambda score: f"{score.false(LINE):.2f}",
}


def report(found: Mapping[str, Score]) -> str:
    """Return all scores as two tables for people."""
    return f"{_table(found, _FORECASTS)}\n\n{_table(found, _ALARMS)}"


def _table(found: Mapping[str, Score], columns: _Columns) -> str:
    rows = [["", *columns], *([name, *(of(score) for of in columns.values())] for name, score in found.items())]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
