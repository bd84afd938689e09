"""Keys and their paths: which there are, and what somebody may have meant who wrote another."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from monitor.config.shape import ANY, KEYS, Keys

KeyPath = tuple[str, ...]
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_TOP_LEVEL = {key for key, below in KEYS.items() if below is None}
TWINS = {"accounts": "api_key", "channels": "url"}
"""The secret of each table of names; its twin with ``_file`` names a file that holds it."""


def dotted(path: Iterable[str]) -> str:
    """Write a path as TOML does: ``accounts.main.api_key``."""
    return ".".join(key if _BARE.fullmatch(key) else repr(key) for key in path)


def at(tables: dict[str, Any], path: KeyPath) -> object:
    """Return what stands at a path, None if nothing does."""
    found: object = tables
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def drop(tables: dict[str, Any], path: KeyPath) -> None:
    """Remove what stands at a path, if anything does."""
    table = at(tables, path[:-1])
    if isinstance(table, dict):
        table.pop(path[-1], None)


def strangers(tables: dict[str, Any], keys: Keys = KEYS, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Tell the path of every key that there is not."""
    for key, value in tables.items():
        if key not in keys and ANY not in keys:
            yield (*path, key)
        elif isinstance(value, dict) and (below := keys.get(key, keys.get(ANY))):
            yield from strangers(value, below, (*path, key))


def wrong_part(path: KeyPath) -> int | None:
    """Return the position of the first part of a path that is no key; None if the path is one."""
    keys: Keys | None = KEYS
    for position, key in enumerate(path):
        if keys is None or (key not in keys and ANY not in keys):
            return position
        keys = keys.get(key, keys.get(ANY))
    return None


def meant(path: KeyPath) -> str | None:
    """Return the key that the last part of an unknown path resembles, if one does."""
    keys: Keys | None = KEYS
    for key in path[:-1]:
        keys = keys.get(key, keys.get(ANY)) if keys else None
    close = get_close_matches(path[-1], [key for key in keys or () if key != ANY], n=1)
    return close[0] if close else None


def remedy(path: KeyPath) -> str:
    """Say what to do about an unknown key in the file."""
    if len(path) > 1 and path[-1] in _TOP_LEVEL:
        return f"{path[-1]} belongs above the first [table]"
    if close := meant(path):
        return f"did you mean {close}?"
    return "remove it; config.example.toml has every key there is"
