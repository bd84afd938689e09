"""The description of the API, OpenAPI 3.1, made of the table that makes the routes: it cannot be wrong about them."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from monitor import __version__
from monitor.web.policy import OPEN
from monitor.web.problem import TYPE
from monitor.web.routes import TABLE, Address
from monitor.web.shapes import Problem

_WHERE = "#/components/schemas/{model}"
_SAID = {
    400: "The request cannot be read.",
    401: "A token is needed, or it is wrong.",
    403: "Nothing can be changed: no token is configured, or the change comes from elsewhere.",
    404: "There is none of that name.",
    409: "Not now: it would do nothing, or is under way.",
    413: "Too much was sent.",
    415: "What was sent is no JSON.",
    421: "The page is not served under that name.",
    422: "A value cannot be understood.",
    503: "It takes too long just now.",
    504: "The channel's service takes its time: what becomes of it is shown later.",
}


@cache
def description() -> str:
    """Return it as JSON."""
    schemas, refs = _schemas(TABLE)
    paths: dict[str, dict[str, Any]] = {}
    for one in TABLE:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, refs)
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "balance-monitor",
                "version": __version__,
                "description": "What the daemon knows. Amounts are exact, as text; times are UTC.",
            },
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "basic": {"type": "http", "scheme": "basic", "description": "the token is the password"},
                },
            },
        }
    )


def _schemas(table: Iterable[Address]) -> tuple[dict[str, Any], Mapping[type[BaseModel], dict[str, Any]]]:
    shapes = dict.fromkeys(shape for one in table for shape in (one.answer, one.takes) if shape is not None)
    every: list[type[BaseModel]] = [*shapes, Problem]
    refs, document = models_json_schema([(shape, "validation") for shape in every], ref_template=_WHERE)
    return document["$defs"], {shape: refs[shape, "validation"] for shape in every}


def _operation(one: Address, refs: Mapping[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    is_open = one.path in OPEN
    found: dict[str, Any] = {
        "summary": one.about,
        "operationId": one.call.__name__,
        "parameters": [*_names(one), *(_parameter(*each) for each in one.query)],
        "responses": _responses(one, refs),
        "security": [{}] if is_open else [{"bearer": []}, {"basic": []}, *([{}] if one.method == "GET" else [])],
    }
    if one.takes is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": refs[one.takes]}}}
    return found


def _names(one: Address) -> list[dict[str, Any]]:
    if "{name}" not in one.path:
        return []
    return [{"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]


def _parameter(name: str, about: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": about, "schema": {"type": "string"}}


def _responses(one: Address, refs: Mapping[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    problems = _problems(one)
    said = (
        {"application/json": {"schema": refs[one.answer]}}
        if one.answer is not None
        else {kind: {} for kind in one.kinds}
    )
    found: dict[str, Any] = {"200": {"description": HTTPStatus.OK.phrase, "content": said}}
    if one.path in OPEN:
        found["503"] = {"description": "Not so.", "content": said}
    elif one.method == "GET":
        found["304"] = {"description": "It is the one whose ETag was sent as If-None-Match."}
    wrong = {TYPE: {"schema": refs[Problem]}}
    return found | {str(status): {"description": _SAID[status], "content": wrong} for status in problems}


def _problems(one: Address) -> list[int]:
    if one.path in OPEN:
        return []
    return sorted({*one.problems, 400, 401, 421, 503, *([403] if one.method != "GET" else [])})
