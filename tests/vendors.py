"""Slack, Telegram and Discord, as strict as their documentation says; each takes real requests.

They show what a reader sees: the text after the service's own markup was carried out, and whom it would have rung up.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

from internet import Answer, Host, Part, Request

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Seen:
    """A message as readers see it."""

    text: str
    bold: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    colour: str = ""
    pictures: tuple[bytes, ...] = ()


class Vendor(ABC):
    """What all have in common: what was taken, and answers that come before any other."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.before: list[Answer] = []

    @property
    @abstractmethod
    def hosts(self) -> dict[str, Host]:
        """The hosts that it plays."""

    def busy(self, answer: Answer, times: int = 1) -> None:
        """Give this answer to the next requests, whatever they ask."""
        self.before += [answer] * times

    def _played(self, answer: Callable[[Request], Answer]) -> Host:
        return lambda request: self.before.pop(0) if self.before else answer(request)

    def _show(self, picture: bytes) -> None:
        """Show a picture below the last message."""
        self.seen[-1] = replace(self.seen[-1], pictures=(*self.seen[-1].pictures, picture))


class Slack(Vendor):
    """Incoming webhooks and chat.postMessage, with legacy attachments: text of 40,000 characters, three entities."""

    HOOK = "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    TOKEN = "xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d"
    WEBHOOK_URL = "slack:/" + HOOK.removeprefix("/services")
    BOT_URL = f"slack://{TOKEN}/%23billing"

    @property
    def hosts(self) -> dict[str, Host]:
        return {
            "hooks.slack.com": self._played(self._hook),
            "slack.com": self._played(self._api),
            "files.slack.com": self._played(self._upload),
        }

    def _hook(self, request: Request) -> Answer:
        if request.path != self.HOOK:
            return Answer(404, "no_service")
        wrong = self._wrong(request.json)
        if wrong:
            return Answer(400, "invalid_payload" if wrong == "invalid_payload" else wrong)
        return Answer(200, "ok")

    def __init__(self) -> None:
        super().__init__()
        self._wanted: dict[str, int] = {}
        """How long each file will be of which somebody said that it comes."""
        self._files: dict[str, bytes] = {}

    def _api(self, request: Request) -> Answer:
        if request.headers["Authorization"] != f"Bearer {self.TOKEN}":
            return Answer(200, {"ok": False, "error": "invalid_auth"})
        methods = {
            "/api/chat.postMessage": self._post,
            "/api/files.getUploadURLExternal": self._expect,
            "/api/files.completeUploadExternal": self._share,
        }
        told = methods[request.path](request) if request.path in methods else "unknown_method"
        return Answer(200, {"ok": False, "error": told} if isinstance(told, str) else {"ok": True, **told})

    def _post(self, request: Request) -> dict[str, Any] | str:
        if (request.json or {}).get("channel") != "#billing":
            return "channel_not_found"
        return self._wrong(request.json) or {"channel": "C1", "ts": "1.2"}

    def _expect(self, request: Request) -> dict[str, Any] | str:
        (name,), (length,) = request.query.get("filename", [""]), request.query.get("length", ["0"])
        if not name or int(length) < 1:
            return "invalid_arguments"
        key = f"F{len(self._wanted) + 1}"
        self._wanted[key] = int(length)
        return {"file_id": key, "upload_url": f"https://files.slack.com/upload/v1/{key}"}

    def _upload(self, request: Request) -> Answer:
        key, part = request.path.rpartition("/")[2], request.form["file"]
        if self._wanted.get(key) != len(part.content):
            return Answer(400, "the length is not what was said")
        self._files[key] = part.content
        return Answer(200, f"OK - {len(part.content)}")

    def _share(self, request: Request) -> dict[str, Any] | str:
        (file,) = request.json["files"]
        if file["id"] not in self._files:
            return "file_not_found"
        if request.json.get("channel_id") != "C1":
            return "channel_not_found"
        self._show(self._files[file["id"]])
        return {"files": [file]}

    def _wrong(self, payload: Any) -> str:
        """Return Slack's word for what is wrong; what is right is seen."""
        if not isinstance(payload, dict):
            return "invalid_payload"
        attachments = payload.get("attachments", [])
        if not payload.get("text") and not attachments:
            return "no_text"
        for one in attachments:
            for block in one.get("blocks", []):
                if len(block.get("text", {}).get("text", "")) > (150 if block["type"] == "header" else 3000):
                    return "invalid_blocks"
            if len(one.get("text", "")) > 40_000:
                return "msg_too_long"
        for one in attachments:
            self.seen.append(_slack(one["title"], one["text"], one["color"], is_markdown=payload["mrkdwn"]))
        return ""


