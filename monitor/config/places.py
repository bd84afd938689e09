"""Where the configuration file and, unless set, the database are."""

import os
from collections.abc import Mapping
from pathlib import Path

from monitor.config.effective import ConfigError

_FOLDER = "balance-monitor"
_FILE = "config.toml"
_DATABASE = "monitor.db"
CONFIG_VARIABLE = "BALANCE_MONITOR_CONFIG"


def find(
    explicit: Path | None, environ: Mapping[str, str], cwd: Path, *, system: Path = Path("/etc") / _FOLDER
) -> Path | None:
    """Return the configuration file to read, None if there is none; a named one that is not there is a ConfigError."""
    named = environ.get(CONFIG_VARIABLE)
    if explicit is not None:
        return _must_be_there(cwd, explicit, "--config")
    if named:
        return _must_be_there(cwd, Path(named), CONFIG_VARIABLE)
    folders = (cwd, _xdg(environ, "XDG_CONFIG_HOME", ".config"), system)
    return next((folder / _FILE for folder in folders if folder and _is_file(folder / _FILE)), None)


def default_database(environ: Mapping[str, str], *, system: Path = Path("/var/lib") / _FOLDER) -> str:
    """Return the URL of the database to use when none is configured."""
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]  # systemd may name several
    home = _xdg(environ, "XDG_STATE_HOME", ".local/state")
    folder = Path(state) if state else system if home is None or _is_there(system) else home
    return f"sqlite:///{folder / _DATABASE}"


def _must_be_there(cwd: Path, path: Path, who: str) -> Path:
    try:
        if (cwd / path).is_dir():
            raise ConfigError([f"{who} {path}: a folder: name the file in it"])
        if (cwd / path).exists():  # not is_file: it may be a pipe
            return path
    except OSError as error:
        raise ConfigError([f"{who} {path}: cannot be read ({error.strerror}): correct its permissions"]) from None
    raise ConfigError([f"{who} {path}: there is no such file: correct the path, or write one with config init"])


def _xdg(environ: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    """Return our folder in one of the XDG base folders, None without a home; the standard ignores relative ones."""
    base = Path(environ.get(variable, ""))
    if not base.is_absolute():
        home = environ.get("HOME")
        if not home:
            return None
        base = Path(home) / below_home
    return base / _FOLDER


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _is_there(path: Path) -> bool:
    """Say whether a folder is there, also one that we may not look into: systemd hides that of a service."""
    return is_folder(path) or os.path.islink(path)  # noqa: PTH114 - which never raises


def is_folder(path: Path) -> bool:
    """Say whether a folder is there; no where nobody may look."""
    try:
        return path.is_dir()
    except OSError:
        return False
