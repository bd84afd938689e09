"""The example is complete and true, and the schema agrees with it."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from monitor.config import Config, load
from monitor.config.example import example
from monitor.config.load import understand
from monitor.config.places import default_database
from monitor.config.schema import schema
from monitor.config.shape import AccountShape, ChannelShape, DigestShape, LogShape, RetentionShape, Shape, WebShape
from monitor.config.show import show
from monitor.rules import OWN, RULES

FILE = Path(__file__).parents[1] / "config.example.toml"
KEY = {"LEGNEXT_API_KEY": "sk-1234567890"}
TWINS = re.compile(r"^#(\w+_file) = .*\n", re.MULTILINE)


def all_live() -> str:
    """Return the example with every key uncommented, secrets written in, and no second form of a secret."""
    text = re.sub(r"^#(?=[a-z\[])", "", TWINS.sub("", FILE.read_text()), flags=re.MULTILINE)
    return re.sub(r'^(\w*api_key|\w*url|token) = "\w*:?/*…"', r'\1 = "https://example.com"', text, flags=re.MULTILINE)


def tables(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


def read(folder: Path, text: str) -> Config:
    file = folder / "config.toml"
    file.write_text(text)
    return load(file, KEY, secrets_dirs=[])


def test_the_file_in_the_repository_is_the_one_that_the_program_writes() -> None:
    assert FILE.read_text() == example(), "run: python -m monitor.config.example > config.example.toml"


def test_the_file_as_shipped_changes_nothing(tmp_path: Path) -> None:
    bare = understand(None, KEY, secrets_dirs=[])
    file = tmp_path / "config.toml"
    file.write_text(FILE.read_text())
    shipped = understand(file, KEY, secrets_dirs=[])
    assert shipped.problems == ()
    assert [str(line) for line in show(shipped)] == [str(line) for line in show(bare)]


def test_every_key_can_be_uncommented(tmp_path: Path) -> None:
    config = read(tmp_path, all_live())
    assert set(config.channels) == {"ops", "mail"}
    assert config.channels["ops"].fallback == "mail"
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ((), Shape),
        (("retention",), RetentionShape),
        (("log",), LogShape),
        (("web",), WebShape),
        (("accounts", "main"), AccountShape),
        (("channels", "ops"), ChannelShape),
        (("digest",), DigestShape),
        *((("rules", rule.name), rule) for rule in (*RULES, *OWN)),
    ],
)
def test_every_key_is_in_the_example(path: tuple[str, ...], model: type[BaseModel]) -> None:
    table = tables(all_live())
    for key in path:
        table = table[key]
    commented = {match.group(1) for match in TWINS.finditer(FILE.read_text())}
    assert set(model.model_fields) <= set(table) | commented


def test_every_value_in_the_example_is_the_real_default(tmp_path: Path) -> None:
    shown = tables(all_live())
    bare = load(None, KEY | {"BALANCE_MONITOR_CHANNELS__OPS__URL": "json://example.com"}, secrets_dirs=[])
    config = read(tmp_path, all_live())
    for name in ("interval", "timeout", "timezone", "retention", "log_level", "log_format"):
        assert getattr(config, name) == getattr(bare, name)
    assert shown["database"] == default_database({"STATE_DIRECTORY": "/var/lib/balance-monitor"})
    assert config.web.listen == bare.web.listen
    main = config.accounts["main"]
    assert (main.base_url, main.interval) == (bare.accounts["main"].base_url, bare.interval)
    assert config.channels["ops"].min_level == bare.channels["ops"].min_level
    for rule in (*RULES, *OWN):
        assert rule.model_validate(shown["rules"][rule.name]) == rule()
    balance = shown["accounts"]["main"]["rules"]["balance_usd"]
    assert balance == {"warning": shown["rules"]["balance_usd"]["warning"]}


def test_answers_are_written_live_and_everything_else_stays_commented(tmp_path: Path) -> None:
    text = example(
        {
            ("accounts", "main", "api_key"): 'sk-"quoted"\\',
            ("channels", "ops", "url"): "json://example.com/ü",
            ("rules", "balance_usd", "warning"): Decimal("40.50"),
        }
    )
    assert tables(text) == {
        "retention": {},
        "log": {},
        "web": {},
        "rules": {"balance_usd": {"warning": Decimal("40.5")}}
        | {rule.name: {} for rule in (*RULES, *OWN) if rule.on and rule.name != "balance_usd"},
        "accounts": {"main": {"api_key": 'sk-"quoted"\\'}},
        "channels": {"ops": {"url": "json://example.com/ü"}},
    }
    assert set(read(tmp_path, text).channels) == {"ops"}


def test_the_schema_knows_every_key_and_writes_defaults_as_users_do() -> None:
    document = schema()
    assert set(document["properties"]) == set(Shape.model_fields)
    assert (document["additionalProperties"], document["properties"]["interval"]["default"]) == (False, "5m")
    models = document["$defs"]
    assert set(models["RuleTables"]["properties"]) == {rule.name for rule in (*RULES, *OWN)}
    assert set(models["AccountRuleTables"]["properties"]) == {rule.name for rule in RULES}
    for rule in (*RULES, *OWN):
        assert set(models[rule.__name__]["properties"]) == set(rule.model_fields)
    reminders = models["BalanceUsd"]["properties"]["remind_every"]
    assert reminders["default"] == {"warning": "1d", "critical": "4h"}
    assert models["AccountShape"]["properties"]["api_key"]["writeOnly"] is True
    assert '"null"' not in str(document).replace("'", '"')
