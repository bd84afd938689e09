"""Trouble at home: the database is full, read-only, locked, damaged, deleted or silent; alerts go on, nothing is lost.

One daemon in this process for each kind of trouble, with a real file; ``test_home_process`` has real disks.
"""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError, OperationalError
from test_app import Inbox, Stage
from world import MAIN, OPS, reading

from monitor.app import Daemon
from monitor.model import Message, NotSent, Outcome
from monitor.store import Store, StoreError, outbox

LOW = "[WARNING] main: $20.00 left (at or below $25.00)"
WORSE = "[CRITICAL] main: $4.00 left (at or below $5.00)"
FINE = "[OK] main: $204.00 left (above $25.00)"
FAST = 'interval = "5s"\n'


class Ears(Inbox):
    """People who can stop listening."""

    def __init__(self) -> None:
        super().__init__()
        self.is_deaf = False
        self.refused: list[str] = []

    def send(self, message: Message) -> Outcome:
        if self.is_deaf:
            self.refused.append(message.title)
            return NotSent("HTTP 500")
        return super().send(message)


class Home(Stage):
    """A daemon whose disk the test breaks; it polls every quarter of a second and tries its disk twice a second."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder, FAST + MAIN + OPS, speed=20)
        self.inbox: Ears = Ears()
        self.path = folder / "monitor.db"
        self.store.close()
        for file in folder.glob("monitor.db*"):
            file.unlink()
        self.open()

    def open(self) -> None:
        self.store = Store.start(f"sqlite:///{self.path}", retry=0.5, verify=0.5)

    def disk(self) -> Engine:
        disk = self.store._ground._disk
        assert disk is not None
        return disk._engine

    async def sees(self, balance: object, title: str) -> None:
        """Let the balance be read, and wait until that is told."""
        self.api.seen = reading(balance)
        await self.until(lambda: title in self.inbox.titles, 15)

    async def is_in_trouble(self) -> None:
        await self.until(lambda: self.store.trouble is not None, 15)

    async def is_well(self) -> None:
        """Wait until the disk is back, and that is told."""
        await self.until(lambda: self.store.trouble is None, 15)
        await self.until(lambda: any(" works again" in title for title in self.of_home()), 15)

    def of_main(self) -> list[str]:
        return [title for title in self.inbox.titles if "main:" in title]

    def of_home(self) -> list[str]:
        """Return what was told of the disk, without its path."""
        return [title.replace(str(self.path), "PATH") for title in self.inbox.titles if "monitor:" in title]

    def told(self, why: str, *, aside: str = "") -> list[str]:
        return [
            f"[WARNING] monitor: the database PATH cannot be used ({why}); all goes on from memory",
            f"[OK] monitor: the database PATH works again{aside}",
        ]

    def assert_whole(self) -> None:
        """Check that everything decided is on the disk, and that a restart says nothing of it."""
        self.store.close()
        assert sql(self.path, "PRAGMA integrity_check") == [("ok",)]
        rows = sql(self.path, "SELECT title, state FROM outbox ORDER BY position")
        assert [row for row in rows if "main:" in row[0]] == [(title, "sent") for title in self.of_main()]
        assert {state for _, state in rows} == {"sent"}
        assert sql(self.path, "SELECT rule FROM alerts WHERE ended_at IS NULL") == []
        before = len(self.inbox.titles)
        self.open()
        self.play(self.some_polls)
        assert len(self.inbox.titles) == before

    def assert_whole_but_open(self) -> None:
        """Check the same while an alert is open."""
        self.store.close()
        assert sql(self.path, "PRAGMA integrity_check") == [("ok",)]
        before = len(self.inbox.titles)
        self.open()
        self.play(self.some_polls)
        assert len(self.inbox.titles) == before
        with self.store.transaction(reads=True) as tx:
            assert outbox.channels_waiting(tx) == set()

    async def some_polls(self, _daemon: Daemon) -> None:
        count = len(self.api.asked)
        await self.until(lambda: len(self.api.asked) > count + 2, 15)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "state")
    yield made
    made.store.close()


def sql(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path, timeout=5)) as other:
        return other.execute(statement).fetchall()


def overwrite(path: Path, begin: int = 0) -> None:
    """Spoil a file where it stands, as a broken disk does."""
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(os.urandom(path.stat().st_size - begin))


# -- while it runs ----------------------------------------------------------------------------------------------------


def delete_file(home: Home) -> None:
    for file in home.folder.glob("monitor.db*"):
        file.unlink()


def delete_folder(home: Home) -> None:
    shutil.rmtree(home.folder)


def delete_log(home: Home) -> None:
    home.path.with_name("monitor.db-wal").unlink()


def delete_index(home: Home) -> None:
    home.path.with_name("monitor.db-shm").unlink()  # the next command would make one of its own, with its own locks


def restore_backup(home: Home) -> None:
    copy = home.folder / "backup.db"
    Store.start(f"sqlite:///{copy}").close()
    copy.rename(home.path)


@pytest.mark.slow
@pytest.mark.parametrize("delete", [delete_file, delete_folder, delete_log, delete_index, restore_backup])
def test_a_database_deleted_while_it_runs_is_told_and_written_anew(home: Home, delete: Callable[[Home], None]) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        delete(home)
        await home.sees(4, WORSE)
        await home.is_well()
        await home.sees(204, FINE)

    home.play(act)
    assert home.of_main() == [LOW, WORSE, FINE]
    assert home.of_home() == home.told("it was deleted or replaced while it was open")
    home.assert_whole()


def test_the_history_of_a_deleted_file_is_written_anew_too(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        delete_file(home)
        await home.is_in_trouble()
        await home.is_well()

    home.play(act)
    assert sql(home.path, "SELECT balance_usd FROM readings")[0] == ("20",)


def test_a_damaged_database_is_moved_aside_and_written_anew_from_memory(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        for file in (home.path, home.path.with_name("monitor.db-wal")):
            overwrite(file)
        await home.sees(4, WORSE)
        await home.is_well()
        await home.sees(204, FINE)

    home.play(act)
    assert home.of_main() == [LOW, WORSE, FINE]
    first, second = home.of_home()
    assert "cannot be used (it is damaged (" in first
    aside = "PATH works again; the damaged one, with the history until then, is kept as PATH.damaged-1"
    assert second == f"[OK] monitor: the database {aside}"
    assert (home.folder / "monitor.db.damaged-1").exists()
    home.assert_whole()


@pytest.mark.slow
def test_a_database_that_another_program_keeps_locked_is_told_and_written_when_it_lets_go(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        with closing(sqlite3.connect(home.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await home.sees(4, WORSE)
            await home.some_polls(_daemon)
            await home.until(home.of_home)
            other.execute("ROLLBACK")
        await home.is_well()
        await home.sees(204, FINE)

    home.play(act)
    assert home.of_main() == [LOW, WORSE, FINE]
    assert home.of_home() == home.told("another program keeps it locked")
    home.assert_whole()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pragma", "why"), [("max_page_count=1", "the disk is full"), ("query_only=ON", "it is read-only")]
)
def test_a_disk_that_takes_no_more_is_told_and_written_when_it_does_again(home: Home, pragma: str, why: str) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        await home.store.do(lambda tx: tx.exec_driver_sql(f"PRAGMA {pragma}"))
        home.api.seen = reading(4, account_id="x" * 60)
        await home.until(lambda: WORSE in home.inbox.titles or home.store.trouble)
        while home.store.trouble is None and home.store.losses == 0:  # until the last free page is used up
            await home.store.do(lambda tx: outbox.save_health(tx, outbox.Health(channel="x", last_error="y" * 5000)))
        await home.sees(4, WORSE)
        await home.is_well()
        await home.sees(204, FINE)

    home.play(act)
    assert home.of_main() == [LOW, WORSE, FINE]
    assert home.of_home() == home.told(why)
    home.assert_whole()


class Hanging:
    """A disk that does not answer at one step of a transaction, until it is let go."""

    def __init__(self, engine: Engine, step: str) -> None:
        self.began, self.gate = threading.Event(), threading.Event()
        self._engine, self._step = engine, step
        event.listen(engine, step, self._hang)

    def _hang(self, _connection: object) -> None:
        self.began.set()
        self.gate.wait(60)

    def let_go(self) -> None:
        event.remove(self._engine, self._step, self._hang)
        self.gate.set()


@pytest.mark.slow
@pytest.mark.parametrize("step", ["begin", "commit"])
def test_a_disk_that_does_not_answer_for_five_seconds_is_done_without_and_a_late_commit_repeats_nothing(
    home: Home, step: str
) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        home.api.seen = reading(4)
        hanging = Hanging(home.disk(), step)
        await home.until(lambda: WORSE in home.inbox.titles, 20)
        await home.until(home.of_home)
        hanging.let_go()
        await home.is_well()
        await home.sees(204, FINE)

    home.play(act)
    assert home.of_main() == [LOW, WORSE, FINE]
    assert home.of_home() == home.told("the disk does not answer")
    home.store.close()
    states = sql(home.path, "SELECT state, COUNT(*) FROM outbox GROUP BY state")
    assert set(states) in ({("sent", 5)}, {("sent", 5), ("dropped", 1)})  # what was committed late is superseded


@pytest.mark.slow
def test_what_waits_for_a_failing_channel_is_kept_over_the_trouble_and_sent_after_a_restart(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        home.inbox.is_deaf = True
        delete_file(home)
        home.api.seen = reading(4)
        await home.until(lambda: home.inbox.refused)
        await home.until(lambda: home.store.losses and home.store.trouble is None, 15)

    home.play(act)  # which may end before anybody has looked at the disk
    home.store.close()
    assert (WORSE, "waiting") in sql(home.path, "SELECT title, state FROM outbox")
    home.inbox.is_deaf = False
    home.open()

    async def again(_daemon: Daemon) -> None:
        await home.until(lambda: WORSE in home.inbox.titles and len(home.of_home()) == 2, 20)

    home.play(again)
    assert home.of_main() == [LOW, WORSE]
    assert home.of_home() == home.told("it was deleted or replaced while it was open")
    home.assert_whole_but_open()


@pytest.mark.slow
def test_a_command_s_retry_reaches_the_mirror_too(home: Home) -> None:
    home.inbox.is_deaf = True

    async def act(_daemon: Daemon) -> None:
        home.api.seen = reading(20)
        await home.until(lambda: home.inbox.refused)
        await home.until(lambda: sql(home.path, "SELECT attempts FROM outbox WHERE state = 'waiting'") == [(1,)])
        beside = Store.open_existing(f"sqlite:///{home.path}")
        with beside.transaction() as tx:
            (waiting,) = outbox.waiting(tx, "ops")
            outbox.drop(tx, waiting.message, home.clock.now())
        beside.close()
        await home.some_polls(_daemon)
        delete_file(home)
        home.inbox.is_deaf = False
        await home.is_well()

    home.play(act)
    assert LOW not in home.inbox.titles


@pytest.mark.slow
def test_a_lock_that_was_deleted_is_taken_again(home: Home) -> None:
    lock = home.path.with_name("monitor.db.lock")

    async def act(_daemon: Daemon) -> None:
        lock.unlink()
        await home.until(lambda: lock.exists() and lock.read_text())
        with pytest.raises(StoreError, match="another balance-monitor already runs"):
            Store.start(f"sqlite:///{home.path}")

    home.play(act)
    assert home.store.losses == 0


def test_a_mistake_of_ours_in_a_statement_is_no_trouble_of_the_disk(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        with pytest.raises(OperationalError, match="no such table: nowhere"):
            await home.store.do(lambda tx: tx.exec_driver_sql("SELECT * FROM nowhere"))
        with pytest.raises(IntegrityError):
            await home.store.do(lambda tx: tx.exec_driver_sql("INSERT INTO daemon (id) VALUES (1)"))
        await home.sees(20, LOW)

    home.play(act)
    assert home.store.losses == 0


# -- at the start and at the stop -------------------------------------------------------------------------------------


def remembering(home: Home) -> None:
    """Let it remember a low balance that was told."""

    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)

    home.play(act)
    home.store.close()


def test_a_start_on_a_locked_file_goes_on_with_what_it_remembers(home: Home) -> None:
    remembering(home)

    async def act(_daemon: Daemon) -> None:
        await home.until(home.of_home, 15)
        await home.sees(4, WORSE)
        other.execute("ROLLBACK")
        await home.is_well()
        await home.sees(204, FINE)

    home.open()
    with closing(sqlite3.connect(home.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        home.play(act)
    assert home.of_main() == [LOW, WORSE, FINE]
    assert home.of_home() == home.told("another program keeps it locked")
    home.assert_whole()


@pytest.mark.slow
@pytest.mark.parametrize("begin", [0, 4096])
def test_a_start_on_a_damaged_file_moves_it_aside_and_remembers_what_can_be_read(home: Home, begin: int) -> None:
    remembering(home)
    size = home.path.stat().st_size
    overwrite(home.path, begin)
    spoilt = home.path.read_bytes()

    async def act(_daemon: Daemon) -> None:
        await home.is_well()
        await home.sees(4, WORSE)

    home.open()
    home.play(act)
    aside = home.folder / "monitor.db.damaged-1"
    assert aside.read_bytes() == spoilt
    assert len(spoilt) == size
    assert home.of_main()[-1] == WORSE
    first, second = home.of_home()
    assert "cannot be used (it is damaged (" in first
    assert second.endswith(f"is kept as {aside}".replace(str(home.path), "PATH"))
    home.assert_whole_but_open()


@pytest.mark.slow
def test_what_a_damaged_file_still_has_is_not_told_again(home: Home) -> None:
    remembering(home)
    with closing(sqlite3.connect(home.path)) as other:
        (page,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'channels'").fetchone()
    with home.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    home.open()

    async def act(_daemon: Daemon) -> None:
        await home.some_polls(_daemon)
        await home.is_well()

    home.play(act)
    assert home.of_main() == [LOW]
    home.assert_whole_but_open()


@pytest.mark.slow
def test_a_database_that_is_gone_at_the_start_is_told_as_news(home: Home) -> None:
    remembering(home)
    home.path.unlink()
    home.open()

    async def act(_daemon: Daemon) -> None:
        await home.until(home.of_home, 15)
        await home.until(lambda: len(home.of_main()) == 2, 15)

    home.play(act)
    said = "this is a first start, and what is wrong now will be told again"
    assert home.of_home() == [f"[WARNING] monitor: the database PATH is gone: {said}"]
    assert home.of_main() == [LOW, LOW]


def test_a_first_start_is_no_news(home: Home) -> None:
    remembering(home)
    assert home.of_home() == []
    assert home.events("first_start")


@pytest.mark.slow
def test_a_stop_in_trouble_writes_down_what_it_can_and_the_end_is_told_after_the_next_start(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        await home.store.do(lambda tx: tx.exec_driver_sql("PRAGMA query_only=ON"))
        await home.sees(4, WORSE)
        await home.until(home.of_home, 15)

    home.store.close()
    home.store = Store.start(f"sqlite:///{home.path}", retry=3600)
    home.play(act)
    assert home.store.close() is True
    assert home.store.trouble is None
    home.open()

    async def again(_daemon: Daemon) -> None:
        await home.is_well()

    home.play(again)
    assert home.of_main() == [LOW, WORSE]
    assert home.of_home() == home.told("it is read-only")
    home.assert_whole_but_open()


@pytest.mark.slow
def test_a_stop_with_a_disk_that_takes_nothing_is_in_time_and_says_what_is_lost(home: Home) -> None:
    async def act(_daemon: Daemon) -> None:
        await home.sees(20, LOW)
        await home.sees(4, WORSE)
        await home.until(home.of_home, 15)

    with closing(sqlite3.connect(home.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        home.play(act)
        assert home.store.close(timeout=0.5) is False
        assert home.store.trouble is not None


def test_a_first_start_that_was_killed_before_there_was_a_database_has_lost_none(home: Home) -> None:
    home.store.close()
    for file in home.folder.glob("monitor.db*"):
        file.unlink()
    (home.folder / "monitor.db.lock").write_text("4711\n\n")  # all that such a start leaves
    home.open()
    assert home.store.is_first_start
    assert not home.store.is_lost
