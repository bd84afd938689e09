"""The accounts of one API: whom an alert about all of them is about, and under which name it is kept."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2s
from urllib.parse import urlsplit

from monitor.alerts.outage import Failing
from monitor.config import Account, Config
from monitor.model import Kind
from monitor.rules import Rule
from monitor.store import Tx, memory

KINDS = (Kind.REFUSED, Kind.UNREADABLE, Kind.UNREACHABLE)
"""Each is the name of a rule; the more telling ones come first, since who is refused is not read either."""
_LONGEST_NAME = 64
_HTTPS = 443


@dataclass(frozen=True)
class Group:
    """The accounts of one API that have the rule of that kind."""

    kind: Kind
    place: str
    accounts: Mapping[str, Account]
    is_all: bool
    """There are no other accounts."""

    @property
    def rule(self) -> str:
        """The name under which its alert is kept."""
        return rule_of(self.kind, self.place)

    @property
    def names(self) -> list[str] | None:
        """The accounts, for a query; None for every one."""
        return None if self.is_all else list(self.accounts)

    @cached_property
    def usual(self) -> Rule:
        """The rule as most of the accounts have it; equal ones are one object."""
        rules = [rule for one in self.accounts.values() if (rule := _rule(one, self.kind))]
        most = Counter(map(id, rules)).most_common(1)[0][0]
        return next(rule for rule in rules if id(rule) == most)

    def failing(self, tx: Tx) -> list[Failing]:
        """Return those that fail now, in the order of the configuration."""
        found = {one.account: one for one in memory.failing(tx)}
        return [found[name] for name in self.accounts if name in found]


def group_of(config: Config, kind: Kind, place: str) -> Group:
    """Return the accounts of an API that have the rule of that kind."""
    there = {name: one for name, one in config.accounts.items() if place_of(one.base_url) == place and _rule(one, kind)}
    return Group(kind, place, there, is_all=len(there) == len(config.accounts))


def groups_of(config: Config, rules: Iterable[str]) -> dict[str, Group]:
    """Return whom each of these alerts is about, where it is about more than one account."""
    places = dict.fromkeys(place_of(one.base_url) for one in config.accounts.values())
    named = {rule_of(kind, place): (kind, place) for place in places for kind in KINDS}
    found = {rule: group_of(config, *named[rule]) for rule in rules if rule in named}
    return {rule: group for rule, group in found.items() if len(group.accounts) > 1}


def _rule(account: Account, kind: Kind) -> Rule | None:
    name = kind.value
    return next((rule for rule in account.rules if rule.name == name), None)


@lru_cache(maxsize=1024)
def place_of(base_url: str) -> str:
    """Return host, port and path of an API; the configuration lets no secret be in them."""
    parts = urlsplit(base_url)
    host = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    port = parts.port or {"http": 80, "https": _HTTPS}[parts.scheme]
    return host + ("" if port == _HTTPS else f":{port}") + parts.path


@lru_cache(maxsize=1024)
def rule_of(kind: Kind, place: str) -> str:
    """Return the name under which the alert of one API is kept, cut to what the name of a rule may be."""
    name = f"{kind.value}.{place}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 9]}-{blake2s(place.encode(), digest_size=4).hexdigest()}"
