"""An import whose service is killed, again and again."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout

from imgtag.testing.photos import jpeg
from tests.runtime.process import running

PHOTOS = 700
KILLS = 2
SETTLED_SECONDS = 120


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """An HTTP client that doesn't wait for ever."""
    async with ClientSession(timeout=ClientTimeout(total=20)) as session:
        yield session


async def shown(client: ClientSession, url: str, imported: str) -> dict[str, Any]:
    """Look at an import."""
    async with client.get(f"{url}/api/imports/{imported}") as answer:
        return dict(await answer.json())


async def until(client: ClientSession, url: str, imported: str, *, found: int) -> dict[str, Any]:
    """Wait until an import has dealt with so many files."""
    async with asyncio.timeout(SETTLED_SECONDS):
        while (seen := await shown(client, url, imported))["found"] < found:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.01)
    return seen


async def test_an_import_outlives_kills(tmp_path: Path, client: ClientSession) -> None:
    """Killed in the middle and started again it goes on by itself, and counts each file once."""
    folder, data = tmp_path / "photos", tmp_path / "data"
    folder.mkdir()
    for number in range(PHOTOS):
        (folder / f"{number:04}.jpg").write_bytes(jpeg() + number.to_bytes(4, "big"))
    settings = {"import_sources": folder.as_uri(), "labeler": "memory"}
    imported, found = "", 0
    for _ in range(KILLS):
        async with running(data, **settings) as service:
            if not imported:
                body = {"source": folder.as_uri()}
                async with client.post(f"{service.url}/api/imports", json=body) as answer:
                    imported = (await answer.json())["id"]
            found = (await until(client, service.url, imported, found=found + 1))["found"]
            assert found < PHOTOS
            await service.end(signal.SIGKILL)
    async with running(data, **settings) as service:
        done = await until(client, service.url, imported, found=PHOTOS)
        assert (done["state"], done["copied"], done["duplicates"]) == ("done", PHOTOS, 0)
        async with client.get(f"{service.url}/api/status") as answer:
            photos = (await answer.json())["photos"]
    assert (photos["total"], photos["awaiting"]) == (PHOTOS, 0)
