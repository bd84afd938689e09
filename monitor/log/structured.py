"""structlog, without rich, which it would load for tracebacks in colour: 6 MB in a daemon that never shows one."""

from monitor.withheld import withheld

with withheld("rich"):
    import structlog

__all__ = ["structlog"]
