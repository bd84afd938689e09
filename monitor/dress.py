"""A message in the clothes of its service: plain text, Markdown or HTML. Pure.

What is said may come from anywhere, such as an API's error: it stays what it is, and never becomes markup, a mention
or a hidden link.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from monitor import mail
from monitor.address import EXACT, MAIL
from monitor.model import Message


class Form(StrEnum):
    """How a message is written; AUTO is what suits the service."""

    AUTO = "auto"
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Worn:
    """A message as Apprise is given it; an empty title is part of the body already."""

    title: str
    body: str
    form: Form


_SLACK, _DISCORD, _TELEGRAM = "slack", "discord", "tgram"
_AUTO = dict.fromkeys(MAIL, Form.HTML) | {_SLACK: Form.MARKDOWN}
_INSTEAD = {
    (_DISCORD, Form.TEXT): Form.MARKDOWN,  # which it shows, whether one means it or not
    (_DISCORD, Form.HTML): Form.MARKDOWN,
    (_SLACK, Form.HTML): Form.MARKDOWN,
    (_TELEGRAM, Form.MARKDOWN): Form.HTML,  # its first Markdown knows no escapes within what is bold
}
_MENTION = re.compile(r"(?<![\w@])@(?=[\w!&])")
_MUTE = "@\u200b"
"""Looks like an @, and is none."""
_MARKUP = re.compile(r"[\\`*~\[\]<>|]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w{1,32};)|^\s*(?:[#+=-]|\d+[.)])")
"""What Markdown would take for its own; an underscore within a word is none of it."""
_SLACK_MARKUP = re.compile(r"[\[\]<>]|^#")
_SLACK_SHOWS = re.compile(r"[\\`*~]|(?<![^\W_])_|_(?![^\W_])")
"""What Slack would take for its own, and knows no way to write otherwise."""


def dress(message: Message, service: str, form: Form, *, has_title: bool) -> Worn:
    """Write a message for a service, by its scheme; without ``has_title`` it has no place for a title."""
    form = _chosen(service, form)
    if service == _SLACK and form is Form.MARKDOWN:
        return _slack(message)
    quiet = message.title, message.body
    if service not in EXACT | {_SLACK}:
        quiet = _muted(message.title), _muted(message.body)
    if service == _TELEGRAM:  # for which Apprise drops empty lines
        quiet = quiet[0], quiet[1].replace("\n\n", "\n\u200b\n")
    match form:
        case Form.HTML if service in MAIL:
            return Worn(message.title, mail.html(message), form)
        case Form.HTML:
            return _html(*quiet, has_title=has_title)
        case Form.MARKDOWN:
            return _markdown(*quiet, has_title=has_title and service != _DISCORD)  # where a title is Markdown too
        case _:
            title, body = quiet
            return Worn(title if body else "", body or title, Form.TEXT)  # Apprise refuses a message without a body


def _chosen(service: str, form: Form) -> Form:
    form = _AUTO.get(service, Form.TEXT) if form is Form.AUTO else form
    return _INSTEAD.get((service, form), form)


def _muted(text: str) -> str:
    return _MENTION.sub(_MUTE, text)


def _slack(message: Message) -> Worn:
    """Write Slack's own Markdown, or plain text where that could not show what is said."""
    body = message.body or message.title
    title = message.title if message.body else ""
    if _SLACK_SHOWS.search(body):
        return Worn(title, body, Form.TEXT)
    return Worn(title, _in_markdown(body, _SLACK_MARKUP), Form.MARKDOWN)


def _markdown(title: str, body: str, *, has_title: bool) -> Worn:
    written = _in_markdown(body or title, _MARKUP)
    if has_title or not body:
        return Worn(title if body else "", written, Form.MARKDOWN)
    return Worn("", f"**{_escaped(title, _MARKUP)}**\n{written}", Form.MARKDOWN)


def _in_markdown(text: str, markup: re.Pattern[str]) -> str:
    lines = []
    for line in text.split("\n"):
        label, rest = mail.labelled(line)
        lines.append((f"**{_escaped(label, markup)}** " if label else "") + _escaped(rest, markup))
    return "\n".join(lines)


def _escaped(text: str, markup: re.Pattern[str]) -> str:
    return markup.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)


def _html(title: str, body: str, *, has_title: bool) -> Worn:
    lines = []
    for line in (body or title).split("\n"):
        label, rest = mail.labelled(line)
        lines.append((f"<b>{escape(label, quote=False)}</b> " if label else "") + escape(rest, quote=False))
    written = "<br/>\n".join(lines)
    if has_title or not body:
        return Worn(title if body else "", written, Form.HTML)
    return Worn("", f"<b>{escape(title, quote=False)}</b><br/>\n{written}", Form.HTML)
