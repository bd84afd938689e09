"""Loading: what was given becomes a Config, and every mistake is told at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from monitor.config.checks import check_digest, cross_check
from monitor.config.effective import Account, Channel, Config, ConfigError, Digest, Listen, Retention, Unusable, Web
from monitor.config.fields import SQLITE, parse_listen
from monitor.config.given import Given, gather, validate
from monitor.config.keys import SECRETS, KeyPath, dotted, kind_of, twin
from monitor.config.overrides import Rulebook
from monitor.config.places import default_database
from monitor.config.secret import looks_secret, parts, read_secret
from monitor.config.shape import AccountShape, ChannelShape, RetentionShape, Shape, WebShape
from monitor.config.sources import LEGNEXT_KEY, LISTEN_DEFAULT, PREFIX
from monitor.dress import Form
from monitor.model import Level

_LEVELS = {"info": Level.INFO, "warning": Level.WARNING, "critical": Level.CRITICAL, "off": None}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as far as it could be understood, with all that is wrong with it."""

    config: Config
    given: Given
    shape: Shape
    rules: Rulebook

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence a mistake, in the order in which they were found."""
        return tuple(dict.fromkeys(self.given.problems))


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    secrets_dirs: Sequence[Path] | None = None,
    needs_secrets: bool = True,
) -> Config:
    """Load the configuration; a ConfigError tells every mistake.

    Without ``needs_secrets``, an account or a channel may lack its secret (it is then Unusable), and there may be no
    account at all: for commands that neither poll nor send, which people run where the secrets are not.
    """
    loaded = understand(path, environ, secrets_dirs=secrets_dirs, needs_secrets=needs_secrets)
    if loaded.problems:
        raise ConfigError(loaded.problems)
    return loaded.config


def database_of(path: Path | None, environ: Mapping[str, str], *, secrets_dirs: Sequence[Path] | None = None) -> str:
    """Return the database's URL, whatever else is wrong or missing: for commands that only read what there is."""
    loaded = understand(path, environ, secrets_dirs=secrets_dirs, needs_secrets=False)
    if loaded.given.is_wrong("database"):
        raise ConfigError(loaded.problems)
    return loaded.config.database


def understand(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    secrets_dirs: Sequence[Path] | None = None,
    needs_secrets: bool = True,
) -> Loaded:
    """Load as much as can be understood; only a file that cannot be read at all is a ConfigError."""
    given = gather(path, environ, secrets_dirs)
    shape = validate(given)
    rules = Rulebook(given, shape.rules)
    reader = _Reader(given, shape, rules, needs_secrets=needs_secrets)
    accounts = {name: reader.account(name, table) for name, table in shape.accounts.items()}
    channels = {name: reader.channel(name, table) for name, table in shape.channels.items()}
    beats = reader.optional(("heartbeat_url",), shape.heartbeat_url, shape.heartbeat_url_file)
    fails = reader.optional(("heartbeat_fail_url",), shape.heartbeat_fail_url, shape.heartbeat_fail_url_file)
    token = reader.optional(("web", "token"), shape.web.token, shape.web.token_file)
    web = _web(given, shape.web, token, default=environ.get(LISTEN_DEFAULT, ""), needs_secrets=needs_secrets)
    cross_check(given, shape, accounts, channels)
    check_digest(given, _digest(shape), channels)
    if needs_secrets:
        _refuse_nothing_to_poll(given, accounts)
    config = Config(
        path=path and path.absolute(),
        interval=shape.interval,
        timeout=min(shape.timeout, shape.interval),
        timezone=shape.timezone,
        database=_database(given, shape.database) or default_database(environ),
        heartbeat_url=beats,
        heartbeat_fail_url=fails,
        retention=_retention(shape.retention),
        web=web,
        undelivered=rules.undelivered,
        log_level=shape.log.level,
        log_format=shape.log.format,
        accounts=accounts,
        channels=channels,
        digest=_digest(shape),
        warnings=tuple(given.warnings),
        secrets=frozenset(_secrets(accounts, token, [beats, fails, *(channel.url for channel in channels.values())])),
    )
    return Loaded(config, given, shape, rules)


