"""A worker makes its calls in order, in one thread that never holds up the end of the program."""

import asyncio
import concurrent.futures
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.worker import Loose, Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    it = Worker("test")
    yield it
    it.close()


@pytest.fixture
def gate(worker: Worker) -> Iterator[threading.Event]:
    """The worker is busy until this is set."""
    opened, began = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        opened.wait(10)

    worker.submit(wait)
    assert began.wait(10)
    yield opened
    opened.set()


def test_calls_run_in_order_in_one_daemon_thread_of_the_workers_name(worker: Worker) -> None:
    seen: list[tuple[int, str, bool]] = []

    def note(number: int) -> None:
        thread = threading.current_thread()
        seen.append((number, thread.name, thread.daemon))

    futures = [worker.submit(lambda number=number: note(number)) for number in range(100)]  # type: ignore[misc]
    futures[-1].result(10)
    assert seen == [(number, "test", True) for number in range(100)]


def test_no_thread_is_started_before_the_first_call() -> None:
    before = threading.active_count()
    Worker("idle").close()
    assert threading.active_count() == before


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_a_call_raises_reaches_its_future_and_the_next_call_runs(worker: Worker, error: BaseException) -> None:
    def fail() -> None:
        raise error

    assert worker.submit(fail).exception(10) is error
    assert worker.submit(lambda: "next").result(10) == "next"


def test_a_cancelled_call_never_runs_and_leaves_the_queue_at_once(worker: Worker, gate: threading.Event) -> None:
    class Thing:
        def __call__(self) -> None:
            raise AssertionError("ran")

    thing = Thing()
    gone = weakref.ref(thing)
    first = worker.submit(thing)
    last = worker.submit(lambda: "last")
    assert first.cancel()
    del thing
    assert gone() is None, "the queue still holds the call"
    assert concurrent.futures.wait([first], timeout=1).done == {first}
    gate.set()
    assert last.result(10) == "last"


def test_a_call_that_is_cancelled_while_the_thread_takes_it_does_no_harm(worker: Worker) -> None:
    for _ in range(2000):
        future = worker.submit(lambda: 1)
        if not future.cancel():
            assert future.result(10) == 1
    assert worker.submit(lambda: 2).result(10) == 2


def test_a_running_call_cannot_be_cancelled(worker: Worker) -> None:
    began, go = threading.Event(), threading.Event()

    def call() -> str:
        began.set()
        go.wait(10)
        return "done"

    future = worker.submit(call)
    assert began.wait(10)
    assert not future.cancel()
    go.set()
    assert future.result(10) == "done"


def test_after_close_the_submitted_calls_still_run_and_new_ones_are_refused() -> None:
    worker = Worker("closing")
    go = threading.Event()
    worker.submit(lambda: go.wait(10))
    last = worker.submit(threading.current_thread)
    worker.close()
    with pytest.raises(RuntimeError, match="worker closing is closed"):
        worker.submit(lambda: None)
    go.set()
    thread = last.result(10)
    thread.join(10)
    assert not thread.is_alive()


def test_nothing_of_a_finished_call_is_kept(worker: Worker) -> None:
    class Thing:
        def __call__(self) -> "Thing":
            return Thing()

    class Broken(Exception):  # noqa: N818 - a thing like the other
        pass

    def fail() -> None:
        raise Broken

    gc.collect()
    gc.disable()  # a cycle would only go with a collection
    try:
        call = Thing()
        future = worker.submit(call)
        refs: list[weakref.ref[Any]] = [weakref.ref(call), weakref.ref(future.result(10)), weakref.ref(future)]
        failed = worker.submit(fail)
        error = failed.exception(10)
        refs += [weakref.ref(failed), weakref.ref(error)]
        del call, future, failed, error
        deadline = time.monotonic() + 5
        while any(ref() for ref in refs) and time.monotonic() < deadline:
            time.sleep(0.001)  # the thread may still be leaving the call
        assert [ref() for ref in refs] == [None] * len(refs)
    finally:
        gc.enable()


def test_asyncio_can_await_a_call_and_cancel_one_that_waits(worker: Worker, gate: threading.Event) -> None:
    ran = threading.Event()

    async def main() -> str:
        waiting = asyncio.wrap_future(worker.submit(ran.set))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.wrap_future(worker.submit(lambda: "awaited"))

    assert asyncio.run(main()) == "awaited"
    assert not ran.is_set()


def test_a_hung_call_does_not_delay_the_end_of_the_program() -> None:
    program = (
        "import threading, time; from monitor.worker import Worker; began = threading.Event()\n"
        "Worker('hung').submit(lambda: (began.set(), time.sleep(60))); began.wait(); print('end')"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("end\n", "")
    assert time.monotonic() - start < 10


def test_two_thousand_calls_take_well_under_a_second(worker: Worker) -> None:
    start = time.monotonic()
    for future in [worker.submit(lambda: None) for _ in range(2000)]:
        future.result(10)
    assert time.monotonic() - start < 3


def test_an_event_loop_ends_at_once_though_a_call_in_its_executor_hangs() -> None:
    release = threading.Event()

    async def main() -> int:
        asyncio.get_running_loop().set_default_executor(Loose())
        hanging = asyncio.ensure_future(asyncio.to_thread(release.wait, 30))
        answer = await asyncio.to_thread(lambda: 42)
        hanging.cancel()
        return answer

    began = time.monotonic()
    assert asyncio.run(main()) == 42
    assert time.monotonic() - began < 5
    release.set()
