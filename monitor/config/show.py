"""Showing: every value that counts and where it came from, with the secrets masked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic import SecretStr

from monitor.config.effective import Account, Channel, Unusable
from monitor.config.keys import KeyPath, dotted, twin
from monitor.config.load import Loaded
from monitor.config.secret import MASK
from monitor.config.words import Value, simple, toml
from monitor.rules import Undelivered, Watch

_ALL = "all"
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Line:
    """One value: its key, how TOML writes it, how JSON does, and its source."""

    key: str
    toml: str
    json: object
    source: str

    def __str__(self) -> str:
        return f"{self.key} = {self.toml}   # {self.source}"


def show(loaded: Loaded) -> Iterator[Line]:
    """Tell the values in the order of the example; of an account's rules only what differs from the global ones."""
    config = loaded.config
    yield _line(loaded, ("interval",), config.interval)
    yield _line(loaded, ("timezone",), config.timezone.key)
    yield _line(loaded, ("database",), config.database)
    yield _line(loaded, ("timeout",), config.timeout)
    for key, address in (("heartbeat_url", config.heartbeat_url), ("heartbeat_fail_url", config.heartbeat_fail_url)):
        yield _line(loaded, (key,), None) if address is None else _secret(loaded, (key,), address)
    yield _line(loaded, ("retention", "raw"), config.retention.raw)
    yield _line(loaded, ("retention", "hourly"), config.retention.hourly)
    yield _line(loaded, ("log", "level"), config.log_level)
    yield _line(loaded, ("log", "format"), config.log_format)
    yield from _web(loaded)
    for name, rule in loaded.rules.globally.items():
        yield from _rule(loaded, ("rules", name), rule)
    yield from _rule(loaded, ("rules", Undelivered.name), loaded.rules.undelivered)
    for account in config.accounts.values():
        yield from _account(loaded, account)
    for channel in config.channels.values():
        yield from _channel(loaded, channel)
    yield from _digest(loaded)


def _web(loaded: Loaded) -> Iterator[Line]:
    web = loaded.config.web
    yield _line(loaded, ("web", "listen"), web.listen)
    yield _line(loaded, ("web", "url"), web.url)
    token = ("web", "token")
    yield _line(loaded, token, None) if web.token is None else _secret(loaded, token, web.token)


def _account(loaded: Loaded, account: Account) -> Iterator[Line]:
    path = ("accounts", account.name)
    yield _secret(loaded, (*path, "api_key"), account.api_key)
    yield _line(loaded, (*path, "base_url"), account.base_url)
    yield _line(loaded, (*path, "interval"), account.interval, inherited=("interval",))
    yield _line(loaded, (*path, "channels"), _ALL if account.channels is None else account.channels)
    own = loaded.rules.all_of(account.name, loaded.shape.accounts[account.name].rules)
    for name, rule in own.items():
        if rule is not loaded.rules.globally.get(name):
            yield from _rule(loaded, (*path, "rules", name), rule, inherited=("rules", name))


def _channel(loaded: Loaded, channel: Channel) -> Iterator[Line]:
    path = ("channels", channel.name)
    yield _secret(loaded, (*path, "url"), channel.url)
    yield _line(loaded, (*path, "min_level"), channel.min_level)
    yield _line(loaded, (*path, "accounts"), _ALL if channel.accounts is None else channel.accounts)
    yield _line(loaded, (*path, "fallback"), channel.fallback)
    yield _line(loaded, (*path, "chart"), channel.chart)


def _digest(loaded: Loaded) -> Iterator[Line]:
    digest = loaded.config.digest
    yield _line(loaded, ("digest", "schedule"), None if digest is None else digest.schedule)
    if digest is not None:
        yield _line(loaded, ("digest", "channels"), _ALL if digest.channels is None else digest.channels)


def _rule(loaded: Loaded, path: KeyPath, rule: Watch, *, inherited: KeyPath = ()) -> Iterator[Line]:
    for key, field in type(rule).model_fields.items():
        line = _line(loaded, (*path, key), getattr(rule, key), inherited=(*inherited, key) if inherited else ())
        dropped = line.source == _DEFAULT and line.json == "off" and field.default is not None
        note = f"{_DEFAULT} {toml(field.default)}, dropped: it contradicts the other threshold"
        yield replace(line, source=note) if dropped else line


def _secret(loaded: Loaded, path: KeyPath, value: SecretStr | Unusable) -> Line:
    written = path if loaded.given.layer(path) else twin(path)
    source = _source(loaded, written) + (" (unusable)" if isinstance(value, Unusable) else "")
    return Line(dotted(path), toml(MASK), MASK, source)


def _line(loaded: Loaded, path: KeyPath, value: Value, *, inherited: KeyPath = ()) -> Line:
    source = _source(loaded, path)
    if inherited and not loaded.given.layer(path):
        source = _source(loaded, inherited)
    return Line(dotted(path), toml(value), simple(value), source)


def _source(loaded: Loaded, path: KeyPath) -> str:
    layer = loaded.given.layer(path)
    if layer is None:
        return _DEFAULT
    return layer.kind if layer.file else f"{layer.kind} {layer.place(path)}"
