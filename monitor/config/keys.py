"""Keys and their paths: which there are, and what somebody may have meant who wrote another."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from monitor.config.fields import is_name
from monitor.config.secret import looks_secret, parse_address, parse_key, parse_token, parse_url
from monitor.config.shape import ANY, KEYS, Keys
from monitor.rules import OWN, RULES

KeyPath = tuple[str, ...]
_SHOWN = 4
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_TOP_LEVEL = {key for key, below in KEYS.items() if below is None}
_OWN = {rule.name: rule for rule in OWN}
_OTHERS = {key for rule in RULES for key in rule.model_fields}
SECRETS: Mapping[KeyPath, Callable[[object], str]] = {
    ("heartbeat_url",): parse_address,
    ("heartbeat_fail_url",): parse_address,
    ("web", "token"): parse_token,
    ("accounts", ANY, "api_key"): parse_key,
    ("channels", ANY, "url"): parse_url,
}
"""Every secret, and how it is read; its twin with ``_file`` names a file that holds it."""


def dotted(path: Iterable[str]) -> str:
    """Write a path as TOML does: ``accounts.main.api_key``; of a secret that was written as a key only its start."""
    return ".".join(key if _BARE.fullmatch(key) else repr(key) for key in map(_shown, path))


def _shown(key: str) -> str:
    return key if is_name(key) or not looks_secret(key) else f"{key[:_SHOWN]}…"


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


def twin(secret: KeyPath) -> KeyPath:
    """Return the path of the key that names a secret's file."""
    return (*secret[:-1], f"{secret[-1]}_file")


def kind_of(path: KeyPath) -> KeyPath | None:
    """Return the entry of ``SECRETS`` that a path belongs to, None for what is no secret."""
    fits = (kind for kind in SECRETS if len(kind) == len(path) and _matches(kind, path))
    return next(fits, None)


def _matches(kind: KeyPath, path: KeyPath) -> bool:
    return all(key in (ANY, written) for key, written in zip(kind, path, strict=True))


def secrets_in(tables: dict[str, Any]) -> Iterator[KeyPath]:
    """Tell the path of every secret that stands in the tables, in one of its two forms or in both."""
    for *owner, secret in SECRETS:
        for path in _tables_at(tables, owner):
            table = at(tables, path)
            if isinstance(table, dict) and (secret in table or f"{secret}_file" in table):
                yield (*path, secret)


def _tables_at(tables: dict[str, Any], owner: Sequence[str]) -> Iterable[KeyPath]:
    """Return the path of each table that an owner such as ``accounts.*`` stands for."""
    if not owner:
        return [()]
    named = at(tables, tuple(owner[:-1]))
    return [(*owner[:-1], name) for name in named] if isinstance(named, dict) else []


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


def advice_on_own(path: KeyPath) -> str | None:
    """Say what to do with a rule about the monitor itself in an account, or with a key that only others take."""
    match path:
        case ("accounts", _, "rules", name) if name in _OWN:
            return f"{name} is about channels, not accounts: write it in [rules.{name}]"
        case ("rules", name, key) if name in _OWN and key in _OTHERS:
            keys = sorted(_OWN[name].model_fields)
            return f"{name} counts time, not polls: it takes only {', '.join(keys[:-1])} and {keys[-1]}"
    return None


def remedy(path: KeyPath) -> str:
    """Say what to do about an unknown key in the file."""
    if advice := advice_on_own(path):
        return advice
    if len(path) > 1 and path[-1] in _TOP_LEVEL:
        return f"{path[-1]} belongs above the first [table]"
    if close := meant(path):
        return f"did you mean {close}?"
    return "remove it; config.example.toml has every key there is"
