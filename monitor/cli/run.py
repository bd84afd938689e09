"""``run``: the daemon, in the foreground."""

import asyncio
import faulthandler
import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from monitor import app, log
from monitor import config as configuration
from monitor.app.outside import Outside
from monitor.app.signals import signals
from monitor.cli.common import Stop, load
from monitor.clock import Clock
from monitor.config import Config
from monitor.manager import Manager
from monitor.pulse import name_of_call
from monitor.store import Store, StoreError
from monitor.worker import Loose


@click.command()
@click.pass_obj
def run(path: Path | None) -> None:
    """Watch the accounts until SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""
    _show_where_it_hangs()
    manager = Manager(os.environ)
    try:
        config, store = _prepare(path)
    except Stop as stop:
        manager.tell_status(stop.message)
        raise
    try:
        asyncio.run(
            _live(config, store, Outside(manager=manager, listens=True, names=(name_of_call(path, os.environ),)))
        )
    finally:
        if not store.close():
            log.get("monitor.run").warning("store_stuck", note="the disk does not answer; left as it is")
        elif store.trouble is not None:
            reason, note = store.trouble.reason, "what was decided since then is not on the disk"
            log.get("monitor.run").error("memory_lost", reason=reason, note=note)


def _show_where_it_hangs() -> None:
    """Let a watchdog's SIGABRT leave where each thread was: names of functions and lines, no values."""
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)


def _prepare(path: Path | None) -> tuple[Config, Store]:
    config = load(path)
    _set_up_log(config, config.secrets)
    try:
        return config, Store.start(config.database)
    except StoreError as error:
        raise Stop(str(error)) from error


async def _live(config: Config, store: Store, outside: Outside) -> None:
    asyncio.get_running_loop().set_default_executor(Loose())
    reload = functools.partial(_reload, config.path, set(config.secrets))
    daemon = app.Daemon(config, store, clock=Clock(), load=reload, outside=outside)
    with signals(daemon, ends_process=True):
        await daemon.run()


def _reload(path: Path | None, secrets: set[str]) -> Config:
    """Read the configuration again; a send that began before still has an old secret to hide."""
    fresh = configuration.load(path, os.environ)
    secrets |= fresh.secrets
    _set_up_log(fresh, secrets)
    return fresh


def _set_up_log(config: Config, secrets: Iterable[str]) -> None:
    log.hide(secrets)
    log.setup(level=config.log_level, format=config.log_format, stream=sys.stdout, environ=os.environ)
