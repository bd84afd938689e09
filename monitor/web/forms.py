"""What people do on the page, without any script: a form each, and then the page that shows what became of it."""

from datetime import timedelta
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from monitor.quantity import parse_duration
from monitor.store import Tx, snoozes
from monitor.web.api import be_silent, rule_named
from monitor.web.problem import ProblemError
from monitor.web.site import Site, known, sent

_LARGEST = 1024
"""Bytes of a form."""


async def snooze(site: Site, request: Request) -> Response:
    """Be silent about an account, or a rule of it, up to its present level."""
    name, form = site.account(request), await _form(request)
    rule, length = rule_named(form.get("rule") or None), _length(form.get("for", ""))
    if await be_silent(site, name, rule, length) is None:
        raise ProblemError(409, f"{name} {rule}".rstrip() + " has no alert: say for how long")
    return _back(f"/accounts/{name}#silence")


async def unsnooze(site: Site, request: Request) -> Response:
    """End one silence, about a rule or about all of the account."""
    name, now, form = site.account(request), site.behind.clock.now(), await _form(request)
    rule = rule_named(form.get("rule") or None)

    def end(tx: Tx) -> None:
        snoozes.drop(tx, [one for one in snoozes.of(tx, name) if one.holds(now) and one.rule == rule])

    await site.behind.store.do(end)
    return _back(f"/accounts/{name}#silence")


async def try_channel(site: Site, request: Request) -> Response:
    """Send a test message through a channel."""
    await _form(request)
    await site.test(known(request.path_params["name"], site.behind.config().channels, "channel"))
    return _back("/#channels")


def _back(address: str) -> Response:
    return Response(status_code=303, headers={"Location": address})


async def _form(request: Request) -> dict[str, str]:
    """Return what was sent, each name once."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"", "application/x-www-form-urlencoded"}:
        raise ProblemError(415, "this takes what its form sends")
    try:
        found = parse_qs((await sent(request, _LARGEST)).decode(), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        raise ProblemError(400, "this is no form") from None
    return {name: values[0] for name, values in found.items()}


def _length(text: str) -> timedelta | None:
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise ProblemError(422, f"for: {error}") from None
