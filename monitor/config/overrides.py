"""Rules from tables: an account's table lies over the global one key by key, and equal rules are one object."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from monitor.config.given import Given
from monitor.config.keys import KeyPath
from monitor.config.words import said
from monitor.rules import PER_LEVEL, RULES, Rule, Undelivered, Watch

Table = Mapping[str, Any]
Tables = Mapping[str, Table]
_BOTH = ("warning", "critical")
W = TypeVar("W", bound=Watch)


def watches(rule: Rule) -> bool:
    """Say whether a rule can ever fire: it is enabled, and has a threshold left if it is one of those with two."""
    return rule.enabled and bool(getattr(rule, "lines", True))


class Rulebook:
    """Makes the rules of each account; mistakes are told once, where they were written."""

    def __init__(self, given: Given, tables: Tables) -> None:
        self._given = given
        self._made: dict[tuple[str, str], Watch] = {}
        self._rules: dict[Watch, Watch] = {}
        self._tuples: dict[tuple[Rule, ...], tuple[Rule, ...]] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        self.globally: dict[str, Rule] = {}
        for rule in RULES:
            self._tables[rule.name], made = self._global(rule, dict(tables.get(rule.name, {})))
            if rule.on or rule.name in tables:
                self.globally[rule.name] = made
        self.everywhere = self._same(self.globally)
        _, self.undelivered = self._global(Undelivered, dict(tables.get(Undelivered.name, {})))

    def of(self, account: str, tables: Tables) -> tuple[Rule, ...]:
        """Return the rules that watch an account."""
        return self._same(self.all_of(account, tables)) if tables else self.everywhere

    def all_of(self, account: str, tables: Tables) -> dict[str, Rule]:
        """Return the rules that an account has by name, the disabled ones too."""
        own = {
            rule.name: made
            for rule in RULES
            if rule.name in tables and (made := self._over(rule, tables[rule.name], account))
        }
        return {rule.name: both[rule.name] for both in [self.globally | own] for rule in RULES if rule.name in both}

    def _same(self, rules: Mapping[str, Rule]) -> tuple[Rule, ...]:
        found = tuple(rule for rule in rules.values() if watches(rule))
        return self._tuples.setdefault(found, found)

    def _global(self, rule: type[W], table: dict[str, Any]) -> tuple[dict[str, Any], W]:
        """Make a global rule, without the keys that are wrong, so that no account is blamed for them."""
        path = ("rules", rule.name)
        try:
            return table, self._make(rule, table)
        except ValidationError as error:
            for each in error.errors():
                keys = tuple(str(key) for key in each["loc"])
                self._blame(keys, said(each), dict.fromkeys(keys or _BOTH, path))
                for key in keys or _BOTH:
                    table.pop(key, None)
        return self._global(rule, table)

    def _over(self, rule: type[Rule], own: Table, account: str) -> Rule | None:
        """Make an account's rule; None if it is wrong."""
        below = self._tables[rule.name]
        merged = {**below, **own}
        merged |= {key: {**below[key], **own[key]} for key in PER_LEVEL if key in below and key in own}
        try:
            return self._make(rule, merged)
        except ValidationError as error:
            tables = (("rules", rule.name), ("accounts", account, "rules", rule.name))
            for each in error.errors():
                keys = tuple(str(key) for key in each["loc"])
                self._blame(keys, said(each), {key: tables[key in own] for key in keys or _BOTH})
        return None

    def _make(self, rule: type[W], table: Table) -> W:
        written = (rule.name, repr(sorted(table.items())))
        if written not in self._made:
            made = rule.model_validate(table)
            self._made[written] = self._rules.setdefault(made, made)
        return cast("W", self._made[written])

    def _blame(self, keys: KeyPath, sentence: str, tables: Mapping[str, KeyPath]) -> None:
        if keys:
            self._given.blame((*tables[keys[0]], *keys), sentence)
            return
        places = [self._given.place((*tables[key], key)) for key in _BOTH]  # two thresholds that contradict
        self._given.problems.append(f"{places[0]} and {places[1]}: {sentence}")
