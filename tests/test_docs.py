"""The README says what the code does."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import SecretStr

from monitor import __version__, config
from monitor.cli import root
from monitor.config.shape import AccountShape, ChannelShape, DigestShape, LogShape, RetentionShape, Shape, WebShape
from monitor.notify import fault
from monitor.rules import OWN, RULES, Rule
from monitor.simulator import names, scenario

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text()
BLOCKS = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


ALL = dict(commands(root))


def test_the_two_commands_stand_at_the_top() -> None:
    lines = [line.split("#")[0].strip() for line in README.splitlines() if line.strip()]
    assert lines[1:3] == ["make demo", "make test"]


@pytest.mark.parametrize("words", ALL)
def test_every_command_and_option_is_in_the_readme(words: str) -> None:
    (row,) = [line for line in README.splitlines() if line.startswith("| `") and re.search(rf"`{words}[ `\[]", line)]
    for parameter in ALL[words].params:
        for option in parameter.opts:
            if option.startswith("--") and option != "--help":
                assert option in row, f"{words} {option}"


def test_the_readme_names_no_command_that_is_not_there() -> None:
    table = README.partition("| command | does |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([a-z]+(?: [a-z]+)?)[ `]", table)) - {"outbox"}
    assert named <= set(ALL)


def _keys() -> Iterator[str]:
    tables = {"retention", "log", "web", "rules", "accounts", "channels", "digest"}
    yield from (name for name in Shape.model_fields if name not in tables)
    for shape in (RetentionShape, LogShape, WebShape, AccountShape, ChannelShape, DigestShape, Rule):
        yield from shape.model_fields
    yield from (rule.name for rule in (*RULES, *OWN))


@pytest.mark.parametrize("key", sorted(set(_keys())))
def test_every_key_and_rule_is_in_the_readme(key: str) -> None:
    assert re.search(rf"`(\[?[a-zA-Z]+\.)?{key}(\.[A-Z]+)?`", README), key


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.startswith("# a scenario")])
def test_every_configuration_in_the_readme_is_valid(block: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(block.replace("your-legnext-key", "a-key-in-its-place"))
    loaded = config.load(path, {}, secrets_dirs=[], needs_secrets=False)
    assert loaded.accounts
    urls = [
        channel.url.get_secret_value() for channel in loaded.channels.values() if isinstance(channel.url, SecretStr)
    ]
    assert urls
    assert [fault(url) for url in urls] == [None] * len(urls)


def test_every_scenario_in_the_readme_is_valid(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if block.startswith("# a scenario")]
    path = tmp_path / "story.toml"
    path.write_text(block)
    assert scenario(str(path)).accounts
    for name in names():
        assert f"`{name}`" in README


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"BALANCE_MONITOR_[A-Z_]+__[A-Z_]+", README))))
def test_every_variable_in_the_readme_is_known(variable: str) -> None:
    value = "json://localhost/hook" if variable.endswith("URL") else "50"
    environ = {variable: value, "LEGNEXT_API_KEY": "a-key-of-the-environment"}
    assert not [warning for warning in config.load(None, environ, secrets_dirs=[]).warnings if variable in warning]


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## {__version__}" in (TOP / "CHANGELOG.md").read_text()


def test_each_decision_is_short() -> None:
    for decision in (TOP / "docs" / "decisions.md").read_text().split("\n## ")[1:]:
        assert len(decision.strip().splitlines()) <= 6, decision.splitlines()[0]


CHANNELS = (TOP / "docs" / "channels.md").read_text()


@pytest.mark.parametrize("url", re.findall(r"^\| .* \| `(\S+://\S+)` \|$", CHANNELS, re.MULTILINE))
def test_every_url_of_the_page_about_channels_is_taken(url: str) -> None:
    assert fault(url) is None


def test_the_page_about_channels_has_urls() -> None:
    assert len(re.findall(r"^\| .* \| `\S+://\S+` \|$", CHANNELS, re.MULTILINE)) > 10
