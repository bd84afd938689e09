"""Checking: everything that loading finds, and what Apprise says of each channel's URL."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr

from monitor.config.keys import twin
from monitor.config.load import Loaded, understand

Fault = Callable[[str], str | None]


def check(path: Path | None, environ: Mapping[str, str]) -> tuple[Loaded, tuple[str, ...]]:
    """Return what was understood and one sentence a mistake; a file that cannot be read at all is a ConfigError."""
    from monitor.notify import fault  # noqa: PLC0415 - Apprise takes a tenth of a second, and only this needs it

    loaded = understand(path, environ)
    return loaded, (*loaded.problems, *refused_urls(loaded, fault))


def refused_urls(loaded: Loaded, fault: Fault) -> Iterator[str]:
    """Tell each channel URL that Apprise does not accept."""
    for name, channel in loaded.config.channels.items():
        if isinstance(channel.url, SecretStr) and (reason := fault(channel.url.get_secret_value())):
            written = ("channels", name, "url")
            path = written if loaded.given.layer(written) else twin(written)
            yield f"{loaded.given.place(path)}: {reason}"
