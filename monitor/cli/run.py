"""``run``: the daemon, in the foreground."""

import asyncio
import functools
import os
import sys
from pathlib import Path

import click

from monitor import app, log
from monitor import config as configuration
from monitor.cli.common import Stop, load
from monitor.clock import Clock
from monitor.config import Config
from monitor.store import Store, StoreError


@click.command()
@click.pass_obj
def run(path: Path | None) -> None:
    """Watch the accounts until SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""
    config = load(path)
    _set_up_log(config)
    try:
        store = Store.start(config.database)
    except StoreError as error:
        raise Stop(str(error)) from error
    try:
        asyncio.run(_live(config, store))
    finally:
        store.close()


async def _live(config: Config, store: Store) -> None:
    daemon = app.Daemon(config, store, clock=Clock(), load=functools.partial(_reload, config.path))
    with daemon.signals():
        await daemon.run()


def _reload(path: Path | None) -> Config:
    fresh = configuration.load(path, os.environ)
    _set_up_log(fresh)
    return fresh


def _set_up_log(config: Config) -> None:
    log.hide(config.secrets)
    log.setup(level=config.log_level, format=config.log_format, stream=sys.stdout, environ=os.environ)
