"""The daemon's own word that it lives, where the database cannot say so: a local socket that needs no disk.

Its names are made of the database's place; it lives in the network namespace and ends with the process. Linux only.
"""

import asyncio
import hashlib
import json
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_LONGEST = 1 << 20
_TURNS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How the daemon is at this moment."""

    pid: int
    overdue: int
    """Accounts whose poll is overdue."""
    trouble: str = ""
    """Why the database cannot be used; all goes on from memory then."""
    reloads: int = 0
    """How often it has read its configuration again, or refused to."""
    reload_error: str = ""
    """Why the last time it refused, a mistake a line."""


def _names(database: Path) -> list[str]:
    """Return abstract addresses: no files, so that no disk can be in the way.

    One is of the path, the other of the folder itself: a service may see its folder at another path than we do, and a
    folder may be deleted. Containers that share a network have other process numbers, and so other names.
    """
    real = database.resolve()
    ours = [os.fsencode(real)]
    with suppress(OSError):
        folder = real.parent.stat()
        ours.insert(0, f"{folder.st_dev}:{folder.st_ino}:{real.name}".encode())
    return [f"\0balance-monitor-{hashlib.sha256(_processes() + one).hexdigest()[:32]}" for one in ours]


def _processes() -> bytes:
    """Tell the set of processes that we can see, as a container has its own."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").stat().st_ino).encode()
    return b""


class _Telling(asyncio.Protocol):
    """One who asked: is told, and is through."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_unix_server makes
        transport.write(self._said)
        transport.close()


class Beating:
    """The daemon's end, from ``start`` to ``stop``; whoever connects is told."""

    def __init__(self, database: Path, feel: Callable[[], Pulse]) -> None:
        self._database, self._feel = database, feel
        self._servers: list[asyncio.Server] = []

    async def start(self) -> str | None:
        """Begin to answer; return why that cannot be, or None."""
        loop, wrong = asyncio.get_running_loop(), ""
        for name in _names(self._database):
            try:
                self._servers.append(await loop.create_unix_server(self._tell, path=name))
            except OSError as error:
                wrong = os.strerror(error.errno or 0)
        return None if self._servers else wrong

    def _tell(self) -> _Telling:
        return _Telling(json.dumps(asdict(self._feel())).encode())

    async def stop(self) -> None:
        """Answer nobody any more."""
        # What was accepted becomes a connection only some turns later: a server closed by then would leak the socket.
        for server in self._servers:
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener.fileno())
        await self._turns()
        for server in self._servers:
            server.close()
        await self._turns()

    async def _turns(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)


def feel(database: Path, *, timeout: float = 2.0) -> Pulse | None:
    """Ask the daemon of a database how it is; None if none answers in time, or if it is not one to be believed."""
    return next((found for name in _names(database) if (found := _ask(name, database, timeout))), None)


def _ask(name: str, database: Path, timeout: float) -> Pulse | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, suppress(OSError, ValueError, TypeError):
        line.settimeout(timeout)
        line.connect(name)
        pid, user = _peer(line)
        if not _may_be_believed(pid, user, database):
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


def _may_be_believed(pid: int, user: int, database: Path) -> bool:
    """Say whether somebody is the system, ourselves, or whose the database is: anybody could take the name.

    Or who has locked it: systemd shows the files of a service that runs to others as nobody's.
    """
    owners = {0, os.geteuid()}
    with suppress(OSError):
        owners.add(database.stat().st_uid)
    return user in owners or pid == _locker(database)


def _locker(database: Path) -> int | None:
    """Return the process that has locked the database, as only its own user can write it down beside it."""
    real = database.resolve()
    with suppress(OSError, ValueError):
        return int(real.with_name(f"{real.name}.lock").read_text().partition("\n")[0])
    return None
