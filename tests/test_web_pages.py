"""The pages as they are sent: what people read on them, and what they can do there without any script."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from crowded import week
from live import until
from site_of import GUARDED, LOCAL, TOKEN, Site
from world import MAIN, OPS, World, reading

from monitor.model import Failure, Kind, Level, NotSent
from monitor.pulse import Pulse
from monitor.store import casebook, snoozes

Worlds = Callable[..., World]
Sites = Callable[..., Site]
HOUR = timedelta(hours=1)
PEOPLE = {"Accept": "text/html"}
LOGIN = ("anybody", TOKEN)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def words(html: str) -> str:
    """Return what a page says."""
    parser = _Words()
    parser.feed(html)
    return " ".join(" ".join(parser.found).split())


def page(site: Site, path: str = "/") -> str:
    answer = site.get(path, headers=PEOPLE, auth=LOGIN)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


@pytest.fixture
def seven(worlds: Worlds, sites: Sites) -> Site:
    """Give a week of seven accounts."""
    found: Site = sites(week(worlds))
    return found


def names(html: str) -> list[str]:
    return re.findall(r'<a href="/accounts/(\w+)">', html)


# -- all accounts -----------------------------------------------------------------------------------------------------


def test_those_in_trouble_come_first_and_each_says_what_is_wrong(seven: Site) -> None:
    html = page(seven)
    said = words(html)
    levels = [seven.world.level(name) for name in names(html)]
    assert levels == sorted(levels, reverse=True)
    assert names(html)[0] == "old"
    assert "the API refuses the key (HTTP 401 Unauthorized: invalid api key), for 4d" in said
    assert "Snoozed about refused up to critical, for 3 hours" in said
    assert "mail failing for" in said
    assert "SMTP 535: the server refuses the user name or the password" in said
    alerting = sum(level > Level.OK for level in levels)
    assert f"{alerting} of 7 accounts alert: old, " in said
    assert html.count("<svg") == 7
    assert 'href="/favicon/critical.svg"' in html


def test_all_is_fine_only_where_all_was_read(worlds: Worlds, sites: Sites) -> None:
    two = MAIN + '[accounts.batch]\napi_key = "key-of-batch-0001"\n' + OPS + GUARDED
    world = worlds(two)
    site = sites(world)
    assert "No alert, but 2 accounts cannot be read now: batch, main" in page(site)
    world.sees_balance(100, after=HOUR)
    world.sees_balance(100, after=HOUR, account="batch")
    html = page(site)
    assert "All 2 accounts are fine" in html
    assert 'href="/favicon/ok.svg"' in html
    world.fails(account="batch", reason="HTTP 503")
    html = page(site)
    assert "No alert, but 1 account cannot be read now: batch" in html
    assert "Polls fail: HTTP 503" in html
    assert 'href="/favicon/unknown.svg"' in html


def test_one_account_alone_is_called_by_its_name(worlds: Worlds, sites: Sites) -> None:
    world = worlds(MAIN + GUARDED)
    site = sites(world)
    world.reads(100)
    assert "main is fine" in page(site)
    assert "No channel is configured, so alerts go to the log alone." in words(page(site))
    world.reads(4)
    assert "1 of 1 account alerts: main" in words(page(site))


def test_the_daemon_s_own_troubles_are_said(worlds: Worlds, sites: Sites) -> None:
    site = sites(worlds(MAIN + OPS + GUARDED))
    assert "healthy" in words(page(site))
    site.pulse = Pulse(pid=1, overdue=0, reload_error="no such key")
    said = words(page(site))
    assert "degraded" in said
    assert "The last reload was refused" in said
    site.pulse = Pulse(pid=1, overdue=3)
    said = words(page(site))
    assert "failing" in said
    assert "The polls of 3 accounts are overdue." in said


def test_nothing_is_called_fine_while_polls_are_overdue(worlds: Worlds, sites: Sites) -> None:
    site = sites(worlds(MAIN + '[accounts.batch]\napi_key = "key-of-batch-0001"\n' + OPS + GUARDED))
    site.world.sees_balance(100, after=HOUR)
    site.world.sees_balance(100, after=5 * HOUR, account="batch")
    site.pulse = Pulse(pid=1, overdue=1)
    html = page(site)
    said = words(html)
    assert "Nobody knows: the polls of 1 account are overdue" in said
    assert 'href="/favicon/unknown.svg"' in html
    assert re.search(r"main polls are overdue \$100.00 last known", said)
    assert re.search(r"batch ok \$100.00 unknown", said)
    own = words(page(site, "/accounts/main"))
    assert "main polls are overdue Balance, last known $100.00 Gone in 24 h, last known unknown" in own
    assert "The monitor: the polls of 1 account are overdue" in own


def test_what_is_known_of_an_account_that_is_not_read_is_called_the_last_known(worlds: Worlds, sites: Sites) -> None:
    site = sites(worlds(MAIN + OPS + GUARDED))
    site.world.reads(100).fails(times=200)
    assert words(page(site)).count("last known") == 3
    said = words(page(site, "/accounts/main"))
    assert "Balance, last known $100.00" in said
    assert "Lasts, last known not known yet" in said


def test_while_the_database_cannot_be_used_nothing_is_said_to_have_never_been(worlds: Worlds, sites: Sites) -> None:
    site = sites(worlds(MAIN + OPS + GUARDED))
    site.pulse = Pulse(pid=1, overdue=0, trouble="the disk is full")
    said = words(page(site, "/accounts/main"))
    assert "The monitor: the database cannot be used (the disk is full): all goes on from memory" in said
    assert "What was before is not known while the database cannot be used." in said
    assert "There has been none" not in said
    assert "Nothing has been sent" not in said
    history = site.get("/api/v1/accounts/main/history", auth=LOGIN)
    assert history.status_code == 503
    assert "not known while the database cannot be used: the disk is full" in history.json()["detail"]


def test_an_account_s_page_has_what_was_told_of_all_accounts_of_its_api(worlds: Worlds, sites: Sites) -> None:
    three = "".join(f'[accounts.a{place}]\napi_key = "key-of-a{place}-0001"\n' for place in range(3))
    site = sites(worlds(three + OPS + GUARDED))
    world = site.world
    for name in world.config.accounts:
        world.sees_balance(100, after=timedelta(0), account=name)
    for _ in range(30):
        world.now += timedelta(minutes=5)
        for name in world.config.accounts:
            world.sees(Failure(Kind.UNREACHABLE, "boom"), name, timedelta(0))
        world.watches()
    said = words(page(site, "/accounts/a1"))
    assert "no reading from any of the 3 accounts of" in said.partition("Decided Message")[2]


def test_a_channel_that_was_removed_is_there_as_long_as_messages_for_it_are_left(worlds: Worlds, sites: Sites) -> None:
    site = sites(worlds(MAIN + OPS + GUARDED))
    site.world.reads(4)
    with site.world.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE outbox SET channel = 'old', state = 'given_up'")
    assert "old no longer configured 0 1 never none" in words(page(site))
    assert site.get("/api/v1/channels", auth=LOGIN).json()["channels"][0]["given_up"] == 1


def test_an_alert_that_has_eased_shows_how_bad_it_is_and_was(worlds: Worlds, sites: Sites) -> None:
    site = sites(worlds(MAIN + OPS + GUARDED))
    site.world.reads(4)
    site.world.sees_balance(15, after=2 * HOUR)
    html = page(site, "/accounts/main")
    assert '<span class="chip warning">warning, was critical</span>' in html


def test_of_many_accounts_a_hundred_are_on_a_page_and_each_is_found_by_a_part_of_its_name(
    worlds: Worlds, sites: Sites
) -> None:
    many = "".join(f'[accounts.a{place:03}]\napi_key = "key-of-a{place:03}-0001"\n' for place in range(250))
    world = worlds(many + OPS + GUARDED)
    site = sites(world)
    world.sees_balance(4, after=HOUR, account="a217")
    first, second, last = (page(site, path) for path in ("/", "/?page=2", "/?page=3"))
    assert [len(names(html)) for html in (first, second, last)] == [100, 100, 50]
    assert names(first)[:2] == ["a217", "a000"]
    assert sorted(names(first) + names(second) + names(last)) == sorted(world.config.accounts)
    assert "101 to 200 of 250, those in trouble first." in second
    assert [label in first for label in ("Previous", "Next")] == [False, True]
    assert [label in last for label in ("Previous", "Next")] == [True, False]
    assert names(page(site, "/?q=A21")) == ["a217", *(f"a21{digit}" for digit in "012345689")]
    assert "No account's name has <i> in it." in words(page(site, "/?q=%3Ci%3E"))
    assert names(page(site, "/?page=nonsense")) == names(first)
    assert names(page(site, "/?page=77")) == names(last)


def test_without_a_token_nothing_can_be_changed_and_the_page_says_how_it_could(worlds: Worlds, sites: Sites) -> None:
    world = worlds(MAIN + OPS + LOCAL)
    world.reads(4)
    site = sites(world)
    for path in ("/", "/accounts/main"):
        html = page(site, path)
        assert 'method="post"' not in html
        assert "set web.token" in words(html)
    assert "balance-monitor snooze main --for 4h" in words(page(site, "/accounts/main"))


# -- one account ------------------------------------------------------------------------------------------------------


def test_an_account_says_how_it_stands_what_was_wrong_and_what_was_sent_where(seven: Site) -> None:
    said = words(page(seven, "/accounts/old"))
    assert "critical" in said
    assert "Balance, last known $11" in said
    assert "Critical: the API refuses the key (HTTP 401 Unauthorized: invalid api key)" in said
    assert "Polls fail for 4 days" in said
    assert "[CRITICAL] old: the API refuses the key" in said
    assert "mail arrived 0s later ops arrived 0s later" in said
    assert "Snoozed about refused up to critical, for 3 hours" in said
    said = words(page(seven, "/accounts/video_us"))
    assert "balance_usd critical" in said
    assert "so far" in said


def test_a_message_that_has_not_arrived_says_so(seven: Site) -> None:
    seven.world.sees_balance(1, after=HOUR, account="render")
    said = words(page(seven, "/accounts/render"))
    assert "mail waits" in said


@pytest.mark.parametrize("span", ["1d", "7d", "30d", "1y"])
def test_its_course_is_drawn_for_a_wide_and_a_narrow_window(seven: Site, span: str) -> None:
    html = page(seven, f"/accounts/main?range={span}")
    assert html.count('role="img"') == 2
    assert (" came in at " in html) is (span != "1d")
    assert re.search(rf'href="/accounts/main\?range={span}" aria-current="true"', html)
    assert len(html) < 200_000
    found = re.search(r'data-points="([^"]+)"', html)
    assert found is not None
    points = seven.get(found[1].replace("&amp;", "&"), auth=LOGIN)
    assert points.status_code == 200
    assert points.json()["points"]


def test_an_account_that_was_never_read_has_empty_places_that_say_so(worlds: Worlds, sites: Sites) -> None:
    said = words(page(sites(worlds(MAIN + OPS + GUARDED)), "/accounts/main?range=nonsense"))
    for words_ in (
        "Balance unknown",
        "Read never",
        "There is no reading in this span of time.",
        "Nothing is silent.",
        "There has been none.",
        "Nothing has been sent about it.",
        "None in this span of time.",
    ):
        assert words_ in said


def test_whatever_an_api_says_is_text_and_never_markup(worlds: Worlds, sites: Sites) -> None:
    world = worlds(MAIN + OPS + GUARDED)
    evil = "<img src=x onerror=alert(1)>'\"&"
    world.reads(30, account_id="<script>alert(2)</script>")
    world.fails("refused", times=3, reason=evil)
    for path in ("/", "/accounts/main"):
        html = page(sites(world), path)
        assert "<img" not in html
        assert "<script>" not in html
        assert evil in words(html)


def test_the_api_s_own_alert_that_contradicts_its_numbers_is_said(worlds: Worlds, sites: Sites) -> None:
    world = worlds(MAIN + OPS + GUARDED)
    world.sees(reading(72, alert_threshold=100, low_balance_alert=False))
    assert "The API's own alert is off" in words(page(sites(world), "/accounts/main"))


def test_an_unknown_account_is_a_sentence(seven: Site) -> None:
    answer = seven.get("/accounts/mian", headers=PEOPLE, auth=LOGIN)
    assert answer.status_code == 404
    assert "no account is named mian: did you mean main?" in words(answer.text)


# -- what can be done there -------------------------------------------------------------------------------------------


def send(site: Site, path: str, origin: str = "", **form: str) -> tuple[int, str]:
    """Send a form as a browser does, and return the status and where it leads."""
    headers = PEOPLE | {"Origin": origin or site.url}
    answer = site.ask("POST", path, data=form, headers=headers, auth=LOGIN, follow_redirects=False)
    return answer.status_code, answer.headers.get("location", "") or words(answer.text)


def silent(world: World) -> list[tuple[str, Level]]:
    with world.store.transaction() as tx:
        return [(one.rule, one.level) for one in snoozes.of(tx, "main")]


@pytest.fixture
def low(worlds: Worlds, sites: Sites) -> Site:
    """Give a page of an account that is low."""
    world = worlds(MAIN + OPS + GUARDED)
    world.reads(4)
    found: Site = sites(world)
    return found


def test_a_form_silences_an_account_and_another_ends_it(low: Site) -> None:
    assert send(low, "/accounts/main/snooze", rule="", **{"for": "4h"}) == (303, "/accounts/main#silence")
    assert silent(low.world) == [("", Level.CRITICAL)]
    assert send(low, "/accounts/main/snooze", rule="runway", **{"for": "1d"})[0] == 303
    said = words(page(low, "/accounts/main"))
    assert "Snoozed up to critical, for 4 hours" in said
    assert "Snoozed about runway up to warning, for 1 day" in said
    assert send(low, "/accounts/main/unsnooze", rule="") == (303, "/accounts/main#silence")
    assert silent(low.world) == [("runway", Level.WARNING)]
    assert send(low, "/accounts/main/unsnooze", rule="runway")[0] == 303
    assert silent(low.world) == []


def test_until_the_alert_ends_needs_an_alert(low: Site) -> None:
    assert send(low, "/accounts/main/snooze", rule="balance_usd", **{"for": ""})[0] == 303
    code, said = send(low, "/accounts/main/snooze", rule="runway", **{"for": ""})
    assert (code, "main runway has no alert: say for how long" in said) == (409, True)


@pytest.mark.parametrize(
    ("path", "form", "code"),
    [
        ("/accounts/main/snooze", {"rule": "nonsense"}, 422),
        ("/accounts/main/snooze", {"for": "4"}, 422),
        ("/accounts/mian/snooze", {}, 404),
        ("/accounts/main/snooze", {"rule": "x" * 2000}, 413),
        ("/accounts/main/snooze", {str(place): "" for place in range(20)}, 400),
        ("/channels/pos/test", {}, 404),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(low: Site, path: str, form: dict[str, str], code: int) -> None:
    assert send(low, path, **form)[0] == code
    assert silent(low.world) == []


def test_a_form_of_another_page_or_of_another_kind_changes_nothing(low: Site) -> None:
    assert send(low, "/accounts/main/snooze", "http://evil.example", **{"for": "4h"})[0] == 403
    other = low.ask("POST", "/accounts/main/snooze", json={"for": "4h"}, headers={"Origin": low.url}, auth=LOGIN)
    assert other.status_code == 415
    assert silent(low.world) == []


def test_a_test_message_is_sent_and_what_the_service_said_is_shown(low: Site) -> None:
    assert send(low, "/channels/ops/test") == (303, "/#channels")
    assert low.tried == ["ops"]
    assert "Test 0 seconds ago: delivered" in words(page(low))
    low.outcome = NotSent("HTTP 404: the webhook is gone")
    send(low, "/channels/ops/test")
    assert "Test 0 seconds ago: HTTP 404: the webhook is gone" in words(page(low))


def test_a_service_that_takes_its_time_is_not_waited_for_and_told_of_later(worlds: Worlds, sites: Sites) -> None:
    holds = threading.Event()
    low = sites(worlds(MAIN + OPS + GUARDED), patience=0.05, holds=holds)
    assert send(low, "/channels/ops/test") == (303, "/#channels")
    assert "A test message is under way." in words(page(low))
    assert send(low, "/channels/ops/test")[0] == 409
    holds.set()
    until(lambda: "Test 0 seconds ago: delivered" in words(page(low)), "the end of the test")
    holds.clear()
    late = low.ask("POST", "/api/v1/channels/ops/test", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (late.status_code, "has not answered yet" in late.json()["detail"]) == (504, True)
    holds.set()


# -- what a page loads ------------------------------------------------------------------------------------------------


def test_all_that_a_page_names_is_there_and_on_this_host(seven: Site) -> None:
    for path in ("/", "/accounts/main"):
        html = page(seven, path)
        found = {one for one in re.findall(r'(?:href|src|action)="([^"#]+)', html) if "/test" not in one}
        assert all(one.startswith("/") and not one.startswith("//") for one in found)
        for one in found:
            if not one.endswith("snooze"):
                assert seven.get(one.replace("&amp;", "&"), auth=LOGIN).status_code == 200, one
        assert not re.search(r'\sstyle="|\son\w+="|<style|<script(?! src)', html)


def test_there_is_no_icon_of_a_level_that_does_not_exist(seven: Site) -> None:
    assert seven.get("/favicon/purple.svg", auth=LOGIN).status_code == 404


def test_alerts_that_are_open_come_before_those_that_are_over(seven: Site) -> None:
    with seven.world.store.transaction() as tx:
        found = casebook.latest_alerts(tx, "web", 30)
    assert [ended is None for _, ended in found] == sorted((ended is None for _, ended in found), reverse=True)
    assert len(casebook_of(seven.world, "web", 1)) == 1


def casebook_of(world: World, account: str, most: int) -> list[object]:
    with world.store.transaction() as tx:
        return list(casebook.latest_alerts(tx, account, most))
