"""Buckets as sources: copied by S3 itself, page by page, whatever lies in them."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from imgtag.backends.aws import BACKENDS, clients
from imgtag.backends.aws.blobs import S3BlobStore
from imgtag.backends.aws.sources import S3Source
from imgtag.backends.memory import MemoryBlobStore, MemoryCatalog, MemoryImportStore, MemoryQueue
from imgtag.domain.errors import Invalid, NotFound, Unavailable
from imgtag.domain.events import ImportRequested
from imgtag.domain.imports import Import, ImportState
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import PhotoState
from imgtag.domain.queries import Query, Sort
from imgtag.domain.sources import Scheme, Source
from imgtag.ports import BlobStore, SourceFile
from imgtag.services.feed import Feed
from imgtag.services.importing import Importer
from imgtag.services.imports import Imports, Places
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import at_once
from imgtag.testing.contracts.blob_store import read
from imgtag.testing.photos import ADA, Maker, jpeg
from tests.aws.cloud import REGION, Cloud


def photo(number: int) -> bytes:
    """Make a JPEG that differs from the others."""
    return jpeg(16, 12) + number.to_bytes(4, "big")


@pytest.fixture
async def bucket(buckets: Cloud) -> str:
    """Make a bucket of somebody else's."""
    name = f"{buckets.settings.s3_bucket}-theirs"
    s3 = await clients.s3(buckets.context)
    await s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
async def source(buckets: Cloud) -> AsyncIterator[S3Source]:
    """Open S3 as a source."""
    async with BACKENDS["s3"].source(buckets.context) as source:
        yield source


@pytest.fixture
async def store(buckets: Cloud) -> AsyncIterator[S3BlobStore]:
    """Open the store of photos."""
    async with BACKENDS["s3"].blobs(buckets.context) as store:
        yield store


async def put(cloud: Cloud, bucket: str, key: str, content: bytes, **more: str) -> None:
    """Put an object into a bucket."""
    s3 = await clients.s3(cloud.context)
    await s3.put_object(Bucket=bucket, Key=key, Body=content, **more)  # type: ignore[arg-type]


async def listed(source: S3Source, place: str, limit: int = 1000) -> Sequence[SourceFile]:
    """Read all pages."""
    found: list[SourceFile] = []
    after = None
    while True:
        page = await source.page(Source.parse(place), after=after, limit=limit)
        found += page.files
        after = page.next
        if after is None:
            return found


class Desk:
    """An import from a bucket, with everything else in memory."""

    def __init__(self, clock: FixedClock, source: S3Source, blobs: BlobStore, bucket: str) -> None:
        places = Places([Source.parse(f"s3://{bucket}")], {Scheme.S3: source})
        self.clock = clock
        self.events = MemoryQueue(clock, topic="bundles")
        self.photo_events = MemoryQueue(clock)
        self.catalog = MemoryCatalog(clock, self.photo_events)
        self.store = MemoryImportStore(clock, self.events)
        self.imports = Imports(
            self.store,
            places,
            self.events,
            clock=clock,
            feed=Feed(),
            max_photo_bytes=1 << 20,
            dollars_per_photo=0.001,
        )
        self.importer = Importer(
            self.store,
            places,
            blobs,
            self.catalog,
            clock=clock,
            feed=Feed(),
            max_photo_bytes=1 << 20,
        )

    async def run(self, place: str) -> Import:
        """Import a place, again where AWS did not answer."""
        begun = await self.imports.create(ADA, place)
        for _ in range(100):
            for delivery in await self.events.receive(limit=1, wait=timedelta(0)):
                assert isinstance(delivery.event, ImportRequested)
                try:
                    await self.importer.handle(delivery.event)
                except Unavailable:
                    await self.events.send(delivery.event)
                await delivery.acknowledge()
        return await self.store.get(ADA, begun.id)


