"""Old history is thinned out in small steps: every reading for a while, one an hour after that, then nothing."""

import functools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import live
import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from hypothesis import given, settings
from hypothesis import strategies as st
from live import Api, Run, until
from sqlalchemy import Row, Table, event, insert, select
from world import START, World

import monitor.store
from monitor.config import Retention
from monitor.model import Failure, Kind, Level, Reading, Seen
from monitor.store import REVISIONS, Store, Tx, casebook, memory, outbox, retention, schema
from monitor.store.engine import connect

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEEP = Retention(raw=DAY, hourly=3 * DAY)
DOWN, REFUSED = Failure(Kind.UNREACHABLE, "down"), Failure(Kind.REFUSED, "no")


def open_store(path: Path) -> Store:
    return Store.start(f"sqlite:///{path}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    it = open_store(tmp_path / "monitor.db")
    yield it
    it.close()


def usd(amount: int) -> Reading:
    return Reading(balance_usd=Decimal(amount))


def sees(store: Store, account: str, seen: Seen, now: datetime) -> None:
    with store.transaction() as tx:
        memory.remember(tx, memory.recall(tx, account), seen, now, gap=HOUR)


def rows(store: Store, table: Table) -> list[Row[Any]]:
    with store.transaction(reads=True) as tx:
        return list(tx.execute(select(table).order_by(next(iter(table.primary_key)))))


def count(store: Store, table: Table) -> int:
    return len(rows(store, table))


def step(store: Store, now: datetime, *, at_once: int = 2, keep: Retention = KEEP) -> bool:
    with store.transaction() as tx:
        return retention.step(tx, keep, now, rows=at_once)


def thin_out(store: Store, now: datetime, *, at_once: int = 50, keep: Retention = KEEP) -> None:
    for _ in range(1000):
        if not step(store, now, at_once=at_once, keep=keep):
            return
    pytest.fail("it never came to an end")


def floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


# -- whatever the history ---------------------------------------------------------------------------------------------

polls = st.tuples(
    st.sampled_from([MINUTE, 7 * MINUTE, 20 * MINUTE, 59 * MINUTE, HOUR, 61 * MINUTE, 9 * HOUR, 2 * DAY]),
    st.sampled_from(["one", "two"]),
    st.sampled_from([usd(1), usd(2), DOWN, REFUSED]),
    st.booleans(),
)
"""How long after the one before, which account, what it saw, and whether a step of retention follows."""


class History:
    """What was really seen, beside what is remembered of it."""

    def __init__(self, store: Store) -> None:
        self.store, self.now = store, START
        self.seen: dict[str, list[tuple[datetime, Seen]]] = {"one": [], "two": []}

    def live(self, past: Sequence[tuple[timedelta, str, Seen, bool]], at_once: int) -> None:
        for after, account, seen, thins in past:
            self.now += after
            sees(self.store, account, seen, self.now)
            self.seen[account].append((self.now, seen))
            if thins:
                self.step(at_once)

    def step(self, at_once: int) -> bool:
        """Take one step, which must be a small one."""
        before = [count(self.store, table) for table in (schema.readings, schema.failures)]
        more = step(self.store, self.now, at_once=at_once)
        for table, known in zip((schema.readings, schema.failures), before, strict=True):
            assert known - count(self.store, table) <= 2 * at_once, "thinned or swept more than it was allowed at once"
        return more

    def walk(self, at_once: int) -> None:
        """Take steps until nothing is left to do."""
        for _ in range(500):
            if not self.step(at_once):
                return
        pytest.fail("it never came to an end")

    def last_of_hours(self, account: str, kind: type[Seen]) -> dict[datetime, tuple[datetime, Seen]]:
        """Return the last reading (or failure) of each hour that had one, and when it was."""
        return {floor(at): (at, seen) for at, seen in self.seen[account] if isinstance(seen, kind)}


def told(row: Row[Any]) -> Seen:
    return usd(int(row.balance_usd)) if hasattr(row, "balance_usd") else Failure(Kind(row.kind), row.reason)


@functools.cache
def empty() -> bytes:
    """Return a database as it is made: making it takes long."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "monitor.db"
        open_store(path).close()
        return path.read_bytes()


@contextmanager
def fresh() -> Iterator[Store]:
    """Give a new database."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "monitor.db"
        path.write_bytes(empty())
        store = open_store(path)
        try:
            yield store
        finally:
            store.close()


@pytest.mark.timeout(600)
@settings(max_examples=60)
@given(st.lists(polls, min_size=1, max_size=30), st.integers(1, 5), st.sampled_from([0 * DAY, 12 * HOUR, 30 * DAY]))
def test_every_old_hour_keeps_one_reading_nothing_young_changes_and_nothing_is_left_beyond(
    past: list[tuple[timedelta, str, Seen, bool]], at_once: int, silence: timedelta
) -> None:
    with fresh() as store:
        history = History(store)
        history.live(past, at_once)
        history.now += silence
        young = floor(history.now - KEEP.raw)
        before = {table.name: rows(store, table) for table in (schema.readings, schema.failures)}
        history.walk(at_once)
        history.walk(at_once)  # the first may have begun long ago
        for table, kind in ((schema.readings, Reading), (schema.failures, Failure)):
            after = rows(store, table)
            assert [row for row in after if row.first_at >= young] == [
                row for row in before[table.name] if row.first_at >= young
            ]
            for account in history.seen:
                mine = [row for row in after if row.account == account]
                check_hours(history, mine, account, kind)
                check_end(history, mine, going_on(store, table))


def going_on(store: Store, table: Table) -> set[int]:
    """Return the runs that may yet grow."""
    column = schema.accounts.c.reading_id if table is schema.readings else schema.accounts.c.failure_id
    with store.transaction(reads=True) as tx:
        return {run for run in tx.execute(select(column)).scalars() if run is not None}


def check_hours(history: History, mine: Sequence[Row[Any]], account: str, kind: type[Seen]) -> None:
    young, oldest = floor(history.now - KEEP.raw), history.now - KEEP.hourly
    for hour, (at, seen) in history.last_of_hours(account, kind).items():
        if at < oldest:
            continue
        there = [row for row in mine if row.first_at < hour + HOUR and row.last_at >= hour]
        assert there, f"nothing is left of {hour}"
        assert told(max(there, key=lambda row: row.first_at)) == seen, f"{hour} ended with something else"
        if hour < young:
            assert len([row for row in there if row.first_at >= hour]) <= 1, f"{hour} is told more than once"


def check_end(history: History, mine: Sequence[Row[Any]], current: set[int]) -> None:
    for row in mine:
        assert row.last_at >= history.now - KEEP.hourly or row.id in current, f"{row.last_at} is too old to be there"


# -- in particular ----------------------------------------------------------------------------------------------------


def test_an_hour_keeps_what_it_ended_with(store: Store) -> None:
    for minute in range(0, 180, 20):
        sees(store, "main", usd(minute), START + minute * MINUTE)
    thin_out(store, START + 2 * DAY)
    assert [row.balance_usd for row in rows(store, schema.readings)] == [40, 100, 160]


def test_a_run_that_lasts_for_hours_stands_for_all_of_them(store: Store) -> None:
    for minute in range(0, 300, 30):
        sees(store, "main", usd(7), START + minute * MINUTE)
    sees(store, "main", usd(8), START + 5 * HOUR)
    thin_out(store, START + 2 * DAY)
    assert [(row.balance_usd, row.last_at - row.first_at) for row in rows(store, schema.readings)] == [
        (7, 270 * MINUTE),
        (8, 0 * MINUTE),
    ]


def test_an_hour_is_thinned_only_when_all_of_it_is_old(store: Store) -> None:
    for minute in (0, 20, 40):
        sees(store, "main", usd(minute), START + minute * MINUTE)
    thin_out(store, START + DAY + 50 * MINUTE)
    assert count(store, schema.readings) == 3
    thin_out(store, START + DAY + HOUR)
    assert count(store, schema.readings) == 1


def test_the_run_that_goes_on_is_never_removed_however_old(store: Store) -> None:
    sees(store, "main", usd(7), START)
    sees(store, "main", DOWN, START + MINUTE)
    thin_out(store, START + 1000 * DAY)
    assert (count(store, schema.readings), count(store, schema.failures)) == (1, 1)
    sees(store, "main", usd(8), START + 1000 * DAY)
    thin_out(store, START + 1001 * DAY)
    assert [row.balance_usd for row in rows(store, schema.readings)] == [8]
    assert count(store, schema.failures) == 0


def test_what_an_account_that_left_the_configuration_had_goes_in_its_time(store: Store) -> None:
    sees(store, "gone", usd(7), START)
    with store.transaction() as tx:
        memory.forget_account(tx, "gone")
    thin_out(store, START + 2 * DAY)
    assert count(store, schema.readings) == 1
    thin_out(store, START + 4 * DAY)
    assert count(store, schema.readings) == 0


def test_with_hourly_shorter_than_raw_everything_is_kept_for_raw(store: Store) -> None:
    for minute in (0, 20, 40):
        sees(store, "main", usd(minute), START + minute * MINUTE)
    keep = Retention(raw=3 * DAY, hourly=DAY)
    thin_out(store, START + 2 * DAY, keep=keep)
    assert count(store, schema.readings) == 3


def test_a_restart_goes_on_where_the_last_step_was(tmp_path: Path) -> None:
    store = open_store(tmp_path / "monitor.db")
    for minute in range(0, 600, 20):
        sees(store, "main", usd(minute), START + minute * MINUTE)
    step(store, START + 2 * DAY, at_once=9)
    store.close()
    store = open_store(tmp_path / "monitor.db")
    assert [row.thinned for row in rows(store, schema.retention) if row.runs == "readings"] == [9]
    step(store, START + 2 * DAY, at_once=9)
    assert [row.thinned for row in rows(store, schema.retention) if row.runs == "readings"] == [18]
    assert [row.id for row in rows(store, schema.readings)][:8] == [3, 6, 9, 12, 15, 18, 19, 20]
    store.close()


def test_ids_that_are_given_out_anew_are_looked_at_anew(store: Store) -> None:
    for minute in range(0, 200, 10):
        sees(store, "main", usd(minute), START + minute * MINUTE)
    with store.transaction() as tx:
        memory.forget_account(tx, "main")
    thin_out(store, START + 10 * DAY)
    assert count(store, schema.readings) == 0
    later = START + 10 * DAY
    for minute in (0, 10, 20):
        sees(store, "main", usd(minute), later + minute * MINUTE)
    thin_out(store, later + 2 * DAY)
    assert [row.balance_usd for row in rows(store, schema.readings)] == [20]


def test_readings_of_a_clock_that_was_a_year_ahead_hold_up_nothing(store: Store) -> None:
    for minute in range(3):
        sees(store, "main", usd(minute), START + 365 * DAY + minute * MINUTE)
    for minute in (0, 10, 20):
        sees(store, "main", usd(10 + minute), START + minute * MINUTE)
    thin_out(store, START + 2 * DAY)
    assert [row.balance_usd for row in rows(store, schema.readings)] == [0, 1, 2, 30]


def test_a_step_seeks_and_never_reads_a_whole_table(store: Store) -> None:
    """So that it takes no longer when there are millions of rows."""
    for minute in range(0, 400, 10):
        sees(store, "main", usd(minute) if minute % 40 else DOWN, START + minute * MINUTE)
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "DELETE", "UPDATE")):
            given = parameters[0] if isinstance(parameters, list) else parameters
            cursor = connection.connection.cursor()
            plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given))

    assert store._ground._disk is not None
    event.listen(store._ground._disk._engine, "before_cursor_execute", explain)
    thin_out(store, START + 10 * DAY)
    assert any("readings" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN") and plan != "SCAN CONSTANT ROW"] == []


# -- messages and alerts ----------------------------------------------------------------------------------------------

LATER = START + 10 * DAY


def alert_and_end(world: World) -> None:
    """Let the balance fall and recover, which is told twice."""
    world.reads(3).reads(90)


def test_settled_messages_and_ended_alerts_go_with_the_last_readings(world: World) -> None:
    alert_and_end(world)
    for message in world.heard():
        with world.store.transaction() as tx:
            outbox.record(tx, message, world.now, seconds=0.1, error=None)
    world.now += 2 * DAY
    thin_out(world.store, world.now)
    assert [count(world.store, table) for table in (schema.outbox, schema.deliveries, schema.alerts)] == [2, 2, 1]
    world.now += 2 * DAY
    thin_out(world.store, world.now)
    assert [count(world.store, table) for table in (schema.outbox, schema.deliveries, schema.alerts)] == [0, 0, 0]


def test_an_open_alert_and_who_was_told_of_it_stay_for_ever(world: World) -> None:
    world.reads(3)
    world.heard()
    thin_out(world.store, world.now + 1000 * DAY)
    with world.store.transaction() as tx:
        assert [alert.level for alert in casebook.open_alerts(tx)] == [Level.CRITICAL]
    assert count(world.store, schema.told) == 1
    world.reads(90)
    assert [title[:10] for title in world.titles()] == ["[RESOLVED]"] or count(world.store, schema.told) == 0


def test_what_waits_stays_and_so_does_what_its_fallback_was_told(worlds: Callable[..., World]) -> None:
    world = worlds(
        """
[accounts.main]
api_key = "key-of-main-0001"
[channels.ops]
url = "json://localhost/ops"
fallback = "mail"
[channels.mail]
url = "json://localhost/mail"
"""
    )
    alert_and_end(world)
    world.heard("mail")  # ops never takes a thing
    thin_out(world.store, world.now + 1000 * DAY)
    kept = rows(world.store, schema.outbox)
    assert [(row.channel, row.state) for row in kept if row.state == "waiting"] == [("ops", "waiting")] * 2
    with world.store.transaction() as tx:
        for queued in outbox.waiting(tx, "ops"):
            assert outbox.of_event(tx, "mail", queued.message.event), "the fallback would be told again"
    world.heard("ops")
    thin_out(world.store, world.now + 1000 * DAY)
    assert count(world.store, schema.outbox) == 0


# -- the file ---------------------------------------------------------------------------------------------------------


def fill(tx: Tx, days: int) -> None:
    """Write readings of so many days, one a minute."""
    for day in range(days):
        times = [START + day * DAY + minute * MINUTE for minute in range(24 * 60)]
        run = {"account": "main", "polls": 1, "balance_usd": Decimal(1)}
        tx.execute(insert(schema.readings), [run | {"first_at": at, "last_at": at} for at in times])


def test_the_file_becomes_smaller_in_small_steps(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx, 10)
    sizes = [pages(store)]
    while step(store, START + 12 * DAY, at_once=50):
        sizes.append(pages(store))
    assert max(before - after for before, after in pairwise(sizes)) <= 50
    assert sizes[-1] < sizes[0] / 4


def pages(store: Store) -> int:
    with store.transaction() as tx:
        return int(tx.exec_driver_sql("PRAGMA page_count").scalar() or 0)


def test_a_database_of_the_first_revision_is_brought_up_to_date_with_all_that_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    make_first_revision(path)
    with closing(sqlite3.connect(path)) as old:
        for minute in (0, 20, 40):
            at = schema.to_micros(START + minute * MINUTE)
            old.execute(
                "INSERT INTO readings (account, first_at, last_at, polls, balance_usd) VALUES ('main', ?, ?, 1, ?)",
                (at, at, f"{minute}.50"),
            )
        old.execute("INSERT INTO told (alert, channel, level, at) VALUES ('an-alert', 'ops', 2, 0)")
        old.commit()
    store = open_store(path)
    assert not store.is_first_start
    assert [row.balance_usd for row in rows(store, schema.readings)] == [Decimal(f"{m}.50") for m in (0, 20, 40)]
    assert count(store, schema.told) == 1
    thin_out(store, START + 2 * DAY)
    assert [row.balance_usd for row in rows(store, schema.readings)] == [Decimal("40.50")]
    store.close()


def make_first_revision(path: Path) -> None:
    engine = connect(f"sqlite:///{path}")
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(monitor.store.__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, REVISIONS[0])
    engine.dispose()


def test_the_daemon_thins_out_while_it_polls(tmp_path: Path) -> None:
    with Api() as api, Run(tmp_path, live.settings(api)) as run:
        path = tmp_path / "balance-monitor" / "monitor.db"
        path.parent.mkdir()
        store = open_store(path)
        old = datetime.now(UTC) - 50 * DAY
        with store.transaction() as tx:
            times = [old + minute * MINUTE for minute in range(24 * 60)]
            row = {"account": "main", "polls": 1, "balance_usd": Decimal(1)}
            tx.execute(insert(schema.readings), [row | {"first_at": at, "last_at": at} for at in times])
        store.close()
        run.start()

        def left() -> int:
            with closing(sqlite3.connect(path)) as beside:
                found: int = beside.execute("SELECT count(*) FROM readings WHERE balance_usd = '1'").fetchone()[0]
                return found

        until(lambda: left() <= 25, "one reading an hour", 60)
        assert left() >= 24
        api.wait_for_poll(1)
        assert run.stop() == 0
        assert not run.events("housekeeping_failed")
