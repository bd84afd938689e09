"""httpx, without the command line that it brings: that would load rich and all that rich needs, 50 ms and 6 MB."""

from monitor.withheld import withheld

with withheld("httpx._main"):
    import httpx

__all__ = ["httpx"]
