"""The course of a balance in steps: the lowest, the highest and the last of each, and gaps where nothing was read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import START, World

from monitor.store import steps
from monitor.store.steps import Asked, Step

Worlds = Callable[..., World]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIFTEEN = timedelta(minutes=15)


def asked(since: datetime, until: datetime, length: timedelta) -> Asked:
    return Asked(account="main", since=since, until=until, length=length, breaks=lambda _: FIFTEEN)


def course(world: World, length: timedelta, *, hours: int = 24) -> list[tuple[float, str]]:
    """Return the steps, each by its hours since the start, as text; a gap is a dash."""
    with world.store.transaction(reads=True) as tx:
        found = steps.steps(tx, asked(START, START + timedelta(hours=hours), length))
    return [((one.at - START) / HOUR, _said(one)) for one in found]


def _said(one: Step) -> str:
    return "-" if one.last is None else f"{one.low} {one.high} {one.last}"


@pytest.mark.parametrize("length", [HOUR, 2 * HOUR])
def test_a_step_has_the_lowest_the_highest_and_the_last_with_every_digit(world: World, length: timedelta) -> None:
    for balance in ("70.10", "9.05", "100.000", "69.9"):
        world.sees_balance(balance, after=FIFTEEN - MINUTE)
    assert course(world, length) == [(0, "9.05 100.000 69.9")]


@pytest.mark.parametrize("length", [5 * MINUTE, HOUR])
def test_a_balance_that_stays_is_in_every_step_that_it_was_read_in(world: World, length: timedelta) -> None:
    for _ in range(40):
        world.sees_balance(70, after=5 * MINUTE)  # ten minutes to three and a half hours, one row
    world.sees_balance(60, after=5 * MINUTE)
    found = course(world, length)
    first = 0 if length == HOUR else 1
    assert [round(at * HOUR / length) for at, _ in found] == list(range(first, first + len(found)))
    assert {said for _, said in found[:-1]} == {"70 70 70"}
    assert found[-1][1].endswith(" 60")


@pytest.mark.parametrize("length", [5 * MINUTE, HOUR])
def test_where_nothing_was_read_for_long_there_is_a_gap(world: World, length: timedelta) -> None:
    world.sees_balance(70, after=5 * MINUTE)
    world.sees_balance(60, after=3 * HOUR)
    gap = (START + 5 * MINUTE - datetime(1970, 1, 1, tzinfo=UTC)) // length * length + length
    at = (gap + datetime(1970, 1, 1, tzinfo=UTC) - START) / HOUR
    assert course(world, length) == [
        (at - length / HOUR, "70 70 70"),
        (at, "-"),
        (3 + (5 / 60 if length < HOUR else 0), "60 60 60"),
    ]


def test_a_step_without_a_poll_is_no_gap_while_polls_go_on(world: World) -> None:
    for balance in range(70, 60, -1):
        world.sees_balance(balance, after=10 * MINUTE)
    found = course(world, 5 * MINUTE)
    assert [said[:2] for _, said in found] == [str(balance) for balance in range(70, 60, -1)]


def test_what_ends_after_the_window_is_told_up_to_its_end(world: World) -> None:
    for _ in range(50):
        world.sees_balance(70, after=5 * MINUTE)
    assert course(world, HOUR, hours=2) == [(0, "70 70 70"), (1, "70 70 70")]


def test_of_an_account_without_readings_there_is_nothing(world: World) -> None:
    assert course(world, HOUR) == []
    assert course(world, MINUTE) == []


# -- whatever was read ------------------------------------------------------------------------------------------------


@contextmanager
def fresh_world() -> Iterator[World]:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            yield world
        finally:
            world.close()


POLLS = st.lists(st.tuples(st.integers(1, 90), st.sampled_from(["5", "7.25", "-3", "12"])), max_size=40)


@settings(max_examples=40, deadline=None)
@given(polls=POLLS, minutes=st.sampled_from([1, 10, 60, 120]), begin=st.integers(0, 5), lasts=st.integers(1, 40))
def test_steps_say_what_the_polls_of_their_time_saw(
    polls: list[tuple[int, str]], minutes: int, begin: int, lasts: int
) -> None:
    length, since = minutes * MINUTE, START + begin * HOUR
    until = since + lasts * HOUR
    with fresh_world() as world:
        seen = []
        for pause, balance in polls:
            world.sees_balance(balance, after=pause * MINUTE)
            seen.append((world.now, Decimal(balance)))
        with world.store.transaction(reads=True) as tx:
            found = steps.steps(tx, asked(since, until, length))
    assert [one.at for one in found] == sorted({one.at for one in found})
    told = {one.at: one for one in found if one.last is not None}
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    ends = since - (since - epoch) % length, until + (epoch - until) % length
    inside = [(at, usd) for at, usd in seen if ends[0] <= at < ends[1]]
    for start in {at - (at - epoch) % length for at, _ in inside}:
        here = [usd for at, usd in inside if start <= at < start + length]
        one = told[start]
        assert one.low is not None
        assert one.high is not None
        assert (one.low <= min(here), one.high >= max(here)) == (True, True)
        assert one.last == here[-1]
        assert {one.low, one.high} <= {usd for _, usd in seen}
