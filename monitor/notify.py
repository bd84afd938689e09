"""Apprise: one channel, one URL, one outcome. The only module that knows Apprise; it is imported at the first use."""

import contextlib
import difflib
import functools
import importlib
import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from monitor import address, retry_after
from monitor.apart import apart
from monitor.broker import Visit, visit
from monitor.curb import curb, listening
from monitor.dress import Form, Worn, dress
from monitor.explain import LONGEST, Line, asked_wait, explain
from monitor.model import Level, Message, NotSent, Outcome, Sent
from monitor.picture import offered

if TYPE_CHECKING:
    import apprise

_NAME: Final = "balance-monitor"
_HOME: Final = "https://legnext.ai/"  # where one tops up; Discord refuses an embed without an address
_FALLBACK: Final = "the service did not take it"
_KEPT: Final = 64
"""Ways out of one channel that are kept: there are as many as URLs that it is made out to."""

_SHORTER: Final = dict.fromkeys(("ntfy", "ntfys"), 3500)
"""Characters that a service takes where Apprise believes in more: of more than 4,096 bytes ntfy makes a file."""

PATIENCE: Final = 40.0
"""Seconds that a service has for an answer, unless the URL says otherwise. Apprise's own 4 would take one that is slow
for dead, and send it everything again and again."""

_TYPES: Final = {Level.OK: "success", Level.INFO: "info", Level.WARNING: "warning", Level.CRITICAL: "failure"}

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


def fault(url: str) -> str | None:
    """Say in one sentence why Apprise would not take this URL, naming at most its scheme; None if it takes it."""
    url = url.strip()
    if not url:
        return "the URL is empty"
    if not url.isprintable():
        return "the URL contains a line break or another control character"
    scheme = address.scheme(url)
    if not scheme:
        return "this is not an Apprise URL: those begin with a scheme such as mailtos:// or slack://"
    if _SEVERAL.search(url):
        return "this is more than one URL: write a channel for each"
    return None if _service(address.sample(url)) else _why_not(scheme)


def receivers(url: str) -> int:
    """Count whom Apprise tells one after the other through this URL, each anew at every retry; a pager knows those."""
    service = None if fault(url) or address.is_pager(url) else _service(address.sample(url.strip()))
    return 1 if service is None else len(service)


class Notifier:
    """One channel. Keep it for as long as the channel's URL stays: Apprise's throttles live in it."""

    def __init__(self, url: str, *, redact: Callable[[str], str], form: Form = Form.AUTO) -> None:
        self._url = url.strip()
        self._redact = redact
        asked = address.asked_format(self._url)
        self._form = Form(asked) if form is Form.AUTO and asked in list(Form) else form
        self._ways = functools.lru_cache(_KEPT)(_way)
        self._sent_at = float("-inf")

    def load(self) -> None:
        """Load what the first message would wait for half a second: Apprise, its plugins and the service."""
        with contextlib.suppress(Exception):  # the first message meets it again, and says so
            _way(address.sample(self._url))

    @functools.cached_property
    def shows_pictures(self) -> bool:
        """Whether a picture can be attached: not to an incident, nor to a chat's webhook, though its plugin would."""
        service = None if address.is_pager(self._url) else _service(address.sample(self._url))
        return bool(getattr(service, "attachment_support", False)) and "hook" not in str(getattr(service, "mode", ""))

    def send(self, message: Message, picture: bytes | None = None) -> Outcome:
        """Send a message, perhaps with a PNG, and wait for the service's answer, in the calling thread; never raises.

        Takes up to 44 s a request with a silent service, and before it the throttle: 5.5 s between two mails.
        """
        try:
            parts = apart(message) if address.keeps_apart(self._url) else [message]
            with offered(picture, message.account) as attached:
                outcomes = (self._send(part, attached) for part in parts)
                return next((outcome for outcome in outcomes if isinstance(outcome, NotSent)), Sent())
        except Exception as error:  # noqa: BLE001 - whatever went wrong in there, the message was not taken
            return NotSent(f"{_FALLBACK} ({type(error).__name__})")

    def _send(self, message: Message, attached: str | None) -> Outcome:
        way = None if self._fault else self._way_to(address.made_out(self._url, message))
        if way is None:
            return NotSent(self._fault or _FALLBACK)
        _hush()
        (service,) = way
        worn = dress(message, address.scheme(self._url), self._form, has_title=service.title_maxlen > 0)
        self._fit(service, worn)
        self._take_turn(service.request_rate_per_sec)
        with self._visit(service) as visiting, listening() as heard:
            result = way.notify(
                title=worn.title,
                body=worn.body,
                notify_type=_TYPES[address.severity(self._url, message)],
                body_format=worn.form.value,
                attach=attached,
                log_level=logging.DEBUG,
            )
        if result:
            return Sent()
        lines = [(entry.level, entry.message) for entry in result.logs()]
        wait = asked_wait(lines) or retry_after.parse(heard.retry_after.strip(), lambda: datetime.now(UTC))
        return NotSent(visiting.refusal or self._reason(lines), wait)

    def _way_to(self, url: str) -> "apprise.Apprise | None":
        return _way(url) if self._is_broker else self._ways(url)

    def _visit(self, service: "apprise.NotifyBase") -> AbstractContextManager[Visit]:
        return visit(cast("Any", service).client) if self._is_broker else contextlib.nullcontext(Visit())

    @property
    def _is_broker(self) -> bool:
        return address.scheme(self._url) in address.BROKERS

    @functools.cached_property
    def _fault(self) -> str | None:
        return fault(self._url)

    def _take_turn(self, pause: float) -> None:
        """Keep the pause between two messages, which Apprise keeps for each way out alone."""
        if (left := self._sent_at + pause - time.monotonic()) > 0:
            time.sleep(left)
        self._sent_at = time.monotonic()

    def _fit(self, service: "apprise.NotifyBase", worn: Worn) -> None:
        """Let what is too long for the service go in several parts, cut between lines.

        Not always: it would cut titles too. From half the length on, since escapes may be to come.
        """
        if address.may_split(self._url):
            service.body_maxlen = min(service.body_maxlen, _SHORTER.get(address.scheme(self._url), service.body_maxlen))
            is_long = 0 < service.body_maxlen < 2 * (len(worn.title) + len(worn.body))
            mode = _library().OverflowMode
            service.overflow_mode = mode.SPLIT if is_long else mode.UPSTREAM

    def _reason(self, lines: Iterable[Line]) -> str:
        # Each line is redacted before it is cut to pieces, and the phrase again: JSON escapes can hide a secret.
        words = self._redact(explain([(level, self._redact(text)) for level, text in lines]))
        words = " ".join("".join(char if char.isprintable() else " " for char in words).split())
        return (words if len(words) <= LONGEST else words[: LONGEST - 1] + "…") or _FALLBACK


