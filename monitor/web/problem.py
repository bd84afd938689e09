"""What went wrong, as RFC 9457 has it for programs, and as a small page for people."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from monitor.documents import encode

TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request that cannot be answered, and why, in a sentence."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
        super().__init__(detail)


def problem(request: Request, error: ProblemError) -> Response:
    """Answer with a problem, in the form that was asked for."""
    title = HTTPStatus(error.status).phrase
    if _is_for_people(request):
        from monitor.web.pages import render  # noqa: PLC0415 - jinja is 4 MB that programs do not need

        page = render("problem.html", title=title, status=error.status, detail=error.detail)
        return Response(page, error.status, error.headers, "text/html")
    document = {"type": "about:blank", "title": title, "status": error.status, "detail": error.detail}
    return Response(encode(document), error.status, error.headers, TYPE)


def _is_for_people(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def translated(error: HTTPException) -> ProblemError:
    """Say what starlette complains of."""
    said = {
        404: "there is nothing at this address: /openapi.json lists what there is",
        405: "this address does not take this method: see the Allow header",
    }
    return ProblemError(error.status_code, said.get(error.status_code, error.detail), error.headers)
