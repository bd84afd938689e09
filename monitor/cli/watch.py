"""What is drawn again and again in one place, on a screen of its own: the terminal is left as it was."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The other screen, no cursor, and no line that goes on in the next one."""
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_TOP, _REST_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"


def watch(draw: Callable[[], Sequence[str]], stream: TextIO, *, every: float) -> None:
    """Draw every so many seconds, and at once when the terminal gets another size, until Ctrl-C or a SIGTERM."""
    with _minding_signals(stream), _other_screen(stream):
        while True:
            lines = f"{_REST_OF_LINE}\r\n".join(draw())
            _send(stream, f"{_TOP}{lines}{_REST_OF_LINE}{_REST}")
            signal.sigtimedwait({signal.SIGWINCH}, every)


@contextmanager
def _other_screen(stream: TextIO) -> Iterator[None]:
    _send(stream, _ENTER)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        _send(stream, _LEAVE)


@contextmanager
def _minding_signals(stream: TextIO) -> Iterator[None]:
    """End on a SIGTERM as on Ctrl-C, give the terminal back during a Ctrl-Z, and let a new size be waited for."""

    def pause(_number: int, _frame: FrameType | None) -> None:
        _send(stream, _LEAVE)
        os.kill(os.getpid(), signal.SIGSTOP)
        _send(stream, _ENTER)

    asked = {signal.SIGTERM: signal.default_int_handler, signal.SIGTSTP: pause}
    before = {number: signal.signal(number, handler) for number, handler in asked.items()}
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGWINCH})
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
