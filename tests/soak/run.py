"""One soak from its beginning to its end."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from live import clean_environment
from receivers import Webhook
from shell import Api

from monitor.deliver import DEADLINE
from soak.slopes import Sample
from soak.weather import ACCOUNTS, Weather

Show = Callable[[Sample], None]


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it."""

    samples: list[Sample]
    taken: int
    """Messages that services took."""
    refused: int
    """And those that they did not."""
    mistakes: list[str]
    """Lines of the log that speak of a mistake of the daemon's own."""
    code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a soak goes."""

    polls: int
    seconds: float | None = None
    """It ends after so many, even without all its polls."""
    every: float = 2.0
    """Seconds between two samples; one takes a tenth."""
    speed: float = 750.0
    """Of the daemon's clock: 150 polls a second, with 60 accounts. A daemon that cannot keep up is no measure."""
    seed: int = 1
    deadline: float = DEADLINE
    """Real seconds that a send has."""
    traced: bool = False
    """Say on standard error where memory was taken; three times as slow."""


def soak(folder: Path, manner: Manner, show: Show = lambda _: None) -> Soaked:
    """Let the daemon live through all that can happen to it, and measure it meanwhile."""
    with Api(*ACCOUNTS) as api, Webhook() as well, Webhook() as flapping, Webhook() as guest:
        inboxes = (well, flapping, guest)
        weather = Weather(folder, api, inboxes, manner.seed)
        with subject(folder, manner) as process:
            found = list[Sample]()
            for sample in samples(process):
                if not found:
                    weather.start(process.pid)
                found.append(sample)
                show(sample)
                if sample.polls >= manner.polls or (manner.seconds is not None and sample.seconds >= manner.seconds):
                    break
            weather.stop()
            process.terminate()
            process.communicate(timeout=30)
        attempts = [attempt for inbox in inboxes for attempt in inbox.attempts]
        taken = sum(attempt.answer == 200 for attempt in attempts)
    return Soaked(found, taken, len(attempts) - taken, _mistakes(folder / "log.jsonl"), process.returncode)


@contextlib.contextmanager
def subject(folder: Path, manner: Manner) -> "Iterator[subprocess.Popen[str]]":
    """Let the daemon of a folder live in a process of its own."""
    here = Path(__file__).parents[1]
    paths = [str(here), str(here.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in clean_environment().items() if not name.startswith("COV")}
    words = [folder / "config.toml", folder / "log.jsonl", manner.speed, manner.every, manner.deadline]
    with subprocess.Popen(
        [sys.executable, "-m", "soak.subject", *map(str, words), "traced" * manner.traced],
        stdout=subprocess.PIPE,
        text=True,
        env=kept | {"PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def samples(process: "subprocess.Popen[str]") -> Iterator[Sample]:
    """Yield what it measures, as it comes."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        yield Sample(**json.loads(line))


_OWN = {"poll_failed", "lane_failed", "housekeeping_failed", "send_raised", "poll_stuck"}


def _mistakes(path: Path) -> list[str]:
    """Return what the daemon logged of itself; an outage is the world's."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
    return [json.dumps(line)[:600] for line in lines if line["event"] in _OWN]
