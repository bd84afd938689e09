"""Checking: everything that loading finds, and what Apprise says of each channel's URL."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from monitor.config.keys import twin
from monitor.config.load import Loaded, understand

Fault = Callable[[str], str | None]


def check(path: Path | None, environ: Mapping[str, str]) -> tuple[Loaded, tuple[str, ...]]:
    """Return what was understood and one sentence a mistake; a file that cannot be read at all is a ConfigError."""
    from monitor.notify import fault, receivers  # noqa: PLC0415 - Apprise takes 0.1 s, and only this needs it

    loaded = understand(path, environ)
    warnings = (*loaded.config.warnings, *shared_urls(loaded, receivers))
    warned = replace(loaded, config=replace(loaded.config, warnings=warnings))
    return warned, (*loaded.problems, *refused_urls(loaded, fault))


def refused_urls(loaded: Loaded, fault: Fault) -> Iterator[str]:
    """Tell each channel URL that Apprise does not accept."""
    for place, url in _urls(loaded):
        if reason := fault(url):
            yield f"{place}: {reason}"


def shared_urls(loaded: Loaded, receivers: Callable[[str], int]) -> Iterator[str]:
    """Tell each channel URL that has several receivers, since the outcome of a message is one for all of them."""
    for place, url in _urls(loaded):
        if (number := receivers(url)) > 1:
            yield f"{place}: {number} receivers, and what one refuses goes to all again: write a channel for each"


def _urls(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Yield where each channel's URL is written, and the URL."""
    for name, channel in loaded.config.channels.items():
        if isinstance(channel.url, SecretStr):
            written = ("channels", name, "url")
            path = written if loaded.given.layer(written) else twin(written)
            yield loaded.given.place(path), channel.url.get_secret_value()
