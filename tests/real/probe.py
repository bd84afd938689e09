"""Where may whoever runs this write? Tries every folder that it can see, and prints those that take a file, as JSON.

It stands in for the daemon in the daemon's own unit, so that it meets exactly what the daemon would.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_TMP = ("/tmp", "/var/tmp")  # noqa: S108 - what these hold is the question


def folders(top: str) -> Iterator[str]:
    """Yield every folder from there on, but not what the kernel shows of processes: that is no place."""
    for folder, names, _ in os.walk(top):
        if folder == "/proc":
            names[:] = [name for name in names if not (name.isdecimal() or "self" in name)]
        yield folder


def takes_a_file(folder: str) -> bool:
    """Say whether a file can be made there; it is taken away again."""
    file = Path(folder) / f".probe-{os.getpid()}"
    try:
        file.touch(exist_ok=False)
        file.unlink()
    except OSError:
        return False
    return True


def may_be_changed(folder: str) -> Iterator[str]:
    """Yield the files of a folder that can be opened for writing; nothing is written."""
    for entry in os.scandir(folder):
        try:
            if entry.is_file(follow_symlinks=False):
                os.close(os.open(entry.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
                yield entry.path
        except OSError:
            continue


def main() -> None:
    """Look, and tell."""
    seen = list(folders("/"))
    found = {
        "tmp": [str(path) for folder in _TMP for path in Path(folder).iterdir()],
        "seen": len(seen),
        "folders": [folder for folder in seen if takes_a_file(folder)],
        "files": [path for folder in seen if os.access(folder, os.R_OK | os.X_OK) for path in may_be_changed(folder)],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
