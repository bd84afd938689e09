"""``simulate``: the simulated Legnext API alone, for trying things out."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack

import click

from monitor.simulator import Mistake, Simulator, names, scenario

_LISTED = 40


class _Usage(click.ClickException):
    exit_code = 2


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes any free one.")
@click.option(
    "--scenario",
    "what",
    metavar="NAME|FILE",
    default="steady",
    show_default=True,
    help=f"One of {', '.join(names())}, or a TOML file.",
)
@click.option(
    "--speed", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="How much faster stories go."
)
@click.option("--json", "as_json", is_flag=True, help="When ready, print one JSON document with the address and keys.")
def simulate(port: int, what: str, speed: int, *, as_json: bool) -> None:
    """Serve a simulated Legnext API on this machine, until Ctrl-C.

    Accounts live by a scenario; faults can be switched on and off over HTTP while it runs.
    """
    try:
        chosen = scenario(what)
        simulator = Simulator(chosen.accounts, speed=speed)
    except Mistake as mistake:
        raise _Usage(str(mistake)) from None
    asyncio.run(_run(simulator, port, {"scenario": what, "about": chosen.description, "speed": speed}, as_json))


async def _run(simulator: Simulator, port: int, facts: dict[str, str | int], as_json: bool) -> None:  # noqa: FBT001
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(simulator.serve(port=port))
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise click.ClickException(f"port {port} cannot be used: {why}; take another with --port") from None
        if as_json:
            click.echo(json.dumps({"address": address, "keys": simulator.keys, **facts}))
        else:
            click.echo(_welcome(address, simulator.keys, facts))
        await stop.wait()


def _welcome(address: str, keys: dict[str, str], facts: dict[str, str | int]) -> str:
    listed = [f"  {name:<20} {key}" for name, key in list(keys.items())[:_LISTED]]
    more = len(keys) - len(listed)
    first = next(iter(keys))
    about = f": {facts['about']}" if facts["about"] else ""
    control = f"{address}/_simulator"
    return "\n".join(
        [
            f"Simulated Legnext API at {address} (Ctrl-C ends it)",
            f"Scenario {facts['scenario']}, at {facts['speed']} x real time{about}",
            "",
            "Accounts and their keys:",
            *listed,
            *([f"  and {more} more: curl -s {control}/accounts"] if more else []),
            "",
            "Try it:",
            f"  curl -s {control}/config > simulated.toml && balance-monitor --config simulated.toml check",
            f"  curl -s -H 'x-api-key: {keys[first]}' {address}/api/account/balance",
            f"  {_check(first, keys[first], address)}  # where there is no config.toml",
            "",
            "Change things:",
            f"""  curl -s {control}/accounts/{first} -d '{{"balance_usd": "4.07"}}'""",
            f"""  curl -s {control}/accounts/{first} -d '{{"fault": "status:503", "times": 3}}'""",
            f"""  curl -s {control}/accounts/{first} -d '{{"fault": null, "add_usd": 100}}'""",
            f"""  curl -s {control}/fault -d '{{"fault": "hang", "lasts": "5m"}}'""",
            f"  curl -s {control}/accounts",
            f"  curl -s '{control}/requests?account={first}'",
        ]
    )


def _check(name: str, key: str, address: str) -> str:
    table = f"BALANCE_MONITOR_ACCOUNTS__{name.upper()}__"
    variable = "LEGNEXT_API_KEY" if name == "main" else f"{table}API_KEY"
    return f"{variable}={key} {table}BASE_URL={address} balance-monitor check"
