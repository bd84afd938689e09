"""The table of addresses: what there is, what it takes and what it answers. Routes and description are made of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from monitor.web import api, badge, beside, course, forms, icon, pages, shapes
from monitor.web.account import account
from monitor.web.behind import Behind
from monitor.web.guard import PATIENCE, PAUSE, Guard
from monitor.web.overview import overview
from monitor.web.site import Site

Call = Callable[[Site, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A method and a path."""

    method: str
    path: str
    call: Call
    about: str
    answer: type[BaseModel] | None = None
    """The shape of its JSON; None for what is no JSON, of these kinds:"""
    kinds: tuple[str, ...] = ()
    takes: type[BaseModel] | None = None
    """The shape of what is sent."""
    query: tuple[tuple[str, str], ...] = ()
    """The parameters, each with what it says."""
    problems: tuple[int, ...] = ()


_WHEN = 'so long ago, such as "30d", or a time'
TABLE = (
    Address(
        method="GET",
        path="/api/v1/accounts",
        call=api.accounts,
        about="How all accounts stand.",
        answer=shapes.Accounts,
    ),
    Address(
        method="GET",
        path="/api/v1/accounts/{name}",
        call=api.account,
        about="How an account stands, what is wrong with it, and what is silent.",
        answer=shapes.Whole,
        problems=(404,),
    ),
    Address(
        method="GET",
        path="/api/v1/accounts/{name}/history",
        call=course.course,
        about="The course of its balance: of each step the lowest, the highest and the last; 2,000 of them at most.",
        answer=shapes.History,
        query=(
            ("since", f"{_WHEN}; 7d unless given"),
            ("until", f"{_WHEN}; now unless given"),
            ("step", 'a duration such as "1h", rounded up to whole minutes, above ten minutes to whole hours'),
        ),
        problems=(404, 422),
    ),
    Address(
        method="GET",
        path="/api/v1/alerts",
        call=api.alerts,
        about="Every open alert, and who was told of it; and, if asked for, those that are over.",
        answer=shapes.Alerts,
        query=(
            ("account", "of one account only; monitor is the monitor itself"),
            ("past", f"how many of those that are over, the latest first; 0 unless given, {api.MOST_PAST:,} at most"),
        ),
        problems=(422,),
    ),
    Address(
        method="GET",
        path="/api/v1/channels",
        call=api.channels,
        about="How every channel is doing, and what has not reached it.",
        answer=shapes.Channels,
    ),
    Address(
        method="POST",
        path="/api/v1/accounts/{name}/snooze",
        call=api.snooze,
        about="Be silent about an account, or a rule of it, up to its present level.",
        answer=shapes.Snooze,
        takes=shapes.Asked,
        problems=(400, 404, 409, 413, 415, 422),
    ),
    Address(
        method="DELETE",
        path="/api/v1/accounts/{name}/snooze",
        call=api.unsnooze,
        about="End that, of a rule or of all.",
        answer=shapes.Ended,
        query=(("rule", "the rule; all unless given"),),
        problems=(404, 422),
    ),
    Address(
        method="POST",
        path="/api/v1/channels/{name}/test",
        call=api.try_channel,
        about="Send a test message through a channel, and hear what the service says.",
        answer=shapes.Tried,
        problems=(404, 409, 504),
    ),
    Address(
        method="GET",
        path="/healthz",
        call=beside.healthz,
        about="How the daemon is: 503 only if it does not do its work. Needs no token.",
        answer=shapes.Health,
    ),
    Address(
        method="GET",
        path="/readyz",
        call=beside.readyz,
        about="Whether the daemon has begun, else 503. Needs no token.",
        answer=shapes.Ready,
    ),
    Address(
        method="GET",
        path="/metrics",
        call=beside.scrape,
        about="What Prometheus scrapes.",
        kinds=("text/plain", "application/openmetrics-text"),
    ),
    Address(
        method="GET",
        path="/badge/{name}.svg",
        call=badge.badge,
        about="Its balance in the colour of its level, as a small picture.",
        kinds=("image/svg+xml",),
        problems=(404,),
    ),
)
"""In the order of the description. A page is one more entry of ``PAGES``."""


async def _describe(site: Site, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    from monitor.web.openapi import description  # noqa: PLC0415 - seldom asked for

    return Response(description(), media_type="application/json")


async def _static(site: Site, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    return pages.static(request)


PAGES: tuple[tuple[str, str, Call], ...] = (
    ("GET", "/", overview),
    ("GET", "/accounts/{name}", account),
    ("POST", "/accounts/{name}/snooze", forms.snooze),
    ("POST", "/accounts/{name}/unsnooze", forms.unsnooze),
    ("POST", "/channels/{name}/test", forms.try_channel),
    ("GET", "/favicon/{level}.svg", icon.icon),
    ("GET", "/chart.css", icon.stylesheet),
    ("GET", "/openapi.json", _describe),
    ("GET", "/static/{name}", _static),
)
"""What is not described: by method and path, who answers."""


def application(behind: Behind, *, pause: float = PAUSE, patience: float = PATIENCE) -> ASGIApp:
    """Return all of it, behind its guard."""
    site = Site.of(behind)
    calls: dict[str, dict[str, Call]] = {}
    for one in TABLE:
        calls.setdefault(one.path, {})[one.method] = one.call
    calls |= {path: {method: call} for method, path, call in PAGES}
    routes = [Route(path, _answerer(ways, site), methods=list(ways)) for path, ways in calls.items()]
    return Guard(Router(routes, redirect_slashes=False), behind.config, pause=pause, patience=patience)


def _answerer(ways: Mapping[str, Call], site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers at one path, by method; who asks for the head alone is answered as who reads."""

    async def answer(request: Request) -> Response:
        return await ways["GET" if request.method == "HEAD" else request.method](site, request)

    return answer
