"""The daemon as a process, against the simulated API and real receivers."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Api, Run, settings, until
from receivers import MailServer, Webhook

LOW = "[WARNING] main: $20.00 left (at or below $25.00)"


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as simulated:
        simulated.change(balance_usd=100, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        yield simulated


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_low_worse_easing_and_fine_are_told_once_by_mail_and_webhook_whatever_is_restarted(
    api: Api, tmp_path: Path
) -> None:
    with Webhook() as hook, MailServer() as mail, Run(tmp_path, settings(api, hook.url, mail.url)) as run:
        run.start()
        for count, (balance, restarts) in enumerate([(20, 3), ("4.068", 3), (12, 2), (204, 2)], 1):
            api.change(balance_usd=balance)
            hook.wait_posts(count, 20)
            mail.wait_messages(count, 20)
            for _ in range(restarts):
                assert run.stop() == 0
                polls = api.requests()
                run.start()
                api.wait_for_poll(polls)
        time.sleep(6)  # one more poll
        assert run.stop() == 0
        told = [
            LOW,
            "[CRITICAL] main: $4.07 left (at or below $5.00)",
            "[WARNING] main: $12.00 left (at or below $25.00), eased from critical",
            "[OK] main: $204.00 left (above $25.00)",
        ]
        assert hook.titles == told
        assert [message["subject"] for message in mail.messages] == told
        assert run.command("outbox", "list").stdout == "The outbox is empty: everything was delivered.\n"
    _assert_clean_log(run)


def _assert_clean_log(run: Run) -> None:
    assert [line for line in run.log() if line["level"] in {"error", "critical"}] == []


def test_a_first_start_while_already_low_is_told_within_seconds(api: Api, tmp_path: Path) -> None:
    api.change(balance_usd=20)
    with Webhook() as hook, Run(tmp_path, settings(api, hook.url)) as run:
        run.start()
        hook.wait_posts(1, 10)
        assert hook.titles == [LOW]
        assert run.events("first_start")
        first, *more = [one for one in run.log() if one["event"] == "polled"]
        assert (first["account"], first["balance_usd"], more) == ("main", "20", [])
        status = json.loads(run.command("status", "--json").stdout)
        assert status["daemon"]["healthy"] is True
        assert [(one["account"], one["level"], one["reading"]["balance_usd"]) for one in status["accounts"]] == [
            ("main", "warning", "20")
        ]
        assert run.command("healthcheck").returncode == 0
        assert run.stop() == 0
        assert run.command("healthcheck").returncode == 1
    _assert_clean_log(run)


def test_what_only_people_at_a_terminal_need_is_not_in_its_memory(api: Api, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    (tmp_path / "sitecustomize.py").write_text(
        f"import atexit, sys; atexit.register(lambda: open({str(loaded)!r}, 'w').write(' '.join(sys.modules)))\n"
    )
    api.change(balance_usd=20)
    with Webhook() as hook, Run(tmp_path, settings(api, hook.url), PYTHONPATH=str(tmp_path)) as run:
        run.start()
        hook.wait_posts(1, 20)  # of a first start, so that the database was made too
        assert run.stop() == 0
    modules = {name.partition(".")[0] for name in loaded.read_text().split()}
    assert {"alembic", "apprise", "httpx", "structlog"} <= modules
    assert not {"rich", "pygments"} & modules


def test_a_kill_in_the_middle_loses_and_repeats_nothing_that_was_settled(api: Api, tmp_path: Path) -> None:
    api.change(balance_usd=20)
    with Webhook() as hook, Run(tmp_path, settings(api, hook.url)) as run:
        run.start()
        run.wait_event("delivered")
        run.stop(signal.SIGKILL)
        api.change(balance_usd=4)
        run.start()
        hook.wait_posts(2, 10)
        run.wait_event("delivered", 2)
        run.stop(signal.SIGKILL)
        run.start()
        polls = api.requests()
        api.wait_for_poll(polls)
        assert run.stop() == 0
        assert hook.titles == [LOW, "[CRITICAL] main: $4.00 left (at or below $5.00)"]


def test_a_bad_configuration_is_refused_at_a_reload_and_the_old_one_goes_on(api: Api, tmp_path: Path) -> None:
    with Webhook() as hook, Run(tmp_path, settings(api, hook.url)) as run:
        run.start()
        good = run.path.read_text()
        run.path.write_text(good + "[rules.balance_usd]\nwarnign = 50\n")
        run.send(signal.SIGHUP)
        refused = run.wait_event("reload_refused")
        assert "did you mean" in refused["problem"]
        assert "warnign" in run.command("status").stdout  # the refusal is shown, since the daemon goes on
        api.change(balance_usd=20)
        hook.wait_posts(1, 10)
        run.path.write_text(good + "[rules.balance_usd]\nwarning = 50\n")
        run.send(signal.SIGHUP)
        run.wait_event("reloaded")
        assert "warnign" not in run.command("status").stdout
        api.change(balance_usd=40)
        hook.wait_posts(1, 10)
        assert run.stop() == 0
    assert hook.titles == [LOW]  # 40 is below the new threshold: no end is told


@pytest.mark.slow
def test_a_reload_that_hangs_is_refused_and_the_daemon_stays_healthy(api: Api, tmp_path: Path) -> None:
    with Webhook() as hook, Run(tmp_path, settings(api, hook.url)) as run:
        run.start()
        good = run.path.read_text()
        os.mkfifo(tmp_path / "key")  # nobody ever writes to it
        run.path.write_text(good + '[accounts.batch]\napi_key_file = "key"\n')
        run.send(signal.SIGHUP)
        assert "not read within" in run.wait_event("reload_refused", seconds=60)["problem"]
        run.path.write_text(good)
        run.send(signal.SIGHUP)
        run.wait_event("reloaded", seconds=60)
        assert run.command("healthcheck").returncode == 0
        api.change(balance_usd=20)
        hook.wait_posts(1, 30)
        assert run.stop() == 0


def test_a_reload_brings_accounts_and_channels_and_takes_them_away(api: Api, tmp_path: Path) -> None:
    api.create(
        "batch", balance_usd=40, alert_threshold=50
    )  # another rule than that of main: nothing waits to be merged
    api.change(balance_usd=20)
    theirs = "$40.00 left (at or below the API's own alert threshold of $50.00)"
    with Webhook() as first, Webhook() as second, Run(tmp_path, settings(api, first.url)) as run:
        run.start()
        first.wait_posts(1, 10)
        run.path.write_text(settings(api, first.url, second.url, accounts=("main", "batch")))
        run.send(signal.SIGHUP)
        first.wait_posts(2, 10)
        second.wait_posts(2, 15)
        run.path.write_text(settings(api, first.url))
        run.send(signal.SIGHUP)
        first.wait_posts(3, 10)
        assert run.stop() == 0
    assert first.titles[2] == f"[INFO] batch: low_balance_alert is no longer watched (was warning: {theirs})"
    assert set(second.titles) == {LOW, f"[WARNING] batch: {theirs}"}


@pytest.mark.slow
def test_it_stops_in_time_with_hanging_polls_and_a_hanging_channel_and_loses_nothing(api: Api, tmp_path: Path) -> None:
    api.change(balance_usd=20)
    with Webhook() as hook, Run(tmp_path, settings(api, hook.url)) as run:
        hook.hang()
        run.start()
        hook.wait_attempts(1, 10)
        api.change(fault="hang")
        polls = api.requests()
        api.wait_for_poll(polls)
        began = time.monotonic()
        assert run.stop() == 0
        assert time.monotonic() - began < 8
        hook.ok()
        api.change(fault=None)
        run.start()
        hook.wait_posts(1, 30)
        assert run.stop() == 0
    assert hook.titles == [LOW]


def test_a_second_daemon_on_the_same_database_is_refused_with_a_sentence(api: Api, tmp_path: Path) -> None:
    with Run(tmp_path, settings(api)) as run:
        run.start()
        second = run.command("run")
        assert second.returncode == 1
        assert second.stderr == (
            f"Error: another balance-monitor already runs on {tmp_path}/balance-monitor/monitor.db "
            f"(process {run.pid}): stop it, or set another database\n"
        )
        assert run.stop(signal.SIGINT) == 0


def test_the_environment_alone_configures_everything(api: Api, tmp_path: Path) -> None:
    api.change(balance_usd=20)
    with Webhook() as hook:
        variables = {
            "LEGNEXT_API_KEY": api.keys["main"],
            "BALANCE_MONITOR_ACCOUNTS__MAIN__BASE_URL": api.address,
            "BALANCE_MONITOR_CHANNELS__OPS__URL": hook.url,
            "BALANCE_MONITOR_SERVICE_HOST": "10.0.0.1",  # Kubernetes injects such
        }
        with Run(tmp_path, **variables) as run:
            run.start()
            hook.wait_posts(1, 10)
            assert run.stop() == 0
    assert hook.titles == [LOW]


def test_without_a_channel_alerts_go_to_the_log_and_run_says_so(api: Api, tmp_path: Path) -> None:
    api.change(balance_usd=20)
    with Run(tmp_path, settings(api)) as run:
        run.start()
        alert = run.wait_event("alert")
        assert any("no channel" in line["note"] for line in run.events("configuration"))
        assert (alert["account"], alert["rule"], alert["now"]) == ("main", "balance_usd", "warning")
        assert alert["said"] == "$20.00 left (at or below $25.00)"
        assert run.stop() == 0


@pytest.mark.slow
def test_an_outage_is_logged_at_its_two_edges_only(api: Api, tmp_path: Path) -> None:
    with Run(tmp_path, settings(api)) as run:
        run.start()
        until(lambda: api.requests() >= 1, "the first poll")
        api.change(fault="refused_key")
        polls = api.requests()
        until(lambda: api.requests() >= polls + 2, "two polls that fail", 20)
        failing = run.wait_event("account_failing")
        assert failing["reason"] == "HTTP 401: Failed to verify api key"
        api.change(fault=None)
        run.wait_event("account_recovered")
        assert run.stop() == 0
        assert len(run.events("account_failing")) == 1
        assert [alert["rule"] for alert in run.events("alert")] == ["refused"]


def test_a_missing_key_file_makes_the_account_refused_while_the_others_go_on(api: Api, tmp_path: Path) -> None:
    text = settings(api) + '[accounts.batch]\napi_key_file = "/nonexistent/key"\n[rules.refused]\nconfirm = 1\n'
    with Webhook() as hook, Run(tmp_path, text + f'[channels.ops]\nurl = "{hook.url}"\n') as run:
        run.start()
        hook.wait_posts(1, 10)
        assert hook.titles[0].startswith("[CRITICAL] batch: the API refuses the key (/nonexistent/key")
        until(lambda: api.requests() >= 1, "the other account's poll")
        assert run.stop() == 0
