"""A running service, and what a client does with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientResponse, ClientSession, DummyCookieJar, web

from imgtag.compose import System, open_system
from imgtag.runtime import make_runner
from imgtag.settings import Settings
from imgtag.worker import Consumer

MEMORY: Final = dict.fromkeys(
    ("blobs", "catalog", "queue", "labeler", "notifier", "bundles"), "memory"
)
DEADLINE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Service:
    """A running service, and a client that keeps no cookies by itself."""

    system: System
    client: ClientSession
    url: str

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Make one call and read its JSON."""
        async with self.client.request(method, self.url + path, **more) as answer:
            return answer.status, await read(answer)

    async def upload(self, data: bytes, name: str = "lake.jpg", **headers: str) -> str:
        """Upload *data* as a JPEG; answer with the photo's id."""
        file = {"file_name": name, "size": len(data), "content_type": "image/jpeg"}
        _, answer = await self.call("POST", "/api/uploads", json={"files": [file]}, headers=headers)
        [ticket] = answer["uploads"]
        async with self.client.put(ticket["url"], data=data, headers=ticket["headers"]) as put:
            assert put.status == 200, await put.text()
            received: dict[str, str] = await put.json()
        return received["photo_id"]

    async def labelled(self, photo: str, **headers: str) -> dict[str, Any]:
        """Wait until the labeler has had its say."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                _, shown = await self.call("GET", f"/api/photos/{photo}", headers=headers)
                if shown["state"] in {"labelled", "failed"}:
                    return dict(shown)
                await asyncio.sleep(0.01)


async def read(answer: ClientResponse) -> Any:
    """Read an answer's JSON, or None where there is none."""
    return await answer.json(content_type=None) if await answer.read() else None


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    """Run a whole service until the context is left."""
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(open_system(settings))
        runner = make_runner(system)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        stack.callback(system.services.feed.close)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = await stack.enter_async_context(ClientSession(cookie_jar=DummyCookieJar()))
        consumers = [Consumer(work, system.services.metrics) for work in system.work]
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for consumer in consumers:
            stack.callback(consumer.stop)
            tasks.create_task(consumer.run())
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        system.services.notifications.address = settings.public_url or url
        yield Service(system, client, url)
