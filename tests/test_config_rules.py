"""Rules as they are configured: globally, for an account, by default, off; and who hears of an account."""

from decimal import Decimal
from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.model import Level
from monitor.rules import RULES, AvailableCredits, BalanceUsd, LowBalanceAlert, Rule

MAIN = '[accounts.main]\napi_key = "sk-1234567890"\n'
OTHER = '[accounts.other]\napi_key = "sk-other-9876"\n'


def read(folder: Path, text: str) -> Config:
    file = folder / "config.toml"
    file.write_text(text)
    return load(file, {}, secrets_dirs=[])


def rules_of(config: Config, account: str = "main") -> dict[str, Rule]:
    return {rule.name: rule for rule in config.accounts[account].rules}


def balance(config: Config, account: str = "main") -> tuple[Decimal | int | None, Decimal | int | None]:
    rule = rules_of(config, account)["balance_usd"]
    assert isinstance(rule, BalanceUsd)
    return rule.warning, rule.critical


def test_an_account_overrides_a_rule_key_by_key(tmp_path: Path) -> None:
    text = MAIN + OTHER + "[rules.balance_usd]\nwarning = 50\ncritical = 10\nconfirm = 2\n"
    config = read(tmp_path, text + "[accounts.main.rules.balance_usd]\nwarning = 100\n")
    assert balance(config) == (100, 10)
    assert balance(config, "other") == (50, 10)
    assert rules_of(config)["balance_usd"].confirm == 2
    assert rules_of(config)["refused"] is rules_of(config, "other")["refused"]


def test_rules_keep_their_order_however_they_are_written(tmp_path: Path) -> None:
    tables = "".join(f"[accounts.main.rules.{rule.name}]\n" for rule in reversed(RULES))
    assert list(rules_of(read(tmp_path, MAIN + tables))) == [rule.name for rule in RULES]


def test_equal_rules_are_one_object_however_they_are_written(tmp_path: Path) -> None:
    text = (
        MAIN
        + OTHER
        + '[accounts.main.rules.balance_usd]\nwarning = 30\n[accounts.other.rules.balance_usd]\nwarning = "30.0"\n'
    )
    config = read(tmp_path, text)
    assert config.accounts["main"].rules is config.accounts["other"].rules


def test_a_critical_threshold_above_the_default_warning_drops_it(tmp_path: Path) -> None:
    assert balance(read(tmp_path, MAIN + "[rules.balance_usd]\ncritical = 50\n")) == (None, 50)
    assert balance(read(tmp_path, MAIN + "[accounts.main.rules.balance_usd]\ncritical = 50\n")) == (None, 50)


def test_a_default_that_yielded_globally_can_be_set_for_an_account(tmp_path: Path) -> None:
    text = MAIN + "[rules.balance_usd]\ncritical = 50\n[accounts.main.rules.balance_usd]\nwarning = 60\n"
    assert balance(read(tmp_path, text)) == (60, 50)


def test_off_removes_a_level_and_an_account_may_bring_it_back(tmp_path: Path) -> None:
    text = MAIN + OTHER + '[rules.balance_usd]\ncritical = "off"\n[accounts.other.rules.balance_usd]\ncritical = 0\n'
    config = read(tmp_path, text)
    assert balance(config) == (25, None)
    assert balance(config, "other") == (25, 0)


def test_a_rule_without_any_threshold_does_not_watch(tmp_path: Path) -> None:
    config = read(tmp_path, MAIN + '[rules.balance_usd]\nwarning = "off"\ncritical = "off"\n')
    assert "balance_usd" not in rules_of(config)


@pytest.mark.parametrize("table", ["rules.available_credits", "accounts.main.rules.available_credits"])
def test_a_rule_that_is_off_by_default_watches_once_its_table_is_written(tmp_path: Path, table: str) -> None:
    assert "available_credits" not in rules_of(read(tmp_path, MAIN))
    config = read(tmp_path, f"{MAIN}{OTHER}[{table}]\n")
    assert rules_of(config)["available_credits"] == AvailableCredits()
    assert ("available_credits" in rules_of(config, "other")) is table.startswith("rules")


def test_an_account_can_turn_a_global_rule_off_and_back_on(tmp_path: Path) -> None:
    text = MAIN + OTHER + "[rules.low_balance_alert]\nenabled = false\nlevel = 'critical'\n"
    config = read(tmp_path, text + "[accounts.other.rules.low_balance_alert]\nenabled = true\n")
    assert "low_balance_alert" not in rules_of(config)
    assert rules_of(config, "other")["low_balance_alert"] == LowBalanceAlert(level=Level.CRITICAL)


def test_an_account_with_every_rule_off_is_warned_about(tmp_path: Path) -> None:
    off = "".join(f"[rules.{rule.name}]\nenabled = false\n" for rule in RULES)
    warnings = read(tmp_path, MAIN + off).warnings
    assert "accounts.main: every rule is off, so nothing is watched: turn one on" in warnings


@pytest.mark.parametrize(
    ("account", "channel", "heard"),
    [
        ("", "", True),
        ('channels = ["ops"]', "", True),
        ("", 'accounts = ["main"]', True),
        ('channels = ["ops"]', 'accounts = ["main", "other"]', True),
        ("", 'accounts = ["other"]', False),
        ('channels = ["ops"]', 'accounts = ["other"]', False),
        ("channels = []", "", False),
        ("", 'min_level = "off"', False),
        ('channels = ["ops"]', 'min_level = "off"', False),
    ],
)
def test_an_account_that_no_channel_hears_is_warned_about(
    tmp_path: Path, account: str, channel: str, *, heard: bool
) -> None:
    text = f'{OTHER}{MAIN}{account}\n[channels.ops]\nurl = "json://example.com"\n{channel}\n'
    warned = [warning for warning in read(tmp_path, text).warnings if "accounts.main" in warning]
    assert (
        warned == []
        if heard
        else [warning.endswith("no channel hears of it: see channels and accounts") for warning in warned]
    )


def test_of_many_accounts_that_nobody_hears_ten_are_named(tmp_path: Path) -> None:
    accounts = "".join(f'[accounts.a{n}]\napi_key = "key-{n}"\nchannels = []\n' for n in range(12))
    (warning,) = read(tmp_path, accounts + '[channels.ops]\nurl = "json://example.com"\n').warnings
    assert warning.startswith("accounts.a0, accounts.a1, ")
    assert "accounts.a9 and 2 more: no channel hears of it" in warning


def test_a_fallback_that_nobody_falls_back_to_is_warned_about(tmp_path: Path) -> None:
    ops, mail = (
        '[channels.ops]\nurl = "json://a.example"\n',
        '[channels.mail]\nurl = "json://b.example"\nmin_level = "off"\n',
    )
    (warning,) = read(tmp_path, MAIN + ops + mail).warnings
    assert warning.startswith('channels.mail: min_level is "off"')
    assert read(tmp_path, MAIN + ops + 'fallback = "mail"\n' + mail).warnings == ()
