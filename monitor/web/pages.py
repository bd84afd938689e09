"""What people see: templates that escape everything, and the files that they load."""

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from monitor.web.problem import ProblemError


@cache
def environment() -> Environment:
    """Return the templates of ``monitor/web/templates``; a name that is not given is a mistake."""
    return Environment(
        loader=PackageLoader("monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: object) -> str:
    """Fill in a template; whatever was seen elsewhere is text in it, never markup."""
    return environment().get_template(template).render(**values)


@cache
def _static() -> dict[str, tuple[bytes, str, str]]:
    """Return the files of ``monitor/web/static``, by name: what is in them, their type, and a tag for it."""
    found = {}
    for file in files("monitor.web").joinpath("static").iterdir():
        content = file.read_bytes()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        found[file.name] = content, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return found


def static(request: Request) -> Response:
    """Answer with a file by its name; there are no others, whatever the path says."""
    name = request.path_params["name"]
    if name not in _static():
        raise ProblemError(404, "there is no such file")
    content, kind, tag = _static()[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)
