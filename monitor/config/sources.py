"""Where values come from: environment, secret files, the TOML file; each as tables that know their places.

pydantic-settings unfolds the names of variables and merges the layers. Three things it leaves to us: it decodes the
values of variables (25.10 would become a float, a key of digits a number), its secret files may not be unreadable
or links out of their folder, as those of systemd and Kubernetes can be, and it forgets where a value came from.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from monitor.config.effective import ConfigError
from monitor.config.fields import parse_json
from monitor.config.keys import KeyPath, at, dotted, drop, secrets_in, twin
from monitor.config.places import is_folder
from monitor.config.shape import Shape
from monitor.rules import PER_LEVEL, Pauses

PREFIX = "BALANCE_MONITOR_"
LEGNEXT_KEY = "LEGNEXT_API_KEY"
LISTEN_DEFAULT = "BALANCE_MONITOR_DEFAULT_LISTEN"
"""Where the page is served if nobody says and there is a token: for an image, which knows its own network."""
_LEVELS = tuple(Pauses.__dataclass_fields__)
MAIN_KEY = ("accounts", "main", "api_key")
# What Kubernetes sets in every container beside a Service named balance-monitor, as NAME=value without our prefix.
_SERVICE_LINK = re.compile(
    r"SERVICE_HOST=.+|SERVICE_PORT(_[A-Z0-9_]+)?=\d+|PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://.+"
    r"|PORT_\d+_(TCP|UDP|SCTP)_(ADDR=.+|PORT=\d+|PROTO=(tcp|udp|sctp))",
)


class Layer(PydanticBaseSettingsSource):
    """The values of one source, and where each of them stands."""

    def __init__(
        self,
        kind: str,
        tables: dict[str, Any],
        *,
        names: Mapping[KeyPath, str] | None = None,
        file: Path | None = None,
    ) -> None:
        super().__init__(Shape)
        self.kind = kind
        self.tables = tables
        self.names = names or {}
        self.file = file
        _spread_pauses(tables)

    def place(self, path: KeyPath) -> str:
        """Name the place of a value: the variable, the secret file, or the file with the key's path."""
        if self.file is not None:
            return f"{self.file}: {dotted(path)}"
        for length in range(len(path), 0, -1):  # a variable may hold a whole table
            if name := self.names.get(path[:length]):
                below = path[length:]
                return f"{name}: {dotted(below)}" if below and below[0] not in _LEVELS else name
        return dotted(path)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Answer what the base class asks of a source that looks up one field after the other: not this one."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the tables without the secrets that a source before this one gives, in either of the two forms."""
        for secret in secrets_in(self.current_state):
            drop(self.tables, secret)
            drop(self.tables, twin(secret))
        return self.tables


class LegnextKey(Layer):
    """The variable LEGNEXT_API_KEY: the key of main where nothing gives one, and main itself without any account."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__("environment", {}, names={MAIN_KEY: LEGNEXT_KEY})
        self._key = environ.get(LEGNEXT_KEY, "").strip()

    def __call__(self) -> dict[str, Any]:
        """Look at what the other sources gave, which all come before this one."""
        accounts = self.current_state.get("accounts", {})
        main = accounts.get("main") if isinstance(accounts, dict) else None
        lacks = isinstance(main, dict) and not {"api_key", "api_key_file"} & set(main)
        if self._key and (accounts == {} or lacks):
            self.tables.update(accounts={"main": {"api_key": self._key}})
            self._key = ""  # once: a key that turns out wrong is dropped, and must not come back
        return self.tables


class _Unfolded(EnvSettingsSource):
    """Variables such as ``accounts__main__api_key`` as tables; values stay strings unless they hold a table."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(Shape, case_sensitive=True, env_prefix="", env_nested_delimiter="__")
        # Sorted, so that a variable that holds a whole table comes before those that hold one key of it.
        self.env_vars = dict(sorted(variables.items()))

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401, ARG002
        """Read a table that is written as JSON; leave everything else to the type of the key."""
        return _table(value) or value


def unfold(variables: Mapping[str, str]) -> dict[str, Any]:
    """Turn variables, without their prefix and in lower case, into tables."""
    return _Unfolded(_spread_variables(variables))()


def _table(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a string, unless it came out of JSON
    table = parse_json(value) if isinstance(value, str) and value.lstrip().startswith("{") else None
    return table if isinstance(table, dict) else None


def _spread_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Write a variable such as ``…__remind_every`` as one a level, beside which there may be another for one level."""
    spread = dict(variables)
    for name, value in variables.items():
        if path_of(name)[-1] in PER_LEVEL:
            del spread[name]
            for level, pause in (_table(value) or dict.fromkeys(_LEVELS, value)).items():
                spread.setdefault(f"{name}__{level}", pause)
    return spread


def path_of(variable: str) -> KeyPath:
    """Split the name of a variable, without its prefix and in lower case, into the path of a key."""
    return tuple(variable.split("__"))


def is_service_link(name: str, value: str) -> bool:
    """Say whether Kubernetes set this variable: nobody wrote it, so nobody need hear that it means nothing."""
    return name.startswith(PREFIX) and _SERVICE_LINK.fullmatch(f"{name[len(PREFIX) :]}={value}") is not None


def read_file(path: Path | None) -> Layer | None:
    """Read the TOML file; what cannot be read at all is a ConfigError."""
    if path is None:
        return None
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return Layer("the config file", tomllib.loads(text, parse_float=Decimal), file=path)
    except OSError as error:
        problem = f"cannot be read ({error.strerror}): correct the path or its permissions"
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 at byte {error.start + 1}: save the file as UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"not TOML: {error}: correct that line"
    except (ValueError, RecursionError, ArithmeticError):  # a number of 5,000 digits; brackets in brackets in brackets
        problem = "not TOML that anybody would write: shorten its numbers and its nesting"
    raise ConfigError([f"{path}: {problem}"])


def secret_folders(environ: Mapping[str, str]) -> list[Path]:
    """Return where secret files are looked for: what systemd hands over, then what containers have."""
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    return [*([Path(credentials)] if credentials else []), Path("/run/secrets")]


def secret_files(folders: Sequence[Path]) -> dict[str, Path]:
    """List the secret files by name; the first folder that has a name wins, and a folder may be missing."""
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for file in entries:
            if not file.name.startswith(".") and not is_folder(file):
                found.setdefault(file.name, file)
    return found


def _spread_pauses(tables: dict[str, Any]) -> None:
    """Write one pause for both levels as two, so that layers and accounts override level by level."""
    accounts = tables.get("accounts")
    owners = [tables, *(accounts.values() if isinstance(accounts, dict) else ())]
    for owner in owners:
        rules = at(owner, ("rules",)) if isinstance(owner, dict) else None
        for rule in rules.values() if isinstance(rules, dict) else ():
            if isinstance(rule, dict):
                flat = {key: rule[key] for key in PER_LEVEL if not isinstance(rule.get(key, {}), dict)}
                rule.update({key: dict.fromkeys(_LEVELS, pause) for key, pause in flat.items()})


def settings(layers: Sequence[Layer]) -> BaseSettings:
    """Merge the layers, the first one first, and validate them."""
    return Shape(layers=layers)  # type: ignore[call-arg]  # taken by settings_customise_sources
