"""The JSON API: what it says of accounts, alerts and history, what can be done with it, and how it says no."""

import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from click.testing import CliRunner
from live import until
from site_of import BEARER, GUARDED, LOCAL, TOKEN, WORLD, Site
from world import World, reading

from monitor.cli import root
from monitor.model import Kind, Level, NotSent
from monitor.pulse import Pulse
from monitor.store import outbox, snoozes
from monitor.store.outbox import Health

Worlds = Callable[..., World]


Sites = Callable[..., Site]
Told = Callable[..., dict[str, object]]


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds(WORLD + LOCAL)


@pytest.fixture
def site(world: World, sites: Sites) -> Site:
    found: Site = sites(world)
    return found


@pytest.fixture
def guarded(worlds: Worlds, sites: Sites) -> Site:
    """Give a page with a token."""
    found: Site = sites(worlds(WORLD + GUARDED))
    return found


@pytest.fixture
def as_told(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, object]]:
    """Say what a command prints as JSON of the same world."""
    monkeypatch.setenv("XDG_STATE_HOME", str(world.folder))
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
    monkeypatch.chdir(world.folder)

    def run(*words: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(CliRunner().invoke(root, [*words, "--json"]).stdout)
        return found

    return run


# -- reading ----------------------------------------------------------------------------------------------------------


def test_accounts_and_alerts_are_told_in_the_words_of_the_commands(site: Site, world: World, as_told: Told) -> None:
    world.reads("72.048", "4.07", available_credits=3000).fails()

    with httpx.Client(base_url=site.url) as client:
        accounts = client.get("/api/v1/accounts").json()
        assert accounts["accounts"] == as_told("status")["accounts"]
        assert accounts["accounts"][0]["reading"]["balance_usd"] == "4.07"
        alerts = client.get("/api/v1/alerts").json()["alerts"]
        assert alerts == as_told("alerts")["alerts"]
        assert [(one["rule"], one["level"]) for one in alerts] == [("balance_usd", "critical")]
        whole = client.get("/api/v1/accounts/main").json()
        assert whole == accounts["accounts"][0] | {"alerts": alerts, "snoozes": []}


def test_alerts_that_are_over_are_there_for_who_asks_the_latest_first(site: Site, world: World, as_told: Told) -> None:
    for balance in (20, 100, 4, 100, 20):
        world.sees_balance(balance, after=timedelta(hours=2))

    def alerts(query: str = "") -> object:
        return site.get(f"/api/v1/alerts{query}").json()["alerts"]

    every = as_told("alerts", "--all")["alerts"]
    assert isinstance(every, list)
    first, second, still = every
    assert (first["worst"], second["worst"], still["ended_at"]) == ("warning", "critical", None)
    assert alerts() == alerts("?account=main") == [still]
    assert alerts("?past=1") == [still, second]
    assert alerts("?past=1000&account=main") == [still, second, first]
    assert alerts("?past=50&account=monitor") == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("past=1001", "past: a number up to 1000, such as 50"),
        ("past=-1", "past: a number up to 1000, such as 50"),
        ("past=", "past: a number up to 1000, such as 50"),
        ("account=other", "account: there is none of that name"),
        ("since=7d", "an unknown parameter: there are account and past"),
    ],
)
def test_what_cannot_be_asked_of_alerts_is_refused_in_a_sentence(site: Site, query: str, sentence: str) -> None:
    answer = site.get(f"/api/v1/alerts?{query}")
    assert (answer.status_code, answer.json()["detail"]) == (422, sentence)


def test_channels_are_told_in_the_words_of_the_command(site: Site, world: World, as_told: Told) -> None:
    assert [one["channel"] for one in site.get("/api/v1/channels").json()["channels"]] == [
        "ops"
    ]  # that sent nothing yet
    world.reads(4)
    with world.store.transaction() as tx:
        outbox.save_health(
            tx, Health(channel="ops", failures=2, failing_since=world.now, last_error="HTTP 403 Forbidden")
        )
    channels = site.get("/api/v1/channels").json()["channels"]
    assert channels == as_told("status")["channels"]
    assert [(one["failures"], one["last_error"], one["waiting"]) for one in channels] == [(2, "HTTP 403 Forbidden", 1)]


def test_an_account_that_was_never_polled_is_there_with_nothing_known(site: Site) -> None:
    found = site.get("/api/v1/accounts").json()["accounts"]
    assert [(one["account"], one["level"], one["reading"], one["polled_at"]) for one in found] == [
        ("main", "unknown", None, None)
    ]
    assert site.get("/api/v1/accounts/main/history").json()["points"] == []


