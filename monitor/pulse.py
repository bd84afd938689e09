"""The daemon's own word that it lives, where the database cannot say so: a local socket that needs no disk.

Its name is made of the database's path; it lives in the network namespace and ends with the process. Linux only.
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

_LONGEST = 4096
_TURNS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How the daemon is at this moment."""

    pid: int
    overdue: int
    """Accounts whose poll is overdue."""
    trouble: str = ""
    """Why the database cannot be used; all goes on from memory then."""


def _name(database: Path) -> str:
    """Return an abstract address: no file, so that no disk can be in its way."""
    digest = hashlib.sha256(os.fsencode(database.resolve())).hexdigest()
    return f"\0balance-monitor-{digest[:32]}"


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
        self._server: asyncio.Server | None = None

    async def start(self) -> str | None:
        """Begin to answer; return why that cannot be, or None."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_unix_server(self._tell, path=_name(self._database))
        except OSError as error:
            return os.strerror(error.errno or 0)
        return None

    def _tell(self) -> _Telling:
        return _Telling(json.dumps(asdict(self._feel())).encode())

    async def stop(self) -> None:
        """Answer nobody any more."""
        if self._server is None:
            return
        # What was accepted becomes a connection only some turns later: a server closed by then would leak the socket.
        for listener in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        await self._turns()
        self._server.close()
        await self._turns()

    async def _turns(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)


def feel(database: Path, *, timeout: float = 2.0) -> Pulse | None:
    """Ask the daemon of a database how it is; None if none answers in time, or if it is not one to be believed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, suppress(OSError, ValueError, TypeError):
        line.settimeout(timeout)
        line.connect(_name(database))
        if not _may_be_believed(_peer(line), database):
            return None
        said = b""
        while len(said) < _LONGEST and (more := line.recv(_LONGEST)):
            said += more
        return Pulse(**json.loads(said))
    return None


def _peer(line: socket.socket) -> int:
    """Return the user at the other end."""
    _, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(user)


def _may_be_believed(user: int, database: Path) -> bool:
    """Say whether somebody is the system, ourselves, or whose the database is: anybody could take the name."""
    owners = {0, os.geteuid()}
    with suppress(OSError):
        owners.add(database.stat().st_uid)
    return user in owners
