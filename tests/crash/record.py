"""What a run leaves behind: who was killed when, what happened, and what everybody heard."""

import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crash.people import Inbox, News
from crash.points import Mark, Point


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the daemon: at which moment it was to be killed, and at which it was."""

    number: int
    wanted: Point | None
    mark: Mark | None
    code: int
    """Its exit code, or minus the signal that ended it."""


@dataclass(slots=True)
class Record:
    """All that was done and heard."""

    folder: Path
    happened: Mapping[str, Sequence[News]] = field(default_factory=dict)
    inboxes: Sequence[Inbox] = ()
    lives: list[Life] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """What went wrong in the running itself."""

    @property
    def database(self) -> Path:
        """The file that all lives shared."""
        return self.folder / "monitor.db"

    @property
    def kills(self) -> list[Life]:
        """The lives that were killed."""
        return [life for life in self.lives if life.code == -signal.SIGKILL]

    @property
    def hits(self) -> Counter[Point]:
        """How many were killed at each chosen moment."""
        return Counter(life.mark.point for life in self.kills if life.mark)