def test_history_is_told_in_steps_with_its_gaps(world: World, site: Site) -> None:
    world.reads("70.5", "69", "68.25")
    world.sees_balance("50", after=timedelta(hours=5))
    found = site.get("/api/v1/accounts/main/history?since=1d&step=1h").json()
    assert (found["account"], found["step_seconds"]) == ("main", 3600)
    assert (found["since"], found["until"]) == ("2026-01-13T10:00:00Z", "2026-01-13T16:00:00Z")
    assert found["points"] == [
        {"at": "2026-01-13T10:00:00Z", "min": "68.25", "max": "70.5", "last": "68.25"},
        {"at": "2026-01-13T11:00:00Z", "min": None, "max": None, "last": None},
        {"at": "2026-01-13T15:00:00Z", "min": "50", "max": "50", "last": "50"},
    ]


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("since=1d", 300),
        ("step=1s&since=1h", 60),
        ("step=7m&since=1h", 420),
        ("step=11m&since=1d", 3600),
        ("step=90m&since=1d", 7200),
        ("step=3d&since=1d", 259200),
    ],
)
def test_a_step_is_what_an_index_knows_and_never_shorter_than_polls_are(
    query: str, seconds: int, world: World, site: Site
) -> None:
    world.reads("70.5", "69")
    assert site.get(f"/api/v1/accounts/main/history?{query}").json()["step_seconds"] == seconds


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=yesterday", 'since: not a duration: write it like "30s", "5m", "12h", "7d" or "1h30m"'),
        ("until=2026-13-01", 'until: not a time: write it like "2026-01-13T10:00:00Z" or "2026-01-13"'),
        ("since=1h&until=2h", "since is later than until, which is now unless given"),
        ("step=5", 'step: a duration needs a unit: write "5s", "5m", "5h" or "5d"'),
        ("stpe=5m", "an unknown parameter: there are since, until and step"),
        ("since=0001-01-01T00:00:00%2B23:00", "since: 0001-01-01 00:00:00+23:00 is a time that nothing is known of"),
    ],
)
def test_what_cannot_be_understood_is_said_in_a_sentence(query: str, sentence: str, site: Site) -> None:
    answer = site.get(f"/api/v1/accounts/main/history?{query}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unprocessable Entity" if answer.reason_phrase == "Unprocessable Entity" else answer.reason_phrase,
        "status": 422,
        "detail": sentence,
    }


def test_an_answer_is_never_longer_than_can_be_drawn(world: World, site: Site) -> None:
    world.reads("70.5").sees_balance("69", after=timedelta(days=90))
    refused = site.get("/api/v1/accounts/main/history?since=100d&step=5m")
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "step: more than 2000 steps of 5 minutes: ask for 2h or more",
    )
    assert site.get("/api/v1/accounts/main/history?since=100d&step=2h").status_code == 200
    for since in ("100d", "36500d"):
        assert site.get(f"/api/v1/accounts/main/history?since={since}").json()["step_seconds"] == 6 * 3600


def test_what_the_asker_has_already_is_not_sent_again(site: Site, world: World) -> None:
    world.reads("70.5")
    with httpx.Client(base_url=site.url) as client:
        for path in ("/api/v1/accounts", "/api/v1/accounts/main", "/badge/main.svg", "/api/v1/accounts/main/history"):
            tag = client.get(path).headers["etag"]
            again = client.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
            assert (again.status_code, again.content) == (304, b"")
            assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
            head = client.head(path)
            assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
            world.reads(str(len(path)))
            assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_name_that_is_not_there_is_told_with_what_was_perhaps_meant(site: Site) -> None:
    answer = site.get("/api/v1/accounts/mian")
    assert (answer.status_code, answer.json()["detail"]) == (404, "no account is named mian: did you mean main?")


def test_what_is_not_there_and_what_cannot_be_done_is_a_problem_too(site: Site) -> None:
    for path in ("/index.html", "/accounts", "/api", "/api/v1/accounts/", "/healthz/", "/static/x"):
        answer = site.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    assert site.ask("OPTIONS", "/api/v1/accounts").status_code == 405
    snoozing = site.ask("OPTIONS", "/api/v1/accounts/main/snooze")
    assert set(snoozing.headers["allow"].split(", ")) == {"POST", "DELETE"}