class _Reader:
    """Turns the tables of accounts and channels into values that share what is equal in them."""

    def __init__(self, given: Given, shape: Shape, rules: Rulebook, *, needs_secrets: bool) -> None:
        self._given = given
        self._shape = shape
        self._rules = rules
        self._needs_secrets = needs_secrets
        self._names: dict[frozenset[str] | None, frozenset[str] | None] = {}

    def account(self, name: str, table: AccountShape) -> Account:
        interval = table.interval or self._shape.interval
        return Account(
            name=name,
            api_key=self._secret(("accounts", name, "api_key"), table.api_key, table.api_key_file),
            base_url=table.base_url,
            interval=interval,
            timeout=min(self._shape.timeout, interval),
            channels=self._names.setdefault(table.channels, table.channels),
            rules=self._rules.of(name, table.rules),
        )

    def channel(self, name: str, table: ChannelShape) -> Channel:
        channel = Channel(
            name=name,
            url=self._secret(("channels", name, "url"), table.url, table.url_file),
            min_level=_LEVELS[table.min_level],
            accounts=self._names.setdefault(table.accounts, table.accounts),
            fallback=table.fallback,
            quiet=table.quiet_hours,
            form=Form(table.format),
            chart=table.chart,
        )
        return _without_news(channel) if channel.is_pager else channel

    def optional(self, path: KeyPath, written: SecretStr | None, file: str | None) -> SecretStr | Unusable | None:
        """Return a secret that may be left out."""
        return written if file is None else self._read(path, file)

    def _secret(self, path: KeyPath, written: SecretStr | None, file: str | None) -> SecretStr | Unusable:
        return self.optional(path, written, file) or self._missing(path)

    def _read(self, path: KeyPath, name: str) -> SecretStr | Unusable:
        layer = self._given.layer(twin(path))
        folder = layer.file.parent if layer and layer.file else Path()  # a path in the file starts from its folder
        file = Path(name) if name.startswith("~") else folder / name
        secret = read_secret(file, dotted(path))
        if isinstance(secret, Unusable):
            secret = self._pasted(twin(path), name) or secret
            self._given.warnings.append(secret.reason)
            return secret
        try:
            return SecretStr(SECRETS[kind_of(path) or path](secret))
        except ValueError as error:
            reason = f"{file} (for {dotted(path)}): {error}"
            self._given.problems.append(reason)
            return Unusable(reason)

    def _pasted(self, key: KeyPath, name: str) -> Unusable | None:
        """Say so without repeating it where the secret itself was written instead of the name of its file."""
        if name.startswith(("/", "~", ".")) or not looks_secret(name):
            return None
        place, better = self._given.place(key), key[-1].removesuffix("_file")
        return Unusable(f"{place}: no such file, it looks like the secret itself: write it as {better}")

    def _missing(self, path: KeyPath) -> Unusable:
        variable = LEGNEXT_KEY if path[:2] == ("accounts", "main") else PREFIX + "__".join(path).upper()
        reason = f"no {path[-1]}: write {path[-1]} or {path[-1]}_file, or set {variable}"
        told = self._given.is_wrong(*path) or self._given.is_wrong(*twin(path))
        if self._needs_secrets and not told:
            self._given.blame(path[:-1], reason)
        return Unusable(f"{dotted(path[:-1])}: {reason}")


def _without_news(pager: Channel) -> Channel:
    """Let news alone open no incident: nothing would ever close it."""
    return replace(pager, min_level=max(pager.min_level, Level.WARNING)) if pager.min_level else pager


def _database(given: Given, url: str | None) -> str | None:
    """Let a relative path in the file start from its folder: a restart from elsewhere must find the same database."""
    layer = given.layer(("database",))
    if url is None or layer is None or layer.file is None:
        return url
    return f"{SQLITE}{layer.file.absolute().parent / url.removeprefix(SQLITE)}"


def _refuse_nothing_to_poll(given: Given, accounts: Mapping[str, Account]) -> None:
    if given.problems:  # there may be an account once these are gone
        return
    if not accounts:
        given.problems.append(f"no account: set {LEGNEXT_KEY}, or write [accounts.main] with an api_key")
    elif all(isinstance(account.api_key, Unusable) for account in accounts.values()):
        reasons = (account.api_key.reason for account in accounts.values() if isinstance(account.api_key, Unusable))
        given.problems += [f"no account is left: {reason}" for reason in reasons]


def _retention(shape: RetentionShape) -> Retention:
    """Let a default give way to what was set; two set values that contradict are told elsewhere."""
    if "hourly" in shape.model_fields_set:
        return Retention(raw=min(shape.raw, shape.hourly), hourly=shape.hourly)
    return Retention(raw=shape.raw, hourly=max(shape.raw, shape.hourly))


def _digest(shape: Shape) -> Digest | None:
    """Return the digest if its table was written, and not to turn it off."""
    written = shape.digest if "digest" in shape.model_fields_set else None
    if written is None or written.schedule is None:
        return None
    return Digest(schedule=written.schedule, channels=written.channels)


def _web(
    given: Given,
    shape: WebShape,
    token: SecretStr | Unusable | None,
    *,
    default: str,
    needs_secrets: bool,
) -> Web:
    """Return where the page is served; without its secrets nobody knows whether there is a token."""
    listen = _listen(given, shape.listen, token, default)
    has_token = token is not None or given.is_wrong("web", "token") or given.is_wrong("web", "token_file")
    if listen is not None and not listen.is_loopback and needs_secrets and not has_token:
        _refuse_open_page(given, listen)
    return Web(listen=listen, url=shape.url, token=token)


def _listen(given: Given, listen: Listen | None, token: SecretStr | Unusable | None, default: str) -> Listen | None:
    """Return where to listen; an image has a default of its own, for which there must be a token."""
    if not default or given.layer(("web", "listen")) is not None:
        return listen
    if token is None:
        where = f"only on {listen}, inside of the container"
        given.warnings.append(f"web.token: not set, so the page is {where}: set it, and the page is on {default}")
        return listen
    try:
        return parse_listen(default)
    except ValueError as error:
        given.problems.append(f"{LISTEN_DEFAULT}: {error}")
        return listen


def _refuse_open_page(given: Given, listen: Listen) -> None:
    remedy = "set web.token, or listen on 127.0.0.1"
    given.blame(("web", "listen"), f"{listen} can be reached from other machines, and there is no token: {remedy}")


def _secrets(
    accounts: Mapping[str, Account], token: SecretStr | Unusable | None, urls: Iterable[SecretStr | Unusable | None]
) -> Iterator[str]:
    if isinstance(token, SecretStr):
        yield token.get_secret_value()
    for account in accounts.values():
        if isinstance(account.api_key, SecretStr):
            yield account.api_key.get_secret_value()
    for url in urls:
        if isinstance(url, SecretStr):
            yield from parts(url.get_secret_value())
