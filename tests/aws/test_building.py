"""Archives are built on S3 in parts, by whichever worker is there: always the same bytes."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imgtag.backends.aws import BACKENDS, clients
from imgtag.backends.aws.blobs import S3BlobStore
from imgtag.backends.memory import MemoryBundleStore, MemoryQueue
from imgtag.domain.bundles import Bundle, BundleState
from imgtag.domain.events import BundleRequested
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Failure
from imgtag.pipeline.archive import Archive, Member
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.checksums import Checksums
from imgtag.pipeline.prefetch import prefetch
from imgtag.services.archives import Archives
from imgtag.services.building import MIB, PART_BYTES, PATIENCE, Builder
from imgtag.services.feed import Feed
from imgtag.services.layouts import Layout
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import DEADLINE_SECONDS
from imgtag.testing.contracts.blob_store import key_of, read, write
from imgtag.testing.photos import ADA, Maker
from tests.aws.cloud import Cloud

WHEN = datetime(2024, 5, 1, tzinfo=UTC)


class Photos:
    """Made-up photos of 1 MiB; reading beyond *until* stalls, as if the worker had died."""

    def __init__(self, number: int, *, until: int = 1 << 40) -> None:
        self.until = until
        self.stalled = asyncio.Event()
        self._bytes = [random.Random(n).randbytes(MIB) for n in range(number)]
        self._archive: Archive | None = None

    def path(self, index: int) -> str | None:
        """None lies on this machine."""
        return None if index >= 0 else Path()

    @asynccontextmanager
    async def read(self, index: int, start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a part of one."""
        if index >= self.until:
            self.stalled.set()
            await asyncio.Event().wait()

        async def chunks() -> AsyncIterator[bytes]:
            yield self._bytes[index][start:stop]

        yield chunks()

    def content(self, index: int) -> bytes:
        """Give all bytes of one."""
        return self._bytes[index]

    def spoil(self, index: int) -> None:
        """Change the bytes of one after it was laid out."""
        self._archive = self.archive()
        self._bytes[index] = bytes(MIB)

    def archive(self) -> Archive:
        """Lay them out."""
        if self._archive:
            return self._archive
        members = []
        for number, content in enumerate(self._bytes):
            sums = Checksums()
            sums.update(content)
            members.append(Member(f"{number}.jpg", MIB, sums.content().crc32, WHEN))
        return Archive(members)