def test_people_get_a_page_of_it_and_programs_a_document(site: Site) -> None:
    page = site.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "there is nothing at this address" in page.text
    style = site.get("/static/style.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    again = site.get("/static/style.css", headers={"If-None-Match": style.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


def test_while_the_disk_fails_what_is_live_is_still_told(world: World, site: Site) -> None:
    world.reads("70.5")

    with httpx.Client(base_url=site.url) as client:
        assert client.get("/api/v1/accounts").json()["accounts"][0]["reading"]["balance_usd"] == "70.5"
        (world.folder / "monitor.db").unlink()
        found = client.get("/api/v1/accounts/main").json()
        assert (found["reading"]["balance_usd"], world.store.trouble is not None) == ("70.5", True)
        assert client.get("/metrics").status_code == 200


# -- health -----------------------------------------------------------------------------------------------------------


def health(site: Site) -> tuple[int, dict[str, object]]:
    answer = site.get("/healthz", headers={"Host": "whatever.example"})
    return answer.status_code, answer.json()


def test_a_daemon_that_works_is_ok(guarded: Site) -> None:
    assert health(guarded) == (200, {"status": "ok", "reasons": []})


def test_what_is_wrong_beside_its_work_makes_it_degraded_and_names_nobody(guarded: Site) -> None:
    pulse = Pulse(pid=1, overdue=0, trouble="the disk is full", reload_error="/etc/x: accounts.secret: wrong")
    guarded.pulse = pulse
    assert health(guarded) == (
        200,
        {
            "status": "degraded",
            "reasons": [
                "the database cannot be used (the disk is full): all goes on from memory",
                "the last reload was refused: the earlier configuration goes on",
            ],
        },
    )


def test_a_dead_channel_is_fine_and_giving_up_is_not(guarded: Site) -> None:
    guarded.world.reads("4")
    assert health(guarded) == (200, {"status": "ok", "reasons": []})
    with guarded.world.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE outbox SET state = 'given_up'")
    reasons = ["1 message was given up: see outbox, which can retry or drop"]
    until(lambda: health(guarded) == (200, {"status": "degraded", "reasons": reasons}), "the next look")


@pytest.mark.parametrize(
    ("pulse", "reason"),
    [
        (Pulse(pid=7, overdue=2), "the polls of 2 accounts are overdue"),
        (Pulse(pid=7, overdue=0, idle=60.0), "the daemon (process 7) has not kept house for 60 seconds"),
    ],
)
def test_a_daemon_that_does_not_do_its_work_is_failing(pulse: Pulse, reason: str, guarded: Site) -> None:
    guarded.pulse = pulse
    assert health(guarded) == (503, {"status": "failing", "reasons": [reason]})


def test_a_daemon_is_ready_until_it_stops(guarded: Site) -> None:
    assert guarded.get("/readyz").json() == {"ready": True}
    guarded.is_ready = False
    stopping = guarded.get("/readyz")
    assert (stopping.status_code, stopping.json()) == (503, {"ready": False})


# -- changes ----------------------------------------------------------------------------------------------------------


def test_an_account_or_a_rule_of_it_is_snoozed_and_is_so_no_longer(guarded: Site) -> None:
    guarded.world.reads("4")
    path = "/api/v1/accounts/main/snooze"

    with httpx.Client(base_url=guarded.url, headers=BEARER) as client:
        done = client.post(path, json={"rule": "balance_usd", "for": "4h"})
        end = (guarded.world.now + timedelta(hours=4)).isoformat().replace("+00:00", "Z")
        asked = {"account": "main", "rule": "balance_usd", "level": "critical", "until": end}
        assert (done.status_code, done.json()) == (200, asked)
        assert client.get("/api/v1/accounts/main").json()["snoozes"] == [asked]
        assert client.post(path, json={}).json() == asked | {"rule": "", "until": None}
        assert client.delete(path, params={"rule": "balance_usd"}).json() == {"ended": [asked]}
        assert len(client.delete(path).json()["ended"]) == 1
        assert client.delete(path).json() == {"ended": []}


def test_what_would_end_at_once_needs_a_length(guarded: Site) -> None:
    answer = guarded.ask("POST", "/api/v1/accounts/main/snooze", json={"rule": "runway"}, headers=BEARER)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        'main runway has no alert: say for how long, such as "for": "4h"',
    )


@pytest.mark.parametrize(
    ("sent", "status", "start"),
    [
        (b"", 400, "not JSON"),
        (b"[]", 400, "not an object"),
        (b'{"for": NaN}', 422, "for: "),
        (b'{"for": "4"}', 422, "for: a duration needs a unit"),
        (b'{"for": true}', 422, "for: not a duration"),
        (b'{"rule": "nothing"}', 422, "rule: there is none of that name"),
        (b'{"rule": ["x"]}', 422, "rule: there is none of that name"),
        (b'{"until": "4h"}', 422, "an unknown key"),
        (b"[" * 4000, 400, "not JSON"),
        (b'{"for": "' + b"9" * 5000, 413, "more than 4096 bytes"),
    ],
)
def test_what_is_sent_wrong_is_said_and_changes_nothing(sent: bytes, status: int, start: str, guarded: Site) -> None:
    headers = BEARER | {"Content-Type": "application/json"}
    answer = guarded.ask("POST", "/api/v1/accounts/main/snooze", content=sent, headers=headers)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(start)
    with guarded.world.store.transaction(reads=True) as tx:
        assert snoozes.of(tx, "main") == []


