"""Apprise: one channel, one URL, one outcome. The only module that knows Apprise; it is imported at the first use."""

import ast
import contextlib
import difflib
import functools
import importlib
import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterable
from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING, Final

from monitor.model import Level, Message, NotSent, Outcome, Sent

if TYPE_CHECKING:
    import apprise

_NAME: Final = "balance-monitor"
_HOME: Final = "https://legnext.ai/"  # where one tops up; Discord refuses an embed without an address
_FALLBACK: Final = "the service did not take it"
_LONGEST: Final = 200

_TYPES: Final = {Level.OK: "success", Level.INFO: "info", Level.WARNING: "warning", Level.CRITICAL: "failure"}

_SCHEME: Final = re.compile(r"([a-z0-9]{1,32})://", re.IGNORECASE)
_SEVERAL: Final = re.compile(r"[\s,;][a-z0-9]{1,32}://", re.IGNORECASE)  # where Apprise itself would split
_ALIASES: Final = {
    "email": "mailtos",
    "http": "json",
    "https": "jsons",
    "smtp": "mailto",
    "smtps": "mailtos",
    "teams": "workflows",
    "telegram": "tgram",
    "webhook": "jsons",
}

# How Apprise's plugins write down what went wrong: the same few phrases in nearly all of them. Anchored, because some
# also log the message itself, which may say anything.
_STATUS: Final = re.compile(r".*\berror=(\d{3})\b", re.DOTALL)
_ANSWER: Final = re.compile(r"Response Details:\s*(.*)", re.DOTALL)
_RAISED: Final = re.compile(r"[\w/ .]{0,40}Exception[\w ]{0,20}: (.*)", re.DOTALL)
_SMTP: Final = re.compile(r"\((\d{3}), b?(['\"])(.*?)\2[,)]", re.DOTALL)
_TLS: Final = re.compile(r"\[SSL[^\]]*\] ([^(]+)")
_ERRNO: Final = re.compile(r"\[Errno -?\d+\] ([^'\"()]+)")
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")  # what follows may repeat the proxy's password
_SILENT: Final = re.compile(r"timed out")
_CLOSED: Final = re.compile(r"RemoteDisconnected|unexpectedly closed|Connection aborted")
_URL: Final = re.compile(r"\w+://\S+|(?<=with url: )\S+")
_SAID: Final = ("error_description", "error", "message", "description", "detail", "reason", "errors")
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_LOGIN_REFUSED: Final = {"530", "534", "535"}

_Line = tuple[str, str]  # its level and its text


def fault(url: str) -> str | None:
    """Say in one sentence why Apprise would not take this URL, naming at most its scheme; None if it takes it."""
    url = url.strip()
    if not url:
        return "the URL is empty"
    if not url.isprintable():
        return "the URL contains a line break or another control character"
    scheme = _scheme(url)
    if not scheme:
        return "this is not an Apprise URL: those begin with a scheme such as mailtos:// or slack://"
    if _SEVERAL.search(url):
        return "this is more than one URL: write a channel for each"
    return None if _service(url) else _why_not(scheme)


