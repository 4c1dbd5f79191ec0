"""The whole of imgtag on AWS, each role in processes of its own, and one of them killed."""

import asyncio
import io
import json
import signal
import socket
import subprocess
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession

from imgtag.backends.aws import BACKENDS, clients
from imgtag.backends.local.files import open_blobs
from imgtag.backends.memory import MemoryQueue
from imgtag.compose import SystemClock
from imgtag.domain.ids import BundleId, OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.prefetch import prefetch
from imgtag.services.building import MIB, PART_BYTES
from imgtag.services.layouts import Layouts
from imgtag.testing.contracts.blob_store import read, write
from tests.aws import rekognition
from tests.aws.cloud import ACCOUNT, REGION, Cloud
from tests.oidc import provider as oidc
from tests.runtime.process import Running, imgtag, running
from tests.unit.imaging.pictures import encoded, noise

SHARED: Final = Path(__file__).parents[3] / "shared" / "data" / "photos"
DEADLINE_SECONDS: Final = 120
LEASE_SECONDS: Final = 5
PUBLIC_URL: Final = "http://photos.example"
PART: Final = "s3.PUT.partNumber"
# So many parts are sent, the rest is held back, and somebody dies in between.
PARTS_BEFORE_DEATH: Final = 2
BYTES_BEFORE_DEATH: Final = PARTS_BEFORE_DEATH * PART_BYTES


def photos() -> Mapping[str, bytes]:
    """Make photos worth several parts; the shared ones come along where they are."""
    made = {
        f"IMG_{number}.JPG": encoded(noise((64, 48), seed=number)) + bytes([number]) * 6 * MIB
        for number in range(6)
    }
    made["Straße (1).heic"] = encoded(noise((800, 600)), "HEIF")
    made["lake.png"] = encoded(noise((400, 300), seed=7), "PNG")
    real = [path for path in SHARED.rglob("*") if path.suffix.lower() in {".jpg", ".heic"}]
    return made | {path.name: path.read_bytes() for path in sorted(real)[:12]}


@dataclass
class Stage:
    """The running processes, and one person who calls them."""

    cloud: Cloud
    rekognition: rekognition.FakeRekognition
    http: ClientSession
    apis: Sequence[Running]
    workers: Sequence[Running]
    owner: OwnerId
    surroundings: Mapping[str, str]
    settings: Mapping[str, object]

    async def doctor(self, folder: Path) -> tuple[int, str]:
        """Have everything examined; answer with the exit status and what is told."""
        status, told, errors = await imgtag(
            folder, "doctor", surroundings=self.surroundings, **self.settings
        )
        return status, told + errors

    async def call(self, method: str, path: str, *, api: int = 0, **more: Any) -> Any:
        """Call one of the instances."""
        async with self.http.request(method, self.apis[api].url + path, **more) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def upload(self, name: str, content: bytes, ticket: Mapping[str, Any]) -> None:
        """Send bytes straight to S3, where Rekognition finds them."""
        key = BlobKey(self.owner, BlobKind.ORIGINAL, PhotoId(ticket["photo_id"]))
        self.rekognition.objects[str(key)] = content
        async with (
            ClientSession() as http,
            http.put(ticket["url"], data=io.BytesIO(content), headers=ticket["headers"]) as answer,
        ):
            assert answer.status == 200, (name, await answer.text())

    async def upload_all(self, files: Mapping[str, bytes]) -> None:
        """Ask one instance for tickets, and use them."""
        types = {"heic": "image/heic", "png": "image/png"}
        asked = [
            {
                "file_name": name,
                "size": len(content),
                "content_type": types.get(name.lower().rpartition(".")[2], "image/jpeg"),
            }
            for name, content in files.items()
        ]
        told = await self.call("POST", "/api/uploads", json={"files": asked})
        for ticket, (name, content) in zip(told["uploads"], files.items(), strict=True):
            await self.upload(name, content, ticket)

    async def until(self, path: str, wanted: Any, *, api: int = 0) -> Any:
        """Ask until the answer is as *wanted*."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                told = await self.call("GET", path, api=api)
                if wanted(told):
                    return told
                await asyncio.sleep(0.05)

    async def hear(self, bundle: str, state: str, *, api: int) -> None:
        """Listen to an instance until it tells of the bundle in *state*."""
        async with self.http.get(self.apis[api].url + "/api/events") as answer:
            async for line in answer.content:
                if line.startswith(b"data: "):
                    told = json.loads(line[6:])
                    if (told.get("id"), told.get("state")) == (bundle, state):
                        return

    def building(self) -> Mapping[int, Mapping[str, Any]]:
        """Tell which workers have begun to build, and what they found there."""
        found = {}
        for number, worker in enumerate(self.workers):
            for line in worker.log.read_text().splitlines():
                if (told := json.loads(line)).get("event") == "building":
                    found[number] = told
        return found


def free_port() -> int:
    """Find a port: behind a public address, nobody says which one was taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
