"""The icon of the page, in the colour of the worst level; and the stylesheet that makes pictures dark at night."""

from starlette.requests import Request
from starlette.responses import Response

from monitor.chart import STYLESHEET
from monitor.web.problem import ProblemError
from monitor.web.site import Site, answer

_COLOURS = {"ok": "#17784a", "warning": "#d98200", "critical": "#c3202a", "unknown": "#596273"}


async def icon(site: Site, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """Answer with a dollar sign on a disc."""
    colour = _COLOURS.get(request.path_params["level"])
    if colour is None:
        raise ProblemError(404, f"there is no such icon, but {', '.join(_COLOURS)}")
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<circle cx="16" cy="16" r="15" fill="{colour}"/>'
        '<path d="M16 6.5v19M20.5 11.5c-.6-1.6-2.3-2.5-4.5-2.5-2.7 0-4.5 1.3-4.5 3.4 0 4.6 9.2 2.4 9.2 7 0 2.200-1.900 '
        '3.600-4.700 3.600-2.400 0-4.200-1-4.800-2.700" fill="none" stroke="#fff" stroke-width="2.400" '
        'stroke-linecap="round"/></svg>'
    )
    return answer(request, drawn, "image/svg+xml")


async def stylesheet(site: Site, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """Answer with the colours of pictures at night."""
    return answer(request, STYLESHEET, "text/css")
