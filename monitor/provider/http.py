"""httpx, without the command line that it brings: that would load rich and all that rich needs, 50 ms and 6 MB."""

import sys

_ITS_OWN = "httpx._main"
_WITHHELD = _ITS_OWN not in sys.modules
if _WITHHELD:
    sys.modules[_ITS_OWN] = None  # type: ignore[assignment]  # how Python writes down that there is no such module
try:
    import httpx
finally:
    if _WITHHELD:
        del sys.modules[_ITS_OWN]

__all__ = ["httpx"]