def _slack(title: str, text: str, colour: str, *, is_markdown: bool) -> Seen:
    """Carry out Slack's mrkdwn, which knows no backslashes, or only its entities."""
    written = f"{title}\n{text}"
    controls = re.findall(r"<([^>]*)>", written)
    bold: list[str] = []

    def embolden(found: re.Match[str]) -> str:
        bold.append(_slack_text(found[1]))
        return found[1]

    if is_markdown:
        assert not re.search(r"(?<!\w)[_~`](?=\S)[^\n]*[_~`](?!\w)", text), f"markup of others: {text}"
        text = re.sub(r"(?<![\w*])\*(?! )([^*\n]+)(?<! )\*(?![\w*])", embolden, text)
    return Seen(
        _slack_text(f"{title}\n{text}"),
        tuple(bold),
        mentions=tuple(one for one in controls if one[:1] in "@!#"),
        links=tuple(one for one in controls if one[:1] not in "@!#"),
        colour=colour,
    )


def _slack_text(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


class Discord(Vendor):
    """Execute webhook: 2,000 characters of content, Markdown always, mentions unless they are forbidden."""

    ID, TOKEN = "123456789012345678", "discordTokenOfOurChannel_0123456789abcdef"
    URL = f"discord://{ID}/{TOKEN}"

    @property
    def hosts(self) -> dict[str, Host]:
        return {"discord.com": self._played(self._execute)}

    def _execute(self, request: Request) -> Answer:
        if request.path != f"/api/webhooks/{self.ID}/{self.TOKEN}":
            return Answer(401, {"message": "Invalid Webhook Token", "code": 50027})
        if request.headers["Content-Type"].startswith("multipart/form-data"):
            return self._attach(request.form)
        payload = request.json or {}
        content = payload.get("content", "")
        if not content and not payload.get("embeds"):
            return Answer(400, {"message": "Cannot send an empty message", "code": 50006})
        if len(content) > 2000:
            detail = {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}
            errors = {"content": {"_errors": [detail]}}
            return Answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": errors})
        self.seen.append(_markdown(content, allowed=payload.get("allowed_mentions")))
        return Answer(204)

    def _attach(self, form: dict[str, Part]) -> Answer:
        """Take a message of files alone, ten at most; what it says stands in one field as JSON."""
        payload = json.loads(form["payload_json"].text)
        files = [part for name, part in form.items() if re.fullmatch(r"files\[\d\]", name)]
        if not files or payload.keys() & {"content", "embeds"}:
            return Answer(400, {"message": "Cannot send an empty message", "code": 50006})
        for part in files:
            self._show(part.content)
        return Answer(200, {"id": "1"})


_KEPT = 0xF0000
"""From here on characters stand for those that had a backslash before them."""


def _markdown(content: str, *, allowed: Any = None) -> Seen:
    """Carry out Discord's Markdown: backslashes before punctuation, bold, and nothing else that we mean."""
    content = content.replace("\r\n", "\n")
    mentions = re.findall(r"@everyone|@here|<@[!&]?\d+>", content) if allowed is None else []
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[1])
        return chr(_KEPT + len(kept) - 1)

    bold: list[str] = []
    text = re.sub(r"\\([^0-9A-Za-z\s])", keep, content)
    links = re.findall(r"\[[^\]\n]+\]\(([^)\n]+)\)", text)

    def embolden(found: re.Match[str]) -> str:
        bold.append(found[1])
        return found[1]

    text = re.sub(r"\*\*([^*\n]+)\*\*", embolden, text)
    wild = re.search(r"[*`~|]|(?<![^\W_])_|_(?![^\W_])|(?m:^(?:#|>|[+-] |\d+\. ))", text)
    assert not wild, f"markup of others: {content!r}"

    def shown(part: str) -> str:
        return "".join(kept[ord(char) - _KEPT] if ord(char) >= _KEPT else char for char in part).replace("\u200b", "")

    return Seen(
        shown(text),
        tuple(map(shown, bold)),
        mentions=tuple(mentions),
        links=tuple(links),
    )