class StoredPhotos(Photos):
    """Made-up photos that are read where they lie."""

    def __init__(self, store: S3BlobStore, keys: Sequence[BlobKey]) -> None:
        super().__init__(len(keys))
        self._store = store
        self._keys = keys

    @asynccontextmanager
    async def read(self, index: int, start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a part of one, from the store."""
        async with self._store.read(self._keys[index], start, stop) as chunks:
            yield chunks


class Works:
    """Everything around a builder."""

    def __init__(self, store: S3BlobStore, clock: FixedClock, photos: Photos) -> None:
        self.clock = clock
        self.store = store
        self.photos = photos
        self.events = MemoryQueue(clock, topic="bundles")
        self.bundles = MemoryBundleStore(clock, self.events)
        self.announced: list[Bundle] = []
        self.originals: Sequence[BlobKey] = ()

    def builder(self, memory: int = 64 * MIB) -> Builder:
        """Start one more worker."""
        return Builder(
            Archives(self.store),
            self.bundles,
            self.events,
            self._plan,
            announce=self._announce,
            memory=memory,
            clock=self.clock,
            feed=Feed(),
        )

    async def _plan(self, _: Bundle) -> Layout:
        return Layout(self.photos.archive(), self.photos, "etag", self.originals)

    async def _announce(self, bundle: Bundle) -> None:
        self.announced.append(bundle)

    async def asked(self) -> BundleRequested:
        """Ask for a bundle of all photos."""
        bundle = Maker(self.clock).bundle(bytes=self.photos.archive().size, photos=20)
        await self.bundles.create(bundle, idempotency_key=None, event=None)
        return BundleRequested(bundle.owner, bundle.id)

    async def built(self, event: BundleRequested) -> bytes:
        """Read the archive from the store, once it says that it is ready."""
        assert (await self.bundles.get(ADA, event.bundle)).state is BundleState.READY
        return await read(self.store, BlobKey(ADA, BlobKind.ARCHIVE, event.bundle))

    async def whole(self) -> bytes:
        """Make the archive as the local backend streams it."""
        archive = self.photos.archive()
        reading = prefetch(archive, self.photos, ByteBudget(64 * MIB), start=0, stop=archive.size)
        async with reading as chunks:
            return b"".join([chunk async for chunk in chunks])


@pytest.fixture
async def store(buckets: Cloud, tables: Cloud) -> AsyncIterator[S3BlobStore]:  # noqa: ARG001
    """Give an empty store."""
    async with BACKENDS["s3"].blobs(buckets.context) as store:
        yield store


@pytest.fixture
def works(store: S3BlobStore, clock: FixedClock) -> Works:
    """Give a store of bundles and twenty photos."""
    return Works(store, clock, Photos(20))


async def uploads(buckets: Cloud) -> Sequence[object]:
    """List unfinished uploads."""
    s3 = await clients.s3(buckets.context)
    told = await s3.list_multipart_uploads(Bucket=buckets.settings.s3_working_bucket)
    return told.get("Uploads", ())


async def stopped(works: Works, event: BundleRequested) -> None:
    """Let a worker get as far as the photos let it, and stop it."""
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        task = group.create_task(works.builder().handle(event))
        await works.photos.stalled.wait()
        while not (await works.bundles.get(event.owner, event.bundle)).progress.bytes:  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0)
        task.cancel()


async def test_an_archive_is_what_the_local_backend_streams(works: Works) -> None:
    """Byte for byte, ready, and announced once."""
    event = await works.asked()
    await works.builder().handle(event)
    bundle = await works.bundles.get(ADA, event.bundle)
    assert bundle.state is BundleState.READY
    assert works.announced == [bundle]
    assert await works.built(event) == await works.whole()


async def test_another_worker_carries_on(works: Works, buckets: Cloud) -> None:
    """Parts that were sent are not sent again."""
    works.photos.until = 12
    event = await works.asked()
    await stopped(works, event)
    left = await works.bundles.get(ADA, event.bundle)
    assert 0 < left.progress.bytes < left.bytes
    works.photos.until = 1 << 40
    before = buckets.server.told()["asked"].get("s3.PUT.partNumber", 0)
    await works.builder().handle(event)
    sent = buckets.server.told()["asked"].get("s3.PUT.partNumber", 0) - before
    assert sent * PART_BYTES < left.bytes
    assert await works.built(event) == await works.whole()


@pytest.mark.parametrize("memory", [MIB, 3 * MIB])
async def test_little_memory_is_enough(works: Works, memory: int) -> None:
    """Whatever is set, parts and the reads that fill them don't wait for each other."""
    event = await works.asked()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await works.builder(memory).handle(event)
    assert await works.built(event) == await works.whole()


async def test_a_lost_answer_at_the_end_does_no_harm(works: Works, buckets: Cloud) -> None:
    """S3 has made the archive and said so to nobody: it is found to be whole."""
    event = await works.asked()
    buckets.server.steer({"operation": "s3.POST.uploadId", "kind": "lost", "rate": 1, "times": 1})
    await works.builder().handle(event)
    assert buckets.server.told()["struck"] == {"lost": 1}
    assert await works.built(event) == await works.whole()


async def test_a_whole_archive_is_not_written_again(works: Works, buckets: Cloud) -> None:
    """A worker that died between the archive and its row leaves the row to the next one."""
    event = await works.asked()
    queued = await works.bundles.get(ADA, event.bundle)
    await works.builder().handle(event)
    ready = await works.bundles.get(ADA, event.bundle)
    await works.bundles.replace(replace(queued, revision=ready.revision))
    before = buckets.server.told()["asked"].get("s3.PUT.partNumber", 0)
    await works.builder().handle(event)
    assert buckets.server.told()["asked"].get("s3.PUT.partNumber", 0) == before
    assert await works.built(event) == await works.whole()


async def test_what_ended_is_announced_again(works: Works) -> None:
    """A worker may die between the row and the news; the event that comes again has it told."""
    event = await works.asked()
    await works.builder().handle(event)
    await works.builder().handle(event)
    assert [bundle.state for bundle in works.announced] == [BundleState.READY] * 2


async def test_a_damaged_photo_fails_the_bundle(works: Works, buckets: Cloud) -> None:
    """It says which one, and leaves nothing on S3."""
    works.photos.spoil(3)
    event = await works.asked()
    await works.builder().handle(event)
    bundle = await works.bundles.get(ADA, event.bundle)
    assert bundle.state is BundleState.FAILED
    assert bundle.failure
    assert bundle.failure.detail == "3.jpg: its bytes are not the ones that came"
    assert works.announced == [bundle]
    assert await uploads(buckets) == ()


async def test_what_is_given_up_shows_why(works: Works) -> None:
    """After the last attempt the bundle has failed, and whoever waits is told."""
    event = await works.asked()
    await works.builder().give_up(event, Failure("aws_busy", "S3 was busy"))
    bundle = await works.bundles.get(ADA, event.bundle)
    assert (bundle.state, bundle.failure) == (
        BundleState.FAILED,
        Failure("aws_busy", "S3 was busy"),
    )
    assert works.announced == [bundle]


async def test_a_bundle_that_kills_its_workers_ends(works: Works, clock: FixedClock) -> None:
    """Nobody tries for ever."""
    event = await works.asked()
    clock.advance(PATIENCE + timedelta(seconds=1))
    await works.builder().handle(event)
    bundle = await works.bundles.get(ADA, event.bundle)
    assert bundle.failure
    assert bundle.failure.code == "not_built"


async def test_a_bundle_under_way_is_left_alone(works: Works, clock: FixedClock) -> None:
    """Whoever comes second looks again when the lease is over: the first may have died."""
    event = await works.asked()
    bundle = await works.bundles.get(ADA, event.bundle)
    lease = timedelta(seconds=works.events.lease_seconds)
    building = bundle.moved(BundleState.BUILDING)
    await works.bundles.replace(replace(building, lease_until=clock.now() + lease))
    await works.builder().handle(event)
    assert (await works.bundles.get(ADA, event.bundle)).state is BundleState.BUILDING
    clock.advance(lease)
    (again,) = await works.events.receive(limit=1, wait=timedelta(0))
    assert again.event == event
    await works.builder().handle(event)
    assert (await works.bundles.get(ADA, event.bundle)).state is BundleState.READY


async def test_cancelling_throws_the_parts_away(works: Works, buckets: Cloud) -> None:
    """A bundle that is cancelled while it is built leaves nothing on S3."""
    works.photos.until = 12
    event = await works.asked()
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(works.builder().handle(event))
        await works.photos.stalled.wait()
        while not (bundle := await works.bundles.get(ADA, event.bundle)).checkpoint:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        await works.bundles.replace(bundle.moved(BundleState.CANCELLED))
    assert (await works.bundles.get(ADA, event.bundle)).state is BundleState.CANCELLED
    assert await uploads(buckets) == ()


async def test_archived_photos_are_restored(
    works: Works,
    buckets: Cloud,
    queues: Cloud,
    clock: FixedClock,
) -> None:
    """The bundle waits, and the last photo that is back wakes it."""
    make = Maker(clock)
    works.originals = [key_of(make) for _ in range(3)]
    works.photos = StoredPhotos(works.store, works.originals)
    for index, key in enumerate(works.originals):
        await write(works.store, key, works.photos.content(index))
    bucket = buckets.settings.s3_bucket
    away = works.originals[:2]
    buckets.server.steer(archived={f"/{bucket}/{key}": "ARCHIVE_ACCESS" for key in away})
    event = await works.asked()
    await works.builder().handle(event)
    await works.builder().handle(event)
    assert (await works.bundles.get(ADA, event.bundle)).state is BundleState.RESTORING
    buckets.server.steer()
    async with BACKENDS["sqs"].queue(queues.context, "bundles") as queue:
        sqs = await clients.sqs(queues.context)
        woken = []
        for key in (away[0], away[0], away[1]):
            item = {"eventName": "ObjectRestore:Completed", "s3": {"object": {"key": str(key)}}}
            await sqs.send_message(
                QueueUrl=queues.settings.sqs_bundles, MessageBody=json.dumps({"Records": [item]})
            )
            for delivery in await queue.receive(limit=1, wait=timedelta(0)):
                woken.append(delivery.event)
                await delivery.acknowledge()
        assert woken == [event]
    await works.builder().handle(event)
    assert await works.built(event) == await works.whole()
