"""The daemon's own word that it lives: a local socket that needs no disk, no configuration and no library to be read.

It lives in the network namespace and ends with the process. Linux only.
"""

import hashlib
import json
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OLDEST_BEAT = 35.0
"""Seconds: three beats and a half."""
_LONGEST = 1 << 20
_DECIDE = (
    "BALANCE_MONITOR_CONFIG",
    "BALANCE_MONITOR_DATABASE",
    "STATE_DIRECTORY",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "HOME",
)
"""The variables that decide which configuration and which database a program uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How the daemon is at this moment."""

    pid: int
    overdue: int
    """Accounts whose poll is overdue."""
    trouble: str = ""
    """Why the database cannot be used; all goes on from memory then."""
    idle: float = 0.0
    """Real seconds since it kept house last, as it does each second."""
    reloads: int = 0
    """How often it has read its configuration again, or refused to."""
    reload_error: str = ""
    """Why the last time it refused, a mistake a line."""
    page: str = ""
    """Why the page cannot be served, though it should be."""


def ailment(pulse: Pulse) -> str | None:
    """Say what keeps the daemon from its work, or None: what ``healthcheck`` says, and ``/healthz``."""
    if pulse.idle > OLDEST_BEAT:
        return f"the daemon (process {pulse.pid}) has not kept house for {pulse.idle:.0f} seconds"
    return overdue(pulse.overdue)


def overdue(accounts: int) -> str | None:
    """Say that polls are overdue, or None if none is."""
    return f"the polls of {accounts} account{'s' * (accounts > 1)} are overdue" if accounts else None


def names(database: Path) -> list[str]:
    """Return abstract addresses: no files, so that no disk can be in the way.

    One is of the path, the other of the folder itself: a service may see its folder at another path than we do, and a
    folder may be deleted. Containers that share a network have other process numbers, and so other names.
    """
    real = database.resolve()
    ours = [os.fsencode(real)]
    with suppress(OSError):
        folder = real.parent.stat()
        ours.insert(0, f"{folder.st_dev}:{folder.st_ino}:{real.name}".encode())
    return [_name(one) for one in ours]


def name_of_call(config: Path | None, environ: Mapping[str, str]) -> str:
    """Return the address of a daemon that was called like this: in the same folder, with the same configuration.

    Whoever is called as the daemon was, as the health check of a container, finds it without reading anything.
    """
    with suppress(OSError):
        here = Path.cwd()
        return _name(repr([str(here), str(config), [environ.get(name) for name in _DECIDE]]).encode())
    return ""


def _name(what: bytes) -> str:
    return f"\0balance-monitor-{hashlib.sha256(_processes() + what).hexdigest()[:32]}"


def _processes() -> bytes:
    """Tell the set of processes that we can see, as a container has its own."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").stat().st_ino).encode()
    return b""


def feel(database: Path, *, timeout: float = 2.0) -> Pulse | None:
    """Ask the daemon of a database how it is; None if none answers in time, or if it is not one to be believed."""
    return next((found for name in names(database) if (found := _ask(name, _owners(database), timeout))), None)


def feel_by_call(config: Path | None, environ: Mapping[str, str], *, timeout: float = 2.0) -> Pulse | None:
    """Ask a daemon of ours that was called as we are; None if there is none, which says nothing."""
    return _ask(name_of_call(config, environ), _Owners(users={0, os.geteuid()}), timeout)


def _ask(name: str, owners: "_Owners", timeout: float) -> Pulse | None:
    if not name:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, suppress(OSError, ValueError, TypeError):
        line.settimeout(timeout)
        line.connect(name)
        pid, user = _peer(line)
        if user not in owners.users and pid != owners.process:
            return None
        said = b""
        while len(said) < _LONGEST and (more := line.recv(_LONGEST)):
            said += more
        pulse = Pulse(**json.loads(said))
        return pulse if pulse.pid == pid else None  # who is to be sent a signal must not be somebody's choice
    return None


def _peer(line: socket.socket) -> tuple[int, int]:
    """Return the process and the user at the other end."""
    said = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, user, _ = struct.unpack("3i", said)
    return int(pid), int(user)


@dataclass(frozen=True, slots=True)
class _Owners:
    """Who is to be believed: anybody could take a name."""

    users: Iterable[int]
    process: int | None = None


def _owners(database: Path) -> _Owners:
    """Return the system, ourselves, whose the database is, and who has locked it.

    systemd shows the files of a service that runs to others as nobody's.
    """
    users = {0, os.geteuid()}
    with suppress(OSError):
        users.add(database.stat().st_uid)
    return _Owners(users, _locker(database))


def _locker(database: Path) -> int | None:
    """Return the process that has locked the database, as only its own user can write it down beside it."""
    real = database.resolve()
    with suppress(OSError, ValueError):
        return int(real.with_name(f"{real.name}.lock").read_text().partition("\n")[0])
    return None