async def notified(buckets: Cloud, queues: Cloud) -> Cloud:
    """Have S3 tell the queue of what arrives, as deploy/terraform sets it up."""
    s3 = await clients.s3(buckets.context)
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queues.settings.sqs_photos.rpartition('/')[2]}"
    told = [
        {
            "Id": prefix,
            "QueueArn": arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{prefix}/"}]}},
        }
        for prefix in ("originals", "incoming")
    ]
    await s3.put_bucket_notification_configuration(
        Bucket=buckets.settings.s3_bucket,
        NotificationConfiguration={"QueueConfigurations": told},  # type: ignore[typeddict-item]
    )
    return buckets


@pytest.fixture
async def stage(
    notified: Cloud,
    tables: Cloud,  # noqa: ARG001 - they are made, and known by the same names
    topic: Cloud,  # noqa: ARG001
    tmp_path: Path,
) -> AsyncIterator[Stage]:
    """Start two of each role, a Rekognition and a provider of identities."""
    fake = rekognition.FakeRekognition()
    provider = oidc.FakeProvider(SystemClock())
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        surroundings = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": notified.server.url,
            "AWS_ENDPOINT_URL_REKOGNITION": await enter(rekognition.serving(fake)),
        }
        issuer = await enter(oidc.serving(provider))
        named = (
            *("s3_bucket", "s3_working_bucket", "sqs_photos", "sqs_bundles"),
            *("dynamodb_catalog", "dynamodb_jobs", "sns_topic"),
        )
        settings = {
            **{name: getattr(notified.settings, name) for name in named},
            "profile": "aws",
            "public_url": PUBLIC_URL,
            "oidc_issuer": issuer,
            "oidc_client_id": oidc.CLIENT,
            "dynamodb_shards": 2,
            "sqs_lease_seconds": LEASE_SECONDS,
            "poll_seconds": 1,
            "rekognition_rate": 100,
            "imaging_workers": 1,
            "secret": "shared by all instances",
        }
        started = [
            await enter(
                running(
                    tmp_path / f"{role}-{number}",
                    role=role,
                    port=free_port(),
                    surroundings=surroundings,
                    **settings,
                )
            )
            for role in ("api", "worker")
            for number in range(2)
        ]
        bearer = {"Authorization": f"Bearer {provider.token()}"}
        http = await enter(ClientSession(headers=bearer))
        owner = OwnerId(provider.subject)
        apis, workers = started[:2], started[2:]
        yield Stage(notified, fake, http, apis, workers, owner, surroundings, settings)


async def streamed_here(stage: Stage, bundle_id: BundleId, folder: Path) -> bytes:
    """Make the archive as one machine does, from the same manifest and the same photos."""
    context = stage.cloud.context
    async with (
        BACKENDS["s3"].blobs(context) as s3,
        BACKENDS["dynamodb"].bundles(context, MemoryQueue(context.clock)) as bundles,
        open_blobs(folder) as files,
    ):
        async for key in s3.keys():
            if key.kind in {BlobKind.ORIGINAL, BlobKind.MANIFEST}:
                await write(files, key, await read(s3, key))
        layout = await Layouts(files).of(await bundles.get(stage.owner, bundle_id))
        whole = prefetch(
            layout.archive, layout.source, ByteBudget(64 * MIB), start=0, stop=layout.archive.size
        )
        async with whole as chunks:
            return b"".join([chunk async for chunk in chunks])


