"""``history --chart``: a picture of an account as a file."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.common import Stop, load, patiently
from monitor.cli.when import Window
from monitor.config import Config
from monitor.messages import moment
from monitor.store import Store

if TYPE_CHECKING:
    from monitor.chart import Chart

ENDINGS = (".svg", ".png")


def parse_file(value: object) -> Path:
    """Read the name of a file to write; a ValueError says what is wrong otherwise."""
    file = Path(str(value))
    if file.suffix.lower() not in ENDINGS or file.stem == file.suffix:
        raise ValueError("not the name of a picture: name a file that ends in .svg or .png, such as main.png")
    return file


def paint(store: Store, path: Path | None, account: str, window: Window, file: Path, *, now: datetime) -> None:
    """Write a picture of a span of time; stop if nothing of it is known, or the file cannot be written."""
    from monitor.chart import Span  # noqa: PLC0415 - only a picture needs it
    from monitor.poll import chart  # noqa: PLC0415 - likewise

    config = configured(path)
    span = Span(window.since, min(window.until, now))
    with patiently(f"Drawing {file} …"):
        with store.transaction(reads=True) as tx:
            found = chart.look(tx, config, account, span, now=now)
        drawn = b"" if found.latest is None else _drawn(found, file)
    if found.latest is None:
        since, until = (moment(at, found.zone) for at in (window.since, window.until))
        raise Stop(f"no reading of {account} is recorded from {since} to {until}: choose another --since and --until")
    try:
        file.write_bytes(drawn)
    except OSError as error:
        raise Stop(f"{file} cannot be written ({error.strerror}): name another file for --chart") from error
    click.echo(f"wrote {file}")


def _drawn(found: "Chart", file: Path) -> bytes:
    from monitor.chart import WIDE, draw  # noqa: PLC0415 - only a picture needs it
    from monitor.picture import png  # noqa: PLC0415 - likewise

    is_png = file.suffix.lower() == ".png"
    return png(draw(found, WIDE)) if is_png else draw(found, WIDE, adapts=True).encode()


def configured(path: Path | None) -> Config | None:
    """Return the configuration; while it is wrong none, which is said, since the picture lacks what it would tell."""
    try:
        return load(path, needs_secrets=False)
    except Stop:
        said = "Warning: the configuration is wrong (config check says how): drawn without thresholds, in UTC"
        click.echo(said, err=True)
        return None