async def test_more_objects_than_a_listing_holds_are_copied(
    buckets: Cloud, bucket: str, source: S3Source, store: S3BlobStore, clock: FixedClock
) -> None:
    """By S3 itself, each once; asking again copies none."""
    for start in range(0, 1005, 15):  # a busy server lets nobody wait for a connection for long
        await at_once(
            put(buckets, bucket, f"2024/{number % 7}/{number:05}.jpg", photo(number))
            for number in range(start, start + 15)
        )
    await put(buckets, bucket, "2025/other.jpg", photo(9999))
    await put(buckets, bucket, "2024-private/other.jpg", photo(9998))
    at = Desk(clock, source, store, bucket)
    estimate = await at.imports.estimate(ADA, f"s3://{bucket}/2024")
    assert (estimate.files, estimate.known, estimate.calls) == (1005, 0, 1005)
    assert estimate.dollars == pytest.approx(1.005, abs=0.01)
    done = await at.run(f"s3://{bucket}/2024")
    assert (done.state, done.copied, done.found) == (ImportState.DONE, 1005, 1005)
    waiting = [photo async for photo in at.catalog.stuck(before=clock.now() + timedelta(days=1))]
    assert {photo.file_name for photo in waiting} == {f"{n:05}.jpg" for n in range(1005)}
    assert {photo.state for photo in waiting} == {PhotoState.AWAITING}
    some = next(photo for photo in waiting if photo.file_name == "00777.jpg")
    key = BlobKey(ADA, BlobKind.ORIGINAL, some.id)
    assert await read(store, key) == photo(777)
    assert (await store.stat(key)).content_type == "image/jpeg"
    copied = buckets.server.told()["asked"]["s3.PUT"]
    again = await at.run(f"s3://{bucket}/2024/")
    assert (again.copied, again.duplicates) == (0, 1005)
    assert buckets.server.told()["asked"]["s3.PUT"] == copied
    assert (await at.imports.estimate(ADA, f"s3://{bucket}/2024")).calls == 0


async def test_what_lies_in_a_bucket_is_looked_at(
    buckets: Cloud, bucket: str, source: S3Source, store: S3BlobStore, clock: FixedClock
) -> None:
    """Only photos are copied, told by their first bytes; the rest with reasons."""
    await put(buckets, bucket, "a/", b"")
    await put(buckets, bucket, "a/photo without ending", photo(1))
    await put(buckets, bucket, "a/Åre 🏔️ +%20&=?.JPG", photo(2), ContentType="text/html")
    await put(buckets, bucket, "a/notes.jpg", b"no photo")
    await put(buckets, bucket, "a/empty.jpg", b"")
    await put(buckets, bucket, "a/huge.jpg", photo(3) + bytes(1 << 20))
    await put(buckets, bucket, "a/frozen.jpg", photo(4), StorageClass="GLACIER")
    await put(buckets, bucket, "a/asleep.jpg", photo(5), StorageClass="INTELLIGENT_TIERING")
    buckets.server.steer(archived={f"/{bucket}/a/asleep.jpg": "ARCHIVE_ACCESS"})
    at = Desk(clock, source, store, bucket)
    done = await at.run(f"s3://{bucket}")
    assert {each.file_name: each.code for each in done.told} == {
        "a/notes.jpg": "unsupported_format",
        "a/empty.jpg": "empty_file",
        "a/huge.jpg": "photo_too_large",
        "a/frozen.jpg": "archived",
        "a/asleep.jpg": "archived",
    }
    waiting = [photo async for photo in at.catalog.stuck(before=clock.now() + timedelta(days=1))]
    assert sorted(photo.file_name for photo in waiting) == [
        "photo without ending",
        "Åre 🏔️ +%20&=?.JPG",
    ]
    s3 = await clients.s3(buckets.context)
    for each in waiting:
        key = BlobKey(ADA, BlobKind.ORIGINAL, each.id)
        told = await s3.head_object(Bucket=buckets.settings.s3_bucket, Key=str(key))
        assert told["ContentType"] == "image/jpeg"
        assert told["StorageClass"] == "INTELLIGENT_TIERING"
        assert told["Metadata"] == {}


async def test_throttling_delays_and_loses_nothing(
    buckets: Cloud, bucket: str, source: S3Source, store: S3BlobStore, clock: FixedClock
) -> None:
    """One call in ten is refused, and answers get lost after the copy was made."""
    for number in range(120):
        await put(buckets, bucket, f"{number}.jpg", photo(number))
    buckets.server.steer(
        {"operation": "s3.", "kind": "throttle", "rate": 0.1},
        {"operation": "s3.PUT", "kind": "lost", "rate": 0.1},
    )
    at = Desk(clock, source, store, bucket)
    done = await at.run(f"s3://{bucket}")
    struck = buckets.server.told()["struck"]
    buckets.server.steer()
    assert struck["throttle"] > 0
    assert struck["lost"] > 0
    assert (done.state, done.copied, done.skipped) == (ImportState.DONE, 120, 0)
    page = [photo async for photo in at.catalog.stuck(before=clock.now() + timedelta(days=1))]
    assert len(page) == 120