def killed(stage: Stage) -> int:
    """Kill the worker that is building, and say which one that is."""
    [number] = stage.building()
    stage.workers[number].process.send_signal(signal.SIGKILL)
    return number


async def test_photos_become_an_archive_whoever_dies(stage: Stage, tmp_path: Path) -> None:
    """From tickets at one instance to the archive behind a link at the other."""
    files = photos()
    await stage.upload_all(files)
    ticket = await stage.call("PUT", "/api/upload", json={"file_name": "reference.jpg"})
    files = {**files, "reference.jpg": encoded(noise((320, 240), seed=99))}
    await stage.upload("reference.jpg", files["reference.jpg"], ticket)
    told = await stage.until(
        "/api/status", lambda told: told["photos"]["labelled"] == len(files), api=1
    )
    assert told["photos"]["failed"] == 0
    labels = await stage.call("GET", "/api/labels", api=1)
    assert labels["labels"]["Dog"]["count"] == len(files)

    server = stage.cloud.server
    server.steer({"operation": PART, "kind": "hold", "rate": 1, "after": PARTS_BEFORE_DEATH})
    ordered = await stage.call("POST", "/api/download", json={"labels": ["Dog"]})
    assert ordered["state"] == "queued"
    path = f"/api/bundles/{ordered['id']}"
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.hear(ordered["id"], "ready", api=1))
        await stage.until(
            path, lambda told: told["progress"]["bytes"] >= PARTS_BEFORE_DEATH * PART_BYTES
        )
        dead = killed(stage)
        server.steer()
        ready = await stage.until(path, lambda told: told["state"] not in {"queued", "building"})
    assert ready["state"] == "ready"
    assert stage.building()[1 - dead]["there"] >= BYTES_BEFORE_DEATH

    archive = tmp_path / "photos.zip"
    archive.write_bytes(await follow(stage.apis[1].url, ready["link"]))
    assert archive.stat().st_size == ready["bytes"]
    status, _, errors = await imgtag(tmp_path, "verify", str(archive))
    assert status == 0, errors
    must_please_unzip(archive)
    with zipfile.ZipFile(archive) as opened:
        held = {name: opened.read(name) for name in opened.namelist()}
    assert {name: held[name] for name in files} == files
    here = await streamed_here(stage, BundleId(ready["id"]), tmp_path / "here")
    assert archive.read_bytes() == here

    status, told = await stage.doctor(tmp_path)
    assert (status, told.splitlines()[-1]) == (0, "all is well"), told
    await lose(stage, BlobKey(stage.owner, BlobKind.ARCHIVE, BundleId(ready["id"])))
    status, told = await stage.doctor(tmp_path)
    assert (status, told.partition(":")[0]) == (1, "missing_archive"), told


async def lose(stage: Stage, key: BlobKey) -> None:
    """Take an object from S3 behind the back of imgtag."""
    async with BACKENDS["s3"].blobs(stage.cloud.context) as s3:
        await s3.delete(key)


def must_please_unzip(archive: Path) -> None:
    """Have other people's program test every member."""
    subprocess.run(["unzip", "-tqq", str(archive)], check=True)


async def follow(url: str, link: str) -> bytes:
    """Follow a link at the instance at *url*, as somebody who has nothing else."""
    async with ClientSession() as http:
        assert link.startswith(PUBLIC_URL)
        async with http.get(link.replace(PUBLIC_URL, url), allow_redirects=False) as answer:
            assert answer.status == 303
            signed = answer.headers["Location"]
        async with http.get(signed) as answer:
            assert answer.status == 200
            assert answer.content_disposition
            assert answer.content_disposition.filename == "Dog.zip"
            return await answer.read()
