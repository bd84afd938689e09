"""What no key can know by itself: timeouts against intervals, names that must exist, and who hears whom."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from monitor.config.effective import Account, Channel, Digest, Unusable
from monitor.config.fields import is_name
from monitor.config.given import Given
from monitor.config.keys import KeyPath, dotted
from monitor.config.secret import looks_secret
from monitor.config.shape import Shape
from monitor.quantity import short

_NAMED = 10
_SHORTEST_KEY = 6
"""A shorter one may be part of any address, and protects nothing."""


def cross_check(given: Given, shape: Shape, accounts: Mapping[str, Account], channels: Mapping[str, Channel]) -> None:
    """Tell what contradicts, names nothing, forms a circle, or is never heard."""
    if "timeout" in shape.model_fields_set:
        _check_timeout(given, shape, accounts)
    if {"raw", "hourly"} <= shape.retention.model_fields_set and shape.retention.hourly < shape.retention.raw:
        raw = f"{given.place(('retention', 'raw'))}, {short(shape.retention.raw)}"
        given.blame(("retention", "hourly"), f"shorter than {raw}: raise it, or lower raw")
    for name, account in accounts.items():
        _check_address(given, account)
        _must_exist(given, ("accounts", name, "channels"), account.channels, channels)
    for name, channel in channels.items():
        _must_exist(given, ("channels", name, "accounts"), channel.accounts, accounts)
        fallback = () if channel.fallback is None else (channel.fallback,)
        _must_exist(given, ("channels", name, "fallback"), fallback, channels)
    _check_circles(given, channels)
    _warn_of_silence(given, accounts, channels)


def check_digest(given: Given, digest: Digest | None, channels: Mapping[str, Channel]) -> None:
    """Tell a digest for channels that are not there, and one that nobody gets."""
    if digest is None:
        return
    _must_exist(given, ("digest", "channels"), digest.channels, channels)
    pagers = {name for name, channel in channels.items() if channel.is_pager}
    if digest.channels and (named := sorted(digest.channels & pagers)):
        given.blame(("digest", "channels"), f"{named[0]} is a pager, which takes alerts only: take it out")
    able = {name for name, channel in channels.items() if channel.min_level is not None} - pagers
    wanted = digest.channels if digest.channels is not None else able
    if not wanted:
        given.warnings.append(
            "digest: no channel gets it: name one in its channels, or write [channels.mail] with a url"
        )


def _check_timeout(given: Given, shape: Shape, accounts: Mapping[str, Account]) -> None:
    own = {name: account.interval for name, account in accounts.items() if shape.accounts[name].interval is not None}
    paths = {("interval",): shape.interval} | {("accounts", name, "interval"): length for name, length in own.items()}
    for path, length in paths.items():
        if shape.timeout > length:
            which = given.place(path) if given.layer(path) else f"the default interval, {short(length)}"
            given.blame(("timeout",), f"longer than {which}: lower the timeout, or raise the interval")


def _check_address(given: Given, account: Account) -> None:
    key = "" if isinstance(account.api_key, Unusable) else account.api_key.get_secret_value()
    if len(key) >= _SHORTEST_KEY and key in account.base_url:
        sentence = "the API key is part of it: write only the address, the key goes along by itself"
        given.blame(("accounts", account.name, "base_url"), sentence)


def _must_exist(given: Given, path: KeyPath, names: Iterable[str] | None, known: Mapping[str, object]) -> None:
    section = "accounts" if path[-1] == "accounts" else "channels"
    for name in sorted(names or ()):
        if name in known or given.is_wrong(section, name):
            continue
        if not is_name(name) or looks_secret(name):  # not repeated: it may be a key, or a URL with all its secrets
            given.blame(path, f"not the name of one of the {section}: write the name that stands in [{section}.NAME]")
            continue
        close = get_close_matches(name, known, n=1)
        advice = f"did you mean {close[0]}?" if close else f"write [{section}.{name}], or take the name out"
        given.blame(path, f"there is no {section[:-1]} {name}: {advice}")


def _check_circles(given: Given, channels: Mapping[str, Channel]) -> None:
    """Follow the fallbacks from each channel; what a walk has seen, no later walk enters again."""
    seen: set[str] = set()
    for start in channels:
        walk: dict[str, None] = {}
        name = start
        while name in channels and name not in seen:
            seen.add(name)
            walk[name] = None
            name = channels[name].fallback or ""
        if name not in walk:
            continue
        circle = list(walk)[list(walk).index(name) :]
        way = " -> ".join([*circle, name])
        sentence = "its own fallback: name another channel" if len(circle) == 1 else f"a circle of fallbacks, {way}"
        given.blame(("channels", name, "fallback"), sentence + (": end it somewhere" if len(circle) > 1 else ""))


def _warn_of_silence(given: Given, accounts: Mapping[str, Account], channels: Mapping[str, Channel]) -> None:
    unheard = _unheard(accounts, channels)
    idle = [name for name, account in accounts.items() if not account.rules]
    fallbacks = {channel.fallback for channel in channels.values()}
    unused = [name for name, channel in channels.items() if channel.min_level is None and name not in fallbacks]
    if not channels:
        given.warnings.append("no channel: alerts go only to the log: write [channels.ops] with a url")
    elif unheard:
        given.warnings.append(f"{_several('accounts', unheard)}: no channel hears of it: see channels and accounts")
    if idle:
        given.warnings.append(f"{_several('accounts', idle)}: every rule is off, so nothing is watched: turn one on")
    if unused:
        given.warnings.append(
            f'{_several("channels", unused)}: min_level is "off" and nobody\'s fallback: it will never be told anything'
        )


def _unheard(accounts: Mapping[str, Account], channels: Mapping[str, Channel]) -> list[str]:
    """Return the accounts that no channel hears; never every account against every channel."""
    listening = {name: channel for name, channel in channels.items() if channel.min_level is not None}
    open_to_all = any(channel.accounts is None for channel in listening.values())
    invited = {name for channel in listening.values() for name in channel.accounts or ()}

    def is_heard(account: Account) -> bool:
        if account.channels is None:
            return open_to_all or account.name in invited
        agreed = (listening[name].accounts for name in account.channels if name in listening)
        return any(allowed is None or account.name in allowed for allowed in agreed)

    return [name for name, account in accounts.items() if not is_heard(account)]


def _several(section: str, names: list[str]) -> str:
    """Name the first few of possibly ten thousand."""
    shown = ", ".join(dotted((section, name)) for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
