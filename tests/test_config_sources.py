"""Where values come from, and which counts."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor.config import Account, Config, ConfigError, Unusable, database_of, load
from monitor.model import Level
from monitor.rules import BalanceUsd, Pauses, Refused

KEY = "sk-1234567890"
MAIN = f'[accounts.main]\napi_key = "{KEY}"\n'
URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """Load a file with that text; secret files are in the folder ``secrets`` beside it."""
    file = folder / "config.toml"
    file.write_text(text)
    return load(file, environ or {}, secrets_dirs=[folder / "secrets"])


def secret(folder: Path, name: str, text: str) -> Path:
    (folder / "secrets").mkdir(exist_ok=True)
    file = folder / "secrets" / name
    file.write_text(text)
    return file


def key_of(config: Config, account: str = "main") -> str:
    key = config.accounts[account].api_key
    assert isinstance(key, SecretStr)
    return key.get_secret_value()


def balance_rule(account: Account) -> BalanceUsd:
    return next(rule for rule in account.rules if isinstance(rule, BalanceUsd))


def test_one_variable_is_a_whole_configuration() -> None:
    config = load(None, {"LEGNEXT_API_KEY": f" {KEY}\n"}, secrets_dirs=[])
    assert list(config.accounts) == ["main"]
    assert key_of(config) == KEY
    assert config.accounts["main"].base_url == "https://api.legnext.ai"
    assert (config.interval, config.timeout) == (timedelta(minutes=5), timedelta(seconds=20))
    assert (config.timezone.key, config.log_level, config.log_format) == ("UTC", "info", "auto")
    assert [rule.name for rule in config.accounts["main"].rules] == [
        "balance_usd",
        "low_balance_alert",
        "runway",
        "unreachable",
        "refused",
        "unreadable",
        "top_up",
    ]
    assert config.warnings == ("no channel: alerts go only to the log: write [channels.ops] with a url",)


def test_the_environment_comes_before_a_secret_file_before_the_file_before_the_default(tmp_path: Path) -> None:
    text = 'interval = "1m"\n[accounts.main]\napi_key = "from-file"\n'
    assert key_of(read(tmp_path, text, {"LEGNEXT_API_KEY": "from-legnext"})) == "from-file"
    secret(tmp_path, "accounts__main__api_key", " from-secret\n")
    secret(tmp_path, "interval", "2m\n")
    config = read(tmp_path, text)
    assert (key_of(config), config.interval) == ("from-secret", timedelta(minutes=2))
    environ = {"BALANCE_MONITOR_ACCOUNTS__MAIN__API_KEY": "from-env", "BALANCE_MONITOR_INTERVAL": "3m"}
    config = read(tmp_path, text, environ)
    assert (key_of(config), config.interval) == ("from-env", timedelta(minutes=3))


def test_systemds_credentials_come_before_those_in_run_secrets(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "accounts__main__api_key").write_text(folder.name)
    (second / "accounts__other__api_key").write_text("another")
    config = load(None, {}, secrets_dirs=[tmp_path / "missing", first, second])
    assert (key_of(config), key_of(config, "other")) == ("first", "another")
    assert key_of(load(None, {"CREDENTIALS_DIRECTORY": str(second)})) == "second"


def test_hidden_files_and_folders_among_the_secrets_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "kubernetes.io").mkdir(parents=True)
    secret(tmp_path, "..data", "x")
    assert not [warning for warning in read(tmp_path, MAIN).warnings if "secrets" in warning]


def test_a_secret_may_be_a_link_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(KEY)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "accounts__main__api_key").symlink_to(tmp_path / "elsewhere")
    assert key_of(read(tmp_path, "")) == KEY


@pytest.mark.parametrize("text", ["", '[accounts.other]\napi_key = "x-other"\n'])
def test_legnext_api_key_makes_main_only_when_no_account_is_configured(tmp_path: Path, text: str) -> None:
    config = read(tmp_path, text, {"LEGNEXT_API_KEY": KEY})
    assert list(config.accounts) == (["other"] if text else ["main"])


def test_legnext_api_key_fills_a_main_that_has_no_key(tmp_path: Path) -> None:
    text = '[accounts.main]\ninterval = "1m"\n[accounts.other]\napi_key = "x-other"\n'
    assert key_of(read(tmp_path, text, {"LEGNEXT_API_KEY": KEY})) == KEY


def test_an_empty_variable_counts_as_not_set_and_is_told(tmp_path: Path) -> None:
    environ = {"BALANCE_MONITOR_INTERVAL": "", "LEGNEXT_API_KEY": " "}
    config = read(tmp_path, MAIN, environ)
    assert config.interval == timedelta(minutes=5)
    assert config.warnings[:2] == tuple(
        f"{name}: empty, so it counts as not set: remove it, or give it a value" for name in environ
    )


def test_a_channels_url_in_the_environment_alone_makes_a_channel(tmp_path: Path) -> None:
    config = read(tmp_path, MAIN, {"BALANCE_MONITOR_CHANNELS__OPS__URL": URL})
    ops = config.channels["ops"]
    assert isinstance(ops.url, SecretStr)
    assert (ops.url.get_secret_value(), ops.min_level, ops.accounts, ops.fallback) == (URL, Level.INFO, None, None)
    assert config.warnings == ()


def test_the_files_address_is_no_key_and_causes_no_warning(tmp_path: Path) -> None:
    environ = {"BALANCE_MONITOR_CONFIG": "x", "BALANCE_MONITOR_CHANNELS__OPS__URL": URL}
    assert read(tmp_path, MAIN, environ).warnings == ()


def test_names_of_variables_may_be_in_any_case(tmp_path: Path) -> None:
    config = read(tmp_path, "", {"Balance_Monitor_Accounts__Main__Api_Key": KEY})
    assert key_of(config) == KEY


def test_of_two_spellings_of_one_variable_the_upper_case_one_counts(tmp_path: Path) -> None:
    environ = {"balance_monitor_interval": "1m", "BALANCE_MONITOR_INTERVAL": "2m"}
    assert read(tmp_path, MAIN, environ).interval == timedelta(minutes=2)


def test_values_of_variables_stay_exactly_as_written() -> None:
    environ = {
        "BALANCE_MONITOR_ACCOUNTS__MAIN__API_KEY": "00123456789012345678901234567890",
        "BALANCE_MONITOR_RULES__BALANCE_USD__WARNING": "25.100000000000000001",
        "BALANCE_MONITOR_RULES__REFUSED__CONFIRM": "4",
        "BALANCE_MONITOR_RULES__UNREADABLE__ENABLED": "false",
    }
    config = load(None, environ, secrets_dirs=[])
    account = config.accounts["main"]
    assert key_of(config) == environ["BALANCE_MONITOR_ACCOUNTS__MAIN__API_KEY"]
    assert balance_rule(account).warning == Decimal("25.100000000000000001")
    assert next(rule for rule in account.rules if isinstance(rule, Refused)).confirm == 4
    assert "unreadable" not in [rule.name for rule in account.rules]


def test_money_in_the_file_keeps_every_digit(tmp_path: Path) -> None:
    text = MAIN + "[rules.balance_usd]\nwarning = 0.12345678901234567891\ncritical = -0.10\n"
    rule = balance_rule(read(tmp_path, text).accounts["main"])
    assert (rule.warning, rule.critical) == (Decimal("0.12345678901234567891"), Decimal("-0.10"))


@pytest.mark.parametrize("written", ["ops,mail", " ops , mail, ", '["ops", "mail"]'])
def test_a_list_in_a_variable_is_written_with_commas_or_as_json(tmp_path: Path, written: str) -> None:
    text = MAIN + f'[channels.ops]\nurl = "{URL}"\n[channels.mail]\nurl = "mailtos://u:p@example.com"\n'
    config = read(tmp_path, text, {"BALANCE_MONITOR_ACCOUNTS__MAIN__CHANNELS": written})
    assert config.accounts["main"].channels == frozenset({"ops", "mail"})


def test_a_table_in_a_variable_is_json_and_a_variable_for_one_key_of_it_counts_more(tmp_path: Path) -> None:
    environ = {
        "BALANCE_MONITOR_ACCOUNTS": '{"main": {"api_key": "from-json", "interval": "1m"}}',
        "BALANCE_MONITOR_ACCOUNTS__MAIN__INTERVAL": "2m",
        "BALANCE_MONITOR_RULES__BALANCE_USD": '{"warning": 30.10, "critical": 7}',
        "BALANCE_MONITOR_RULES__BALANCE_USD__CRITICAL": "8",
    }
    config = read(tmp_path, "", environ)
    assert (key_of(config), config.accounts["main"].interval) == ("from-json", timedelta(minutes=2))
    rule = balance_rule(config.accounts["main"])
    assert (rule.warning, rule.critical) == (Decimal("30.10"), Decimal(8))


def test_reminders_are_set_for_one_level_or_for_both_in_any_source(tmp_path: Path) -> None:
    text = MAIN + '[rules.balance_usd]\nremind_every = { warning = "12h", critical = "off" }\n'
    assert balance_rule(read(tmp_path, text).accounts["main"]).remind_every == Pauses(timedelta(hours=12), None)
    variable = "BALANCE_MONITOR_RULES__BALANCE_USD__REMIND_EVERY"
    rule = balance_rule(read(tmp_path, text, {f"{variable}__CRITICAL": "1h"}).accounts["main"])
    assert rule.remind_every == Pauses(timedelta(hours=12), timedelta(hours=1))
    rule = balance_rule(read(tmp_path, text, {variable: "off"}).accounts["main"])
    assert rule.remind_every == Pauses(None, None)
    rule = balance_rule(read(tmp_path, text, {variable: '{"warning": "2h"}'}).accounts["main"])
    assert rule.remind_every == Pauses(timedelta(hours=2), None)


def test_a_secret_is_read_from_the_file_that_its_twin_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"\n {KEY} \n")
    (tmp_path / "url").write_text(URL + "\n")
    text = f'[accounts.main]\napi_key_file = "key"\n[channels.ops]\nurl_file = "{tmp_path}/url"\n'
    config = read(tmp_path, text)
    assert key_of(config) == KEY
    assert config.channels["ops"].url == SecretStr(URL)


def test_a_secret_file_may_be_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "etc").mkdir()
    assert key_of(read(tmp_path / "etc", '[accounts.main]\napi_key_file = "~/key"\n')) == KEY


def test_either_form_of_a_secret_in_an_earlier_source_wins(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("from-named-file")
    assert key_of(read(tmp_path, MAIN, {"BALANCE_MONITOR_ACCOUNTS__MAIN__API_KEY_FILE": str(key)})) == "from-named-file"
    text = f'[accounts.main]\napi_key_file = "{key}"\n'
    secret(tmp_path, "accounts__main__api_key", "from-secret")
    assert key_of(read(tmp_path, text)) == "from-secret"
    assert key_of(read(tmp_path, text, {"BALANCE_MONITOR_ACCOUNTS__MAIN__API_KEY": "from-env"})) == "from-env"


def test_unknown_variables_and_secret_files_only_warn(tmp_path: Path) -> None:
    file = secret(tmp_path, "accounts__main__api_kee", "x")
    own = "BALANCE_MONITOR_ACCOUNTS__MAIN__RULES__UNDELIVERED__WARNING"
    rule = "BALANCE_MONITOR_RULES__BALANCE_USD"
    environ = {
        "BALANCE_MONITOR_PORT": "8080",
        "BALANCE_MONITOR_INTERVALL": "1m",
        "BALANCE_MONITOR_INTERVAL__X": "1m",
        f"{rule}__WARNIN": "1",
        own: "1h",
        "BALANCE_MONITOR_CHANNELS__OPS__URL": URL,
    }
    ignored = "no key of the configuration, so it is ignored"
    assert set(read(tmp_path, MAIN, environ).warnings) == {
        f"BALANCE_MONITOR_PORT: {ignored}",
        f"BALANCE_MONITOR_INTERVALL: {ignored}: did you mean BALANCE_MONITOR_INTERVAL?",
        f"BALANCE_MONITOR_INTERVAL__X: {ignored}",
        f"{rule}__WARNIN: {ignored}: did you mean {rule}__WARNING?",
        f"{own}: {ignored}: undelivered is about channels, not accounts: write it in [rules.undelivered]",
        f"{file}: {ignored}: did you mean accounts__main__api_key?",
    }


def test_a_secret_file_that_a_key_names_needs_no_special_name(tmp_path: Path) -> None:
    file = secret(tmp_path, "legnext", KEY)
    config = read(tmp_path, f'[accounts.main]\napi_key_file = "{file}"\n[channels.ops]\nurl = "{URL}"\n')
    assert (key_of(config), config.warnings) == (KEY, ())


def test_a_secret_file_that_is_missing_or_empty_makes_only_its_account_unusable(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    files = {"gone": "gone", "empty": "empty", "bytes": "bytes", "folder": ".", "nul": "\\u0000"}
    text = MAIN + "".join(f'[accounts.{name}]\napi_key_file = "{file}"\n' for name, file in files.items())
    config = read(tmp_path, text + '[channels.ops]\nurl_file = "gone"\n')
    reasons = {
        name: account.api_key.reason
        for name, account in config.accounts.items()
        if isinstance(account.api_key, Unusable)
    }
    place = f"{tmp_path}/gone (for accounts.gone.api_key)"
    assert reasons["gone"] == f"{place}: there is no such file: create it, or correct the path"
    assert "the file is empty" in reasons["empty"]
    assert "cannot be read as text" in reasons["bytes"]
    assert "cannot be read (Is a directory)" in reasons["folder"]
    assert "cannot be read as text" in reasons["nul"]
    assert isinstance(config.channels["ops"].url, Unusable)
    assert set(reasons.values()) < set(config.warnings)


@pytest.mark.parametrize("link", [True, False])
def test_a_secret_that_is_there_but_cannot_be_read_does_not_give_way_to_the_file(tmp_path: Path, *, link: bool) -> None:
    file = secret(tmp_path, "accounts__main__api_key", "")
    if link:
        file.unlink()
        file.symlink_to(tmp_path / "gone")
    config = read(tmp_path, MAIN + '[accounts.other]\napi_key = "x-other"\n')
    assert isinstance(config.accounts["main"].api_key, Unusable)


def test_when_no_account_is_left_the_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^no account is left: .*/gone \(for accounts.main.api_key\): there is no"):
        read(tmp_path, '[accounts.main]\napi_key_file = "gone"\n')


def test_commands_that_do_not_poll_need_no_secrets(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    assert load(None, {}, secrets_dirs=[], needs_secrets=False).accounts == {}
    file.write_text("[accounts.main]\n[channels.ops]\n")
    config = load(file, {}, secrets_dirs=[], needs_secrets=False)
    reason = "no api_key: write api_key or api_key_file, or set LEGNEXT_API_KEY"
    assert config.accounts["main"].api_key == Unusable(f"accounts.main: {reason}")
    assert isinstance(config.channels["ops"].url, Unusable)


def test_the_database_is_known_whatever_else_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('interval = 5\ndatabase = "sqlite:///x.db"\n')
    assert database_of(file, {}, secrets_dirs=[]) == f"sqlite:///{tmp_path}/x.db"
    assert database_of(None, {"STATE_DIRECTORY": "/s"}, secrets_dirs=[]) == "sqlite:////s/monitor.db"
    file.write_text('database = "mysql://x"')
    with pytest.raises(ConfigError, match="database"):
        database_of(file, {}, secrets_dirs=[])


def test_an_account_takes_what_it_sets_and_shares_the_rest(tmp_path: Path) -> None:
    text = f"""
        interval = "10m"
        timezone = "Europe/Berlin"
        database = "sqlite:////srv/monitor.db"
        [log]
        level = "debug"
        format = "json"
        [accounts.main]
        api_key = "{KEY}"
        base_url = "HTTP://Proxy.Example:8080/Legnext/"
        interval = "10s"
        channels = ["ops"]
        [accounts.other]
        api_key = "x-other"
        [channels.ops]
        url = "{URL}"
        min_level = "critical"
        accounts = ["main"]
        fallback = "mail"
        [channels.mail]
        url = "mailtos://user:pass@example.com"
        min_level = "off"
    """
    config = read(tmp_path, text)
    main, other = config.accounts["main"], config.accounts["other"]
    assert (main.base_url, main.channels) == ("http://proxy.example:8080/Legnext", frozenset({"ops"}))
    assert (main.interval, main.timeout) == (timedelta(seconds=10), timedelta(seconds=10))
    assert (other.interval, other.timeout) == (timedelta(minutes=10), timedelta(seconds=20))
    assert main.rules is other.rules
    assert (config.channels["ops"].fallback, config.channels["ops"].min_level) == ("mail", Level.CRITICAL)
    assert config.channels["mail"].min_level is None
    assert (config.timezone.key, config.database) == ("Europe/Berlin", "sqlite:////srv/monitor.db")
    assert (config.log_level, config.log_format) == ("debug", "json")
    assert config.warnings == ("accounts.other: no channel hears of it: see channels and accounts",)


def test_ten_thousand_accounts_load_in_seconds_and_share_what_is_equal(tmp_path: Path) -> None:
    accounts = "".join(
        f'[accounts.a{n}]\napi_key = "key-{n}"\nchannels = ["ops"]\n[accounts.a{n}.rules.balance_usd]\nwarning = 30\n'
        for n in range(10_000)
    )
    config = read(tmp_path, f'{accounts}[channels.ops]\nurl = "{URL}"\n')
    assert len(config.accounts) == 10_000
    assert len({id(account.rules) for account in config.accounts.values()}) == 1
    assert len({id(account.channels) for account in config.accounts.values()}) == 1
    assert sum(sys.getsizeof(account) for account in config.accounts.values()) < 2_000_000
    assert not hasattr(config.accounts["a1"], "__dict__")
