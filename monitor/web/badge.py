"""A badge: an account's balance in the colour of its level, as a small picture of our own for a wiki or a wall."""

from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from monitor.model import Level
from monitor.quantity import Unit, tell
from monitor.store import Tx, casebook, memory
from monitor.web.site import Site, answer

_COLOURS = {Level.OK: "#2a7d46", Level.WARNING: "#9a6700", Level.CRITICAL: "#b42318"}
"""White on each of them has a contrast of 4.5 at least."""
_GREY = "#5f6670"
_LETTER, _SPACE = 7.2, 10
"""Pixels that a letter takes at most, on average, and around a text."""


async def badge(site: Site, request: Request) -> Response:
    """Answer with the badge of an account."""
    name = site.account(request)

    def look(tx: Tx) -> str:
        known, level = memory.recall(tx, name), casebook.level_of(tx, name)
        if known.reading is None:
            return draw(name, "unknown", _GREY if level is Level.OK else _COLOURS[level])
        said = tell(known.reading.balance_usd, Unit.USD)
        if known.failure is None:
            return draw(name, said, _COLOURS[level])
        return draw(name, f"{said}, last known", _GREY if level is Level.OK else _COLOURS[level])

    response = answer(request, await site.read(look), "image/svg+xml")
    web = site.behind.config().web
    if web.token is not None or web.url is not None:  # else any page that is open beside it could measure the amount
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # what a badge is for
    return response


def draw(label: str, said: str, colour: str) -> str:
    """Return two words side by side as SVG; nothing in it is loaded from anywhere."""
    left, right = (round(len(text) * _LETTER + _SPACE) for text in (label, said))
    label, said = escape(label), escape(said)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{label}: {said}"><title>{label}: {said}</title>'
        f'<rect width="{left + right}" height="20" rx="3" fill="#40464f"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14">{label}</text><text x="{left + right / 2:g}" y="14">{said}</text></g></svg>'
    )
