"""Where the configuration file and the database are looked for."""

import tempfile
from pathlib import Path

import pytest
from nobody import nobody

from monitor.config import ConfigError, find, load
from monitor.config.places import default_database

KEY = {"LEGNEXT_API_KEY": "sk-1234567890"}


def make(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def test_the_file_is_looked_for_in_one_place_after_the_other(tmp_path: Path) -> None:
    cwd, home, xdg, system = tmp_path / "cwd", tmp_path / "home", tmp_path / "xdg", tmp_path / "etc"
    environ = {"HOME": str(home)}
    assert find(None, environ, cwd, system=system) is None
    assert find(None, {}, cwd, system=system) is None
    in_etc = make(system / "config.toml")
    assert find(None, {}, cwd, system=system) == in_etc
    at_home = make(home / ".config" / "balance-monitor" / "config.toml")
    assert find(None, environ, cwd, system=system) == at_home
    assert find(None, environ | {"XDG_CONFIG_HOME": "relative"}, cwd, system=system) == at_home
    in_xdg = make(xdg / "balance-monitor" / "config.toml")
    environ["XDG_CONFIG_HOME"] = str(xdg)
    assert find(None, environ, cwd, system=system) == in_xdg
    here = make(cwd / "config.toml")
    assert find(None, environ, cwd, system=system) == here
    named = make(tmp_path / "named.toml")
    environ["BALANCE_MONITOR_CONFIG"] = str(named)
    assert find(None, environ, cwd, system=system) == named
    assert find(here, environ, cwd, system=system) == here


def test_a_relative_path_is_taken_as_it_was_written(tmp_path: Path) -> None:
    make(tmp_path / "my.toml")
    assert find(Path("my.toml"), {}, tmp_path) == Path("my.toml")


def test_a_named_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    advice = "there is no such file: correct the path, or write one with config init"
    with pytest.raises(ConfigError) as caught:
        find(Path("gone"), {}, tmp_path)
    assert caught.value.problems == (f"--config gone: {advice}",)
    with pytest.raises(ConfigError) as caught:
        find(None, {"BALANCE_MONITOR_CONFIG": str(tmp_path)}, tmp_path)
    assert caught.value.problems == (f"BALANCE_MONITOR_CONFIG {tmp_path}: a folder: name the file in it",)
    too_long = Path("x" * 5000)
    with pytest.raises(ConfigError, match=r"cannot be read \(File name too long\)"):
        find(too_long, {}, tmp_path)


def test_a_place_where_nobody_may_look_holds_nothing(tmp_path: Path) -> None:
    unreachable = tmp_path / ("x" * 5000)
    assert find(None, {}, unreachable, system=unreachable) is None
    environ = {"HOME": "/home/ann"}
    assert default_database(environ, system=unreachable).startswith("sqlite:////home/ann/")


def test_the_folder_of_a_service_is_taken_also_by_those_who_may_not_look_into_it() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not below what only its owner may enter
        hidden, private = Path(folder, "hidden"), Path(folder, "private")
        private.mkdir(mode=0o000)
        hidden.symlink_to(private / "state")
        Path(folder).chmod(0o755)
        with nobody():
            assert default_database({"HOME": "/home/ann"}, system=hidden) == f"sqlite:///{hidden}/monitor.db"


def test_the_database_is_in_systemds_folder_else_the_systems_else_at_home(tmp_path: Path) -> None:
    there, gone = tmp_path, tmp_path / "gone"
    environ = {"HOME": "/home/ann"}
    assert default_database(environ, system=gone) == "sqlite:////home/ann/.local/state/balance-monitor/monitor.db"
    environ["XDG_STATE_HOME"] = "/state"
    assert default_database(environ, system=gone) == "sqlite:////state/balance-monitor/monitor.db"
    assert default_database({}, system=gone) == f"sqlite:///{gone}/monitor.db"
    assert default_database(environ, system=there) == f"sqlite:///{there}/monitor.db"
    environ["STATE_DIRECTORY"] = "/var/lib/one:/var/lib/two"
    assert default_database(environ, system=there) == "sqlite:////var/lib/one/monitor.db"


def test_a_database_that_is_configured_is_taken(tmp_path: Path) -> None:
    environ = KEY | {"STATE_DIRECTORY": str(tmp_path), "BALANCE_MONITOR_DATABASE": " sqlite:///x.db "}
    assert load(None, environ, secrets_dirs=[]).database == "sqlite:///x.db"


def test_a_database_in_the_file_starts_from_its_folder_wherever_the_daemon_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('database = "sqlite:///sub/x.db"\n[accounts.main]\napi_key = "k-123456"\n')
    monkeypatch.chdir(tmp_path)
    here = load(Path("config.toml"), {}, secrets_dirs=[])
    monkeypatch.chdir("/")
    there = load(tmp_path / "config.toml", {}, secrets_dirs=[])
    assert here.database == there.database == f"sqlite:///{tmp_path}/sub/x.db"
    assert here.path == there.path == tmp_path / "config.toml"  # what status shows is true in any folder
