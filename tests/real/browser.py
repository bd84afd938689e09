"""A real Chromium that looks at the page: what it complains of and loads, and whether everybody can read it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from site_of import TOKEN, Site

from real.ground import need

_QUIET = ("disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update")
_FAULTS = Path(__file__).with_name("eyes.js").read_text()
"""Tells what somebody could not read or use."""


@dataclass
class Window:
    """One page in the browser."""

    page: Page
    site: Site
    said: list[str] = field(default_factory=list)
    """What the console says, and what could not be loaded."""
    hosts: set[str] = field(default_factory=set)

    def go(self, path: str) -> None:
        answer = self.page.goto(self.site.url + path)
        assert answer is not None
        assert answer.status == 200

    def text(self, what: str = "body") -> str:
        return self.page.locator(what).inner_text()

    def faults(self) -> list[str]:
        """Return what somebody could not read or use."""
        found: list[str] = self.page.evaluate(_FAULTS)
        return found

    def check(self) -> None:
        """Nothing to complain of, and nothing from elsewhere."""
        assert self.faults() == []
        assert self.said == []
        assert self.hosts == {self.site.url.removeprefix("http://")}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it."""
    need("chromium")
    with sync_playwright() as driver:
        arguments = ["--no-sandbox", *(f"--{one}" for one in _QUIET)]
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield browser
        browser.close()


@contextmanager
def window(
    browser: Browser, site: Site, *, width: int = 1200, dark: bool = False, scripts: bool = True
) -> Iterator[Window]:
    """Open a window that knows the token."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        http_credentials={"username": "anybody", "password": TOKEN, "send": "always"},
    )
    found = Window(context.new_page(), site)
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    found.page.on("requestfailed", lambda request: _note(found, request))
    found.page.on("request", lambda request: found.hosts.add(request.url.split("/")[2]))
    yield found
    context.close()


def _note(found: Window, request: Any) -> None:
    if request.failure != "net::ERR_ABORTED":  # somebody went on before it was there
        found.said.append(json.dumps([request.url, request.failure]))
