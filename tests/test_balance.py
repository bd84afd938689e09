"""From Python: what ``monitor.get_balance`` gives and raises, and that the README's example does what it says."""

import asyncio
import os
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from live import clean_environment
from shell import Api

import monitor
from monitor import Kind

TOP = Path(__file__).parent.parent
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", (TOP / "README.md").read_text(), re.MULTILINE | re.DOTALL)
KEY = 'os.environ["LEGNEXT_API_KEY"]'


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api() as simulated:
        yield simulated


@pytest.fixture
def key(api: Api) -> str:
    api.change(fault=None, balance_usd="72.048")
    return api.simulator.keys["main"]


def test_a_balance_is_a_reading_with_the_seven_fields_exact(api: Api, key: str) -> None:
    api.change(balance_usd="4.068", available_points=1068, alert_threshold="10.5", low_balance_alert=False)
    reading = monitor.get_balance(key, base_url=api.address)
    assert isinstance(reading, monitor.Reading)
    assert (reading.balance_usd, reading.available_credits, reading.available_points) == (
        Decimal("4.068"),
        Decimal(3000),
        Decimal(1068),
    )
    assert (reading.alert_threshold, reading.low_balance_alert, reading.account_id) == (Decimal("10.5"), False, "1")
    assert reading.updated_at is not None
    assert timedelta(0) <= datetime.now(UTC) - reading.updated_at < timedelta(minutes=2)


def test_many_are_asked_at_once_and_a_notebook_whose_loop_runs_may_ask_too(api: Api, key: str) -> None:
    async def ask() -> list[Decimal]:
        many = await asyncio.gather(*(monitor.aget_balance(key, base_url=api.address) for _ in range(5)))
        return [one.balance_usd for one in (*many, monitor.get_balance(key, base_url=api.address))]

    assert asyncio.run(ask()) == [Decimal("72.048")] * 6


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("refused_key", "refused", "refused: HTTP 401"),
        ("status:503", "unreachable", "unreachable: HTTP 503"),
        ("nan", "unreadable", "unreadable: "),
        ("redirect", "unreadable", "unreadable: "),
        ("hang", "unreachable", "unreachable: no answer within 0.5 s"),
    ],
)
def test_without_a_balance_an_error_says_which_kind_and_why_and_never_the_key(
    api: Api, key: str, fault: str, kind: str, said: str
) -> None:
    api.change(fault=fault)
    with pytest.raises(monitor.BalanceError) as raised:
        monitor.get_balance(key, base_url=api.address, timeout=0.5)
    error = raised.value
    assert (error.kind, error.kind == kind) == (Kind(kind), True)
    assert str(error).startswith(said)
    assert key not in f"{error!r} {error}"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - as a pool of processes does
    assert (str(copy), copy.kind, copy.retry_after) == (str(error), error.kind, error.retry_after)


def test_what_the_api_asks_to_wait_is_told(api: Api, key: str) -> None:
    api.change(fault="retry_after:30")
    with pytest.raises(monitor.BalanceError) as raised:
        monitor.get_balance(key, base_url=api.address)
    assert raised.value.retry_after == timedelta(seconds=30)


def test_certificates_that_cannot_be_loaded_are_an_error_of_the_same_shape(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monitor.balance._loaded.cache_clear()
    with pytest.raises(monitor.BalanceError, match="the certificates that SSL_CERT_FILE or SSL_CERT_DIR name"):
        monitor.get_balance(key)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_the_caller_s_mistake(timeout: float) -> None:
    with pytest.raises(ValueError, match=r"timeout is .*: give it in seconds, more than 0"):
        monitor.get_balance("a-key", timeout=timeout)


# -- what it costs, and what comes along ------------------------------------------------------------------------------


def python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-c", code]
    env = clean_environment(**environment)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


def test_to_import_it_loads_nothing_else_and_to_use_it_nothing_of_the_daemon() -> None:
    done = python(
        "import sys; before = set(sys.modules); import monitor; print(sorted(set(sys.modules) - before));"
        "monitor.get_balance; print(*sys.modules)"
    )
    imported, used = done.stdout.splitlines()
    assert imported == "['monitor']"
    daemon = ("sqlalchemy", "apprise", "apscheduler", "structlog", "click", "rich", "starlette", "monitor.store")
    assert "httpx" in used.split()
    assert [name for name in daemon if name in used.split()] == []


def test_what_is_not_there_is_said_as_python_does() -> None:
    done = python("import monitor; monitor.get_balances")
    assert "AttributeError: module 'monitor' has no attribute 'get_balances'" in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"balance_usd": "72.048"}, ""),
        ({"balance_usd": "4.07"}, "only $4.07 left\n"),
        ({"fault": "refused_key"}, "balance unknown: refused: HTTP 401: Failed to verify api key\n"),
    ],
)
def test_the_example_of_the_readme_says_what_it_says(api: Api, key: str, changes: dict[str, str], said: str) -> None:
    api.change(**changes)
    assert KEY in EXAMPLE
    done = python(EXAMPLE.replace(KEY, f'{KEY}, base_url="{api.address}"'), LEGNEXT_API_KEY=key)
    assert (done.stderr, done.stdout) == ("", said)


@pytest.mark.slow
def test_the_example_of_the_readme_is_typed_all_through(tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(
        EXAMPLE + "reveal_type(monitor.get_balance('a-key').balance_usd)\nmonitor.get_balances\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path), "example.py"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"MYPYPATH": str(TOP)}
    )
    assert '"decimal.Decimal"' in done.stdout
    errors = [line for line in done.stdout.splitlines() if " error: " in line]
    assert len(errors) == 1, done.stdout
    assert 'Module has no attribute "get_balances"' in errors[0]


def test_the_wheel_says_that_it_is_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=TOP, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert {"monitor/py.typed", "monitor/balance.py"} <= set(packed.namelist())
        (metadata,) = [name for name in packed.namelist() if name.endswith("METADATA")]
        assert b"Classifier: Typing :: Typed" in packed.read(metadata)
