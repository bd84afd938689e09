"""Libraries without what they load only because it is there: memory and time that the daemon would pay for nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def withheld(module: str) -> Iterator[None]:
    """Let what is imported meanwhile do without a module, as where it is not installed; not if it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how Python writes down that there is no such module
    try:
        yield
    finally:
        del sys.modules[module]
