"""Which messages go as one, and when: the first of a kind at once, those that follow within half a minute together."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from monitor.deliver.merge import MOST, SPAN, Choice, choose, width
from monitor.store.turns import Latest, Waiting

NOW = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def queue(*words: str) -> list[Waiting]:
    """Return what waits, each written as ``account kind seconds-since-its-decision``; a kind of - goes alone."""
    found = []
    for place, word in enumerate(words, 1):
        account, kind, age = word.split()
        found.append(Waiting(str(place), account, "" if kind == "-" else kind, ago(float(age))))
    return found


def next_of(*words: str, sent: Mapping[str, Latest] | None = None, most: int = MOST) -> Choice:
    return choose(queue(*words), (sent or {}).get, NOW, most=most)


def sent(account: str, seconds: float, other: float | None = None) -> Latest:
    return Latest(ago(seconds), account, None if other is None else ago(other))


def test_the_first_of_a_kind_goes_at_once() -> None:
    assert next_of("a low 0") == Choice(["1"])


def test_what_waits_at_the_same_time_goes_as_one_at_once() -> None:
    assert next_of("a low 1", "b low 0.5", "c low 0") == Choice(["1", "2", "3"])


def test_what_follows_about_another_account_waits_for_half_a_minute_since_the_first() -> None:
    assert next_of("b low 3", "c low 1", sent={"low": sent("a", 5)}) == Choice(at=ago(5) + SPAN)
    assert next_of("b low 29", "c low 1", sent={"low": sent("a", 30)}) == Choice(["1", "2"])


def test_what_becomes_of_the_same_account_is_not_held_by_what_was_sent_of_it() -> None:
    assert next_of("a low 0", sent={"low": sent("a", 5)}) == Choice(["1"])


def test_but_it_is_held_by_what_was_sent_of_others() -> None:
    assert next_of("a low 0", sent={"low": sent("a", 5, other=10)}) == Choice(at=ago(10) + SPAN)


def test_what_is_not_held_takes_along_what_is_so_that_it_is_one_message_in_order() -> None:
    assert next_of("b low 3", "a low 0", "c low 0", sent={"low": sent("a", 5)}) == Choice(["1", "2", "3"])


def test_several_changes_of_one_account_alone_go_one_by_one() -> None:
    assert next_of("a low 9", "a low 5", "a low 0") == Choice(["1"])


def test_several_changes_of_one_account_go_with_those_of_others() -> None:
    assert next_of("a low 9", "a low 5", "b low 0") == Choice(["1", "2", "3"])


def test_another_kind_about_other_accounts_passes_what_is_held() -> None:
    assert next_of("b low 3", "c mute 1", "d mute 0", sent={"low": sent("a", 5)}) == Choice(["2", "3"])


def test_the_kind_that_is_free_first_goes_first() -> None:
    both = {"low": sent("a", 5), "mute": sent("a", 20)}
    assert next_of("b low 3", "c mute 1", sent=both) == Choice(at=ago(20) + SPAN)
    assert next_of("c mute 3", "b low 1", sent=both) == Choice(at=ago(20) + SPAN)


def test_each_account_hears_everything_in_order() -> None:
    assert next_of("a low 9", "a mute 8", "b low 7", "b mute 6", "c mute 5") == Choice(["1", "3"])
    assert next_of("a low 9", "a mute 8", "a low 7", "b low 6") == Choice(["1", "4"])


def test_the_first_of_a_kind_is_not_held_by_what_is_before_it_either() -> None:
    assert next_of("b low 3", "b mute 0", sent={"low": sent("a", 5)}) == Choice(["1"])
    assert next_of("b low 3", "c low 2", "b mute 0", sent={"low": sent("a", 5)}) == Choice(["1", "2"])


def test_what_is_behind_is_waited_for_if_it_is_free_first() -> None:
    both = {"low": sent("a", 5), "mute": sent("c", 9)}
    assert next_of("b low 3", "b mute 2", sent=both) == Choice(at=ago(9) + SPAN)


def test_what_goes_alone_passes_nothing_and_hurries_what_is_before_it() -> None:
    assert next_of("m - 0", "b low 0") == Choice(["1"])
    assert next_of("b low 3", "c low 2", "m - 0", "d low 0", sent={"low": sent("a", 5)}) == Choice(["1", "2"])


def test_nothing_waits_for_longer_than_half_a_minute_whatever_was_sent_meanwhile() -> None:
    assert next_of("b low 29", sent={"low": sent("a", 5)}) == Choice(at=NOW + timedelta(seconds=1))
    assert next_of("b low 30", "c low 1", sent={"low": sent("a", 5)}) == Choice(["1", "2"])


def test_so_many_go_as_one_and_not_more() -> None:
    words = [f"a{number} low 1" for number in range(MOST + 5)]
    assert len(next_of(*words).together) == MOST
    assert next_of(*words, most=1) == Choice(["1"])
    assert next_of("a low 9", "a low 8", "b low 7", most=2) == Choice(["1"])


def test_nothing_waits_for_nothing() -> None:
    assert next_of() == Choice()


@pytest.mark.parametrize(("failures", "most"), [(0, MOST), (1, 25), (2, 3), (3, 1), (4, 1), (10**6, 1)])
def test_the_oftener_a_channel_fails_the_fewer_go_as_one(failures: int, most: int) -> None:
    assert width(failures) == most
