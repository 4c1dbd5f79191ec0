"""The feed that the page listens to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.http.service import DEADLINE_SECONDS, Service, serving


async def news(service: Service) -> AsyncIterator[tuple[str, Any]]:
    """Listen; give topic and data of each event."""
    async with service.client.get(service.url + "/api/events") as answer:
        assert answer.content_type == "text/event-stream"
        topic = ""
        async for line in answer.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                topic = value
            elif name == "data":
                yield topic, json.loads(value)


async def test_a_page_hears_of_photos_and_labels(service: Service) -> None:
    """A connection begins with the state of things, and then tells what changes."""
    listening = news(service)
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await anext(listening))[0] == "labels"
        photo = await service.upload(jpeg())
        async for topic, data in listening:
            if (topic, data.get("id"), data.get("state")) == ("photo", photo, "labelled"):
                break
        async for topic, data in listening:
            if topic == "labels" and data["photos"]["labelled"] == 1:
                break
    await listening.aclose()  # type: ignore[attr-defined]


async def test_a_page_hears_of_its_bundles(service: Service) -> None:
    """A bundle is told whole, and again to a page that comes later."""
    await service.labelled(await service.upload(jpeg()))
    listening = news(service)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await anext(listening)
        _, bundle = await service.call("POST", "/api/download", json={"labels": ["Nature"]})
        async for topic, data in listening:
            if topic == "bundle":
                assert data == bundle
                break
        later = news(service)
        assert [(await anext(later))[0], (await anext(later))[1]] == ["labels", bundle]
    await listening.aclose()  # type: ignore[attr-defined]
    await later.aclose()  # type: ignore[attr-defined]


async def test_a_stream_that_is_switched_off_says_so(settings: Callable[..., Settings]) -> None:
    """204 is how a server tells an EventSource not to come back."""
    async with serving(settings(live_events=False)) as service:
        assert await service.call("GET", "/api/events") == (204, None)
