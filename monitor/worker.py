"""A daemon thread that makes calls in order, one at a time, and never keeps the program from ending."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple[Future[Any], Callable[[], Any]]


class Worker:
    """One thread with a queue of calls; the executors of the standard library are joined at exit, this one is not."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._started = False
        self._closed = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call and return its future, which also carries what the call raises, be it a SystemExit.

        Cancelling the future takes a call that has not begun out of the queue. After ``close`` a RuntimeError.
        """
        future: Future[T] = Future()
        job: _Job = (future, call)
        with self._changed:
            if self._closed:
                raise RuntimeError(f"worker {self._name} is closed")
            self._start()
            self._jobs.append(job)
            self._changed.notify()
        future.add_done_callback(self._forget)
        return future

    def close(self) -> None:
        """Take no more calls; the thread ends after those that were submitted. Waits for nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _start(self) -> None:
        if not self._started:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._started = True

    def _run(self) -> None:
        while (job := self._next()) is not None:
            _perform(*job)
            del job  # while this thread waits, nothing of the last call may stay alive

    def _next(self) -> _Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            return self._jobs.popleft() if self._jobs else None

    def _forget(self, future: Future[Any]) -> None:
        if not future.cancelled():
            return
        with self._changed:
            mine = next((job for job in self._jobs if job[0] is future), None)
            if mine is None:
                return  # the thread has taken it and settles it
            self._jobs.remove(mine)
        future.set_running_or_notify_cancel()  # tells those who wait in concurrent.futures.wait


def _perform(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, and the thread must go on
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        del future, call  # the error's traceback holds this frame: no cycle back to the future


class Loose(ThreadPoolExecutor):
    """An event loop's default executor that never delays the end: a daemon thread for each call, joined by nobody.

    The loop looks names up in it, and a resolver that hangs does so for half a minute.
    """

    def submit(self, fn: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:  # noqa: ANN401 - the call's own
        """Begin the call at once."""
        worker = Worker("loose")
        future = worker.submit(partial(fn, *arguments, **named))
        worker.close()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the base's shape
        """Leave what still runs to itself."""
