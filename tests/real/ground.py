"""What the real proofs stand on: the packages of the machine, and Debian trees made from its own mirror."""

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

PROJECT = Path(__file__).parents[2]
CACHE = PROJECT / ".cache" / "real"
_SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
_ADDRESS = re.compile(r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s*(\S+)", re.MULTILINE)
# A machine whose TLS is signed anew by somebody local has that somebody's certificate here; else nothing is copied.
_TRUST = (
    'mkdir -p "$1"/usr/local/share/ca-certificates && '
    'cp /usr/local/share/ca-certificates/*.crt "$1"/usr/local/share/ca-certificates/ 2>/dev/null || true; '
    'chroot "$1" update-ca-certificates >/dev/null 2>&1'
)


def need(*programs: str) -> None:
    """Skip where a system package is absent; in CI, which installs them all, that is a failure."""
    missing = [program for program in programs if shutil.which(program) is None]
    if os.geteuid() != 0:
        missing.insert(0, "root's rights")
    if missing:
        _lack(f"{', '.join(missing)}: see the packages in .ci/run")


def _lack(what: str) -> NoReturn:
    if "CI" in os.environ:
        pytest.fail(f"CI has what the real proofs need, but here they lack {what}")
    pytest.skip(f"needs {what}")


def run(*command: str | Path, timeout: float = 300, **more: object) -> str:
    """Run a command to its good end and return what it printed; else fail with all that it said."""
    done = subprocess.run(  # type: ignore[call-overload]  # noqa: PLW1510 - told below with its output
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        **more,
    )
    assert done.returncode == 0, f"{' '.join(str(part) for part in command)}: exit {done.returncode}\n{done.stdout}"
    return str(done.stdout)


def mirror() -> str:
    """Return the address of the Debian mirror that this machine itself uses."""
    for source in map(Path, _SOURCES):
        if source.is_file() and (found := _ADDRESS.search(source.read_text())):
            return found[1]
    _lack("a Debian machine, whose mirror is known")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tree(suite: str, name: str, packages: Sequence[str], *, runs: bool = True) -> Path:
    """Return a minimal Debian tree with these packages: made once, in about 20 s, and never to be changed.

    One that need not run has their files and nothing else, in 4 s.
    """
    there = CACHE / f"{suite}-{name}"
    with _alone(there.name):
        if not there.exists():
            fresh = there.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            if runs:
                kind = [
                    "minbase",
                    f"--include={','.join([*packages, 'ca-certificates'])}",
                    f"--customize-hook={_TRUST}",
                ]
            else:
                kind = ["extract", f"--include={','.join(packages)}"]
            run("mmdebstrap", "--quiet", f"--variant={kind[0]}", *kind[1:], suite, fresh, mirror())
            fresh.rename(there)
    return there


def source(to: Path) -> Path:
    """Copy the project as a user gets it, without what git does not know; return the folder."""
    names = run("git", "-C", PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        target = to / name
        if (PROJECT / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target)
    return to


def pip_here() -> tuple[str, list[Path]]:
    """Return how pip is set up on this machine, as the text of an /etc/pip.conf, and the local paths that it names."""
    sections: dict[str, dict[str, str]] = {}
    for line in run(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.strip().rpartition(".")
        if key != "config-file":
            # The environment comes first, in pip and in the list.
            sections.setdefault(section.replace(":env:", "global"), {}).setdefault(key, ast.literal_eval(value))
    lines = [
        line for name, keys in sections.items() for line in (f"[{name}]", *(f"{key} = {keys[key]}" for key in keys))
    ]
    words = [
        word.removeprefix("file://") for keys in sections.values() for text in keys.values() for word in text.split()
    ]
    return "\n".join(line.replace("\n", "\n    ") for line in lines) + "\n", [*filter(None, map(_whole, words))]


def _whole(word: str) -> Path | None:
    """Return the path to hand in for a word that is one: the files of an index lie beside its list of names."""
    path = Path(word)
    if not path.is_absolute() or not path.exists():
        return None
    return path.parent if path.name == "simple" else path
