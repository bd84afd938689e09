"""The mirror in memory is exact after every transaction, and the disk is as it would have been after every trouble."""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from sqlalchemy import Connection, Table, select
from test_machine import Machine
from world import World, reading

from monitor.model import Failure, Kind, Seen
from monitor.store import Store, durations, mirror, outbox, schema
from monitor.store.ground import Ground
from monitor.store.trouble import Trouble

FULL = Trouble("the disk is full")
_UNTIL = select(schema.figures.c.until).where(schema.figures.c.account == schema.hours.c.account).scalar_subquery()
_OPEN = {
    schema.alerts: schema.alerts.c.ended_at.is_(None),
    schema.outbox: schema.outbox.c.state != "sent",
    schema.hours: schema.hours.c.start >= _UNTIL,
}
_ONLY_THERE = {"position", "reading_id", "failure_id"}


def rows(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    """Return what a table holds that is live, in an order that does not depend on where it is."""
    columns = [column for column in table.columns if column.name not in _ONLY_THERE]
    query = select(*columns)
    if table in _OPEN:
        query = query.where(_OPEN[table])
    return sorted((tuple(row) for row in connection.execute(query)), key=repr)


def lose(store: Store) -> None:
    """Let the disk be lost."""
    store._ground.give_up(FULL, store._ground.epoch)


def find_again(store: Store) -> None:
    """Let it be found again."""
    store._ground.come_back(store._open_again(), store._ground.epoch)


def assert_exact(ground: Ground) -> None:
    disk = ground._disk
    assert disk is not None
    with disk.connection.begin(), ground.live.connection.begin():
        for table in mirror.FOLLOWED:
            assert rows(ground.live.connection, table) == rows(disk.connection, table), table.name


class Troubled(Machine):
    """Any interleaving of what can happen, with a disk that comes and goes and clocks that are stepped."""

    @rule()
    def the_disk_fails(self) -> None:
        lose(self.world.store)

    @precondition(lambda self: self.world.store.trouble is not None)
    @rule()
    def the_disk_works_again(self) -> None:
        find_again(self.world.store)

    @rule(step=st.sampled_from([-7200, -1, 1, 3600]))
    def the_clock_is_stepped(self, step: int) -> None:
        by = timedelta(seconds=step)
        with self.world.store.transaction() as tx:
            durations.move_clock(tx, by)
        self.world.now += by

    @invariant()
    def the_mirror_is_exact(self) -> None:
        if hasattr(self, "world") and self.world.store.trouble is None:
            assert_exact(self.world.store._ground)


TestTroubled = pytest.mark.slow(pytest.mark.timeout(300)(Troubled.TestCase))
TestTroubled.settings = settings(max_examples=20, stateful_step_count=40)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["1", "4.068", "20", "24", "26", "204"]).map(reading)
        | st.sampled_from(list(Kind)).map(lambda kind: Failure(kind, "boom")),
        st.sampled_from(["", "lose", "find", "send", "drop"]),
    ),
    max_size=25,
)


@given(_STEPS)
@settings(max_examples=40)
def test_the_disk_ends_as_if_it_had_never_failed(steps: list[tuple[Seen, str]]) -> None:
    assert _lived(steps, fails=True) == _lived(steps, fails=False)


def _lived(steps: list[tuple[Seen, str]], *, fails: bool) -> dict[str, list[Any]]:
    """Return what is on the disk after a life, but for what is random."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        acts: dict[str, Callable[[], object]] = {
            "lose": lambda: lose(world.store) if fails else None,
            "find": lambda: find_again(world.store) if world.store.trouble else None,
            "send": world.heard,
            "drop": lambda: _drop(world),
        }
        for seen, act in steps:
            world.sees(seen)
            acts.get(act, lambda: None)()
        assert world.store.close() is True
        return _told(Path(folder))


def _drop(world: World) -> None:
    with world.store.transaction() as tx:
        for queued in outbox.waiting(tx, "ops")[:1]:
            outbox.drop(tx, queued.message, world.now)


def _told(folder: Path) -> dict[str, list[Any]]:
    store = Store.open_existing(f"sqlite:///{folder}/monitor.db")
    named = {
        schema.outbox: ("title", "body", "state", "decided_at", "settled_at"),
        schema.alerts: ("rule", "level", "worst", "started_at", "ended_at", "phrase"),
        schema.told: ("channel", "level", "at"),
        schema.states: ("rule", "level", "up_warning", "down_warning", "limits"),
        schema.accounts: ("name", "balance_usd", "read_at", "failing_since", "failure_kind", "polled_at"),
    }
    with store.transaction(reads=True) as tx:
        found = {
            table.name: sorted((tuple(row) for row in tx.execute(select(*(table.c[name] for name in names)))), key=repr)
            for table, names in named.items()
        }
        polls = sum(row.polls for table in (schema.readings, schema.failures) for row in tx.execute(select(table)))
    store.close()
    return {**found, "polls": [polls]}


def test_history_in_memory_is_bounded_and_everything_else_is_kept(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.store._ground.live.most, world.store._ground.live.every = 50, 10
    lose(world.store)
    titles: list[str] = []
    for number in range(200):
        world.reads(number % 40)
        titles += world.titles()
    with world.store.transaction() as tx:
        assert len(tx.execute(select(schema.readings)).all()) <= 60
    find_again(world.store)
    with world.store.transaction() as tx:
        assert [row.title for row in tx.execute(select(schema.outbox).order_by(schema.outbox.c.position))] == titles
    world.close()


def test_a_retry_on_the_disk_meanwhile_counts_and_a_message_given_up_in_memory_stays_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.reads(20, 4)
    with world.store.transaction() as tx:
        first, second = (queued.message for queued in outbox.waiting(tx, "ops"))
        outbox.settle(tx, [first.id], "given_up", world.now)
    lose(world.store)
    beside = Store.open_existing(f"sqlite:///{tmp_path}/monitor.db")
    with beside.transaction() as tx:
        outbox.retry(tx, first, world.now + timedelta(hours=1))
    beside.close()
    with world.store.transaction() as tx:
        outbox.settle(tx, [second.id], "given_up", world.now)
    find_again(world.store)
    with world.store.transaction() as tx:
        assert [one.state for one in outbox.listing(tx)] == ["waiting", "given_up"]
    assert_exact(world.store._ground)
    world.close()


def test_a_mirror_that_cannot_follow_begins_anew_from_the_disk(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.reads(20)
    ground = world.store._ground
    stumble = "CREATE TRIGGER stumble BEFORE UPDATE ON accounts BEGIN SELECT RAISE(ABORT, 'no'); END"
    ground.live._raw.execute(stumble)
    world.reads(19)
    assert_exact(ground)
    world.close()
