"""The page in a real browser: light and dark, on a phone, by keyboard alone, without scripts, as things change."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from crowded import week
from playwright.sync_api import Browser, expect
from site_of import GUARDED, Site
from world import MAIN, OPS, World

from monitor.model import Level
from monitor.store import snoozes
from real.browser import chromium, window

pytestmark = pytest.mark.real
Worlds = Callable[..., World]
Sites = Callable[..., Site]
HOUR = timedelta(hours=1)
PICTURES = Path(__file__).parents[2] / ".cache" / "pictures"
"""Where the windows that were looked at are kept, for people to look at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def seven(worlds: Worlds, sites: Sites) -> Site:
    found: Site = sites(week(worlds))
    return found


@pytest.fixture
def low(worlds: Worlds, sites: Sites) -> Site:
    world = worlds(MAIN + OPS + GUARDED)
    world.reads(40, 30, 4)
    world.now += timedelta(seconds=2)
    found: Site = sites(world)
    return found


def silent(world: World) -> list[tuple[str, Level]]:
    with world.store.transaction() as tx:
        return [(one.rule, one.level) for one in snoozes.of(tx, "main")]


@pytest.mark.parametrize("width", [1200, 390], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_can_be_read_by_everybody(
    browser: Browser,
    seven: Site,
    width: int,
    dark: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    paths = {"all": "/", "main": "/accounts/main", "old": "/accounts/old?range=30d", "none": "/?q=nobody"}
    with window(browser, seven, width=width, dark=dark) as found:
        for name, path in paths.items():
            found.go(path)
            found.check()
            picture = f"{name}-{'dark' if dark else 'light'}-{width}.png"
            found.page.screenshot(path=PICTURES / picture, full_page=True)


def test_one_of_a_thousand_accounts_is_found_by_typing(browser: Browser, worlds: Worlds, sites: Sites) -> None:
    names = [f"a{place:04}" for place in range(1000)]
    world = worlds("".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n' for name in names) + OPS + GUARDED)
    world.sees_balance(4, after=HOUR, account="a0731")
    with window(browser, sites(world), width=390) as found:
        found.go("/")
        assert found.page.locator("tbody th a").first.inner_text() == "a0731"
        found.check()
        found.page.get_by_label("Name of an account").fill("217")
        found.page.keyboard.press("Enter")
        found.page.get_by_role("link", name="a0217").click()
        expect(found.page.locator("h1")).to_have_text("a0217")
        found.check()


def test_an_account_is_silenced_and_heard_again_by_clicking(browser: Browser, low: Site) -> None:
    with window(browser, low) as found:
        found.go("/")
        found.page.get_by_role("link", name="main").click()
        found.page.get_by_label("for").select_option("1 day")
        found.page.get_by_role("button", name="Snooze").click()
        expect(found.page.locator("#content")).to_contain_text("Snoozed up to critical, for 1 day")
        assert silent(low.world) == [("", Level.CRITICAL)]
        found.page.get_by_role("button", name="End it").click()
        expect(found.page.locator("#content")).to_contain_text("Nothing is silent.")
        assert silent(low.world) == []
        found.check()


def test_a_test_message_is_sent_by_clicking(browser: Browser, low: Site) -> None:
    with window(browser, low) as found:
        found.go("/")
        found.page.get_by_role("button", name="Test ops").click()
        expect(found.page.locator("#content")).to_contain_text("delivered")
        assert low.tried == ["ops"]


def test_an_open_page_follows_what_happens(browser: Browser, low: Site) -> None:
    with window(browser, low) as found:
        found.go("/")
        assert "$4.00" in found.text()
        low.world.reads("104.50")
        expect(found.page.locator("#content")).to_contain_text("$104.50", timeout=15_000)
        expect(found.page).to_have_title("main is fine · balance-monitor")
        assert found.page.locator("link[rel=icon]").get_attribute("href") == "/favicon/ok.svg"
        found.check()


RENEW = "document.dispatchEvent(new Event('visibilitychange'))"
WHERE = "document.activeElement.getAttribute('href') ?? document.activeElement.getAttribute('aria-labelledby')"


def test_a_page_that_is_renewed_leaves_its_reader_where_he_is(browser: Browser, seven: Site) -> None:
    with window(browser, seven) as found:

        def renew() -> None:
            seven.world.now += timedelta(minutes=1)
            before = found.page.locator(".bar time").get_attribute("datetime") or ""
            found.page.evaluate(RENEW)
            expect(found.page.locator(".bar time")).not_to_have_attribute("datetime", before)

        found.go("/")
        found.page.get_by_role("link", name="render", exact=True).focus()
        renew()
        assert found.page.evaluate(WHERE) == "/accounts/render"
        found.go("/accounts/render")
        region = found.page.locator(".scroll[aria-labelledby=readings]")
        region.focus()
        region.evaluate("one => one.scrollTop = 50")
        renew()
        assert (found.page.evaluate(WHERE), region.evaluate("one => one.scrollTop")) == ("readings", 50)
        found.page.locator("#chart").focus()
        found.page.keyboard.press("Home")
        expect(found.page.locator(".said")).to_contain_text("$")
        first = found.page.locator(".said").inner_text()
        renew()
        assert found.page.locator(".said").inner_text() == first
        found.page.keyboard.press("ArrowRight")
        expect(found.page.locator(".said")).not_to_have_text(first)
        found.page.keyboard.press("ArrowLeft")
        expect(found.page.locator(".said")).to_have_text(first)
        found.check()


def test_a_page_in_which_somebody_fills_in_a_form_waits_and_says_so(browser: Browser, low: Site) -> None:
    with window(browser, low) as found:
        found.go("/accounts/main")
        found.page.get_by_label("for").focus()
        low.world.reads("104.50")
        found.page.evaluate(RENEW)
        expect(found.page.get_by_role("alert")).to_contain_text("Meanwhile: main: $104.50")
        assert found.page.evaluate("document.activeElement.name") == "for"
        found.page.get_by_role("heading", level=1).click()
        found.page.evaluate(RENEW)
        expect(found.page.get_by_role("alert")).to_have_count(0)
        expect(found.page.locator("#content")).to_contain_text("$104.50")


def test_an_open_page_says_that_the_monitor_no_longer_answers(browser: Browser, low: Site) -> None:
    with window(browser, low) as found:
        found.go("/")
        found.page.context.set_offline(True)
        found.page.evaluate(RENEW)
        expect(found.page.get_by_role("alert")).to_contain_text("does not answer")
        found.page.context.set_offline(False)
        found.page.evaluate(RENEW)
        expect(found.page.get_by_role("alert")).to_have_count(0)


def test_all_of_it_works_by_keyboard_alone(browser: Browser, low: Site) -> None:
    with window(browser, low) as found:
        found.go("/")
        press = found.page.keyboard.press
        press("Tab")
        assert found.page.evaluate("document.activeElement.textContent") == "To the content"
        press("Enter")
        press("Tab")
        press("Enter")
        found.page.wait_for_url("**/accounts/main")
        found.page.get_by_role("group").focus()
        press("ArrowLeft")
        expect(found.page.locator(".said")).to_contain_text("$4")
        press("Home")
        expect(found.page.locator(".said")).to_contain_text("$40")
        found.page.get_by_label("About").focus()
        press("Tab")
        press("Tab")
        press("Enter")
        expect(found.page.locator("#content")).to_contain_text("Snoozed up to critical, for 4 hours")
        found.check()


def test_pointing_at_the_chart_tells_exact_values(browser: Browser, seven: Site) -> None:
    with window(browser, seven) as found:
        found.go("/accounts/render")
        box = found.page.locator("#chart").bounding_box()
        assert box is not None
        found.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(found.page.locator(".said")).to_contain_text("2026-01-1")
        expect(found.page.locator(".said")).to_contain_text("$")
        assert found.page.locator(".cursor").is_visible()
        found.check()


def test_without_scripts_everything_is_there_and_can_be_done(browser: Browser, low: Site) -> None:
    with window(browser, low, scripts=False) as found:
        found.go("/")
        assert "1 of 1 account alerts: main" in found.text()
        found.page.get_by_role("link", name="main").click()
        assert found.page.locator("figure svg").first.is_visible()
        found.page.get_by_role("button", name="Snooze").click()
        assert "Snoozed up to critical, for 4 hours" in found.text("#content")
        assert silent(low.world) == [("", Level.CRITICAL)]
        assert found.said == []


def test_what_an_api_says_runs_nowhere(browser: Browser, low: Site) -> None:
    evil = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
    low.world.fails("refused", times=3, reason=evil)
    with window(browser, low) as found:
        for path in ("/", "/accounts/main"):
            found.go(path)
            assert evil in found.text()
            assert "broken" not in found.page.title()
            found.check()