class Notifier:
    """One channel. Keep it for as long as the channel's URL stays: Apprise's throttles live in it."""

    def __init__(self, url: str, *, redact: Callable[[str], str]) -> None:
        self._url = url.strip()
        self._redact = redact
        self._may_split = False

    def load(self) -> None:
        """Load what the first message would wait for half a second: Apprise, its plugins and the service."""
        with contextlib.suppress(Exception):  # the first message meets it again, and says so
            self._apprise  # noqa: B018 - it is kept

    def send(self, message: Message) -> Outcome:
        """Send a message and wait for the service's answer, in the calling thread; never raises.

        Takes up to about 10 s a request with a silent service, and before it the throttle: 5.5 s between two mails.
        """
        try:
            return self._send(message)
        except Exception as error:  # noqa: BLE001 - whatever went wrong in there, the message was not taken
            return NotSent(f"{_FALLBACK} ({type(error).__name__})")

    def _send(self, message: Message) -> Outcome:
        if self._apprise is None:
            return NotSent(fault(self._url) or _FALLBACK)
        _hush()
        for service in self._apprise:
            self._fit(service, message)
        result = self._apprise.notify(
            title=message.title if message.body else "",
            body=message.body or message.title,  # Apprise refuses a message without a body
            notify_type=_TYPES[message.severity],
            body_format="text",
            log_level=logging.DEBUG,
        )
        return Sent() if result else NotSent(self._reason((entry.level, entry.message) for entry in result.logs()))

    @functools.cached_property
    def _apprise(self) -> "apprise.Apprise | None":
        service = None if fault(self._url) else _service(self._url)
        if service is None:
            return None
        service.optional = False  # `?optional=yes` would turn every failure into a success
        service.retry = 0  # the outbox tries again; here it would hold the thread and post twice after a timeout
        self._may_split = "overflow_mode" not in vars(service)  # neither `?overflow=` nor the plugin says otherwise
        channel: apprise.Apprise = _library().Apprise(service, asset=service.asset)
        return channel

    def _fit(self, service: "apprise.NotifyBase", message: Message) -> None:
        """Let what is too long for the service go in several parts, cut between lines.

        Not always: it would cut titles too. From half the length on, since escapes may be to come.
        """
        if self._may_split:
            is_long = 0 < service.body_maxlen < 2 * (len(message.title) + len(message.body))
            mode = _library().OverflowMode
            service.overflow_mode = mode.SPLIT if is_long else mode.UPSTREAM

    def _reason(self, lines: Iterable[_Line]) -> str:
        # Each line is redacted before it is cut to pieces, and the phrase again: JSON escapes can hide a secret.
        words = self._redact(_explain([(level, self._redact(text)) for level, text in lines]))
        words = " ".join("".join(char if char.isprintable() else " " for char in words).split())
        return (words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…") or _FALLBACK


@functools.cache
def _library() -> ModuleType:
    """Import Apprise and make it keep to itself."""
    # requests sends the passwords of ~/.netrc to any host named there; who sets NETRC means it. Webhooks do not.
    os.environ.setdefault("NETRC", os.devnull)
    _hush()
    library = importlib.import_module("apprise")
    # A plugin tells what went wrong only in debug lines. They reach the result of their own call and nothing else: they
    # hold whole URLs, and what matters of them is in the reason.
    log = logging.getLogger("apprise")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log.addHandler(logging.NullHandler())
    return library


def _hush() -> None:
    # At each send, because whoever resets the filters (a test, a library) would bring the warnings back.
    warnings.filterwarnings("ignore", module=r"(apprise|requests|urllib3|smtplib|paho|slixmpp)(\.|$)")


@functools.cache
def _asset() -> "apprise.AppriseAsset":
    """How Apprise is to behave: say who we are, run in the calling thread, follow nobody, write nothing to disk."""
    asset: apprise.AppriseAsset = _library().AppriseAsset(
        app_id=_NAME,
        app_desc=_NAME,
        app_url=_HOME,
        image_url_mask="",  # Apprise's own pictures, from GitHub
        image_url_logo="",
        async_mode=False,
        service_timeout=0,  # anything else moves the call into a pool of few threads, where one that hangs starves all
        http_redirects=False,
        interpret_emojis=False,
        interpret_escapes=False,
        secure_logging=True,
        storage_mode="memory",
        pgp_autogen=False,
        pem_autogen=False,
        allow_templates=False,
    )
    return asset


def _service(url: str) -> "apprise.NotifyBase | None":
    library, asset = _library(), _asset()
    try:
        service: apprise.NotifyBase | None = library.Apprise.instantiate(url, asset=asset)
    except Exception:  # noqa: BLE001 - some plugins trip over what they cannot parse
        return None
    return service


def _scheme(url: str) -> str | None:
    found = _SCHEME.match(url)
    return found and found[1].lower()


def _why_not(scheme: str) -> str:
    plugins = importlib.import_module("apprise.manager_plugins").NotificationManager()
    known = sorted(plugins.schemas())
    if scheme in known:
        if plugins[scheme].enabled:
            return f"Apprise does not accept this {scheme}:// URL"
        return f"{scheme}:// needs something that is not installed here: {_needs(plugins[scheme].requirements)}"
    if scheme in ("http", "https"):
        return f"Apprise does not know this {scheme}:// address; a plain webhook is written {_ALIASES[scheme]}://"
    near = [_ALIASES[scheme]] if scheme in _ALIASES else difflib.get_close_matches(scheme, known, n=1, cutoff=0.7)
    return f"the scheme {scheme}:// is not known to Apprise" + "".join(f", did you mean {it}://?" for it in near)


def _needs(requirements: dict[str, str | list[str]]) -> str:
    needed = requirements.get("packages_required") or "see Apprise's documentation"
    return needed if isinstance(needed, str) else ", ".join(needed)


def _explain(lines: list[_Line]) -> str:
    """Make one phrase of what a plugin logged; the last line of a kind counts, it is nearest to the failure."""
    loud = [text for level, text in lines if level in ("WARNING", "ERROR", "CRITICAL")]
    every = [text for _, text in lines]
    status = _status(_last(_STATUS, loud))
    cause = _said(_last(_ANSWER, every)) or _short(_last(_RAISED, every))
    return ": ".join(part for part in (status, cause) if part) or _scrub(loud[-1] if loud else "")


def _last(pattern: re.Pattern[str], texts: list[str]) -> str:
    found = [match[1] for text in texts if (match := pattern.match(text))]
    return found[-1] if found else ""


def _status(code: str) -> str:
    if not code or code < "300":  # Slack answers 200 to what it refuses
        return ""
    if code < "400":
        return f"HTTP {code}, a redirect, which is not followed"
    return f"HTTP {code} {_PHRASES.get(int(code), '')}".rstrip()


def _said(details: str) -> str:
    """Find the service's own words in its answer: those of a JSON error or a short plain text, but no page."""
    text = _decoded(details).strip()
    try:
        return _words(json.loads(text))
    except ValueError:
        return "" if len(text) > _LONGEST or "<" in text else text


def _decoded(details: str) -> str:
    if not details.startswith(("b'", 'b"')):
        return details
    try:
        return str(ast.literal_eval(details), "utf-8", "replace")
    except (ValueError, SyntaxError):  # what is hidden in it may have taken a backslash along
        return details[2:-1]


def _words(value: object) -> str:
    match value:
        case str():
            return value
        case [first, *_]:
            return _words(first)
        case dict():
            said = (_words(value.get(key)) for key in _SAID)
            return next(filter(None, said), "")
        case _:
            return ""


def _short(error: str) -> str:
    """Cut an exception's text down to its cause; innermost is last."""
    if found := _SMTP.findall(error):
        code, _, text = found[-1]
        return f"{'authentication failed: ' if code in _LOGIN_REFUSED else ''}{code} {text}"
    if found := _TUNNEL.findall(error):
        return f"the proxy said {found[-1]} {_PHRASES.get(int(found[-1]), '')}".rstrip()
    for pattern in (_TLS, _ERRNO):
        for cause in reversed(pattern.findall(error)):
            return f"{cause[:1].lower()}{cause[1:]}"
    if _SILENT.search(error):
        return "no answer in time"
    if _CLOSED.search(error):
        return "the connection was closed without an answer"
    return _scrub(error)


def _scrub(text: str) -> str:
    return _URL.sub("…", text)
