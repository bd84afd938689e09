"""A channel's URL, made out for one message: whom and what it is about, and by what a receiver knows it again. Pure.

Pagers open an incident, and close it when they hear of its end: each alert has a key of its own there.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlencode

from monitor.model import ENDS, Level, Message

ACCOUNT, RULE = "{account}", "{rule}"
NEWS = "news"
"""What stands for the rule where there is none."""
MAIL = frozenset({"mailto", "mailtos"})
BROKERS = frozenset({"mqtt", "mqtts"})
_WEB = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
_KEYS = {
    "pagerduty": "dedup",
    "opsgenie": "alias",
    "splunk": "entity_id",
    "victorops": "entity_id",
    "signl4": "dedup",
    "pagertree": "dedup",
    "squadcast": "dedup",
    "ilert": "dedup",
    "incidentio": "dedup",
    "firehydrant": "dedup",
    "goalert": "dedup",
    "goalerts": "dedup",
}
"""The pagers, and the option of Apprise's by which each knows an incident again."""
_ACKNOWLEDGED = {"qos": "1"}
"""Else a message to a broker would count as taken once it was written into a connection, perhaps a dead one."""
_PAGING = {"action": "map", "overflow": "truncate"}
EXACT = MAIL | _WEB | _KEYS.keys()
"""Where no text is a mention, whatever it says."""
_NAMED = 10
"""Alerts that a header names."""
DRESSED = MAIL | {"slack", "tgram"}
"""Where Apprise gets what we have written in the right form, whatever ``?format=`` says: it is taken for ours."""
_FORMAT = re.compile(r"(?<=[?&])format=([^&]*)&?", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z0-9]{1,32})://", re.IGNORECASE)
_OPSGENIE = {"us": "api.opsgenie.com", "eu": "api.eu.opsgenie.com"}
_NOTE = {"message": "note", "version": "", "title": "", "attachments": "", "type": ""}
"""What of Apprise's own JSON goes to Opsgenie, under which name; empty: nothing."""


def scheme(url: str) -> str:
    """Return what stands before ``://``, in lower case; empty if nothing does."""
    found = _SCHEME.match(url.strip())
    return found[1].lower() if found else ""


def is_pager(url: str) -> bool:
    """Say whether this is a service that opens incidents and closes them."""
    return scheme(url) in _KEYS


def keeps_apart(url: str) -> bool:
    """Say whether each change goes alone there, since the URL names its account or its rule."""
    return is_pager(url) or ACCOUNT in url or RULE in url


def may_split(url: str) -> bool:
    """Say whether what is too long may go in parts: not if the URL says otherwise, nor a mail, which takes all."""
    return scheme(url) not in MAIL | _KEYS.keys() and "overflow" not in _options(url)


def asked_format(url: str) -> str:
    """Return what the URL itself says about the format, where that is ours to do; empty if nothing."""
    return _options(url).get("format", "").lower() if scheme(url) in DRESSED else ""


def is_end(message: Message) -> bool:
    """Say whether this is told of alerts that are over, and of nothing else."""
    return bool(message.changes) and all(change.cause in ENDS for change in message.changes)


def severity(url: str, message: Message) -> Level:
    """Return what a message counts as: to a pager, no longer watched is an end like any other."""
    return Level.OK if is_pager(url) and is_end(message) else message.severity


def sample(url: str) -> str:
    """Return the URL as it may be made out, to see whether Apprise takes it."""
    return _filled(url, "main", "balance_usd")


def made_out(url: str, message: Message) -> str:
    """Return the URL through which a message goes."""
    change = message.changes[0] if message.changes else None
    account, rule = (change.account, change.rule) if change else (message.account, "")
    filled = _filled(url, account, rule or NEWS)
    if scheme(url) == "opsgenie" and is_end(message) and _options(filled).get("action") == "map":
        return _close(filled)
    if scheme(url) in DRESSED:
        filled = _FORMAT.sub("", filled).rstrip("?&")
    return _with(filled, _marks(scheme(url), message))


def _filled(url: str, account: str, rule: str) -> str:
    url = _complete(url.strip())
    return url.replace(ACCOUNT, quote(account, safe="")).replace(RULE, quote(rule, safe=""))


def _complete(url: str) -> str:
    """Add to a pager's URL what makes an end close what was opened, and what is too long fit, if it is silent on it.

    And to a broker's, that it is to say when it has a message.
    """
    given, key = _options(url), _KEYS.get(scheme(url))
    if scheme(url) in BROKERS and "qos" not in given:
        return _with(url, _ACKNOWLEDGED)
    if key is None:
        return url
    named = ACCOUNT in url or RULE in url or given.keys() & {"alias", "dedup", "entity_id", "external_id", "thirdparty"}
    if not named:
        url = f"{url}{_glue(url)}{key}={ACCOUNT}.{RULE}"
    if scheme(url) == "pagerduty" and not _path(url) and not given.keys() & {"source", "component"}:
        url = f"{url}{_glue(url)}source=balance-monitor&component={ACCOUNT}"
    return _with(url, {name: value for name, value in _PAGING.items() if name not in given})


def _with(url: str, options: Mapping[str, str]) -> str:
    return f"{url}{_glue(url)}{urlencode(options, quote_via=quote)}" if options else url


def _glue(url: str) -> str:
    return "&" if "?" in url else "?"


def _path(url: str) -> str:
    return url.partition("://")[2].partition("?")[0].partition("/")[2].strip("/")


def _options(url: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in url.partition("?")[2].split("&"))
    return {name.lower(): unquote(value) for name, _, value in pairs if name}


def _marks(service: str, message: Message) -> dict[str, str]:
    """Return headers by which a receiver knows a repeat, and by which mail clients put together what belongs together.

    Chats get none: nobody reads them there.
    """
    if service not in MAIL | _WEB:
        return {}
    alerts = list(dict.fromkeys(change.alert for change in message.changes if change.alert))[:_NAMED]
    marks = {"+X-Balance-Monitor-Message": message.id}
    marks |= {"+X-Balance-Monitor-Alert": " ".join(alerts)} if alerts else {}
    if service in MAIL:
        marks["+Auto-Submitted"] = "auto-generated"
        marks |= {"+References": " ".join(f"<{alert}@balance-monitor>" for alert in alerts)} if alerts else {}
    return marks


def _close(url: str) -> str:
    """Return the request that closes an Opsgenie alert by its alias, by means of Apprise's JSON.

    Apprise's own way knows alerts by the ids of requests, which Opsgenie does not, and forgets them at a restart.
    """
    given = _options(url)
    host = url.partition("://")[2].partition("?")[0].partition("/")[0]
    key = given.get("apikey") or unquote(host.rpartition("@")[2])
    where = _OPSGENIE.get(given.get("region", "us").lower(), _OPSGENIE["us"])
    options = {"-identifierType": "alias", "+Authorization": f"GenieKey {key}"}
    options |= {f":{name}": value for name, value in _NOTE.items()} | {":user": "balance-monitor"}
    alias = quote(given.get("alias") or "", safe="")
    return _with(f"jsons://{where}/v2/alerts/{alias}/close", options)
