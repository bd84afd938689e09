"""A mail as people and their programs get it: HTML, the same in plain text, and headers that put mails together."""

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from receivers import MailServer
from test_vendors import DIGEST, KINDS, RAISED, REMINDER, WILD, change, message

from monitor import mail
from monitor.dress import Form
from monitor.model import Level, Message, Sent
from monitor.notify import Notifier


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with MailServer() as it:
        yield it


def sent(server: MailServer, one: Message, form: Form = Form.AUTO) -> EmailMessage:
    server.messages.clear()
    assert Notifier(server.url, redact=str, form=form).send(one) == Sent()
    return server.wait_messages(1)[0]


def parts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = (part.get_content().replace("\r\n", "\n").rstrip("\n") for part in mail.iter_parts())
    return plain, html


class Page(HTMLParser):
    """What a browser would load, run and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{name}={value}" for name, value in attrs if "url(" in (value or "") or name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", KINDS)
def test_its_plain_part_says_all_to_the_character(server: MailServer, kind: str) -> None:
    one = KINDS[kind]
    got = sent(server, one)
    level, said = one.title.removeprefix("[").split("] ", 1)
    assert got["Subject"] == one.title
    assert parts(got)[0] == f"{level}\n{said}\n{one.body}"


@pytest.mark.parametrize("kind", KINDS)
def test_its_html_says_the_same_and_loads_nothing_from_anywhere(server: MailServer, kind: str) -> None:
    one = KINDS[kind]
    page = Page(parts(sent(server, one))[1])
    assert page.text.replace("\xa0", "").replace("\n", "").endswith(one.body.replace("\n", ""))
    assert page.loads == []
    assert set(page.tags) <= {"html", "head", "meta", "body", "div", "table", "tr", "td", "span", "b"}


def test_whatever_is_said_stays_text(server: MailServer) -> None:
    wild = message(f"[WARNING] main: {WILD}", f"Polls fail now: {WILD}\n{WILD}\n<script>alert(1)</script>")
    plain, html = parts(sent(server, wild))
    assert plain == f"WARNING\nmain: {WILD}\n{wild.body}"
    assert "<script" not in html
    assert Page(html).loads == []


@pytest.mark.parametrize(
    ("severity", "colour"),
    [(Level.CRITICAL, "#b42318"), (Level.WARNING, "#b54708"), (Level.INFO, "#175cd3"), (Level.OK, "#067647")],
)
def test_the_level_has_a_colour(severity: Level, colour: str) -> None:
    assert f"background:{colour}" in mail.html(message("[X] main: y", "", severity=severity))


def test_a_title_without_a_level_is_shown_under_its_severity() -> None:
    assert ">WARNING</td>" in mail.html(message("hello", "", severity=Level.WARNING))


def test_mails_about_one_alert_belong_together_and_each_has_a_name_that_a_repeat_has_too(server: MailServer) -> None:
    first, reminder, again = (sent(server, one) for one in (RAISED, REMINDER, RAISED))
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["References"] == reminder["References"] == "<main_eu-balance_usd@balance-monitor>"
    assert first["X-Balance-Monitor-Alert"] == reminder["X-Balance-Monitor-Alert"] == "main_eu-balance_usd"
    assert first["X-Balance-Monitor-Message"] == again["X-Balance-Monitor-Message"] == RAISED.id
    assert reminder["X-Balance-Monitor-Message"] != RAISED.id
    assert first["Message-ID"] != again["Message-ID"]


def test_what_is_about_no_alert_refers_to_none_and_what_is_about_many_names_ten(server: MailServer) -> None:
    assert sent(server, DIGEST)["References"] is None
    many = replace(RAISED, changes=tuple(change(account=f"a{number}") for number in range(30)))
    named = sent(server, many)["X-Balance-Monitor-Alert"].split()
    assert named == [f"a{number}-balance_usd" for number in range(10)]


@pytest.mark.parametrize("form", [Form.TEXT, Form.MARKDOWN])
def test_a_channel_may_want_text_or_markdown(server: MailServer, form: Form) -> None:
    got = sent(server, RAISED, form)
    if form is Form.TEXT:
        assert got.get_content().replace("\r\n", "\n").rstrip("\n") == RAISED.body
    else:
        assert "<strong>Balance:</strong> $4.07" in parts(got)[1]
