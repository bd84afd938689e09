"""A wall clock for a process that tests step: libfaketime (Debian's package ``faketime``); durations stay real."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from live import Run

FOLDERS = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/lib64/faketime", "/usr/local/lib/faketime")
MISSING = "libfaketime is not installed (Debian: apt-get install faketime): no process here can be given another clock"


def library() -> Path | None:
    """Return the library, None where it is not installed."""
    found = [path for folder in FOLDERS for path in Path("/").glob(folder[1:] + "/libfaketimeMT.so.1")]
    return found[0] if found else None


class Wall:
    """The clock of one process: the system's, moved by as much as a test says."""

    def __init__(self, folder: Path, *, at: datetime | None = None) -> None:
        self._file = folder / "clock"
        self._off = timedelta(0) if at is None else at - datetime.now(UTC)
        self._write()

    @property
    def environment(self) -> dict[str, str]:
        """What lets a process have this clock. Its ``time.sleep`` does not work then: wait for something instead."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # a second until a step is seen; to look each time costs half of a core
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def step(self, by: timedelta) -> None:
        """Step the clock, as a person or an NTP client does."""
        self._off += by
        self._write()

    def _write(self) -> None:
        fresh = self._file.with_name("clock.new")
        fresh.write_text(f"{self._off.total_seconds():+.3f}\n")
        fresh.rename(self._file)  # read again at each look at the clock: never half of it


class OnWall(Run):
    """``balance-monitor run`` with a clock of its own."""

    def __init__(self, folder: Path, config: str, wall: Wall, **environment: str) -> None:
        super().__init__(folder, config, **wall.environment, **environment)
        self._started: list[int] = []

    def start(self, *, wait: bool = True) -> "OnWall":
        super().start(wait=wait)
        self._started.append(self.pid)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        super().__exit__(kind, error, tb)
        for pid in self._started:  # libfaketime leaves them behind where it was killed
            for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
                (Path("/dev/shm") / name).unlink(missing_ok=True)  # noqa: S108 - where the system has them
