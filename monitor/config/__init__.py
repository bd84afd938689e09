"""The configuration: its shape, its defaults, and the sources that it is merged from."""

from monitor.config.effective import Account, Channel, Config, ConfigError, Digest, Retention, Unusable
from monitor.config.load import database_of, load
from monitor.config.places import find

__all__ = [
    "Account",
    "Channel",
    "Config",
    "ConfigError",
    "Digest",
    "Retention",
    "Unusable",
    "database_of",
    "find",
    "load",
]
