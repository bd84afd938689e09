"""A pager hears of each rule of each account alone, and of nothing that would stay open for ever."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from internet import Internet
from live import Api, Run, settings, until
from oncall import Opsgenie, PagerDuty
from shell import move_into, run
from world import MAIN, OPS, World, parse

from monitor import poll
from monitor.config import ConfigError
from monitor.deliver.ledger import plan
from monitor.dress import Form
from monitor.model import Level
from monitor.store import outbox

BATCH = '[accounts.batch]\napi_key = "key-of-batch-0001"\n'
PAGER = f'[channels.pager]\nurl = "{PagerDuty.URL}"\n'
TOPIC = '[channels.topic]\nurl = "ntfy://localhost/{account}"\n'
Worlds = Callable[..., World]


def test_rules_that_change_together_are_a_message_each_and_one_for_the_others(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + PAGER + "[rules.available_credits]\n")
    world.reads(4, available_credits=900)
    told, (one,) = world.heard("pager"), world.heard("ops")
    assert [message.title for message in told] == [
        "[CRITICAL] main: $4.00 left (at or below $5.00)",
        "[CRITICAL] main: 900 credits left (at or below 1,000 credits)",
    ]
    assert [message.body.split("\n")[0] for message in told] == [
        "Rule balance_usd: critical.",
        "Rule available_credits: critical.",
    ]
    assert len({message.id for message in told} | {one.id}) == 3
    assert len(one.changes) == 2
    world.reads(100, available_credits=100000)
    assert [message.severity for message in world.heard("pager")] == [Level.OK, Level.OK]


def test_news_pages_nobody_but_an_account_s_own_topic_gets_it(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + PAGER + TOPIC + "[rules.top_up]\nenabled = true\n")
    world.reads(100, account_id="1").reads(100, account_id="2")
    assert world.heard("pager") == []
    assert world.titles("topic") == world.titles("ops") == ["[INFO] main: account_id changed from 1 to 2"]


def test_a_rule_that_leaves_the_configuration_is_an_end_to_the_pager(worlds: Worlds) -> None:
    world = worlds(MAIN + PAGER)
    world.reads(4).heard("pager")
    world.reload(MAIN + PAGER + "[rules.balance_usd]\nenabled = false\n")
    (message,) = world.heard("pager")
    assert message.changes[0].rule == "balance_usd"


def test_a_pager_that_is_a_fallback_gets_one_message_a_change_and_no_news(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + 'fallback = "pager"\n' + PAGER + 'min_level = "off"\n' + "[rules.available_credits]\n")
    world.reads(100, account_id="1", available_credits=100000)
    world.reads(4, account_id="2", available_credits=900)
    world.reads(4, account_id="3", available_credits=900)
    with world.store.transaction() as tx:
        left = [queued.message for queued in outbox.waiting(tx, "ops")]
        copies = poll.pass_on(tx, left, world.config.channels["pager"])
    assert [(one.title, one.severity, len(one.changes)) for one in copies] == [
        ("[CRITICAL] main: $4.00 left (at or below $5.00)", Level.CRITICAL, 1),
        ("[CRITICAL] main: 900 credits left (at or below 1,000 credits)", Level.CRITICAL, 1),
    ]
    assert all(one.body.endswith("Sent to pager because ops does not deliver.") for one in copies)
    assert "Rule available_credits" not in copies[0].body


def test_a_digest_is_nothing_for_a_pager(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        parse(tmp_path, MAIN + PAGER + '[digest]\nchannels = ["pager"]\n')
    assert str(told.value) == (
        f"{tmp_path / 'config.toml'}: digest.channels: pager is a pager, which takes alerts only: take it out"
    )
    alone = parse(tmp_path, MAIN + PAGER + "[digest]\n")
    assert any("no channel gets it" in warning for warning in alone.warnings)


def test_min_level_of_a_pager_is_at_least_warning_and_off_stays_off(tmp_path: Path) -> None:
    levels = {
        written: parse(tmp_path, MAIN + PAGER + f'min_level = "{written}"\n').channels["pager"].min_level
        for written in ("info", "warning", "critical", "off")
    }
    assert levels == {"info": Level.WARNING, "warning": Level.WARNING, "critical": Level.CRITICAL, "off": None}


def test_the_format_of_a_channel_is_auto_or_as_written(tmp_path: Path) -> None:
    assert parse(tmp_path, MAIN + OPS).channels["ops"].form is Form.AUTO
    assert parse(tmp_path, MAIN + OPS + 'format = "html"\n').channels["ops"].form is Form.HTML
    with pytest.raises(ConfigError, match=r"channels\.ops\.format: not one of the words for this: write"):
        parse(tmp_path, MAIN + OPS + 'format = "rtf"\n')


def test_what_stands_around_a_name_in_a_url_is_still_secret(tmp_path: Path) -> None:
    config = parse(tmp_path, MAIN + '[channels.ops]\nurl = "ntfy://localhost/s3cretTopic1-{account}"\n')
    assert "s3cretTopic1-" in config.secrets


@pytest.mark.parametrize(("make", "url"), [(PagerDuty, PagerDuty.URL), (Opsgenie, Opsgenie.URL)])
def test_a_test_of_a_pager_opens_an_incident_and_closes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], PagerDuty | Opsgenie], url: str
) -> None:
    move_into(tmp_path, monkeypatch)
    pager = make()
    with Internet(pager.hosts) as internet:
        for name, value in internet.environment.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "config.toml").write_text(f'[channels.pager]\nurl = "{url}"\n')
        result = run("channels", "test")
    assert (result.exit_code, result.stdout) == (0, "pager: delivered\n")
    (incident,) = pager.incidents
    assert (incident.key, incident.is_open) == ("monitor.test", False)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_daemon_opens_and_closes_incidents_over_restarts(tmp_path: Path) -> None:
    duty, genie = PagerDuty(), Opsgenie()
    hosts = duty.hosts | genie.hosts
    with Api() as api, Internet(hosts) as internet:
        api.change(balance_usd=4, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        config = settings(api, duty.URL, genie.URL)
        with Run(tmp_path, config, **internet.environment) as daemon:
            daemon.start()
            until(lambda: duty.open and genie.open, "incidents", 30)
            assert set(duty.open) == set(genie.open) == {"main.balance_usd"}
            assert daemon.stop() == 0
            api.change(balance_usd=204)
            daemon.start()
            until(lambda: not duty.open and not genie.open, "their end", 30)
            assert (genie.lost, len(duty.incidents), len(genie.incidents)) == ([], 1, 1)
            assert daemon.stop() == 0


def test_accounts_are_never_one_message_for_a_pager_nor_does_one_wait_for_another(worlds: Worlds) -> None:
    world = worlds(MAIN + BATCH + OPS + PAGER)
    for account in ("main", "batch"):
        world.sees_balance(4, after=timedelta(seconds=1), account=account)
    sent = []
    for _ in range(2):
        with world.store.transaction() as tx:
            todo = plan(tx, world.config, world.config.channels["pager"], world.now)
            assert todo.parcel is not None
            outbox.settle(tx, [todo.parcel.queued.message.id], "sent", world.now)
        assert list(todo.parcel.others) == []
        sent.append(todo.parcel.words.account)
    assert sent == ["main", "batch"]
    with world.store.transaction() as tx:
        assert plan(tx, world.config, world.config.channels["pager"], world.now).parcel is None
