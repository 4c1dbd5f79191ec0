"""Starting, draining and dying, seen from outside."""

import asyncio
import hashlib
import resource
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout

from imgtag.testing.photos import jpeg
from tests.runtime.process import imgtag, running
from tests.unit.processes import gone, until

DECODER = "imgtag.imaging.child"
MODEL = "imgtag.backends.local.onnx_child"
UPLOADERS = 6
MANY = 60
SETTLED_SECONDS = 60


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """An HTTP client that doesn't wait for ever."""
    async with ClientSession(timeout=ClientTimeout(total=20)) as session:
        yield session


async def upload_until_the_end(
    client: ClientSession, url: str, first: int, acknowledged: dict[str, str], enough: asyncio.Event
) -> None:
    """Upload photo after photo, noting id and SHA-256 of those that were acknowledged."""
    side = first
    while True:
        data = jpeg(200 + side, 64)
        side += UPLOADERS
        file = {"file_name": f"{side}.jpg", "size": len(data), "content_type": "image/jpeg"}
        try:
            async with client.post(f"{url}/api/uploads", json={"files": [file]}) as answer:
                [ticket] = (await answer.json())["uploads"]
            async with client.put(ticket["url"], data=data, headers=ticket["headers"]) as answer:
                if answer.status == 200:
                    received = await answer.json()
                    acknowledged[received["photo_id"]] = hashlib.sha256(data).hexdigest()
            if len(acknowledged) >= MANY:
                enough.set()
        except (ClientError, TimeoutError):
            return


async def everything_is_there(
    client: ClientSession, url: str, acknowledged: dict[str, str]
) -> None:
    """Wait until nothing is left to do; then every photo has its bytes and its labels."""
    async with asyncio.timeout(SETTLED_SECONDS):
        while True:
            async with client.get(f"{url}/api/status") as answer:
                photos = (await answer.json())["photos"]
            if not photos["stored"]:
                break
            await asyncio.sleep(0.1)
    for photo, sha256 in acknowledged.items():
        async with client.get(f"{url}/api/photos/{photo}") as answer:
            assert (await answer.json())["state"] == "labelled"
        async with client.get(f"{url}/api/photos/{photo}/original") as answer:
            assert hashlib.sha256(await answer.read()).hexdigest() == sha256


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
async def test_an_end_under_load_loses_nothing(
    tmp_path: Path, client: ClientSession, number: signal.Signals, status: int
) -> None:
    """Whatever was acknowledged is there after SIGTERM and after kill -9, and gets its labels."""
    acknowledged: dict[str, str] = {}
    enough = asyncio.Event()
    async with running(tmp_path) as service, asyncio.TaskGroup() as tasks:
        for first in range(UPLOADERS):
            tasks.create_task(
                upload_until_the_end(client, service.url, first, acknowledged, enough)
            )
        async with asyncio.timeout(SETTLED_SECONDS):
            await enough.wait()
        assert await service.end(number) == status

    async with running(tmp_path) as service:
        await everything_is_there(client, service.url, acknowledged)
        doctor, said, _ = await imgtag(tmp_path, "doctor")
        assert doctor == 0, said


async def test_a_second_service_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """It says so in one line and ends; the first goes on."""
    async with running(tmp_path) as service, ClientSession() as client:
        status, out, err = await imgtag(tmp_path, "serve", "--port", "0")

        assert status != 0
        assert out == ""
        assert f"as process {service.process.pid}" in err
        assert len(err.splitlines()) == 1
        async with client.get(f"{service.url}/readyz") as answer:
            assert answer.status == 200


def modules_of(children: Sequence[psutil.Process]) -> set[str]:
    """Name what the children of a service run."""
    return {child.cmdline()[4] for child in children}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_child_outlives_the_service(tmp_path: Path, number: signal.Signals) -> None:
    """Decoders and the model end with it, however it ends."""
    async with running(tmp_path) as service:
        children = psutil.Process(service.process.pid).children()
        assert modules_of(children) == {DECODER, MODEL}
        await service.end(number)
        await until(lambda: all(gone(child.pid) for child in children))


async def test_only_who_works_decodes(tmp_path: Path) -> None:
    """The half that answers HTTP has no decoders to start, and none to pay for."""
    async with running(tmp_path, role="api") as service:
        children = psutil.Process(service.process.pid).children()
        assert DECODER not in modules_of(children)


async def test_it_may_open_as_many_files_as_it_is_allowed(tmp_path: Path) -> None:
    """A shell's low limit is raised to the one that the administrator has set."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        async with running(tmp_path) as service:
            kept = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert kept == (min(hard, 65_536), hard)


async def test_all_that_is_wrong_with_the_settings_is_told_at_once(tmp_path: Path) -> None:
    """Exit status 2, and a line for each setting."""
    status, _, err = await imgtag(
        tmp_path, "serve", host="photos.example", auth="none", port="many", min_confidence=101
    )

    assert status == 2
    assert {"IMGTAG_HOST", "IMGTAG_PORT", "IMGTAG_MIN_CONFIDENCE"} <= {
        line.split(":")[-2].split()[-1] for line in err.splitlines() if "IMGTAG_" in line
    }
    assert "Traceback" not in err


async def test_it_says_where_it_listens_whatever_it_is_called(tmp_path: Path) -> None:
    """Behind a proxy, its own address is the one that whoever started it can't know."""
    public = "https://photos.example"
    async with running(tmp_path, public_url=public) as service, ClientSession() as client:
        async with client.get(f"{service.url}/readyz") as answer:
            assert answer.status == 200
        assert service.url.startswith("http://127.0.0.1:")


async def test_it_is_ready_while_its_photos_are_there(tmp_path: Path) -> None:
    """A disk that was taken away is named, until it is back."""
    blobs, away = tmp_path / "blobs", tmp_path / "away"
    async with running(tmp_path) as service, ClientSession() as client:
        told = []
        for folder, place in ((blobs, away), (away, blobs)):
            folder.rename(place)
            async with client.get(f"{service.url}/readyz") as answer:
                told.append((answer.status, (await answer.json())["failing"]))

    assert told == [(503, ["blobs"]), (200, [])]


async def test_a_port_that_is_taken_is_told_in_a_line(tmp_path: Path) -> None:
    """Another service's port: one clear line, no traceback."""
    async with running(tmp_path / "a") as service:
        port = service.url.rsplit(":", 1)[1]
        status, _, err = await imgtag(tmp_path / "b", "serve", "--port", port)

    assert status != 0
    assert f"port {port}" in err
    assert "Traceback" not in err
