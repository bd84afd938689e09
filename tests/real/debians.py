"""What the tests of systemd share: the trees of Debian 12 and Debian 13, and on each of them the service, as installed.

A test of the service speaks of one, and is done on both machines at once: most of its time is waiting.
"""

import inspect
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from real.ground import need, tree
from real.service import Service, installed

T = TypeVar("T")
DEBIANS = ("bookworm", "trixie")
"""Debian 12 with systemd 252, and Debian 13 with systemd 257."""
_PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "procps")


def _debian(suite: str) -> Path:
    need("mmdebstrap", "systemd-nspawn", "nsenter", "unshare", "setpriv")
    return tree(suite, "systemd", _PACKAGES)


@pytest.fixture(params=DEBIANS)
def debian(request: pytest.FixtureRequest) -> Path:
    """Give one tree, then the other."""
    return _debian(request.param)


class Both:
    """The service, on both machines."""

    def __init__(self, stack: ExitStack) -> None:
        # A thread for each that lasts: a machine ends with the thread that booted it.
        self._threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in DEBIANS]
        self._services = self._do([partial(self._install, stack, suite) for suite in DEBIANS])

    def _install(self, stack: ExitStack, suite: str) -> Service:
        return stack.enter_context(installed(_debian(suite)))

    def _do(self, calls: list[Callable[[], T]]) -> list[T]:
        futures = [thread.submit(call) for thread, call in zip(self._threads, calls, strict=True)]
        wait(futures)
        return [future.result() for future in futures]

    def each(self, call: Callable[[Service], object]) -> None:
        """Do something with both at once."""
        self._do([partial(_explained, call, service) for service in self._services])


def _explained(call: Callable[[Service], object], service: Service) -> None:
    """Do something with a service; what fails there is shown with the last that its machine has said."""
    try:
        call(service)
    except Exception as error:
        error.add_note(service.machine.attempt("journalctl --no-pager --lines=60").said)
        raise


@pytest.fixture(scope="session")
def both(figures: list[str]) -> Iterator[Both]:
    """Give the service as the page's own steps install it, on both machines."""
    began = time.monotonic()
    with ExitStack() as stack:
        found = Both(stack)
        figures.append(f"systemd: installed and told for the first time in {time.monotonic() - began:.0f} s")
        yield found
    figures.append(f"systemd: all of it took {time.monotonic() - began:.0f} s")


@pytest.fixture
def service(both: Both) -> Both:
    """Give the service, while all is well, told and quiet: a test gets one, and is done for both."""
    both.each(Service.calm)
    return both


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Do a test of the service on both machines at once."""
    both = pyfuncitem.funcargs.get("service")
    if not isinstance(both, Both):
        return None
    names = set(inspect.signature(pyfuncitem.obj).parameters) - {"service"}
    others = {name: pyfuncitem.funcargs[name] for name in names}
    both.each(lambda service: pyfuncitem.obj(service=service, **others))
    return True
