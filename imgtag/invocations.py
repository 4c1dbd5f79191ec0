"""imgtag as an AWS Lambda function: events of an API Gateway are put to the site on loopback.

The runtime API is docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, the events are format 2.0
of docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html.
"""

import asyncio
import base64
import io
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import structlog
from aiohttp import hdrs
from multidict import CIMultiDict
from yarl import URL

from imgtag.api.problems import CONTENT_TYPE
from imgtag.api.schemas import Problem

# docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB, of which headers take some.
MAX_ANSWER_BYTES: Final = 6 * 1024 * 1024 - 16 * 1024
# What is left for telling, before Lambda ends the invocation.
RESERVE_SECONDS: Final = 0.5
_VARIABLE: Final = "AWS_LAMBDA_RUNTIME_API"
_VERSION: Final = "2018-06-01"
# Between two neighbours only; and what aiohttp sets by itself.
_NOT_PASSED_ON: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)

Event = Mapping[str, Any]
Answer = Mapping[str, Any]

log = structlog.get_logger(__name__)


def runtime_api() -> str | None:
    """Tell where Lambda hands out invocations; None anywhere else."""
    return os.environ.get(_VARIABLE)


async def answer_invocations(runtime: str, site: URL) -> None:
    """Take invocations from *runtime*, one at a time, and let *site* answer them, for ever."""
    base = URL(f"http://{runtime}/{_VERSION}/runtime/invocation")
    # Waiting for an invocation has no end: Lambda freezes the process meanwhile.
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
    ) as http:
        while True:
            await _answer_next(http, base, site)


async def _answer_next(http: aiohttp.ClientSession, base: URL, site: URL) -> None:
    async with http.get(base / "next") as told:
        told.raise_for_status()
        event = await told.json(content_type=None)
        number = told.headers["Lambda-Runtime-Aws-Request-Id"]
        deadline = int(told.headers["Lambda-Runtime-Deadline-Ms"]) / 1000
    try:
        outcome, answer = "response", await _answer(http, event, site, deadline - time.time())
    except (LookupError, TypeError, ValueError) as error:
        log.warning("not an event of an HTTP API", error=repr(error))
        message = "imgtag answers events of an HTTP API, in format 2.0"
        outcome, answer = "error", {"errorType": "UnknownEvent", "errorMessage": message}
    body = io.BytesIO(json.dumps(answer).encode())
    async with http.post(base / number / outcome, data=body) as told:
        told.raise_for_status()


async def _answer(http: aiohttp.ClientSession, event: Event, site: URL, seconds: float) -> Answer:
    method = event["requestContext"]["http"]["method"]
    url = site.join(URL(event["rawPath"])).with_query(None)
    if event.get("rawQueryString"):
        url = URL(f"{url}?{event['rawQueryString']}", encoded=True)
    try:
        async with asyncio.timeout(max(0.0, seconds - RESERVE_SECONDS)):
            async with http.request(
                method, url, headers=_headers(event), data=_body(event), allow_redirects=False
            ) as told:
                return _fitting(told.status, told.headers, await told.read())
    except TimeoutError:
        return _problem(HTTPStatus.GATEWAY_TIMEOUT, "deadline_passed", "this took too long")


def _headers(event: Event) -> CIMultiDict[str]:
    """Read the headers; API Gateway has joined what came twice, and put cookies aside."""
    passed = CIMultiDict(
        (name, value)
        for name, value in event.get("headers", {}).items()
        if name.lower() not in _NOT_PASSED_ON
    )
    if event.get("cookies"):
        passed[hdrs.COOKIE] = "; ".join(event["cookies"])
    return passed


def _body(event: Event) -> bytes | None:
    text = event.get("body")
    if text is None:
        return None
    return base64.b64decode(text) if event.get("isBase64Encoded") else str(text).encode()


def _fitting(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    encoded = base64.b64encode(body).decode()
    if len(encoded) > MAX_ANSWER_BYTES:
        detail = "the answer is larger than Lambda passes on: ask for less at a time"
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "answer_too_large", detail)
    return {
        "statusCode": status,
        "headers": _joined(headers),
        "cookies": _all(headers, hdrs.SET_COOKIE),
        "body": encoded,
        "isBase64Encoded": True,
    }


def _joined(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Write several headers of one name as one, as RFC 9110, 5.3 allows for all but cookies."""
    left_out = _NOT_PASSED_ON | {"set-cookie"}
    names = dict.fromkeys(name.lower() for name in headers if name.lower() not in left_out)
    return {name: ", ".join(_all(headers, name)) for name in names}


def _all(headers: Any, name: str) -> Sequence[str]:
    found: Sequence[str] = headers.getall(name, [])
    return found


def _problem(status: HTTPStatus, code: str, detail: str) -> Answer:
    body = Problem(
        type=f"urn:imgtag:problem:{code}",
        title=status.phrase,
        status=status,
        detail=detail,
        instance=f"urn:imgtag:request:{secrets.token_hex(8)}",
        code=code,
    )
    return {
        "statusCode": int(status),
        "headers": {"content-type": CONTENT_TYPE, "cache-control": "no-store"},
        "body": body.model_dump_json(exclude_none=True),
    }
