"""imgtag as a function on Lambda: whole processes, and whoever asks notices no difference."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from imgtag.invocations import answer_invocations
from tests.aws.function import FakeLambda, serving
from tests.http.service import MEMORY
from tests.runtime.process import environment


@asynccontextmanager
async def function(tmp_path: Path) -> AsyncIterator[str]:
    """Run ``imgtag serve --role api`` as Lambda does, and give the gateway's URL."""
    async with serving(FakeLambda()) as (runtime, url):
        settings = {**MEMORY, "auth": "none", "port": 0}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imgtag", "serve", "--role", "api",
            env={**environment(tmp_path, **settings), "AWS_LAMBDA_RUNTIME_API": runtime},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield url
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def site(handler: Any, *, seconds: float = 29) -> AsyncIterator[tuple[FakeLambda, str]]:
    """Run a site of one handler as a function; give Lambda and the gateway's URL."""
    app, fake = web.Application(), FakeLambda(seconds)
    app.router.add_route("*", "/{path:.*}", handler)
    async with (
        TestServer(app) as server,
        serving(fake) as (runtime, url),
        asyncio.TaskGroup() as tasks,
    ):
        task = tasks.create_task(answer_invocations(runtime, server.make_url("")))
        yield fake, url
        task.cancel()


async def test_the_service_answers_through_a_gateway(tmp_path: Path) -> None:
    """Bodies, queries, statuses and problems come through whole."""
    async with function(tmp_path) as url, aiohttp.ClientSession(url) as http:
        file = {"file_name": "größe.jpg", "size": 5, "content_type": "image/jpeg"}
        async with http.post("/api/uploads", json={"files": [file]}) as answer:
            assert answer.status == 200
            (upload,) = (await answer.json())["uploads"]
            assert (upload["file_name"], upload["status"]) == ("größe.jpg", "new")
        async with http.get("/api/photos", params={"any": ["A, B", "ü&"], "limit": 3}) as answer:
            assert (answer.status, (await answer.json())["photos"]) == (200, [])
        async with http.get("/api/photos/nowhere") as answer:
            assert answer.status == 404
            assert answer.content_type == "application/problem+json"
            assert (await answer.json())["code"] == "not_found"
        async with http.get("/healthz") as answer:
            assert answer.headers["X-Request-Id"]


async def test_requests_and_answers_lose_nothing() -> None:
    """Bytes, repeated headers and cookies go through both ways."""
    seen: list[Any] = []

    async def echo(request: web.Request) -> web.Response:
        headers = request.headers
        seen.append((request.method, request.raw_path, headers["Cookie"], headers["X-Two"]))
        answer = web.Response(status=207, body=await request.read(), content_type="image/jpeg")
        answer.set_cookie("one", "1", httponly=True)
        answer.set_cookie("two", "2")
        answer.headers.extend([("Vary", "Origin"), ("Vary", "Accept")])
        return answer

    async with site(echo) as (_, url), aiohttp.ClientSession() as http:
        headers = [("X-Two", "a"), ("X-Two", "b"), ("Cookie", "s=1; t=2")]
        target = URL(f"{url}/api/x%20y?q=a%26b&q=%2C", encoded=True)
        sent = bytes(range(256))
        async with http.put(target, data=sent, headers=headers) as answer:
            assert answer.status == 207
            assert await answer.read() == sent
            assert answer.headers["Vary"] == "Origin, Accept"
            assert sorted(answer.cookies) == ["one", "two"]
            assert answer.headers.getall("Set-Cookie")[0] == "one=1; HttpOnly; Path=/"

    assert seen == [("PUT", "/api/x%20y?q=a%26b&q=%2C", "s=1; t=2", "a,b")]


async def test_an_answer_that_is_too_large_is_told_as_a_problem() -> None:
    """What Lambda would not pass on is refused in words, and the next request is served."""

    async def much(request: web.Request) -> web.Response:
        return web.Response(body=bytes(int(request.query["bytes"])))

    async with site(much) as (_, url), aiohttp.ClientSession(url) as http:
        async with http.get("/api/much", params={"bytes": 5 * 1024 * 1024}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (500, "answer_too_large")
        async with http.get("/api/much", params={"bytes": 4 * 1024 * 1024}) as answer:
            assert len(await answer.read()) == 4 * 1024 * 1024


async def test_an_answer_that_takes_too_long_is_told_before_the_deadline() -> None:
    """Lambda never has to end an invocation by force."""

    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with (
        site(never, seconds=1) as (_, url),
        aiohttp.ClientSession(url) as http,
        http.get("/api/never") as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (504, "deadline_passed")


async def test_an_event_of_something_else_is_an_error_and_not_the_end() -> None:
    """A test event of the console, say."""

    async def fine(_: web.Request) -> web.Response:
        return web.Response(text="fine")

    async with site(fine) as (fake, url), aiohttp.ClientSession(url) as http:
        with pytest.raises(RuntimeError, match="UnknownEvent"):
            await fake.invoke({"key1": "value1"})
        async with http.get("/api/x") as answer:
            assert await answer.text() == "fine"
