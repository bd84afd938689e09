"""The simulator's own addresses under /_simulator/: look at accounts, change them, switch faults."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import parse_qs

from pydantic import ValidationError

from monitor.simulator.accounts import Accounts
from monitor.simulator.faults import Answer, http
from monitor.simulator.request import Request
from monitor.simulator.scenario import Account, told
from monitor.simulator.story import Mistake, UnknownAccount

PREFIX = "/_simulator/"


def control(accounts: Accounts, request: Request) -> Answer:
    """Answer a request below the prefix; mistakes are 400, what does not exist is 404, each with one sentence."""
    try:
        return _route(accounts, request)
    except UnknownAccount as unknown:
        return _json({"error": str(unknown)}, 404)
    except Mistake as mistake:
        return _json({"error": str(mistake)}, 400)


def _route(accounts: Accounts, request: Request) -> Answer:
    match request.method, request.path.removeprefix(PREFIX).split("/"):
        case "GET", ["config"]:
            return _config(accounts, request)
        case "POST", ["accounts"]:
            return _create(accounts, _asked(request))
        case "GET", ["accounts"]:
            found: dict[str, Any] = {"accounts": [accounts.describe(name) for name in accounts.keys]}
        case "GET", ["accounts", name]:
            found = accounts.describe(name)
        case "POST", ["accounts", name]:
            accounts.change(name, **_asked(request))
            found = accounts.describe(name)
        case "DELETE", ["accounts", name]:
            accounts.delete(name)
            found = {"deleted": name}
        case "POST", ["fault"]:
            found = _fault(accounts, _asked(request))
        case "GET", ["requests"]:
            found = {"requests": accounts.log(parse_qs(request.query).get("account", [None])[0])}
        case _:
            return _json({"error": f"{request.method} {request.path} is nothing that the simulator knows"}, 404)
    return _json(found)


def _create(accounts: Accounts, asked: Mapping[str, Any]) -> Answer:
    try:
        account = Account.model_validate(asked)
    except ValidationError as error:
        raise Mistake(told(error)) from None
    accounts.create(account)
    return _json(accounts.describe(account.name), 201)


def _fault(accounts: Accounts, asked: Mapping[str, Any]) -> dict[str, Any]:
    if "fault" not in asked or not asked.keys() <= {"fault", "times", "lasts"}:
        raise Mistake('send {"fault": …}, and "times" or "lasts" if you like')
    accounts.change_all(**asked)
    return {"accounts": len(accounts.keys)}


def _config(accounts: Accounts, request: Request) -> Answer:
    address = json.dumps(f"http://{request.headers.get('host', '')}")
    tables = (
        f"[accounts.{name}]\napi_key = {json.dumps(key)}\nbase_url = {address}\n" for name, key in accounts.keys.items()
    )
    return Answer(http(200, "\n".join(tables).encode(), content_type="text/plain; charset=utf-8"))


def _asked(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(request.body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise Mistake("the body is not a JSON object")
    return asked


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _json(value: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(http(status, json.dumps(value).encode() + b"\n"))
