"""Requests into models, models into responses."""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from aiohttp import ETag, hdrs, web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from imgtag.api.problems import InvalidFields
from imgtag.api.schemas import FieldProblem, Incoming
from imgtag.domain.errors import Invalid, Unsupported

BODY_SECONDS: Final = 30
JSON_BODY_BYTES: Final = 1024 * 1024

Model = TypeVar("Model", bound=Incoming)


async def body(request: web.Request, model: type[Model]) -> Model:
    """Read the JSON body as *model*.

    Raises `Unsupported` for another content type or a compressed body, 413 for more than the limit,
    before it is sent where its size is announced, and `InvalidFields`, which names every part at
    fault, for anything that the model refuses.
    """
    if request.content_type != "application/json":
        msg = "the body has to be application/json"
        raise Unsupported(msg, code="unsupported_media_type")
    check_plain(request)
    size = request.content_length or 0
    if size > JSON_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(JSON_BODY_BYTES, size)
    async with asyncio.timeout(BODY_SECONDS):
        raw = await request.read()
    try:
        return model.model_validate(_json(raw))
    except ValidationError as error:
        raise InvalidFields("the body is not valid", _problems(error)) from error


def check_plain(request: web.Request) -> None:
    """Raise `Unsupported` for a body that comes compressed."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        msg = "the body has to come uncompressed"
        raise Unsupported(msg, code="unsupported_media_type")


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        msg = "the body is not JSON"
        raise Invalid(msg, code="invalid_json") from error


def query(request: web.Request, model: type[Model], *, lists: Iterable[str] = ()) -> Model:
    """Read the query string as *model*; parameters in *lists* may repeat, or hold commas.

    A parameter that comes once is split at its commas; one that is repeated is taken as it is, so
    that a label may contain a comma.
    """
    listed = frozenset(lists)
    values: dict[str, Any] = {}
    for name in request.query:
        # An empty value is how forms leave a parameter out.
        given = [text for text in request.query.getall(name) if text]
        if name in listed:
            values[name] = _split(given[0]) if len(given) == 1 else given
        elif len(given) > 1:
            fields = [FieldProblem(pointer=f"/{name}", detail="may be given once only")]
            raise InvalidFields("the query is not valid", fields)
        elif given or name not in model.model_fields:
            values[name] = "".join(given)
    try:
        # A query string is all text: what it says is as good as the number or truth that it means.
        return model.model_validate(values, strict=False)
    except ValidationError as error:
        raise InvalidFields("the query is not valid", _problems(error)) from error


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part.strip()]


def _problems(error: ValidationError) -> list[FieldProblem]:
    return [
        FieldProblem(pointer=_pointer(each), detail=each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _pointer(each: ErrorDetails) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in each["loc"])
    return "".join(f"/{step}" for step in steps)


def reply(
    model: BaseModel, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Answer with *model* as JSON."""
    return reply_json(model.model_dump_json().encode(), status=status, headers=headers)


def reply_json(
    body: bytes, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Answer with JSON that is written already."""
    return web.Response(
        status=status,
        body=body,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def see_other(url: str) -> web.Response:
    """Send the client to a signed URL. It may be kept for less than the URL lives."""
    return web.Response(
        status=303, headers={"Location": url, "Cache-Control": "private, max-age=60"}
    )


def with_etag(request: web.Request, response: web.Response) -> web.Response:
    """Add an ETag, and answer 304 to a client that has this already. Weak: it may be compressed."""
    payload = response.body if isinstance(response.body, bytes) else b""
    etag = ETag(hashlib.sha256(payload).hexdigest()[:32], is_weak=True)
    if any(known.value in {etag.value, "*"} for known in request.if_none_match or ()):
        response = web.Response(status=304, headers={"Cache-Control": "private, no-cache"})
    response.etag = etag
    response.headers["Vary"] = "Accept-Encoding"
    return response


def no_content() -> web.Response:
    """Answer that it is done."""
    return web.Response(status=204)
