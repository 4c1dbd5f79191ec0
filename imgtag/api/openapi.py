"""The OpenAPI 3.1 document, made from the route table and the models that validate."""

import inspect
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from imgtag import __version__
from imgtag.api.access import COOKIE, Access
from imgtag.api.problems import CONTENT_TYPE
from imgtag.api.routes import Route
from imgtag.api.schemas import Problem
from imgtag.domain.ids import Id

_REFERENCE: Final = "#/components/schemas/{model}"
_PARAMETER: Final = re.compile(r"{(\w+)}")
_IDS: Final = {"type": "string", "pattern": f"^{Id.pattern.pattern}$"}
_RANGED: Final = frozenset({"application/zip", "image/*", "image/jpeg"})
_SECURITY: Final[list[dict[str, list[str]]]] = [{"cookie": []}, {"bearer": []}]


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Describe *routes*; hidden ones are left out."""
    shown = [route for route in routes if not route.hidden]
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "imgtag",
            "version": __version__,
            "description": "Photos in, labels with counts, and every matching photo as one ZIP.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(shown),
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    incoming = [(route.body, "validation") for route in routes if route.body]
    outgoing = [(route.answer, "serialization") for route in routes if route.answer]
    models: list[Any] = [*incoming, *outgoing, (Problem, "serialization")]
    _, schema = models_json_schema(models, ref_template=_REFERENCE)
    definitions: dict[str, Any] = schema["$defs"]
    return dict(sorted(definitions.items()))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": inspect.getdoc(route.handler),
        "tags": [route.group],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": {str(status): answer for status, answer in sorted(_answers(route).items())},
    }
    if route.access in {Access.READ, Access.WRITE}:
        operation["security"] = _SECURITY
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    elif route.method == "PUT":
        operation["requestBody"] = {
            "required": True,
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        }
    return operation


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _IDS if name == "id" else {"type": "string"},
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=_REFERENCE)
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": _inlined(each, definitions),
            **({"style": "form", "explode": True} if each.get("type") == "array" else {}),
        }
        for name, each in schema["properties"].items()
    ]


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Put definitions in place: parameters have no place of their own for them."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    rest = {key: _inlined(each, definitions) for key, each in schema.items() if key != "$ref"}
    return {**definitions.get(name, {}), **rest}


def _headers(route: Route) -> list[dict[str, Any]]:
    names = []
    if route.media in _RANGED:
        names = ["Range", "If-Range", "If-None-Match"]
    if route.group in {"bundles", "reference"} and route.status == HTTPStatus.ACCEPTED:
        names = ["Idempotency-Key"]
    return [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in names
    ]


def _answers(route: Route) -> dict[int, dict[str, Any]]:
    answers = {status: _problem(status) for status in _problem_statuses(route)}
    answers[route.status] = _success(route)
    if route.media in _RANGED:
        answers |= {status: {"description": HTTPStatus(status).phrase} for status in (206, 304)}
    return answers


def _success(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.answer:
        answer["content"] = {"application/json": {"schema": _ref(route.answer)}}
    elif route.media:
        answer["content"] = {route.media: {"schema": {}}}
    return answer


def _problem_statuses(route: Route) -> set[int]:
    statuses = set(route.problems) | {403}
    if route.access in {Access.READ, Access.WRITE}:
        statuses |= {401, 503}
    if route.body:
        statuses |= {400, 408, 413, 415, 422}
    if route.query:
        statuses |= {422}
    if "{id}" in route.path:
        statuses |= {404}
    return statuses


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if status >= HTTPStatus.BAD_REQUEST:
        problem = {"schema": {"$ref": _REFERENCE.format(model="Problem")}}
        answer["content"] = {CONTENT_TYPE: problem}
    return answer
