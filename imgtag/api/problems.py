"""Errors as RFC 9457 problem details; the one place where a domain error becomes a status."""

import asyncio
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from imgtag.api.schemas import FieldProblem, Problem
from imgtag.domain.errors import (
    Conflict,
    Forbidden,
    Gone,
    ImgtagError,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

CONTENT_TYPE: Final = "application/problem+json"
REQUEST_ID: Final = web.RequestKey("request_id", str)
# Set when the head of the answer has gone out: then there is no room for another one.
STARTED: Final = web.RequestKey("started", bool)

# The most specific class first: the first one that fits decides.
STATUSES: Final[tuple[tuple[type[ImgtagError], HTTPStatus], ...]] = (
    (Gone, HTTPStatus.GONE),
    (NotFound, HTTPStatus.NOT_FOUND),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Unsupported, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (Invalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Conflict, HTTPStatus.CONFLICT),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)

# What aiohttp itself refuses, in our words.
CODES: Final = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.EXPECTATION_FAILED: "bad_request",
}

log = structlog.get_logger(__name__)


class InvalidFields(Invalid):
    """A body or a query in which several parts are at fault."""

    def __init__(self, detail: str, fields: list[FieldProblem]) -> None:
        super().__init__(detail)
        self.fields = fields


def status_of(error: ImgtagError) -> HTTPStatus:
    """Say which status *error* is answered with."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(
    request: web.BaseRequest,
    status: HTTPStatus,
    code: str,
    detail: str,
    fields: list[FieldProblem] | None = None,
) -> web.Response:
    """Build the answer for an error."""
    body = Problem(
        type=f"urn:imgtag:problem:{code}",
        title=status.phrase,
        status=status,
        detail=detail,
        instance=f"urn:imgtag:request:{request.get(REQUEST_ID, 'unknown')}",
        code=code,
        errors=fields,
    )
    return web.Response(
        status=status,
        body=body.model_dump_json(exclude_none=True).encode(),
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store"},
    )


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as a problem; what nobody foresaw is logged once, and told by id only."""
    try:
        return await handler(request)
    except ImgtagError as error:
        _cut_if_started(request, error)
        return _told(request, error)
    except web.HTTPException as error:
        return _refused(request, error)
    except TimeoutError as error:
        _cut_if_started(request, error)
        detail = "the request took too long to arrive"
        response = problem(request, HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)
        response.force_close()
        return response
    except web.RequestPayloadError as error:
        _cut_if_started(request, error)
        detail = "the body can't be read: its chunks or its Content-Encoding are malformed"
        response = problem(request, HTTPStatus.BAD_REQUEST, "bad_request", detail)
        response.force_close()
        return response
    except ConnectionError:
        raise
    except Exception as error:
        log.exception("unforeseen error", route=str(request.match_info.route.resource))
        _cut_if_started(request, error)
        detail = "something went wrong here; the log has it under this request's id"
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return problem(request, status, "internal_error", detail)


def _cut_if_started(request: web.Request, error: Exception) -> None:
    """End an answer that is under way so that it can't be taken for a whole one."""
    if not request.get(STARTED):
        return
    log.warning("answer cut short", error=str(error))
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    msg = "the answer was cut short"
    raise ConnectionAbortedError(msg) from error


def _told(request: web.Request, error: ImgtagError) -> web.Response:
    status = status_of(error)
    fields = error.fields if isinstance(error, InvalidFields) else None
    if isinstance(error, Invalid) and status == HTTPStatus.UNPROCESSABLE_ENTITY:
        # An empty pointer means the whole (RFC 6901, 5).
        fields = fields or [FieldProblem(pointer=error.pointer or "", detail=error.detail)]
    response = problem(request, status, error.code, error.detail, fields)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="imgtag"'
    return response


def _refused(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    status = HTTPStatus(error.status)
    if status < HTTPStatus.BAD_REQUEST:
        raise error
    response = problem(request, status, CODES.get(status, "bad_request"), status.description)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
