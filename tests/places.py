"""Where messages arrive, and what a person reads there: the next receiver is one class, and its name in PLACES."""

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage, MIMEPart
from typing import ClassVar

from internet import Internet
from oncall import Incident, Opsgenie, PagerDuty
from receivers import MailServer, Webhook
from vendors import Discord, Slack, Telegram, Vendor


@dataclass(frozen=True)
class Told:
    """A message as its reader sees it."""

    title: str
    body: str
    mark: str = ""
    """How the receiver shows what kind of message it is: a colour, a type, an incident that opens or closes."""
    pictures: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, text: str, mark: str = "", pictures: tuple[bytes, ...] = ()) -> "Told":
        """Read a text whose first line is the title."""
        title, _, body = text.replace("\r\n", "\n").partition("\n")
        return cls(title, body, mark, pictures)


class Place(ABC):
    """One receiver. Closed at the end."""

    marks: ClassVar[Sequence[str]] = ("", "", "", "")
    """Its marks: of an alert that is raised, one that is reminded of, its end, and a digest, where it gets any."""
    has_pictures: ClassVar[bool] = True

    @property
    @abstractmethod
    def url(self) -> str:
        """Its Apprise URL."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What leads a process to it."""
        return {}

    @abstractmethod
    def read(self) -> list[Told]:
        """Read all that has arrived, the oldest first."""

    def shown(self, told: Told) -> Told:
        """Say what of a message is to be seen here: all of it."""
        return told

    @abstractmethod
    def close(self) -> None:
        """End it."""


class Mail(Place):
    """SMTP with STARTTLS and a login."""

    marks = ("#b42318", "#b42318", "#067647", "#175cd3")

    def __init__(self) -> None:
        self.server = MailServer()

    @property
    def url(self) -> str:
        return self.server.url_with()

    @property
    def environment(self) -> Mapping[str, str]:
        return {"SSL_CERT_FILE": str(self.server.ca_file)}

    def read(self) -> list[Told]:
        return [opened(mail) for mail in list(self.server.messages)]

    def close(self) -> None:
        self.server.close()


def opened(mail: EmailMessage) -> Told:
    """Open a mail as a mail program does that shows plain text, and take the colour from the other part."""
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    level, said, *lines = _text(plain).split("\n")
    assert str(mail["Subject"]) == f"[{level}] {said}"
    colour = _text(html).partition("background:")[2].partition(";")[0]
    pictures = tuple(part.get_content() for part in mail.iter_attachments())
    return Told(str(mail["Subject"]), "\n".join(lines), colour, pictures)


def _text(part: MIMEPart) -> str:
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


class Json(Place):
    """A webhook."""

    marks = ("failure", "failure", "success", "info")

    def __init__(self) -> None:
        self.hook = Webhook()

    @property
    def url(self) -> str:
        return self.hook.url

    def read(self) -> list[Told]:
        bodies = [post.body for post in self.hook.posts]
        assert all(body.keys() == {"version", "title", "message", "attachments", "type"} for body in bodies)
        assert {body["version"] for body in bodies} <= {"1.0"}
        return [Told(body["title"], body["message"], body["type"], _unpacked(body["attachments"])) for body in bodies]

    def close(self) -> None:
        self.hook.close()


def _unpacked(attachments: list[dict[str, str]]) -> tuple[bytes, ...]:
    assert all(one.keys() == {"filename", "mimetype", "base64"} for one in attachments)
    assert all((one["filename"], one["mimetype"]) == ("main_eu.png", "image/png") for one in attachments)
    return tuple(base64.b64decode(one["base64"]) for one in attachments)


class Played(Place):
    """A service with a fixed host, played as strictly as its documentation says."""

    make: ClassVar[Callable[[], Vendor]]
    address: ClassVar[str]

    def __init__(self) -> None:
        self.vendor = type(self).make()
        self.internet = Internet(self.vendor.hosts)

    @property
    def url(self) -> str:
        return self.address

    @property
    def environment(self) -> Mapping[str, str]:
        return self.internet.environment

    def read(self) -> list[Told]:
        return [Told.of(one.text, one.colour, one.pictures) for one in list(self.vendor.seen)]

    def close(self) -> None:
        self.internet.close()


class SlackHook(Played):
    """Slack by an incoming webhook, which takes no pictures."""

    make, address = Slack, Slack.WEBHOOK_URL
    marks = ("#A32037", "#A32037", "#3AA337", "#3AA3E3")
    has_pictures = False


class SlackBot(Played):
    """Slack by the token of a bot."""

    make, address = Slack, Slack.BOT_URL
    marks = SlackHook.marks


class TelegramChat(Played):
    """A chat of Telegram, whose pictures have the text as their caption."""

    make, address = Telegram, Telegram.URL


class DiscordChannel(Played):
    """A channel of Discord, by its webhook."""

    make, address = Discord, Discord.URL


class _Pager(Played):
    """A service that shows incidents: what happened to them is read from their lists."""

    has_pictures = False

    def read(self) -> list[Told]:
        incidents: list[Incident] = self.vendor.incidents  # type: ignore[attr-defined]
        return [
            Told.of(text, f"{event} {one.key}")
            for one in incidents
            for event, text in zip(one.events, one.texts, strict=True)
        ]


class PagerDutyService(_Pager):
    """PagerDuty: one incident, which the end closes without a word."""

    make, address = PagerDuty, PagerDuty.URL
    marks = ("trigger main_eu.balance_usd", "trigger main_eu.balance_usd", "resolve main_eu.balance_usd")

    def shown(self, told: Told) -> Told:
        return Told("", "") if told.title.startswith("[OK]") else told


class OpsgenieTeam(_Pager):
    """Opsgenie: one alert, which the end closes with a note."""

    make, address = Opsgenie, Opsgenie.URL
    marks = ("create main_eu.balance_usd", "create main_eu.balance_usd", "close main_eu.balance_usd")

    def shown(self, told: Told) -> Told:
        return replace(told, title="") if told.title.startswith("[OK]") else told


PLACES: dict[str, Callable[[], Place]] = {
    "mail": Mail,
    "json": Json,
    "Slack webhook": SlackHook,
    "Slack bot": SlackBot,
    "Telegram": TelegramChat,
    "Discord": DiscordChannel,
    "PagerDuty": PagerDutyService,
    "Opsgenie": OpsgenieTeam,
}
