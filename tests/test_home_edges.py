"""Trouble at home at its edges: between a commit and what follows it, at a start, and while it is mended."""

import resource
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from test_home import FINE, LOW, WORSE, Home, delete_file, home, overwrite, sql
from test_mirror import assert_exact
from world import World, reading

from monitor.app import Daemon
from monitor.store import Store, StoreError, durations, outbox, retention
from monitor.store.trouble import Trouble

__all__ = ["home"]

pytestmark = pytest.mark.slow


def test_a_disk_that_hangs_as_it_is_asked_for_commands_stops_nothing(home: Home) -> None:
    began, gate = threading.Event(), threading.Event()

    def hang(statement: str) -> None:
        if "data_version" in statement:
            began.set()
            gate.wait(30)

    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        disk = home.store._ground._disk
        assert disk is not None
        disk.raw.set_trace_callback(hang)
        await home.until(began.is_set)
        threading.Timer(15, gate.set).start()
        await home.sees(4, WORSE)
        assert not gate.is_set()
        gate.set()
        await home.is_well()

    home.play(act)
    assert home.of_main() == [LOW, WORSE]
    assert home.of_home() == home.told("the disk does not answer")
    home.assert_whole_but_open()


def test_work_that_is_slow_in_memory_is_not_taken_for_a_disk_that_hangs(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        delete_file(home)
        home.store._retry = 3600
        (home.path).mkdir()
        await home.is_in_trouble()
        epoch = home.store._ground.epoch
        ran = []

        def slow(_tx: Connection) -> None:
            ran.append(1)
            time.sleep(7.5)

        await home.store.do(slow)
        assert len(ran) == 1
        assert home.store._ground.epoch == epoch
        await home.sees(4, WORSE)

    home.play(act)


def test_a_path_that_cannot_even_be_looked_at_is_trouble_of_the_disk(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        away = home.folder.with_name("away")
        home.folder.rename(away)
        home.folder.symlink_to(home.folder)  # a loop: ELOOP, as a mount that is gone has errors of its own
        await home.sees(4, WORSE)
        await home.until(home.of_home, 15)
        home.folder.unlink()
        away.rename(home.folder)
        await home.is_well()

    home.play(act)
    assert home.of_main() == [LOW, WORSE]


@contextmanager
def unreadable(home: Home, *, is_deaf: bool) -> Iterator[sqlite3.Connection]:
    """Let a low balance be found, and another program keep the file, as a kill would leave it, all to itself."""
    home.inbox.is_deaf = is_deaf
    names = ("monitor.db", "monitor.db-wal")

    async def act(_daemon: Daemon) -> None:
        home.api.seen = reading(20)
        await home.until(lambda: home.inbox.refused or sql(home.path, "SELECT * FROM outbox WHERE state = 'sent'"))
        for name in names:
            (home.folder / f"copy-{name}").write_bytes((home.folder / name).read_bytes())

    home.play(act)
    home.store.close()
    home.inbox.is_deaf = False
    for name in names:
        (home.folder / f"copy-{name}").rename(home.folder / name)
    with closing(sqlite3.connect(home.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("UPDATE channels SET next_attempt_at = NULL")
        home.open()
        yield other


def is_told_in_hindsight(home: Home) -> bool:
    """Say whether so much time went by on a busy machine that the alert and its end came as one."""
    return any(title.startswith("[OK] main: was at warning from ") for title in home.of_main())


@pytest.mark.parametrize(("is_deaf", "told"), [(True, LOW), (False, FINE)])
def test_what_a_start_could_not_read_goes_on_once_it_can_be_read(home: Home, told: str, *, is_deaf: bool) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.some_polls(_daemon)
        await home.until(home.of_home, 15)
        other.close()
        await home.is_well()
        await home.until(lambda: told in home.inbox.titles or is_told_in_hindsight(home), 15)
        await home.until(lambda: not sql(home.path, "SELECT state FROM outbox WHERE state = 'waiting'"), 15)

    with unreadable(home, is_deaf=is_deaf) as other:
        home.api.seen = reading(204)
        home.play(act)
    assert is_told_in_hindsight(home) or home.of_main()[:2] == [LOW, FINE][: len(home.of_main())]
    home.store.close()
    assert sql(home.path, "SELECT state FROM outbox WHERE state != 'sent'") == []


def test_a_stop_while_the_disk_is_tried_waits_for_that_and_writes_memory_back(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        other.execute("BEGIN EXCLUSIVE")
        await home.sees(4, WORSE)
        await home.until(lambda: home.store._is_mending, 15)

    with closing(sqlite3.connect(home.path, isolation_level=None, check_same_thread=False)) as other:
        home.play(act)
        assert home.store.trouble is not None
        other.execute("ROLLBACK")
        assert home.store.close(timeout=15) is True
    assert home.store.trouble is None
    assert (WORSE, "sent") in sql(home.path, "SELECT title, state FROM outbox")


def test_a_damaged_file_that_cannot_be_renamed_stops_no_start(tmp_path: Path) -> None:
    path = tmp_path / ("m" * 247)  # with .lock it is too long by nothing, with .damaged-1 by two
    Store.start(f"sqlite:///{path}").close()
    overwrite(path)
    store = Store.start(f"sqlite:///{path}")
    assert store.trouble is not None
    assert store.trouble.damaged
    store.close()


@contextmanager
def full() -> Iterator[None]:
    """Let no file grow past one page."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_damaged_file_on_a_disk_that_is_full_is_moved_aside_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    store, ground = world.store, world.store._ground
    for number in (1, 2):
        ground.give_up(Trouble("it is damaged", damaged=True), ground.epoch)
        with full():
            for _ in range(3):
                with pytest.raises(StoreError):
                    store._open_again()
        ground.come_back(store._open_again(), ground.epoch)
        assert store.kept is not None
        assert store.kept.path.name == f"monitor.db.damaged-{number}"
        assert len(list(tmp_path.glob("*.damaged-?"))) == number
    world.close()


class _Keep:
    raw = hourly = timedelta(hours=1)


def test_what_retention_drops_on_the_disk_is_dropped_in_memory_and_nothing_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    ahead = timedelta(days=10)
    world.now += ahead
    assert world.reads(20).titles() == [LOW]
    with world.store.transaction() as tx:
        durations.move_clock(tx, -ahead)
    world.now -= ahead
    assert world.reads(204).titles() == [FINE]
    world.restart()
    world.reads(20)  # waits
    with world.store.transaction() as tx:
        retention.step(tx, _Keep(), world.now + timedelta(hours=2))
    with world.store.transaction() as tx:
        assert [queued.message.title for queued in outbox.waiting(tx, "ops")] == [LOW]
    assert_exact(world.store._ground)
    world.close()


def test_history_written_by_a_way_back_that_was_given_up_is_there_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    ground = world.store._ground
    ground.give_up(Trouble("x"), ground.epoch)
    world.reads(1, 2, 3)
    late = world.store._open_again()
    epoch = ground.epoch
    ground.leave_behind()
    ground.come_back(late, epoch)
    ground.come_back(world.store._open_again(), ground.epoch)
    with world.store.transaction() as tx:
        assert [r[0] for r in tx.exec_driver_sql("SELECT balance_usd FROM readings")] == ["1", "2", "3"]
    world.close()


def test_trouble_that_came_and_went_just_before_a_stop_is_told_after_the_next_start(home: Home) -> None:
    async def act(daemon: Daemon) -> None:
        await home.sees(20, LOW)
        daemon.stop()  # nobody looks any more
        home.store._ground.give_up(Trouble("it was away"), home.store._ground.epoch)

    async def again(_daemon: Daemon) -> None:
        await home.is_well()

    home.play(act)
    home.store.close()
    home.open()
    home.play(again)
    assert home.of_home() == home.told("it was away")
    home.assert_whole_but_open()
