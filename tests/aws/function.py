"""AWS Lambda behind an HTTP API, on loopback: requests become invocations, and answers come back.

It does what the two pages named in imgtag.invocations say, and refuses what they refuse.
"""

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

MAX_PAYLOAD = 6 * 1024 * 1024
_INVOCATION = "/2018-06-01/runtime/invocation"


@dataclass
class FakeLambda:
    """One function; *seconds* is what it is given for one invocation."""

    seconds: float = 29
    events: asyncio.Queue[tuple[str, Any]] = field(default_factory=asyncio.Queue)
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def invoke(self, event: Any) -> Any:
        """Give the function an event, and wait for its answer. An error is `RuntimeError`."""
        number = f"8476a536-e9f4-11e8-9739-{next(self.numbers):012}"
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        await self.events.put((number, event))
        return await answer

    async def hand_out(self, _: web.Request) -> web.Response:
        """Answer the function that asks for its next invocation."""
        number, event = await self.events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": number,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.seconds) * 1000)),
        }
        return web.json_response(event, headers=headers)

    async def take(self, request: web.Request) -> web.Response:
        """Take an answer, or an error."""
        body = await request.read()
        waiting = self.waiting.pop(request.match_info["number"])
        if len(body) > MAX_PAYLOAD:
            waiting.set_exception(RuntimeError("Function.ResponseSizeTooLarge"))
            return web.json_response({"errorType": "RequestEntityTooLarge"}, status=413)
        if request.match_info["outcome"] == "error":
            waiting.set_exception(RuntimeError(json.loads(body)["errorType"]))
        else:
            waiting.set_result(json.loads(body))
        return web.json_response({"status": "OK"}, status=202)

    async def pass_on(self, request: web.Request) -> web.Response:
        """Be the gateway."""
        try:
            told = await self.invoke(await _event(request))
        except RuntimeError:
            return web.json_response({"message": "Internal Server Error"}, status=500)
        body = told.get("body", "")
        answer = web.Response(
            status=told["statusCode"],
            headers=told.get("headers", {}),
            body=base64.b64decode(body) if told.get("isBase64Encoded") else body.encode(),
        )
        for cookie in told.get("cookies", []):
            answer.headers.add("Set-Cookie", cookie)
        return answer


async def _event(request: web.Request) -> Any:
    names = dict.fromkeys(name.lower() for name in request.headers if name != "Cookie")
    headers = {name: ",".join(request.headers.getall(name)) for name in names}
    event = {
        "version": "2.0",
        "routeKey": "ANY /api/{path+}",
        "rawPath": request.path,
        "rawQueryString": request.rel_url.raw_query_string,
        "headers": headers,
        "requestContext": {"http": {"method": request.method, "path": request.path}},
        "isBase64Encoded": False,
    }
    if "Cookie" in request.headers:
        event["cookies"] = request.headers["Cookie"].split("; ")
    body = await request.read()
    if body:
        event["body"] = base64.b64encode(body).decode()
        event["isBase64Encoded"] = True
    return event


@asynccontextmanager
async def serving(function: FakeLambda) -> AsyncIterator[tuple[str, str]]:
    """Serve it on loopback; give the runtime's address for the function, and the gateway's URL."""
    app = web.Application(client_max_size=2 * MAX_PAYLOAD)
    app.router.add_get(f"{_INVOCATION}/next", function.hand_out)
    app.router.add_post(f"{_INVOCATION}/{{number}}/{{outcome}}", function.take)
    app.router.add_route("*", "/{path:.*}", function.pass_on)
    async with TestServer(app) as server:
        yield f"{server.host}:{server.port}", str(server.make_url("")).rstrip("/")
