"""The configuration: its shape, its defaults, and the sources that it is merged from."""

from monitor.config.effective import (
    Account,
    Channel,
    Config,
    ConfigError,
    Digest,
    Listen,
    Retention,
    Unusable,
    Web,
    is_loopback,
)
from monitor.config.load import database_of, load
from monitor.config.places import find

__all__ = [
    "Account",
    "Channel",
    "Config",
    "ConfigError",
    "Digest",
    "Listen",
    "Retention",
    "Unusable",
    "Web",
    "database_of",
    "find",
    "is_loopback",
    "load",
]
