"""What is killed: forks of one process, or ``balance-monitor run`` as people start it."""

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol, Self

from live import Run, clean_environment

from crash.life import Order, dump


class Body(Protocol):
    """Where lives come from, one at a time."""

    def begin(self, order: Order) -> int:
        """Begin a life, and return its pid."""

    def ended(self, seconds: float) -> int | None:
        """Wait for the end of the life, and return its exit code, or minus a signal; None: not yet."""


class Program:
    """``balance-monitor run`` as it is: a new process for each life, in real time."""

    def __init__(self, folder: Path) -> None:
        self._run = Run(folder)

    def begin(self, order: Order) -> int:
        assert Path(order.config) == self._run.path
        return self._run.start(wait=False).pid

    def ended(self, seconds: float) -> int | None:
        return self._run.ended(seconds)


class Zygote:
    """The process that has imported everything, and of which every life is a fork."""

    def __init__(self) -> None:
        here = Path(__file__).parents[1]
        paths = [str(here), str(here.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        kept = {name: value for name, value in clean_environment().items() if not name.startswith("COV")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crash.life"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | {"PYTHONPATH": os.pathsep.join(paths)},
        )
        self._said: queue.Queue[int] = queue.Queue()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(int(line))

    def begin(self, order: Order) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(dump(order))
        self._process.stdin.flush()
        return self._said.get(timeout=60)

    def ended(self, seconds: float) -> int | None:
        try:
            return self._said.get(timeout=max(seconds, 0))
        except queue.Empty:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._thread.join()
        self._process.stdout.close()
