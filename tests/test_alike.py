"""When accounts that fail are one trouble and when that is over, as pure decisions."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from world import START

from monitor.alerts.outage import Course, Failing, Return, Silence, alike, is_apart
from monitor.model import Kind

MINUTE = timedelta(minutes=1)
FIVE = 5 * MINUTE
DOWN, DEAD = Kind.UNREACHABLE, Kind.REFUSED


def failing(*since: int, kind: Kind = DOWN, polled: int = 0) -> list[Failing]:
    """Return accounts that fail since so many minutes before the start (negative) or after it, and were polled then."""
    return [
        Failing(
            account=f"a{place}",
            since=START + minutes * MINUTE,
            kind=kind,
            reason="boom",
            polled_at=START + polled * MINUTE,
        )
        for place, minutes in enumerate(since)
    ]


@pytest.mark.parametrize(
    ("found", "total", "after", "is_common"),
    [
        (failing(1, 2), 2, 20, True),
        (failing(1), 2, 20, False),  # of one alone nobody speaks
        (failing(1, 2), 4, 20, True),  # half of them
        (failing(1, 2), 5, 20, False),
        (failing(1, 2), 2, 4, False),  # the one that was read last has had no other chance yet
        (failing(1, 2, *[-60] * 6), 8, 20, True),  # those that failed before count neither for it
        (failing(1, *[-60] * 6), 7, 20, False),  # nor do they make it common
        (failing(*range(1, 11)), 1000, 1, True),  # ten in a row are no coincidence
        (failing(*range(1, 10)), 1000, 60, False),
        (failing(1, kind=DEAD) + failing(2, kind=DEAD), 2, 20, True),
    ],
)
def test_accounts_that_began_to_fail_since_the_last_reading_of_any_are_one_trouble_if_they_are_enough(
    found: Sequence[Failing], total: int, after: int, is_common: object
) -> None:
    silence = Silence(failing=found, total=total, last_reading=START)
    assert silence.is_common(DOWN, interval=FIVE, now=START + after * MINUTE) is is_common


def test_where_nobody_was_ever_read_all_that_fail_count() -> None:
    silence = Silence(failing=failing(-9, -8), total=2, last_reading=None)
    assert silence.is_common(DOWN, interval=FIVE, now=START)
    assert not is_apart(START - 60 * MINUTE, None, FIVE)


def test_who_is_refused_is_not_read_either_but_not_the_other_way_round() -> None:
    both = failing(1) + failing(2, kind=DEAD)
    assert [one.kind for one in alike(both, DOWN)] == [DOWN, DEAD]
    assert [one.kind for one in alike(both, DEAD)] == [DEAD]


@pytest.mark.parametrize(("minutes", "expected"), [(-16, True), (-15, False), (-1, False), (1, False)])
def test_who_failed_for_three_intervals_while_others_were_read_has_a_trouble_of_its_own(
    minutes: int, expected: object
) -> None:
    assert is_apart(START + minutes * MINUTE, START, FIVE) is expected


@pytest.mark.parametrize(
    ("found", "read", "last", "after", "course"),
    [
        ([], 2, 1, 1, Course.ENDS),
        (failing(-60, -60, polled=-1), 8, 1, 2, Course.RECOVERS),  # they had no chance yet
        (failing(-60, -60, polled=3), 8, 4, 5, Course.ENDS),  # they had, and others are read after it
        (failing(-60, -60, polled=3), 8, 2, 5, Course.RECOVERS),  # nobody was read after it: all may fail again
        (failing(-60, -60, polled=3), 0, 0, 5, Course.GOES_ON),
        (failing(-60, -60, polled=-1), 8, 1, 15, Course.ENDS),  # long enough
    ],
)
def test_every_account_has_its_chance_before_it_is_over(
    found: Sequence[Failing], read: int, last: int, after: int, course: Course
) -> None:
    back = Return(failing=found, read=read, last_reading=START + last * MINUTE, began=START, longest=FIVE)
    assert back.course(START + after * MINUTE) is course


@pytest.mark.parametrize(("longest", "patience"), [(MINUTE, 15), (20 * MINUTE, 40), (600 * MINUTE, 60)])
def test_the_patience_is_two_intervals_at_least_a_quarter_of_an_hour_and_at_most_an_hour(
    longest: timedelta, patience: int
) -> None:
    back = Return(failing=failing(-60, polled=-1), read=1, last_reading=START, began=START, longest=longest)
    assert back.course(START + patience * MINUTE) is Course.ENDS
    assert back.course(START + patience * MINUTE - timedelta(seconds=1)) is Course.RECOVERS
