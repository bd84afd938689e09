"""What is remembered comes back to the digit and the microsecond, and runs of equal polls are one row."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from world import MAIN, OPS, START, World, reading

from monitor.model import Failure, Kind, Level, Reading, Told
from monitor.store import Store, Tx, casebook, digests, durations, life, memory, outbox, schema
from monitor.store.digests import Latest
from monitor.store.life import Life
from monitor.store.outbox import Health

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GAP = timedelta(minutes=20)
BOOM = Failure(Kind.UNREACHABLE, "boom")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    it = Store.start(f"sqlite:///{tmp_path / 'monitor.db'}")
    yield it
    it.close()


class Poller:
    """One account whose polls are remembered five minutes apart."""

    def __init__(self, store: Store) -> None:
        self.store, self.now = store, START

    def sees(self, *seen: Reading | Failure, after: timedelta = timedelta(minutes=5)) -> None:
        for one in seen:
            self.now += after
            with self.store.transaction() as tx:
                memory.remember(tx, memory.recall(tx, "main"), one, self.now, gap=GAP)

    def runs(self, table: Any = schema.readings) -> list[tuple[datetime, datetime, int]]:
        """Return the runs in the table: first poll, last poll, polls."""
        columns = (table.c.first_at, table.c.last_at, table.c.polls)
        with self.store.transaction(reads=True) as tx:
            return [(one, two, count) for one, two, count in tx.execute(select(*columns).order_by(table.c.id))]

    def counts(self, table: Any = schema.readings) -> list[int]:
        return [count for _, _, count in self.runs(table)]


@pytest.fixture
def poller(store: Store) -> Poller:
    return Poller(store)


# -- exactness --------------------------------------------------------------------------------------------------------

_AMOUNTS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False)
_TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis asks for naive bounds


@dataclass
class Written:
    """Any reading, and when it was made."""

    amounts: tuple[Decimal, Decimal, Decimal, Decimal]
    flag: bool | None
    when: datetime

    @property
    def reading(self) -> Reading:
        usd, api_credits, points, threshold = self.amounts
        return Reading(
            account_id="52",
            balance_usd=usd,
            available_credits=api_credits,
            available_points=points,
            alert_threshold=threshold,
            low_balance_alert=self.flag,
            updated_at=self.when,
        )


_WRITTEN = st.builds(
    Written, amounts=st.tuples(*[_AMOUNTS] * 4), flag=st.sampled_from([None, True, False]), when=_TIMES
)


def test_amounts_and_times_come_back_to_the_digit_and_the_microsecond(store: Store) -> None:
    @given(_WRITTEN)
    @settings(max_examples=200)
    def come_back(written: Written) -> None:
        with store.transaction() as tx:
            memory.remember(tx, memory.recall(tx, "main"), written.reading, written.when, gap=GAP)
            known = memory.recall(tx, "main")
        assert (known.reading, known.read_at) == (written.reading, written.when)
        assert known.reading is not None
        digits = [known.reading.balance_usd, known.reading.available_credits, known.reading.available_points]
        assert [str(amount) for amount in digits] == [str(amount) for amount in written.amounts[:3]]  # 4.0 equals 4.00

    come_back()


@pytest.mark.parametrize("text", ["-0.00", "4.0680000000000000001", "-99999999999999999999", "1E+3", "0E-20"])
def test_an_amount_keeps_the_digits_that_it_was_written_with(poller: Poller, text: str) -> None:
    poller.sees(reading(text))
    with poller.store.transaction(reads=True) as tx:
        known = memory.recall(tx, "main").reading
    assert known is not None
    assert str(known.balance_usd) == str(Decimal(text))


def test_a_reading_with_nothing_but_a_balance_comes_back_with_nothing_else(poller: Poller) -> None:
    poller.sees(reading(4))
    with poller.store.transaction(reads=True) as tx:
        assert memory.recall_all(tx)["main"].reading == Reading(balance_usd=Decimal(4))


# -- runs -------------------------------------------------------------------------------------------------------------


def test_equal_readings_are_one_run_that_says_when_it_began_and_ended(poller: Poller) -> None:
    poller.sees(reading(4), reading(4), reading("4.00"))
    assert poller.runs() == [(START + timedelta(minutes=5), START + timedelta(minutes=15), 3)]


@pytest.mark.parametrize("other", [reading(5), reading(4, available_credits=1), reading(4, updated_at=START)])
def test_a_changed_field_begins_a_new_run(poller: Poller, other: Reading) -> None:
    poller.sees(reading(4), reading(4), other, other)
    assert poller.counts() == [2, 2]


def test_a_failure_between_equal_readings_begins_a_new_run(poller: Poller) -> None:
    poller.sees(reading(4), BOOM, reading(4), reading(4))
    assert (poller.counts(), poller.counts(schema.failures)) == ([1, 2], [1])


def test_equal_failures_are_one_run_whatever_they_ask_us_to_wait(poller: Poller) -> None:
    poller.sees(BOOM, Failure(Kind.UNREACHABLE, "boom", retry_after=HOUR), BOOM)
    assert poller.counts(schema.failures) == [3]


@pytest.mark.parametrize("other", [Failure(Kind.REFUSED, "boom"), Failure(Kind.UNREACHABLE, "bang")])
def test_another_kind_or_reason_of_failure_begins_a_new_run(poller: Poller, other: Failure) -> None:
    poller.sees(BOOM, BOOM, other, other, BOOM)
    assert poller.counts(schema.failures) == [2, 2, 1]


def test_a_reading_between_equal_failures_begins_a_new_run(poller: Poller) -> None:
    poller.sees(BOOM, reading(4), BOOM)
    assert poller.counts(schema.failures) == [1, 1]


def test_a_pause_longer_than_the_gap_begins_a_new_run_and_one_just_as_long_does_not(poller: Poller) -> None:
    poller.sees(reading(4))
    poller.sees(reading(4), after=GAP)
    poller.sees(reading(4), after=GAP + timedelta(microseconds=1))
    poller.sees(BOOM, BOOM)
    poller.sees(BOOM, after=GAP + timedelta(microseconds=1))
    assert (poller.counts(), poller.counts(schema.failures)) == ([2, 1], [2, 1])


def test_the_first_failure_after_the_last_reading_is_remembered_until_there_is_a_reading(poller: Poller) -> None:
    since = []
    for seen in (reading(4), BOOM, BOOM, Failure(Kind.REFUSED, "no"), reading(4)):
        poller.sees(seen)
        with poller.store.transaction(reads=True) as tx:
            since.append(memory.recall(tx, "main").failing_since)
    assert since == [None, *[START + timedelta(minutes=10)] * 3, None]


def test_what_the_api_asks_us_to_wait_is_remembered_until_it_is_over(poller: Poller) -> None:
    waits = []
    for seen in (Failure(Kind.UNREACHABLE, "slow down", retry_after=timedelta(minutes=8)), BOOM, BOOM, reading(4)):
        poller.sees(seen)
        with poller.store.transaction(reads=True) as tx:
            waits.append(memory.recall(tx, "main").wait_until)
    assert waits == [START + timedelta(minutes=13), START + timedelta(minutes=13), None, None]


def test_the_owner_is_remembered_through_readings_that_name_none(poller: Poller) -> None:
    poller.sees(reading(4, account_id="52"), reading(5), BOOM, reading(6))
    with poller.store.transaction(reads=True) as tx:
        assert memory.recall(tx, "main").owner == "52"


# -- a stepped clock and an absence -----------------------------------------------------------------------------------

_COUNTED = {
    ("accounts", "read_at"),
    ("accounts", "failing_since"),
    ("accounts", "polled_at"),
    ("accounts", "wait_until"),
    ("accounts", "counted_at"),
    ("states", "ended_at"),
    ("states", "cooling"),
    ("told", "at"),
    ("channels", "failing_since"),
    ("channels", "next_attempt_at"),
}
_COUNTED_WHILE_OPEN = {
    ("alerts", "started_at"),
    ("outbox", "decided_at"),
    ("outbox", "waits_since"),
    ("outbox", "first_attempt_at"),
    ("outbox", "aside_until"),
}

Dump = dict[tuple[str, int, str], Any]


def dump(tx: Tx) -> Dump:
    """Return every value of every table, by table, place and column."""
    return {
        (table.name, place, name): value
        for table in schema.metadata.sorted_tables
        for place, row in enumerate(tx.execute(select(table).order_by(*table.primary_key)))
        for name, value in row._mapping.items()
    }


def lived(folder: Path) -> World:
    """Return a world in which every time of every table is set, of what is open and of what is over."""
    world = World(folder, MAIN + OPS + "[rules.available_credits]\n")
    world.reads(4, 100, available_credits=90_000)
    world.heard()
    world.reads(4, 4, available_credits=90_000, updated_at=START)
    world.reads(4, available_credits=900)
    world.reads(4, available_credits=90_000)
    world.reads(4, available_credits=900)
    world.reads(4, available_credits=90_000, updated_at=START)  # over for the second time within the hour
    world.fails(times=2)
    world.sees(Failure(Kind.UNREACHABLE, "slow down", retry_after=HOUR))
    with world.store.transaction() as tx:
        waiting = outbox.waiting(tx, "ops")[-1]
        outbox.record(tx, waiting.message, world.now, seconds=1.5, error="no")
        outbox.set_aside(tx, waiting.message, world.now)
        times = ("failing_since", "next_attempt_at", "last_error_at", "last_success_at", "gave_up_at")
        outbox.save_health(tx, Health(channel="ops", **dict.fromkeys(times, world.now)))  # type: ignore[arg-type]
        life.write(tx, born(world.now))
        digests.write(tx, Latest(schedule="", done_at=world.now, since=world.now, before=world.now))
    return world


def born(now: datetime) -> Life:
    return Life(pid=1, version="1", started_at=now, beat_at=now, config="", accounts=1, stopped_at=now, reloaded_at=now)


def is_over(values: Dump, table: str, place: int) -> bool:
    return values.get((table, place, "ended_at")) is not None or values.get((table, place, "state"), "") == "sent"


@pytest.mark.parametrize("step", [HOUR, -HOUR, timedelta(days=20454), timedelta(microseconds=-1_234_567)])
def test_a_stepped_clock_moves_all_that_counts_a_duration_and_nothing_else(tmp_path: Path, step: timedelta) -> None:
    world = lived(tmp_path)
    with world.store.transaction() as tx:
        before = dump(tx)
        durations.move_clock(tx, step)
        after = dump(tx)
    moved = set()
    for (table, place, name), value in before.items():
        here, now = (table, name), after[table, place, name]
        if here in {("accounts", "reading_id"), ("accounts", "failure_id")}:
            assert now is None  # the next poll begins a new run
        elif here in _COUNTED or (here in _COUNTED_WHILE_OPEN and not is_over(before, table, place)):
            assert now == (value + step if value is not None else None), here
            moved |= {here} if value is not None else set()
        else:
            assert now == value, here
    assert moved == _COUNTED | _COUNTED_WHILE_OPEN
    assert {place for (table, place, _) in before if table == "alerts"} == {0, 1, 2, 3}  # all but one of them over
    world.close()


def test_the_absence_of_the_daemon_counts_neither_as_silence_nor_as_a_failing_channel(tmp_path: Path) -> None:
    world = lived(tmp_path)
    with world.store.transaction() as tx:
        before = dump(tx)
        durations.skip_absence(tx, world.now + HOUR)
        after = dump(tx)
    changed = {(table, name) for (table, place, name), value in before.items() if after[table, place, name] != value}
    assert changed == {("accounts", "failing_since"), ("channels", "failing_since"), ("outbox", "first_attempt_at")}
    assert after["accounts", 0, "failing_since"] == before["accounts", 0, "failing_since"] + HOUR
    world.close()


def test_there_is_no_absence_before_the_first_start(store: Store) -> None:
    with store.transaction() as tx:
        outbox.save_health(tx, Health(channel="ops", failing_since=START))
        durations.skip_absence(tx, START + HOUR)
        life.write(tx, born(START))
        durations.skip_absence(tx, START)
        assert outbox.health(tx, "ops").failing_since == START


def test_a_clock_that_was_set_back_while_no_daemon_ran_holds_up_nothing(store: Store) -> None:
    with store.transaction() as tx:
        outbox.save_health(tx, Health(channel="ops", failing_since=START, next_attempt_at=START + MINUTE))
        life.write(tx, born(START))
        durations.skip_absence(tx, START - 365 * DAY)  # no battery: the time comes over the network, a minute later
        health = outbox.health(tx, "ops")
        assert health.next_attempt_at == START - 365 * DAY + MINUTE
        durations.move_clock(tx, 365 * DAY + HOUR)
        health = outbox.health(tx, "ops")
        assert (health.failing_since, health.next_attempt_at) == (START + HOUR, START + HOUR + MINUTE)


# -- alerts and the daemon itself -------------------------------------------------------------------------------------


def test_what_a_channel_was_told_last_is_what_is_remembered(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.reads(20, 4)
    with world.store.transaction() as tx:
        alert, told = casebook.alert_of(tx, "main", "balance_usd")
        assert alert is not None
        assert (alert.level, told["ops"].level) == (Level.CRITICAL, Level.CRITICAL)
        casebook.tell(tx, alert.id, Told("ops", Level.WARNING, world.now))
        assert casebook.told_of(tx, {alert.id: alert})[alert.id] == [Told("ops", Level.WARNING, world.now)]
        assert casebook.alert_of(tx, "main", "refused") == (None, {})
    world.close()


def test_the_life_of_the_daemon_is_one_row(store: Store) -> None:
    with store.transaction() as tx:
        assert life.read(tx) is None
        for hour in range(3):
            life.write(tx, born(START + hour * HOUR))
        assert life.read(tx) == born(START + 2 * HOUR)
        assert len(tx.execute(select(schema.daemon)).all()) == 1


# -- the outbox -------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[World]:
    """Give a world with three messages waiting, oldest first."""
    world = World(tmp_path)
    world.reads(20, 4, 100)
    yield world
    world.close()


def test_a_message_that_is_queued_again_stays_as_it_is(waiting: World) -> None:
    with waiting.store.transaction() as tx:
        before = outbox.listing(tx)
        outbox.record(tx, before[0].message, waiting.now, seconds=1, error="no")
        outbox.queue(tx, [one.message for one in reversed(before)])
        after = outbox.listing(tx)
    assert [one.message for one in after] == [one.message for one in before]
    assert [one.attempts for one in after] == [1, 0, 0]


def test_messages_are_counted_and_listed_while_they_wait_or_were_given_up(waiting: World) -> None:
    with waiting.store.transaction() as tx:
        first, second, third = outbox.listing(tx)
        outbox.settle(tx, [first.message.id], "given_up", waiting.now)
        outbox.drop(tx, second.message, waiting.now)
        assert outbox.counts(tx) == {("ops", "given_up"): 1, ("ops", "waiting"): 1}
        assert [one.message.id for one in outbox.listing(tx)] == [first.message.id, third.message.id]
        assert outbox.settle(tx, [first.message.id, third.message.id], "sent", waiting.now) == 1  # what still waited
        outbox.retry(tx, second.message, waiting.now)  # dropped for good
        assert outbox.channels_waiting(tx) == set()


def test_a_message_is_found_by_the_beginning_of_its_id_if_only_one_begins_so(waiting: World) -> None:
    with waiting.store.transaction() as tx:
        for queued in outbox.listing(tx):
            assert outbox.find(tx, queued.message.id[:20]) == queued
        assert outbox.find(tx, "") is None
        assert outbox.find(tx, "%") is None


def test_a_channel_is_known_while_anything_is_remembered_of_it(waiting: World) -> None:
    with waiting.store.transaction() as tx:
        outbox.keep_fallback(tx, "ops", "mail")
        outbox.keep_fallback(tx, "ops", "mail")
        assert outbox.all_health(tx) == {"ops": Health(channel="ops", fallback="mail")}
        assert outbox.known_channels(tx) == {"ops"}
        assert len(outbox.forget_channel(tx, "ops")) == 3
        assert outbox.all_health(tx) == {}
