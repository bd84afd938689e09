"""The commented example: every key with its default and one line of why, written from the models themselves.

``python -m monitor.config.example > config.example.toml`` writes the copy that readers of the repository see.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from monitor.config.keys import KeyPath, dotted
from monitor.config.shape import AccountShape, ChannelShape, DigestShape, LogShape, RetentionShape, Shape, WebShape
from monitor.config.words import Value, toml
from monitor.rules import OWN, RULES

Answers = Mapping[KeyPath, Value]
_HEAD = """\
# balance-monitor: every key with its default. Remove the # right before a key, and before the [table]
# that it belongs to, to change it; "# " before a word is a remark.
#
# Durations have a unit: "30s" "5m" "12h" "7d" "1h30m". Amounts are exact: 25 or "4.50".
# A variable of the environment comes first: BALANCE_MONITOR_ACCOUNTS__MAIN__API_KEY for accounts.main.api_key;
# then a file accounts__main__api_key in $CREDENTIALS_DIRECTORY or /run/secrets; then this file; then the default.
# balance-monitor config check tells every mistake, config show what counts and where it came from.
"""
_RULES = """
# Rules: what counts as trouble. A default that contradicts a value of yours is dropped (critical = 50 drops
# warning = 25); "off" removes a level. An account can override each key in [accounts.NAME.rules.RULE].
"""
_ACCOUNTS = """
# Accounts: one API key each; NAME is lower-case letters, digits and single underscores.
"""
_CHANNELS = """
# Channels: one Apprise URL each, https://appriseit.com/services; without any, alerts go only to the log.
"""
_COMMON = {"enabled": 1, "confirm": 2, "remind_every": 3, "cooldown": 4}
"""The keys that rules share come behind those of their own, in this order."""
_WIDTH = 40
_LONGEST = 120


def example(answers: Answers | None = None) -> str:
    """Return the commented configuration, with the answers written into it, and live."""
    given = answers or {}
    lines = [_HEAD]
    lines += _keys(Shape, (), given)
    remark = "# How long readings are kept."
    lines += _table(RetentionShape, ("retention",), given, live=True, remark=remark)
    lines += _table(LogShape, ("log",), given, live=True, remark="# What the monitor writes about itself.")
    remark = "# The page, the JSON API and the metrics."
    lines += _table(WebShape, ("web",), given, live=True, remark=remark)
    lines.append(_RULES.rstrip())
    for rule in (*RULES, *OWN):
        remark = f"# {(rule.__doc__ or '').partition(chr(10))[0]}" + (
            "" if rule.on else " Off until this table is written."
        )
        lines += _table(rule, ("rules", rule.name), given, live=rule.on, remark=remark)
    lines.append(_ACCOUNTS.rstrip())
    lines += _table(AccountShape, ("accounts", "main"), given)
    lines += ["#[accounts.main.rules.balance_usd]", _key(RULES[0].model_fields["warning"], "warning", value=None)]
    lines.append(_CHANNELS.rstrip())
    lines += _table(ChannelShape, ("channels", "ops"), given)
    lines += ["", "#[channels.mail]", '#url = "mailtos://…"', '#min_level = "info"']
    remark = f"# {DigestShape.__doc__} Off until this table is written."
    lines += _table(DigestShape, ("digest",), given, remark=remark)
    return "\n".join(lines) + "\n"


def _table(
    model: type[BaseModel], path: KeyPath, answers: Answers, *, live: bool = False, remark: str = ""
) -> Iterator[str]:
    yield ""
    if remark:
        yield remark
    live = live or any(each[:-1] == path for each in answers)
    yield f"{'' if live else '#'}[{dotted(path)}]"
    yield from _keys(model, path, answers)


def _keys(model: type[BaseModel], path: KeyPath, answers: Answers) -> Iterator[str]:
    for name, field in sorted(model.model_fields.items(), key=lambda item: _COMMON.get(item[0], 0)):
        if isinstance(field.default, BaseModel | dict):
            continue  # a table of its own
        yield _key(field, name, value=answers.get((*path, name)))


def _key(field: FieldInfo, name: str, *, value: Value) -> str:
    shown: Any = field.examples[0] if field.examples else field.default
    text = f"#{name} = {toml(_written(shown))}" if value is None else f"{name} = {toml(value)}"
    line = f"{text:<{_WIDTH}} # {field.description}"
    return line if len(line) <= _LONGEST else f"# {field.description}:\n{text}"


def _written(value: Any) -> Value:  # noqa: ANN401 - a default of any of the models
    return str(value) if isinstance(value, ZoneInfo) else cast("Value", value)


if __name__ == "__main__":
    print(example(), end="")  # noqa: T201
