"""What S3 asks of uploads and reads that no contract can ask: signatures, tiers, faults."""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from imgtag.backends.aws import BACKENDS, clients
from imgtag.backends.aws.blobs import S3BlobStore
from imgtag.domain.errors import NotFound, Unavailable
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import UploadTerms, UploadTicket
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.blob_store import key_of, read, write
from imgtag.testing.photos import ADA, Maker
from tests.aws.cloud import Cloud

PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 40
JPEG = "image/jpeg"


@pytest.fixture
def clock() -> FixedClock:
    """Stand at the real time, by which signatures end."""
    return FixedClock(datetime.now(UTC))


@pytest.fixture
async def store(buckets: Cloud) -> AsyncIterator[S3BlobStore]:
    """Give an empty store."""
    async with BACKENDS["s3"].blobs(buckets.context) as store:
        yield store


@pytest.fixture
def key(clock: FixedClock) -> BlobKey:
    """Name an original."""
    return key_of(Maker(clock))


def terms(clock: FixedClock, **known: object) -> UploadTerms:
    """Make the terms of `PHOTO`."""
    fields = {"size": len(PHOTO), "sha256": hashlib.sha256(PHOTO).hexdigest(), **known}
    return UploadTerms(JPEG, 1 << 20, clock.now() + timedelta(minutes=5), **fields)  # type: ignore[arg-type]


async def send(ticket: UploadTicket | None, body: bytes = PHOTO, **headers: str) -> int:
    """Upload as a browser does; an empty header is left out."""
    assert ticket is not None
    merged = {name: value for name, value in {**ticket.headers, **headers}.items() if value}
    async with (
        aiohttp.ClientSession() as http,
        http.request(ticket.method, ticket.url, data=body, headers=merged) as answer,
    ):
        return answer.status


async def test_a_ticket_takes_what_it_was_given_for(
    store: S3BlobStore, key: BlobKey, clock: FixedClock
) -> None:
    """The bytes arrive at once in Intelligent-Tiering."""
    assert await send(await store.upload_ticket(key, terms(clock))) == 200
    assert await read(store, key) == PHOTO


async def test_a_photo_is_stored_in_intelligent_tiering(
    store: S3BlobStore,
    key: BlobKey,
    clock: FixedClock,
    buckets: Cloud,
) -> None:
    """Originals are, however they come in; thumbnails are not."""
    await send(await store.upload_ticket(key, terms(clock)))
    thumbnail = BlobKey(ADA, BlobKind.THUMBNAIL, key.name)
    await write(store, thumbnail, PHOTO)
    s3 = await clients.s3(buckets.context)
    told = await s3.list_objects_v2(Bucket=buckets.settings.s3_bucket)
    classes = {found["Key"]: found["StorageClass"] for found in told["Contents"]}
    assert classes == {str(key): "INTELLIGENT_TIERING", str(thumbnail): "STANDARD"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PHOTO + b"more", {}),
        (PHOTO[:-1], {}),
        (b"x" * len(PHOTO), {}),
        (PHOTO, {"Content-Type": "image/png"}),
        (PHOTO, {"If-None-Match": ""}),
        (PHOTO, {"x-amz-storage-class": "STANDARD"}),
        (PHOTO, {"x-amz-storage-class": ""}),
        (PHOTO, {"x-amz-checksum-sha256": base64.b64encode(b"0" * 32).decode()}),
        (PHOTO, {"x-amz-acl": "public-read"}),
    ],
)
async def test_a_ticket_takes_nothing_else(
    store: S3BlobStore, key: BlobKey, clock: FixedClock, body: bytes, headers: dict[str, str]
) -> None:
    """Another size, other bytes, another type, a public one: refused, and nothing is there."""
    ticket = await store.upload_ticket(key, terms(clock))
    assert await send(ticket, body, **headers) in {400, 403}
    with pytest.raises(NotFound):
        await store.stat(key)


async def test_a_ticket_works_once(store: S3BlobStore, key: BlobKey, clock: FixedClock) -> None:
    """A photo that is there is not overwritten."""
    ticket = await store.upload_ticket(key, terms(clock, sha256=None))
    assert await send(ticket) == 200
    assert await send(ticket, b"x" * len(PHOTO)) == 412
    assert await read(store, key) == PHOTO


async def test_a_ticket_for_another_key_is_no_ticket(
    store: S3BlobStore, key: BlobKey, clock: FixedClock
) -> None:
    """What is signed is the key too."""
    ticket = await store.upload_ticket(key, terms(clock))
    assert ticket is not None
    other = str(Maker(clock, seed=7).photo_id())
    moved = UploadTicket(
        ticket.url.replace(str(key.name), other), "PUT", ticket.headers, ticket.expires_at
    )
    assert await send(moved) == 403


async def test_the_plain_ticket_needs_no_header_but_the_type(
    store: S3BlobStore, key: BlobKey, clock: FixedClock
) -> None:
    """The first look moves the photo to its place, where a second upload does not reach it."""
    ticket = await store.upload_ticket(key, terms(clock, size=None, sha256=None))
    assert ticket is not None
    assert dict(ticket.headers) == {"Content-Type": JPEG}
    assert await send(ticket) == 200
    assert (await store.stat(key)).size == len(PHOTO)
    assert await send(ticket, b"something else") == 200
    assert await read(store, key) == PHOTO


async def test_a_download_has_its_name(store: S3BlobStore, key: BlobKey) -> None:
    """The signed URL says how the file is called, in any script, and as what to take it."""
    await write(store, key, PHOTO)
    url = await store.download_url(
        key, file_name='Åre "1"\r\n.jpg', content_type=JPEG, expires_in=timedelta(minutes=5)
    )
    async with aiohttp.ClientSession() as http, http.get(str(url)) as answer:
        assert await answer.read() == PHOTO
        shown = answer.headers["Content-Disposition"]
    assert "filename*=UTF-8''%C3%85re%20%221%22%0D%0A.jpg" in shown
    assert "\n" not in shown


@pytest.mark.parametrize("kind", ["throttle", "lost", "truncate"])
async def test_reads_get_over_faults(
    store: S3BlobStore,
    key: BlobKey,
    buckets: Cloud,
    kind: str,
) -> None:
    """Throttled, answered by an error, or cut off in the middle: the bytes come whole."""
    content = PHOTO * 100
    await write(store, key, content)
    buckets.server.steer({"operation": "s3.GET", "rate": 1, "kind": kind, "times": 2})
    assert await read(store, key, 5, len(content) - 5) == content[5:-5]
    assert buckets.server.told()["struck"] == {kind: 2}


async def test_a_store_that_stays_away_is_unavailable(
    store: S3BlobStore,
    key: BlobKey,
    buckets: Cloud,
) -> None:
    """After a few attempts it is said that S3 can't answer now."""
    await write(store, key, PHOTO)
    buckets.server.steer({"operation": "s3.", "rate": 1, "kind": "throttle"})
    with pytest.raises(Unavailable):
        await read(store, key)
    with pytest.raises(Unavailable):
        await store.stat(key)


async def test_an_archived_photo_says_so(
    store: S3BlobStore,
    key: BlobKey,
    buckets: Cloud,
) -> None:
    """It is not absent and not broken: it has to be restored."""
    await write(store, key, PHOTO)
    path = f"/{buckets.settings.s3_bucket}/{key}"
    buckets.server.steer(archived={path: "ARCHIVE_ACCESS"})
    with pytest.raises(Unavailable) as raised:
        await read(store, key)
    assert raised.value.code == "archived"