def test_a_form_of_another_page_is_no_json(guarded: Site) -> None:
    sent = {"headers": BEARER | {"Content-Type": "text/plain"}, "content": b'{"for": "4h"}'}
    assert guarded.ask("POST", "/api/v1/accounts/main/snooze", **sent).status_code == 415


def test_a_channel_is_tested_and_says_what_its_service_said(guarded: Site) -> None:
    assert guarded.ask("POST", "/api/v1/channels/ops/test", headers=BEARER).json() == {
        "channel": "ops",
        "delivered": True,
        "reason": None,
    }
    guarded.outcome = NotSent("HTTP 403")
    assert guarded.ask("POST", "/api/v1/channels/ops/test", headers=BEARER).json()["reason"] == "HTTP 403"
    assert guarded.tried == ["ops", "ops"]
    missing = guarded.ask("POST", "/api/v1/channels/opps/test", headers=BEARER)
    assert missing.json()["detail"] == "no channel is named opps: did you mean ops?"


def test_nothing_is_changed_without_the_token(guarded: Site, site: Site) -> None:
    for path in ("/api/v1/accounts/main/snooze", "/api/v1/channels/ops/test"):
        assert site.ask("POST", path, json={"for": "4h"}).status_code == 403
        assert guarded.ask("POST", path, json={"for": "4h"}).status_code == 401


# -- badges -----------------------------------------------------------------------------------------------------------


def test_a_badge_has_the_balance_in_the_colour_of_the_level_and_loads_nothing(world: World, site: Site) -> None:
    assert ">unknown<" in site.get("/badge/main.svg").text
    for balance, colour in (("72.048", "#2a7d46"), ("20", "#9a6700"), ("4.07", "#b42318")):
        world.reads(balance)
        badge = site.get("/badge/main.svg")
        assert badge.headers["content-type"] == "image/svg+xml"
        assert colour in badge.text
        assert badge.text.replace('xmlns="http://www.w3.org/2000/svg"', "").count("http") == 0
    world.fails(kind=Kind.REFUSED.value)
    assert ">$4.07, last known<" in site.get("/badge/main.svg").text
    world.sees_balance(100, after=timedelta(hours=2))
    world.fails()
    drawn = site.get("/badge/main.svg").text
    assert ">$100.00, last known<" in drawn
    assert "#2a7d46" not in drawn  # what is unknown is never green
    world.sees_balance("4.07", after=timedelta(hours=2))
    assert Level.CRITICAL is world.level()


def test_a_badge_is_for_other_pages_only_where_a_token_guards_it(site: Site, guarded: Site) -> None:
    found = site.get("/badge/main.svg"), guarded.get("/badge/main.svg", headers=BEARER)
    assert [one.headers["cross-origin-resource-policy"] for one in found] == ["same-origin", "cross-origin"]


def test_whatever_an_api_says_in_an_error_is_text_everywhere(world: World, site: Site) -> None:
    nasty = '<script>alert("x")</script><svg onload=x>'
    world.sees(reading("4", account_id="52")).moves  # noqa: B018
    world.fails(times=20, reason=nasty)
    for path in ("/api/v1/accounts", "/api/v1/accounts/main", "/api/v1/alerts"):
        answer = site.get(path, headers={"Accept": "text/html"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in site.get("/metrics").text
    assert "<script" not in site.get("/badge/main.svg").text
    page = site.get("/api/v1/accounts/%3Cscript%3Ex", headers={"Accept": "text/html"})
    assert (page.status_code, "<script" in page.text, "&lt;script&gt;x" in page.text) == (404, False, True)


def test_every_answer_tells_browsers_what_they_must_not_do(site: Site) -> None:
    for path in ("/api/v1/accounts", "/metrics", "/healthz", "/nothing", "/badge/main.svg", "/openapi.json"):
        headers = site.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert headers["referrer-policy"] == "same-origin"
        assert not {"server", "set-cookie", "access-control-allow-origin"} & set(headers)


def test_a_mistake_of_ours_is_one_answer_and_a_traceback_in_the_log_and_the_next_is_fine(site: Site) -> None:
    site.pulse = None  # type: ignore[assignment]
    with httpx.Client(base_url=site.url) as client:
        broken = client.get("/healthz")
        assert (broken.status_code, broken.json()["detail"]) == (
            500,
            "a mistake of the monitor's own (AttributeError): see its log",
        )
        assert client.get("/api/v1/accounts").status_code == 200


def test_the_token_is_in_no_answer(guarded: Site) -> None:
    for path in ("/api/v1/accounts", "/metrics", "/openapi.json", "/nothing"):
        answer = guarded.get(path, headers=BEARER)
        assert TOKEN not in answer.text + str(answer.headers)