class Telegram(Vendor):
    """sendMessage and sendPhoto: 4,096 characters, below a picture 1,024, once entities were read; well-formed HTML."""

    TOKEN = "123456789:abcdefghijklmnopqrstuvwxyzABCDEFGHI"
    URL = f"tgram://{TOKEN}/12315544"

    @property
    def hosts(self) -> dict[str, Host]:
        return {"api.telegram.org": self._played(self._call)}

    def _call(self, request: Request) -> Answer:
        methods = {f"/bot{self.TOKEN}/sendMessage": self._text, f"/bot{self.TOKEN}/sendPhoto": self._photo}
        if request.path not in methods:
            return Answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        try:
            self.seen.append(methods[request.path](request))
        except ValueError as error:
            return Answer(400, {"ok": False, "error_code": 400, "description": f"Bad Request: {error}"})
        return Answer(200, {"ok": True, "result": {"message_id": 1}})

    @staticmethod
    def _text(request: Request) -> Seen:
        payload = request.json or {}
        _known(payload.get("chat_id"))
        return _telegram_seen(payload["text"], payload.get("parse_mode"), most=4096)

    @staticmethod
    def _photo(request: Request) -> Seen:
        form = request.form
        _known(form["chat_id"].text)
        if not form["photo"].content.startswith(PNG) or len(form["photo"].content) > 10 * 2**20:
            raise ValueError("IMAGE_PROCESS_FAILED")
        seen = _telegram_seen(form["caption"].text, form["parse_mode"].text, most=1024)
        return replace(seen, pictures=(form["photo"].content,))


def _known(chat: object) -> None:
    if str(chat) != "12315544":
        raise ValueError("chat not found")


class _TelegramReader(HTMLParser):
    """Reads HTML as Telegram does: a few tags, four entities, everything closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.bold: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"b", "strong", "i", "em", "u", "ins", "s", "del", "code", "pre", "a"}:
            raise ValueError(f'Unsupported start tag "{tag}"')
        self.open.append(tag)
        self.bold += [""] if tag == "b" else []
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise ValueError(f'Unexpected end tag "{tag}"')

    def end(self) -> None:
        if self.open:
            raise ValueError(f'Can\'t find end tag corresponding to start tag "{self.open[-1]}"')

    def handle_data(self, data: str) -> None:
        if "<" in data:
            raise ValueError("Unclosed start tag")
        self.text += data
        if "b" in self.open:
            self.bold[-1] += data

    def handle_entityref(self, name: str) -> None:
        self.handle_data_of(unescape(f"&{name};") if name in {"lt", "gt", "amp", "quot"} else f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data_of(unescape(f"&#{name};"))

    def handle_data_of(self, char: str) -> None:
        self.text += char
        if "b" in self.open:
            self.bold[-1] += char


def _telegram_seen(text: str, mode: str | None, *, most: int) -> Seen:
    """Read a message as Telegram does; a ValueError is its description of what is wrong."""
    if mode != "HTML":  # the others are never used: what they take for markup cannot always be written otherwise
        raise ValueError("unsupported parse_mode")
    reader = _TelegramReader()
    try:
        reader.feed(text.replace("\r\n", "\n"))
        reader.close()
        reader.end()
    except ValueError as error:
        raise ValueError(f"can't parse entities: {error}") from None
    if not reader.text.strip():
        raise ValueError("message text is empty")
    if len(reader.text) > most:
        raise ValueError("message is too long")
    mentions = re.findall(r"(?<![\w@])@\w{4,}", reader.text)
    return Seen(reader.text.replace("\u200b", ""), tuple(reader.bold), tuple(mentions), tuple(reader.links))
