"""A real Prometheus scrapes the daemon with its token, finds every metric, and understands the rules that we ship."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from live import Api, Run, settings, until
from receivers import Webhook

from real.ground import PROJECT, need, run

RULES = PROJECT / "deploy" / "prometheus"
TOKEN = "a-token-of-16-characters"
_HERE = "127.0.0.1:19090"
pytestmark = pytest.mark.real


def test_the_rules_are_right_and_fire_when_they_should() -> None:
    need("promtool")
    run("promtool", "check", "rules", RULES / "balance-monitor.rules.yml")
    run("promtool", "test", "rules", RULES / "balance-monitor.test.yml")


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """Run Prometheus as its users do, with our rules; yield its address."""
    (folder / "token").write_text(TOKEN)
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n"
        f"rule_files: [{RULES / 'balance-monitor.rules.yml'}]\n"
        f"scrape_configs:\n- job_name: balance-monitor\n  authorization: {{credentials_file: {folder / 'token'}}}\n"
        f"  static_configs: [{{targets: ['{target}']}}]\n"
    )
    words = ["--config.file", str(folder / "prometheus.yml"), "--storage.tsdb.path", str(folder / "data")]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(["prometheus", *words, "--web.listen-address", _HERE], stderr=log)  # noqa: S607 - the system's
    try:
        yield f"http://{_HERE}"
    finally:
        process.terminate()
        process.wait(20)


def ask(address: str, what: str, **parameters: str) -> Any:
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{address}/api/v1/{what}?{query}", timeout=10) as answer:  # noqa: S310 - our own
        return json.load(answer)["data"]


def found(address: str, query: str) -> list[tuple[dict[str, str], str]]:
    """Return the series of a query, each with its value; none while it does not answer."""
    try:
        return [(one["metric"], one["value"][1]) for one in ask(address, "query", query=query)["result"]]
    except OSError:
        return []


@pytest.mark.timeout(180)
def test_prometheus_scrapes_the_daemon_and_its_series_are_there(tmp_path: Path) -> None:
    need("prometheus", "promtool")
    with Api("drain") as api, Webhook() as webhook:
        text = settings(api, webhook.url) + f'[web]\ntoken = "{TOKEN}"\n'
        with Run(tmp_path, text, BALANCE_MONITOR_WEB__LISTEN="127.0.0.1:0") as daemon:
            target = str(daemon.start().wait_event("page")["address"]).removeprefix("http://").rstrip("/")
            api.change("main", balance_usd="4.07")
            webhook.wait_posts(1, timeout=40)
            with prometheus(tmp_path, target) as address:
                here = 'job="balance-monitor"'
                until(lambda: found(address, f"up{{{here}}} == 1"), "a scrape", 60)
                until(lambda: found(address, f"balance_monitor_alert_level{{{here}}} == 2"), "the alert", 30)
                until(
                    lambda: found(address, f'balance_monitor_deliveries_total{{outcome="delivered",{here}}} > 0'),
                    "it",
                    30,
                )
                names = set(ask(address, "label/__name__/values"))
                assert names >= series() - {"balance_monitor_runway_seconds"}  # not enough data yet
                (balance,) = found(address, "balance_monitor_balance_usd")
                assert float(balance[1]) <= 4.07
                loaded = ask(address, "rules")["groups"][0]["rules"]
                assert {one["health"] for one in loaded} <= {"ok", "unknown"}
                about = ask(address, "metadata", metric="balance_monitor_balance_usd")["balance_monitor_balance_usd"]
                assert (about[0]["type"], about[0]["unit"]) == ("gauge", "usd")
                until(lambda: found(address, 'ALERTS{alertname="BalanceCritical"}'), "our rule to be pending", 30)
            check_metrics(target)


def promised() -> set[str]:
    """Return every metric that the README names."""
    readme = (PROJECT / "README.md").read_text()
    table = readme.partition("| metric | is |")[2].partition("\n\n")[0]
    names = re.findall(r"^\| `([a-z_0-9]+)(?:\{[a-z, ]+\})?` \|", table, re.MULTILINE)
    return {f"balance_monitor_{name}" for name in names}


def series() -> set[str]:
    """Return the same as the names of series."""
    took = "balance_monitor_poll_duration_seconds"
    return promised() - {took} | {f"{took}_bucket", f"{took}_sum", f"{took}_count"}


def check_metrics(target: str) -> None:
    """Let promtool look for bad names and missing help."""
    asked = urllib.request.Request(f"http://{target}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own
        text = answer.read()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)  # noqa: S607 - see above
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    dashboard = json.loads((PROJECT / "deploy" / "grafana" / "balance-monitor.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name.removesuffix("_bucket") for query in queries for name in re.findall(r"balance_monitor_\w+", query)}
    assert asked <= promised()
