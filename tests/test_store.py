"""The database file: opened or refused with a sentence, never half migrated, never shared by two daemons."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nobody import nobody
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError

import monitor.store
from monitor.store import REVISIONS, Store, StoreError, Tx, as_of, outbox, schema
from monitor.store.engine import connect, migrate
from monitor.store.outbox import Health

HOLD = """
import sys, time
from monitor.store import Store
store = Store.start(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""
COUNT = """
import sys
from dataclasses import replace
from monitor.store import Store, outbox
store = Store.open_existing(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with store.transaction() as tx:
        known = outbox.health(tx, "ops")
        outbox.save_health(tx, replace(known, failures=known.failures + 1))
print("done")
"""


def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "monitor.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    it = Store.start(url(path))
    yield it
    it.close()


def tables(path: Path) -> dict[str, str]:
    """Return what SQLite knows of every table and index, but for white space."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: "".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def refusal(opening: Callable[[], Store]) -> str:
    with pytest.raises(StoreError) as refused:
        opening()
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def refusals(path: Path) -> list[str]:
    """Return what the daemon and a command beside it say of this file."""
    return [refusal(lambda: Store.start(url(path))), refusal(lambda: Store.open_existing(url(path)))]


# -- revisions --------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping:UserWarning")
def test_the_migrations_make_just_the_tables_and_indexes_that_the_code_speaks_of(store: Store, tmp_path: Path) -> None:
    with store.transaction() as tx:
        assert compare_metadata(MigrationContext.configure(tx), schema.metadata) == []
    direct = tmp_path / "direct.db"
    engine = connect(url(direct))
    schema.metadata.create_all(engine)
    engine.dispose()
    assert tables(store.path) == tables(direct)


def test_the_revisions_that_the_code_knows_are_those_of_the_scripts() -> None:
    scripts = ScriptDirectory(str(Path(monitor.store.__file__).parent / "migrations"))
    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(REVISIONS))
    assert scripts.get_current_head() == REVISIONS[-1]


def crash_at(engine: Engine, words: str) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def crash(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if words in statement:
            raise RuntimeError("crashed")


@pytest.mark.parametrize("words", ["CREATE TABLE told", "CREATE INDEX", "INSERT INTO alembic_version"])
def test_a_crash_in_the_middle_of_a_migration_leaves_nothing_of_it(path: Path, words: str) -> None:
    engine = connect(url(path))
    crash_at(engine, words)
    with pytest.raises(RuntimeError, match="crashed"):
        migrate(engine, path)
    engine.dispose()
    assert tables(path) == {}
    fresh = Store.start(url(path))
    assert fresh.is_first_start
    assert "outbox" in tables(path)
    fresh.close()


def test_a_full_disk_during_a_migration_is_a_sentence_and_leaves_nothing_of_it(path: Path) -> None:
    engine = connect(url(path))
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count=8"))
    with pytest.raises(StoreError, match="disk is full; set database to a path that can"):
        migrate(engine, path)
    engine.dispose()
    assert tables(path) == {}


def test_a_database_is_first_started_once(path: Path) -> None:
    for is_first in (True, False, False):
        store = Store.start(url(path))
        assert store.is_first_start is is_first
        store.close()


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    store = Store.start(url(tmp_path / "one" / "two" / "monitor.db"))
    assert store.path.is_file()
    store.close()


def made_at(path: Path, revision: str) -> None:
    """Make a database as an earlier version left it."""
    engine = connect(url(path))
    config = Config()
    config.set_main_option("script_location", str(Path(monitor.store.__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_an_upgrade_keeps_what_it_found_and_says_so_to_whoever_goes_back(path: Path) -> None:
    made_at(path, "0001")
    path.chmod(0o600)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO daemon (id, pid, version, started_at, beat_at, config, accounts, overdue) "
            "VALUES (1, 7, '0.0.9', 0, 0, '', 0, 0)"
        )
        connection.commit()
    store = Store.start(url(path))
    kept = as_of(path, "0001")
    assert (store.upgraded_from, kept.name, kept.stat().st_mode & 0o777) == ("0001", "monitor.db.of-0001", 0o600)
    store.close()
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert connection.execute("SELECT version FROM daemon").fetchone() == ("0.0.9",)
    again = Store.start(url(path))
    assert again.upgraded_from is None
    again.close()


def test_a_newer_database_that_has_kept_ours_says_what_to_put_back(path: Path) -> None:
    Store.start(url(path)).close()
    shutil.copy(path, as_of(path, REVISIONS[-1]))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for sentence in refusals(path):
        assert sentence.endswith(
            f"install that version again, or put back {path}.of-{REVISIONS[-1]}, which it has kept"
        )


def test_an_upgrade_without_room_for_a_copy_is_made_all_the_same(path: Path) -> None:
    made_at(path, "0001")
    as_of(path, "0001").mkdir()  # nothing can be put there
    store = Store.start(url(path))
    assert store.upgraded_from == "0001"
    store.close()
    assert [one.name for one in path.parent.iterdir() if one.name.endswith(".new")] == []


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    Store.start(url(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = tables(path)
    for sentence in refusals(path):
        assert sentence == (
            f"{path} was written by a newer balance-monitor (revision 9999): "
            "install that version again, or move the file away to start afresh"
        )
    assert tables(path) == before


def test_an_empty_file_is_filled_by_the_daemon_and_refused_by_the_commands(path: Path) -> None:
    path.touch()
    sentence = refusal(lambda: Store.open_existing(url(path)))
    assert sentence.endswith("start balance-monitor run once, which brings it up to date")
    Store.start(url(path)).close()
    Store.open_existing(url(path)).close()


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\0" + b"\xff" * 5000, b"x"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for sentence in refusals(path):
        assert sentence.startswith(f"{path} cannot be used: ")
        assert sentence.endswith("; set database to a path that can")
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    for sentence in refusals(path):
        assert sentence == f"{path} is a database of another program: set database to a path of its own"
    assert list(tables(path)) == ["recipes"]


def test_a_folder_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir()
    assert refusals(path) == [f"{path} is a folder: set database to the path of a file"] * 2


def test_a_missing_database_is_named_by_the_commands_and_not_made(path: Path) -> None:
    sentence = refusal(lambda: Store.open_existing(url(path)))
    assert sentence == f"there is no database at {path}: start balance-monitor run, or set database to its path"
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sentence = refusal(lambda: Store.start(url(tmp_path / "file" / "monitor.db")))
    assert "cannot be used: " in sentence
    assert sentence.endswith("set database to a path that can")


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_folder_that_must_not_be_written_or_entered_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(mode)
    path = folder / "monitor.db"
    with nobody():
        sentence = refusal(lambda: Store.start(url(path)))
        refusal(lambda: Store.open_existing(url(path)))
    folder.chmod(0o700)
    assert sentence == f"{path} cannot be used: Permission denied; run this as its owner or with sudo"
    assert list(folder.iterdir()) == []


# -- one daemon -------------------------------------------------------------------------------------------------------


@contextmanager
def other_daemon(path: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", HOLD, url(path)], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "open\n"
        try:
            yield daemon
        finally:
            daemon.kill()


def test_a_second_daemon_is_refused_with_the_pid_of_the_first_until_that_is_killed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with other_daemon(path) as first:
        for way in (path, link):
            assert refusal(lambda way=way: Store.start(url(way))) == (  # type: ignore[misc]  # mypy and default arguments
                f"another balance-monitor already runs on {way} (process {first.pid}): stop it, or set another database"
            )
        Store.open_existing(url(path)).close()  # commands are welcome
        first.send_signal(signal.SIGKILL)
        first.wait()
        Store.start(url(path)).close()


def test_a_refused_second_daemon_does_not_loosen_the_lock_of_the_first(store: Store) -> None:
    for _ in range(2):
        assert f"(process {os.getpid()})" in refusal(lambda: Store.start(url(store.path)))


def test_a_failed_start_gives_the_lock_back(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)
    refusal(lambda: Store.start(url(path)))
    path.unlink()
    Store.start(url(path)).close()


# -- transactions -----------------------------------------------------------------------------------------------------


def failures(store: Store) -> int:
    with store.transaction(reads=True) as tx:
        return outbox.health(tx, "ops").failures


def add(tx: Tx) -> None:
    known = outbox.health(tx, "ops")
    outbox.save_health(tx, Health(channel="ops", failures=known.failures + 1))


def test_reading_and_then_writing_never_loses_what_another_process_wrote_between(store: Store) -> None:
    command = [sys.executable, "-c", COUNT, url(store.path), "150"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        for _ in range(150):
            with store.transaction() as tx:
                add(tx)
                time.sleep(0.001)  # let the other one try to come between
        assert other.communicate(timeout=30)[0] == "done\n"
    assert failures(store) == 300


def test_readers_do_not_wait_for_a_writer_and_see_nothing_of_what_is_not_committed(store: Store) -> None:
    beside = Store.open_existing(url(store.path))
    with store.transaction() as tx:
        add(tx)
        begun = time.monotonic()
        assert failures(beside) == 0
        assert time.monotonic() - begun < 3
    assert failures(beside) == 1
    beside.close()


def test_the_file_keeps_a_write_ahead_log(store: Store) -> None:
    with store.transaction(reads=True) as tx:
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert tx.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_a_transaction_that_raises_leaves_nothing_and_the_next_one_works(store: Store) -> None:
    def fail(tx: Tx) -> None:
        add(tx)
        raise ValueError("no")

    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            await store.do(fail)
        await store.do(add)

    with pytest.raises(ValueError, match="no"), store.transaction() as tx:
        fail(tx)
    asyncio.run(main())
    assert failures(store) == 1


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing_and_the_next_one_works(store: Store) -> None:
    def fill(tx: Tx) -> None:
        add(tx)
        tx.exec_driver_sql(f"PRAGMA max_page_count={tx.exec_driver_sql('PRAGMA page_count').scalar()}")
        for number in range(1000):
            outbox.save_health(tx, Health(channel=f"c{number}", last_error="x" * 1000))

    with pytest.raises(OperationalError, match="full"), store.transaction() as tx:
        fill(tx)
    with store.transaction() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count=100000")
        assert tx.execute(select(schema.channels)).all() == []
        add(tx)
    assert failures(store) == 1


def test_a_file_that_another_process_holds_for_too_long_is_an_error_and_the_next_one_works(store: Store) -> None:
    with store.transaction() as tx:
        tx.exec_driver_sql("PRAGMA busy_timeout=30")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"), store.transaction():
            pass
    with store.transaction() as tx:
        add(tx)
    assert failures(store) == 1


# -- beside the event loop --------------------------------------------------------------------------------------------


def test_a_slow_disk_never_blocks_the_event_loop(store: Store) -> None:
    async def main() -> tuple[int, float]:
        slow = asyncio.ensure_future(store.do(lambda _: time.sleep(0.5)))
        last, longest, ticks = time.monotonic(), 0.0, 0
        while not slow.done():
            await asyncio.sleep(0.01)
            now = time.monotonic()
            last, longest, ticks = now, max(longest, now - last), ticks + 1
        return ticks, longest

    ticks, longest = asyncio.run(main())
    assert ticks >= 10
    assert longest < 0.45


def test_cancelling_who_waits_finishes_the_transaction_and_keeps_the_connection(store: Store) -> None:
    began, go = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        add(tx)
        began.set()
        go.wait(10)
        add(tx)

    async def main() -> None:
        waiting = asyncio.ensure_future(store.do(slow))
        await asyncio.to_thread(began.wait, 10)
        behind = asyncio.ensure_future(store.do(add))
        await asyncio.sleep(0)
        waiting.cancel()
        behind.cancel()  # has not begun: never will
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go.set()
        await store.do(add)

    asyncio.run(main())
    assert failures(store) == 3


def test_transactions_run_in_the_order_in_which_they_were_asked_for(store: Store) -> None:
    order: list[int] = []

    async def main() -> None:
        await asyncio.gather(*(store.do(lambda _, one=number: order.append(one)) for number in range(100)))  # type: ignore[misc]

    asyncio.run(main())
    assert order == list(range(100))


def test_a_stuck_disk_does_not_keep_the_daemon_from_ending(path: Path) -> None:
    store, began, go = Store.start(url(path)), threading.Event(), threading.Event()

    def hang(_: Tx) -> None:
        began.set()
        go.wait(10)

    async def main() -> None:
        stuck = asyncio.ensure_future(store.do(hang))
        await asyncio.to_thread(began.wait, 10)
        stuck.cancel()

    asyncio.run(main())
    begun = time.monotonic()
    assert store.close(timeout=0.1) is False
    assert time.monotonic() - begun < 3
    go.set()
    for _ in range(500):  # once the thread is back, the file is free
        try:
            assert Store.start(url(path)).close() is True
            break
        except StoreError:
            time.sleep(0.01)
    else:
        raise AssertionError("the lock was never given back")
