"""balance-monitor: tells you before the money runs out."""

__version__ = "0.1.0"
