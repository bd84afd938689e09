"""A network of one's own with nothing in it but 127.0.0.1, which tests and machines can stand in together."""

import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_OURS = "/proc/thread-self/ns/net"
# os.unshare and os.setns are there from Python 3.12 on only.
_libc = ctypes.CDLL(None, use_errno=True)


def _do(done: int) -> None:
    if done != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Network:
    """A network, until ``close`` and the end of all that was started in it."""

    def __init__(self) -> None:
        self._file = -1
        thread = threading.Thread(target=self._make)  # a thread can leave the network of the others
        thread.start()
        thread.join()
        if self._file < 0:
            raise OSError("no network of its own could be made")

    def _make(self) -> None:
        _do(_libc.unshare(_CLONE_NEWNET))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
        self._file = os.open(_OURS, os.O_RDONLY)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Stand in it: sockets, threads and processes that are begun here belong to it for ever."""
        before = os.open(_OURS, os.O_RDONLY)
        _do(_libc.setns(self._file, _CLONE_NEWNET))
        try:
            yield
        finally:
            _do(_libc.setns(before, _CLONE_NEWNET))
            os.close(before)

    def close(self) -> None:
        """Let it go."""
        os.close(self._file)
