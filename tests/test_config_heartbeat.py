"""The addresses of heartbeats are secrets like keys and channels, and how long readings are kept."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from test_config_sources import secret

from monitor.config import Config, ConfigError, Retention, Unusable, load
from monitor.config.load import understand
from monitor.config.show import show

KEYS = ("heartbeat_url", "heartbeat_fail_url")
MAIN = '[accounts.main]\napi_key = "sk-1234567890"\n[channels.ops]\nurl = "json://localhost"\n'
PING = "https://ann:p%40ssword1@hc-ping.com/5f1aB7c2-ping-secret?token=T0ken-Secret"


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    file = folder / "config.toml"
    file.write_text(text + MAIN)
    return load(file, environ or {}, secrets_dirs=[folder / "secrets"])


def variable(key: str) -> str:
    return f"BALANCE_MONITOR_{key.upper()}"


def test_there_is_no_heartbeat_unless_one_is_set(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert (config.heartbeat_url, config.heartbeat_fail_url, config.warnings) == (None, None, ())


@pytest.mark.parametrize("key", KEYS)
def test_a_heartbeat_comes_from_the_environment_a_secret_file_the_file_or_a_file_of_ones_own(
    tmp_path: Path, key: str
) -> None:
    own = tmp_path / "own"
    own.write_text("https://own/\n")
    in_the_file = f'{key} = "https://file/"\n'
    assert getattr(read(tmp_path, in_the_file), key) == SecretStr("https://file/")
    assert getattr(read(tmp_path, f'{key}_file = "own"\n'), key) == SecretStr("https://own/")
    secret(tmp_path, key, "\n https://secret/ \n")
    assert getattr(read(tmp_path, in_the_file), key) == SecretStr("https://secret/")
    assert getattr(read(tmp_path, f'{key}_file = "own"\n'), key) == SecretStr("https://secret/")
    assert getattr(read(tmp_path, in_the_file, {variable(key): "https://env/"}), key) == SecretStr("https://env/")
    twin = {f"{variable(key)}_FILE": str(own)}
    assert getattr(read(tmp_path, in_the_file, twin), key) == SecretStr("https://own/")


@pytest.mark.parametrize("key", KEYS)
def test_a_heartbeat_is_found_among_the_credentials_of_systemd(tmp_path: Path, key: str) -> None:
    file = secret(tmp_path, key, PING)
    (tmp_path / "config.toml").write_text(MAIN)
    config = load(tmp_path / "config.toml", {"CREDENTIALS_DIRECTORY": str(file.parent)})
    assert getattr(config, key) == SecretStr(PING)


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_file_warns_and_does_not_keep_the_monitor_from_starting(tmp_path: Path, key: str) -> None:
    config = read(tmp_path, f'{key}_file = "gone"\n')
    reason = f"{tmp_path}/gone (for {key}): there is no such file: create it, or correct the path"
    assert getattr(config, key) == Unusable(reason)
    assert config.warnings == (reason,)


def test_a_secret_file_that_a_heartbeat_names_needs_no_special_name(tmp_path: Path) -> None:
    file = secret(tmp_path, "ping", PING)
    assert read(tmp_path, f'heartbeat_url_file = "{file}"\n').warnings == ()


def test_a_file_that_holds_no_address_is_a_mistake_that_does_not_repeat_it(tmp_path: Path) -> None:
    file = secret(tmp_path, "heartbeat_url", "pw-secret")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "")
    assert str(caught.value) == (
        f'{file} (for heartbeat_url): not an address: write it like "https://…", without white space'
    )


def test_a_heartbeat_given_in_both_forms_by_one_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f'heartbeat_url = "{PING}"\nheartbeat_url_file = "x"\n')
    place = f"{tmp_path}/config.toml: heartbeat_url"
    assert str(caught.value) == f"{place}: also given as {place}_file: keep one of the two"


@pytest.mark.parametrize("key", KEYS)
def test_the_address_and_its_parts_are_known_as_secrets_and_never_shown(tmp_path: Path, key: str) -> None:
    config = read(tmp_path, f'{key} = "{PING}"\n')
    parts = {PING, "p@ssword1", "5f1aB7c2-ping-secret", "T0ken-Secret"}
    assert parts <= config.secrets
    shown = [str(line) for line in show(understand(tmp_path / "config.toml", {}, secrets_dirs=[]))]
    assert f'{key} = "********"   # the config file' in shown
    for text in (repr(config), "\n".join(shown)):
        assert not [part for part in parts if part in text]


def test_show_says_where_a_heartbeat_came_from_that_it_is_unusable_or_that_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('heartbeat_url_file = "gone"\n' + MAIN)
    lines = {line.key: line for line in show(understand(tmp_path / "config.toml", {}, secrets_dirs=[]))}
    assert str(lines["heartbeat_url"]) == 'heartbeat_url = "********"   # the config file (unusable)'
    assert str(lines["heartbeat_fail_url"]) == 'heartbeat_fail_url = "off"   # default'
    file = secret(tmp_path, "heartbeat_fail_url", PING)
    lines = {line.key: line for line in show(understand(None, {}, secrets_dirs=[file.parent], needs_secrets=False))}
    assert str(lines["heartbeat_fail_url"]) == f'heartbeat_fail_url = "********"   # secret file {file}'
    assert json.dumps(lines["heartbeat_fail_url"].json) == '"********"'


# -- how long readings are kept ---------------------------------------------------------------------------------------


def days(raw: int, hourly: int) -> Retention:
    return Retention(raw=timedelta(days=raw), hourly=timedelta(days=hourly))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", days(35, 400)),
        ('raw = "2d"', days(2, 400)),
        ('hourly = "2000d"', days(35, 2000)),
        ('raw = "7d"\nhourly = "7d"', days(7, 7)),
        ('raw = "500d"', days(500, 500)),  # a default that contradicts what was set gives way
        ('hourly = "10d"', days(10, 10)),
    ],
)
def test_readings_are_kept_for_so_long(tmp_path: Path, text: str, kept: Retention) -> None:
    assert read(tmp_path, f"[retention]\n{text}\n").retention == kept


def test_how_long_readings_are_kept_can_be_set_by_variables_and_is_shown(tmp_path: Path) -> None:
    environ = {"BALANCE_MONITOR_RETENTION__RAW": "3d", "LEGNEXT_API_KEY": "sk-1234567890"}
    lines = [str(line) for line in show(understand(None, environ, secrets_dirs=[tmp_path]))]
    assert 'retention.raw = "3d"   # environment BALANCE_MONITOR_RETENTION__RAW' in lines
    assert 'retention.hourly = "400d"   # default' in lines
