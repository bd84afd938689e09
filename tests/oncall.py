"""PagerDuty and Opsgenie, as strict as their documentation says; they show what an on-call person has on the screen."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from internet import Answer, Host, Request
from vendors import Vendor


@dataclass
class Incident:
    """What an on-call person has on the screen, by its key."""

    key: str
    summary: str
    severity: str
    is_open: bool = True
    events: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """What each of them said."""


class PagerDuty(Vendor):
    """Events API v2: incidents by their dedup_key, a summary of 1,024 characters, errors as a list."""

    ROUTING = "0123456789abcdef0123456789abcdef"
    URL = f"pagerduty://{ROUTING}@apikeyofourpagerduty"

    def __init__(self) -> None:
        super().__init__()
        self.incidents: list[Incident] = []

    @property
    def hosts(self) -> dict[str, Host]:
        return {"events.pagerduty.com": self._played(self._enqueue)}

    @property
    def open(self) -> dict[str, str]:
        """The summaries of what is open."""
        return {one.key: one.summary for one in self.incidents if one.is_open}

    def _enqueue(self, request: Request) -> Answer:
        event = request.json or {}
        payload, errors = event.get("payload", {}), []
        if len(event.get("routing_key", "")) != 32:
            errors.append("Length of 'routing_key' is incorrect (should be 32 characters)")
        if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
            errors.append("'event_action' is missing or not one of trigger, acknowledge, resolve")
        if event.get("event_action") == "trigger":
            errors += [
                f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)
            ]
            if payload.get("severity") not in {"critical", "error", "warning", "info"}:
                errors.append("'payload.severity' is invalid")
            if len(payload.get("summary", "")) > 1024:
                errors.append("'payload.summary' is longer than 1024 characters")
        elif not event.get("dedup_key"):
            errors.append("'dedup_key' is missing or blank")
        if len(event.get("dedup_key", "")) > 255:
            errors.append("'dedup_key' is longer than 255 characters")
        if errors:
            return Answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
        key = event.get("dedup_key") or uuid.uuid4().hex
        self._happen(key, event["event_action"], payload)
        return Answer(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _happen(self, key: str, action: str, payload: dict[str, Any]) -> None:
        known = next((one for one in self.incidents if one.key == key and one.is_open), None)
        if action == "trigger" and known is None:
            known = Incident(key, payload["summary"], payload["severity"])
            self.incidents.append(known)
        if known is not None:
            known.events.append(action)
            known.texts.append(payload.get("summary", ""))
            known.is_open = action != "resolve"


class Opsgenie(Vendor):
    """Alert API v2: asynchronous, one open alert by its alias, closed by its id or alias and not by a request's id."""

    KEY = "eb243592-faa2-4ba2-a551-1afdf565c889"
    URL = f"opsgenie://{KEY}"

    def __init__(self) -> None:
        super().__init__()
        self.incidents: list[Incident] = []
        self.lost: list[str] = []
        """What was to be closed, and is not known."""

    @property
    def hosts(self) -> dict[str, Host]:
        return {name: self._played(self._call) for name in ("api.opsgenie.com", "api.eu.opsgenie.com")}

    @property
    def open(self) -> dict[str, str]:
        """The messages of what is open, by alias."""
        return {one.key: one.summary for one in self.incidents if one.is_open}

    def _call(self, request: Request) -> Answer:
        if request.headers["Authorization"] != f"GenieKey {self.KEY}":
            return Answer(401, {"message": "Could not authenticate", "took": 0.001, "requestId": "r"})
        payload = request.json
        if not isinstance(payload, dict):
            return Answer(422, {"message": "Request body is not processable. Please check the errors.", "took": 0.001})
        if request.path == "/v2/alerts":
            return self._create(payload)
        found = re.fullmatch(r"/v2/alerts/([^/]+)/close", request.path)
        if not found or payload.keys() - {"user", "source", "note"}:
            return self._unprocessable("unknown", "may not be here")
        self._close(found[1], request.query.get("identifierType", ["id"])[0], payload.get("note", ""))
        return self._accepted()

    def _create(self, payload: dict[str, Any]) -> Answer:
        for name, most in (("message", 130), ("alias", 512), ("description", 15_000), ("entity", 512)):
            if len(payload.get(name, "")) > most:
                return self._unprocessable(name, f"should not be longer than {most} characters")
        if not payload.get("message"):
            return self._unprocessable("message", "Message can not be empty.")
        alias = payload.get("alias") or uuid.uuid4().hex
        known = next((one for one in self.incidents if one.key == alias and one.is_open), None)
        if known is None:
            known = Incident(alias, payload["message"], payload["priority"])
            self.incidents.append(known)
        known.events.append("create")
        known.texts.append(f"{payload['message']}\n{payload.get('description', '')}")
        return self._accepted()

    def _close(self, name: str, by: str, note: str) -> None:
        known = [one for one in self.incidents if one.is_open and by == "alias" and one.key == name]
        self.lost += [] if known else [name]
        for one in known:
            one.events.append("close")
            one.texts.append(f"\n{note}")
            one.is_open = False

    @staticmethod
    def _accepted() -> Answer:
        return Answer(202, {"result": "Request will be processed", "took": 0.302, "requestId": str(uuid.uuid4())})

    @staticmethod
    def _unprocessable(name: str, why: str) -> Answer:
        said = "Request body is not processable. Please check the errors."
        return Answer(422, {"message": said, "errors": {name: why}, "took": 0.001, "requestId": "r"})