@functools.cache
def _library() -> ModuleType:
    """Import Apprise and make it keep to itself."""
    # requests sends the passwords of ~/.netrc to any host named there; who sets NETRC means it. Webhooks do not.
    os.environ.setdefault("NETRC", os.devnull)
    _hush()
    library = importlib.import_module("apprise")
    curb(importlib.import_module("requests"))
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


def _way(url: str) -> "apprise.Apprise | None":
    """Make a way out; it keeps its session with the service, where there is one."""
    service = _service(url)
    if service is None:
        return None
    service.optional = False  # `?optional=yes` would turn every failure into a success
    service.retry = 0  # the outbox tries again; here it would hold the thread and post twice after a timeout
    # A mail server has one timeout for all that it does.
    wait = "socket_connect_timeout" if address.scheme(url) in address.MAIL else "socket_read_timeout"
    if wait not in vars(service):  # where `?cto=` and `?rto=` would be
        setattr(service, wait, PATIENCE)
    way: apprise.Apprise = _library().Apprise(service, asset=service.asset)
    return way


def _service(url: str) -> "apprise.NotifyBase | None":
    library, asset = _library(), _asset()
    _hush()  # a plugin is imported here
    try:
        service: apprise.NotifyBase | None = library.Apprise.instantiate(url, asset=asset)
    except Exception:  # noqa: BLE001 - some plugins trip over what they cannot parse
        return None
    return service


def _why_not(scheme: str) -> str:
    plugins = importlib.import_module("apprise.manager_plugins").NotificationManager()
    known = sorted(plugins.schemas())
    if scheme in known:
        if plugins[scheme].enabled:
            return f"Apprise does not accept this {scheme}:// URL"
        return f"{scheme}:// needs {_needed(plugins[scheme].requirements)}"
    if scheme in ("http", "https"):
        return f"Apprise does not know this {scheme}:// address; a plain webhook is written {_ALIASES[scheme]}://"
    near = [_ALIASES[scheme]] if scheme in _ALIASES else difflib.get_close_matches(scheme, known, n=1, cutoff=0.7)
    return f"the scheme {scheme}:// is not known to Apprise" + "".join(f", did you mean {it}://?" for it in near)


def _needed(requirements: dict[str, str | list[str]]) -> str:
    needed = requirements.get("packages_required") or []
    packages = [needed] if isinstance(needed, str) else needed
    if not packages:
        return "something that is not installed here: see Apprise's documentation"
    wanted = " ".join(f'"{package.replace(" ", "")}"' for package in packages)
    return f"{', '.join(packages)}, which is not installed here: pip install {wanted}"
