"""What polls saw, read back in order: every run once, however it is paged and whatever happens meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import MAIN, OPS, START, World, reading

from monitor.model import Failure, Kind, Seen
from monitor.store import history
from monitor.store.history import Run

Worlds = Callable[..., World]
MINUTE = timedelta(minutes=1)
LOST, REFUSED = Failure(Kind.UNREACHABLE, "no answer"), Failure(Kind.REFUSED, "HTTP 401")
FULL = reading(
    "4.068",
    account_id="52",
    available_credits=3000,
    available_points="1068.5",
    alert_threshold=10,
    low_balance_alert=False,
    updated_at=START,
)


def runs(world: World, account: str = "main", *, since: int = -1, until: int = 9999, rows: int = 1000) -> list[Run]:
    """Return the runs from one minute after the start to another."""
    begin, window = partial(world.store.transaction, reads=True), (START + since * MINUTE, START + until * MINUTE)
    return list(history.runs(begin, account, since=window[0], until=window[1], rows=rows))


def minutes(found: Sequence[Run]) -> list[tuple[float, float, int]]:
    return [((one.first_at - START) / MINUTE, (one.last_at - START) / MINUTE, one.polls) for one in found]


def test_polls_that_saw_the_same_are_one_run_with_its_first_and_its_last_poll(world: World) -> None:
    world.reads(70, 70, 70).fails(times=2).reads(70)
    found = runs(world)
    assert minutes(found) == [(5, 15, 3), (20, 25, 2), (30, 30, 1)]
    assert [one.seen for one in found] == [reading(70), Failure(Kind.UNREACHABLE, "boom"), reading(70)]


def test_a_reading_comes_back_with_every_field_as_it_was(world: World) -> None:
    world.sees(FULL)
    (found,) = runs(world)
    assert found.seen == FULL


def test_a_time_in_which_nobody_polled_is_between_two_runs(world: World) -> None:
    world.reads(70)
    world.sees(reading(70), after=timedelta(hours=2))
    assert minutes(runs(world)) == [(5, 5, 1), (125, 125, 1)]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [(0, 60, [5, 20, 35]), (15, 60, [5, 20, 35]), (16, 60, [20, 35]), (0, 34, [5, 20]), (20, 20, [20]), (16, 19, [])],
)
def test_a_window_has_every_run_with_a_poll_in_it_or_around_it(
    world: World, since: int, until: int, found: list[int]
) -> None:
    world.reads(70, 70, 70).fails(times=3).reads(60)
    assert [first for first, _, _ in minutes(runs(world, since=since, until=until))] == found


def test_each_account_has_a_history_of_its_own_and_keeps_it_when_it_leaves_the_configuration(worlds: Worlds) -> None:
    world = worlds(MAIN + '[accounts.batch]\napi_key = "key-of-batch-0002"\n' + OPS)
    world.reads(70).reads(3, account="batch").fails(account="batch")
    world.reload(MAIN + OPS)
    assert [one.seen for one in runs(world, "batch")] == [reading(3), Failure(Kind.UNREACHABLE, "boom")]
    with world.store.transaction() as tx:
        assert history.accounts(tx) == ["batch", "main"]
        assert history.latest(tx, "batch") == START + 15 * MINUTE
        assert history.latest(tx, "nobody") is None


def test_a_run_that_grows_while_it_is_read_is_told_once(world: World) -> None:
    world.reads(70, 60)
    begin = partial(world.store.transaction, reads=True)
    found = history.runs(begin, "main", since=START, until=START + 60 * MINUTE, rows=1)
    seen = []
    for one in found:
        seen.append(one.seen)
        world.reads(60)
    assert seen == [reading(70), reading(60)]


SEEN = st.sampled_from([reading(70), reading(60), FULL, LOST, REFUSED])
LONGEST_PAUSE = timedelta(minutes=15, seconds=20)
"""Three intervals and a timeout: after more than that, nobody knows what was between."""


def expected(polls: Sequence[tuple[Seen, timedelta]]) -> Iterator[list[tuple[Seen, timedelta]]]:
    """Yield the polls that make a run each."""
    run: list[tuple[Seen, timedelta]] = []
    for seen, at in polls:
        if run and (seen != run[-1][0] or at - run[-1][1] > LONGEST_PAUSE):
            yield run
            run = []
        run.append((seen, at))
    if run:
        yield run


@settings(max_examples=60)
@given(
    st.lists(st.tuples(SEEN, st.integers(1, 20)), max_size=14),
    st.integers(1, 4),
    st.integers(-10, 150),
    st.integers(0, 150),
)
def test_the_history_is_the_polls_in_order_whatever_the_window_and_the_size_of_a_page(
    steps: list[tuple[Seen, int]], rows: int, since: int, length: int
) -> None:
    with TemporaryDirectory() as folder:
        world, polls = World(Path(folder)), []
        for seen, pause in steps:
            world.sees(seen, after=pause * MINUTE)
            polls.append((seen, world.now - START))
        until = since + length
        found = [(one.seen, one.first_at - START, one.last_at - START, one.polls) for one in runs(world, rows=rows)]
        known = [(run[0][0], run[0][1], run[-1][1], len(run)) for run in expected(polls)]
        assert found == known
        inside = [one for one in known if one[2] >= since * MINUTE and one[1] <= until * MINUTE]
        windowed = runs(world, since=since, until=until, rows=rows)
        assert [one.first_at - START for one in windowed] == [one[1] for one in inside]
        world.close()