async def test_photos_kept_elsewhere_get_the_bytes(
    buckets: Cloud, bucket: str, clock: FixedClock
) -> None:
    """Where S3 can't copy them, they pass through, are measured, and equal ones are one."""
    for number in range(5):
        await put(buckets, bucket, f"{number}.jpg", photo(number % 4))
    s3 = await clients.s3(buckets.context)
    blobs = MemoryBlobStore(clock)
    at = Desk(clock, S3Source(s3, (), None), blobs, bucket)
    done = await at.run(f"s3://{bucket}")
    assert (done.copied, done.duplicates) == (4, 1)
    page = await at.catalog.page(ADA, Query(), Sort.OLDEST_CREATED, after=None, limit=10)
    kept = {await read(blobs, BlobKey(ADA, BlobKind.ORIGINAL, each.id)) for each in page.photos}
    assert kept == {photo(number) for number in range(4)}


async def test_another_version_is_never_taken(
    buckets: Cloud, bucket: str, source: S3Source, store: S3BlobStore, clock: FixedClock
) -> None:
    """An object that was overwritten since it was listed is refused, whenever that happened."""
    key = BlobKey(ADA, BlobKind.ORIGINAL, Maker(clock).photo_id())
    await put(buckets, bucket, "a.jpg", photo(1))
    place = Source.parse(f"s3://{bucket}")
    (file,) = await listed(source, f"s3://{bucket}")
    async with source.open(place, file) as reading:
        await put(buckets, bucket, "a.jpg", photo(2))
        with pytest.raises(Invalid) as caught:
            await reading.copy_to(key, content_type="image/jpeg")
        assert caught.value.code == "file_changed"
    with pytest.raises(NotFound):
        await store.stat(key)
    with pytest.raises(Invalid) as caught:
        async with source.open(place, file):
            pass
    assert caught.value.code == "file_changed"
    (anew,) = await listed(source, f"s3://{bucket}")
    assert anew.mark != file.mark


async def test_an_object_that_is_gone_is_not_found(
    buckets: Cloud, bucket: str, source: S3Source
) -> None:
    """So that the others go on."""
    await put(buckets, bucket, "a.jpg", photo(1))
    (file,) = await listed(source, f"s3://{bucket}")
    s3 = await clients.s3(buckets.context)
    await s3.delete_object(Bucket=bucket, Key="a.jpg")
    with pytest.raises(NotFound) as caught:
        async with source.open(Source.parse(f"s3://{bucket}"), file):
            pass
    assert caught.value.code == "file_gone"


async def test_a_copy_made_twice_is_one(
    buckets: Cloud, bucket: str, source: S3Source, store: S3BlobStore, clock: FixedClock
) -> None:
    """What is there already stays."""
    key = BlobKey(ADA, BlobKind.ORIGINAL, Maker(clock).photo_id())
    await put(buckets, bucket, "a.jpg", photo(1))
    (file,) = await listed(source, f"s3://{bucket}")
    async with source.open(Source.parse(f"s3://{bucket}"), file) as reading:
        for _ in range(2):
            assert await reading.copy_to(key, content_type="image/jpeg")
    assert await read(store, key) == photo(1)


@pytest.mark.parametrize("limit", [1, 3, 1000])
async def test_pages_go_on_after_a_key(
    buckets: Cloud, bucket: str, source: S3Source, limit: int
) -> None:
    """Of any characters, and with folders' own objects in between."""
    keys = ["a", "a b", "b/", "b/+", "b/%2f", "b/é", "c/", "c/🏔️/x"]
    for key in keys:
        await put(buckets, bucket, key, b"" if key.endswith("/") else b"x")
    found = await listed(source, f"s3://{bucket}", limit)
    assert [file.path for file in found] == [key for key in sorted(keys) if key[-1] != "/"]


async def test_a_bucket_that_is_not_there_is_no_source(source: S3Source) -> None:
    """The import ends with that, and is not tried again and again."""
    with pytest.raises(Invalid) as caught:
        await listed(source, "s3://no-such-bucket-anywhere")
    assert caught.value.code == "source_not_found"


async def test_our_own_buckets_are_no_source(buckets: Cloud, source: S3Source) -> None:
    """The photos of all owners lie in them."""
    for bucket in (buckets.settings.s3_bucket, buckets.settings.s3_working_bucket):
        with pytest.raises(Invalid) as caught:
            await listed(source, f"s3://{bucket}")
        assert caught.value.code == "source_not_readable"
