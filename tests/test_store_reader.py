"""Reading beside the daemon's transactions: it holds up no poll, and goes on wherever the disk leaves it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.store import Store, Tx, memory
from monitor.store.reader import Reader


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    it = Store.start(f"sqlite:///{tmp_path / 'monitor.db'}")
    yield it
    it.close()


def hold(inside: threading.Event, until: threading.Event) -> Callable[[Tx], bool]:
    """Return work that says when it is begun, and goes on until it may end."""

    def work(_: Tx) -> bool:
        inside.set()
        return until.wait(15)

    return work


def play(act: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(act(), 20))


def test_a_long_look_holds_up_no_transaction_and_a_long_transaction_no_look(store: Store) -> None:
    looking, gate = threading.Event(), threading.Event()

    def look(_: Tx) -> str:
        looking.set()
        assert gate.wait(15)
        return "seen"

    def write(_: Tx) -> str:
        assert looking.wait(15)
        return "written"

    async def act() -> None:
        assert await store.read(memory.known_accounts) == set()  # to open a file takes its lock for a moment
        look_on = asyncio.ensure_future(store.read(look))
        assert await store.do(write) == "written"
        assert not look_on.done()
        gate.set()
        assert await look_on == "seen"
        inside, free = threading.Event(), threading.Event()
        working = asyncio.ensure_future(store.do(hold(inside, free)))
        await asyncio.to_thread(inside.wait, 15)
        assert await store.read(memory.known_accounts) == set()
        free.set()
        await working

    play(act)


def test_what_was_committed_is_seen_at_once(store: Store) -> None:
    async def act() -> None:
        for version in range(3):
            await store.do(lambda tx, v=version: tx.exec_driver_sql(f"PRAGMA user_version={v}") and None)  # type: ignore[misc]
            assert await store.read(lambda tx: tx.exec_driver_sql("PRAGMA user_version").scalar()) == version

    play(act)


def test_while_the_disk_is_in_trouble_the_look_is_into_memory(store: Store) -> None:
    async def act() -> None:
        assert await store.read(memory.known_accounts) == set()
        store.path.unlink()
        assert await store.read(memory.known_accounts) == set()
        assert store.trouble is not None
        assert await store.read(memory.known_accounts) == set()

    play(act)


def test_a_mistake_of_ours_comes_back_to_whoever_made_it_and_the_next_look_is_fine(store: Store) -> None:
    async def act() -> None:
        with pytest.raises(ZeroDivisionError):
            await store.read(lambda _: 1 / 0)
        assert await store.read(memory.known_accounts) == set()

    play(act)


def test_a_look_that_nobody_waits_for_any_more_holds_up_no_other(store: Store) -> None:
    gate, inside = threading.Event(), threading.Event()

    async def act() -> None:
        hanging = asyncio.ensure_future(store.read(hold(inside, gate)))
        await asyncio.to_thread(inside.wait, 15)
        hanging.cancel()
        await asyncio.wait([hanging])
        assert await store.read(memory.known_accounts) == set()
        gate.set()

    play(act)


def test_a_line_that_nobody_uses_is_given_back(store: Store) -> None:
    async def act() -> None:
        reader = Reader(store.path, rest=0.05)
        assert await reader.do(memory.known_accounts) == set()
        async with asyncio.timeout(10):
            while reader.leave() is not None or any(one.name == "reader" for one in threading.enumerate()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert await reader.do(memory.known_accounts) == set()
        ending = reader.leave()
        assert ending is not None
        ending.result(10)

    play(act)
