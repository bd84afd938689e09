"""Scenarios: the accounts that a simulator starts with, from a TOML file of the user's or of this folder."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from monitor.quantity import Duration
from monitor.simulator.story import Change, Event, Mistake, State, Story, nanoseconds

_NAME = r"^[a-z0-9]+(_[a-z0-9]+)*$"
_KEY = r"^[!-~]+$"  # what a header carries unchanged
_FOLDER = resources.files(__package__) / "scenarios"


class Step(Change):
    """A change at a time of the story, and ``every`` so often after that."""

    at: Duration
    every: Duration | None = None

    @model_validator(mode="after")
    def _advances(self) -> Self:
        if self.every is not None and self.every <= timedelta(0):
            raise ValueError("every must be longer than nothing")
        return self

    def event(self, beginning: int) -> Event:
        """Return the step as a story that begins then keeps it."""
        return Event(beginning + nanoseconds(self.at), self, nanoseconds(self.every or timedelta(0)))


class Account(Change):
    """A simulated account: its name and key, how it starts, and its story."""

    name: Annotated[str, Field(pattern=_NAME, max_length=64)]
    api_key: Annotated[str, Field(pattern=_KEY, max_length=1000)] | None = None
    """``simulated-NAME`` unless given."""
    steps: tuple[Step, ...] = ()

    @property
    def key(self) -> str:
        """The key that opens this account."""
        return self.api_key or f"simulated-{self.name}"

    def story(self, *, now: int = 0, account_id: int = 1) -> Story:
        """Return the account's story, from its beginning at ``now``; its steps count from there."""
        story = Story(now, State(account_id=account_id)).changed(self)
        for step in self.steps:
            story = story.with_event(step.event(now))
        return story


class _Described(Account):
    copies: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None

    def accounts(self) -> list[Account]:
        if self.copies is None:
            return [self]
        return [
            self.model_copy(update={"name": f"{self.name}_{n}", "api_key": self.api_key and f"{self.api_key}-{n}"})
            for n in range(1, self.copies + 1)
        ]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    description: str = ""
    accounts: Annotated[dict[str, _Described], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _name(cls, data: dict[str, Any]) -> dict[str, Any]:
        accounts = data.get("accounts")
        if not isinstance(accounts, dict):
            return data
        named = {n: {**a, "name": a.get("name", n)} if isinstance(a, dict) else a for n, a in accounts.items()}
        return {**data, "accounts": named}


class Scenario(NamedTuple):
    """A sentence about what happens, and the accounts that it happens to."""

    description: str
    accounts: tuple[Account, ...]


_KEYS = {*_Described.model_fields, *Step.model_fields, *_File.model_fields} - {"name"}


def names() -> list[str]:
    """List the scenarios that come with the program."""
    return sorted(file.name.removesuffix(".toml") for file in _FOLDER.iterdir() if file.name.endswith(".toml"))


def scenario(name: str) -> Scenario:
    """Return a scenario by its name, or from the TOML file of that path; a Mistake says what is wrong with it."""
    if name in names():
        return parse(_FOLDER.joinpath(f"{name}.toml").read_text(encoding="utf-8"), place=name)
    try:
        text = Path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(names())
        raise Mistake(f'there is no scenario "{name}": take one of {known}, or the path of a TOML file') from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Mistake(f"{name} cannot be read: {why}") from None
    return parse(text, place=name)


def parse(text: str, *, place: str) -> Scenario:
    """Read a scenario; ``place`` names the file in a Mistake."""
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Mistake(f"{place}: not TOML: {error}") from None
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise Mistake(f"{place}: {told(error)}") from None
    return Scenario(file.description, tuple(a for described in file.accounts.values() for a in described.accounts()))


def told(error: ValidationError) -> str:
    """Say every mistake that pydantic found, each with its place."""
    return "; ".join(_sentence(detail) for detail in error.errors(include_url=False, include_input=False))


def _sentence(detail: Mapping[str, Any]) -> str:
    place = re.sub(r"\.\[", "[", ".".join(f"[{p}]" if isinstance(p, int) else str(p) for p in detail["loc"]))
    match detail["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(str(detail["loc"][-1]), _KEYS, 1)
            text = "there is no such key" + "".join(f', did you mean "{word}"?' for word in close)
        case "missing":
            text = "this key is missing"
        case _:
            said = detail["msg"].removeprefix("Value error, ")
            text = said[:1].lower() + said[1:]
    return f"{place}: {text}" if place else text
