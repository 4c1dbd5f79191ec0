"""Blobs on S3."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from zlib_ng import zlib_ng

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import translated
from imgtag.backends.aws.multipart import PART_BYTES, Multipart, checksum_of
from imgtag.backends.aws.places import Place, Places
from imgtag.backends.aws.reader import Reader
from imgtag.backends.aws.restores import Restores, Waits
from imgtag.backends.aws.table import Table
from imgtag.backends.aws.tickets import (
    STORAGE_CLASS,
    CloudFront,
    bound_ticket,
    download,
    open_ticket,
    shown_as,
)
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import BundleRequested
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import BlobInfo, BlobWriter, Clock, UploadTerms, UploadTicket

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

READ_BUFFER_BYTES: Final = 256 * 1024


class S3BlobStore:
    """Photos, thumbnails and manifests in one bucket, archives in another.

    An original that was sent to a URL which can't refuse a second upload arrives at another key;
    the first look at it moves it to its place, where nothing overwrites it any more.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        s3: "S3Client",
        reader: Reader,
        places: Places,
        urls: dict[str, str],
        *,
        clock: Clock,
        restores: Restores,
        cloudfront: CloudFront | None = None,
    ) -> None:
        self._restores = restores
        self._s3 = s3
        self._reader = reader
        self._places = places
        self._urls = urls
        self._clock = clock
        self._cloudfront = cloudfront

    async def stat(self, key: BlobKey) -> BlobInfo:
        try:
            return await self._head(self._places.of_blob(key))
        except NotFound:
            await self._settle(key)
            return await self._head(self._places.of_blob(key))

    async def _head(self, place: Place) -> BlobInfo:
        with translated("blob"):
            told = await self._s3.head_object(**place.arguments)
        return BlobInfo(told["ContentLength"], told["ContentType"], told["LastModified"])

    @asynccontextmanager
    async def read(
        self, key: BlobKey, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        if stop is not None and stop <= start:
            await self.stat(key)
            yield _nothing()
            return
        place = self._places.of_blob(key)
        stream = self._reader.open(self._urls[place.bucket] + place.key, start, stop)
        try:
            chunks = await stream.__aenter__()
        except NotFound:
            await self._settle(key)
            stream = self._reader.open(self._urls[place.bucket] + place.key, start, stop)
            chunks = await stream.__aenter__()
        try:
            yield chunks
        finally:
            await stream.__aexit__(None, None, None)

    async def _settle(self, key: BlobKey) -> None:
        """Move an original that has arrived beside its place into it, or raise `NotFound`."""
        if key.kind is not BlobKind.ORIGINAL:
            raise NotFound("there is no such blob")
        incoming = self._places.incoming(key)
        try:
            with translated("blob"):
                await self._s3.copy_object(
                    **self._places.of_blob(key).arguments,
                    CopySource=incoming.arguments,  # type: ignore[arg-type]
                    IfNoneMatch="*",
                    StorageClass=STORAGE_CLASS,
                )
        except Conflict:
            return  # another worker has moved it
        with translated("blob"):
            await self._s3.delete_object(**incoming.arguments)

    @asynccontextmanager
    async def write(self, key: BlobKey, *, content_type: str) -> AsyncIterator[BlobWriter]:
        options: dict[str, Any] = {"ContentType": content_type}
        if key.kind is BlobKind.ORIGINAL:
            options["StorageClass"] = STORAGE_CLASS
        writer = _Writer(self._s3, self._places.of_blob(key), options)
        try:
            yield writer
            await writer.finish()
        except BaseException:
            await writer.abort()
            raise

    async def delete(self, key: BlobKey) -> None:
        with translated("blob"):
            await self._s3.delete_object(**self._places.of_blob(key).arguments)

    async def keys(self) -> AsyncIterator[BlobKey]:
        lister = self._s3.get_paginator("list_objects_v2")
        for kind in BlobKind:
            bucket = self._places.working if kind is BlobKind.ARCHIVE else self._places.photos
            with translated("blobs"):
                async for page in lister.paginate(Bucket=bucket, Prefix=f"{kind}/"):
                    for found in page.get("Contents", ()):
                        try:
                            yield BlobKey.parse(found["Key"])
                        except NotFound:
                            continue  # somebody else's

    async def write_parts(
        self, key: BlobKey, *, content_type: str, checkpoint: str | None = None
    ) -> Multipart:
        """Begin a blob of numbered parts, or carry on with one from its *checkpoint*.

        Raises `NotFound` when what the checkpoint means has been finished or thrown away.
        """
        place = self._places.of_blob(key)
        if checkpoint:
            return await Multipart.resume(self._s3, place, checkpoint)
        return await Multipart.begin(self._s3, place, ContentType=content_type)

    async def restore(self, keys: Sequence[BlobKey], event: BundleRequested) -> int:
        """Bring archived *keys* back: see `Restores.ask`."""
        return await self._restores.ask(keys, event)

    def local_path(self, key: BlobKey) -> str | None:  # noqa: ARG002
        return None

    async def upload_ticket(self, key: BlobKey, terms: UploadTerms) -> UploadTicket | None:
        lifetime = terms.expires_at - self._clock.now()
        if terms.size is None:
            return await open_ticket(self._s3, self._places.incoming(key), terms, lifetime=lifetime)
        place = self._places.of_blob(key)
        return await bound_ticket(self._s3, place, terms, size=terms.size, lifetime=lifetime)

    async def download_url(
        self, key: BlobKey, *, file_name: str, content_type: str, expires_in: timedelta
    ) -> str | None:
        place, shown = self._places.of_blob(key), shown_as(file_name, content_type)
        if self._cloudfront:
            return self._cloudfront.download(place, shown, expires_in)
        return await download(self._s3, place, shown, expires_in)


class _Writer:
    """Holds one part in memory at most; a short blob is a single request."""

    def __init__(self, s3: "S3Client", place: Place, options: dict[str, Any]) -> None:
        self._s3, self._place, self._options = s3, place, options
        self._buffer = bytearray()
        self._upload: Multipart | None = None
        self._number = 0

    async def write(self, chunk: bytes) -> None:
        self._buffer += chunk
        while len(self._buffer) > PART_BYTES:
            part = bytes(self._buffer[:PART_BYTES])
            del self._buffer[:PART_BYTES]
            await self._put(part)

    async def _put(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = await Multipart.begin(self._s3, self._place, **self._options)
        self._number += 1
        await self._upload.put(self._number, BytesIO(part), zlib_ng.crc32(part))

    async def finish(self) -> None:
        body = bytes(self._buffer)
        if self._upload:
            await self._put(body)
            await self._upload.finish()
            return
        with translated("blob"):
            await self._s3.put_object(
                **self._place.arguments,
                **self._options,
                Body=body,
                ChecksumCRC32=checksum_of(zlib_ng.crc32(body)),
            )

    async def abort(self) -> None:
        if self._upload:
            await self._upload.abort()


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in list[bytes]():
        yield chunk


@asynccontextmanager
async def open_blobs(context: Context) -> AsyncIterator[S3BlobStore]:
    """Open the store on the buckets that the settings name."""
    s3, settings = await clients.s3(context), context.settings
    places = Places.of(settings)
    session = await clients.core_session(context)
    with translated("buckets"):
        urls = {bucket: await _url_of(s3, bucket) for bucket in (places.photos, places.working)}
        credentials = await session.get_credentials()
    async with _http(settings.s3_connections) as http:
        permits = asyncio.Semaphore(settings.s3_connections)
        yield S3BlobStore(
            s3,
            Reader(http, credentials, s3.meta.region_name, permits),
            places,
            urls,
            clock=context.clock,
            restores=Restores(s3, places, settings.restore_tier, await _waits(context)),
            cloudfront=CloudFront.of(settings),
        )


async def _waits(context: Context) -> Waits | None:
    if not context.settings.dynamodb_jobs:
        return None
    return Waits(Table(await clients.dynamodb(context), context.settings.dynamodb_jobs))


async def _url_of(s3: "S3Client", bucket: str) -> str:
    """Ask botocore how it addresses a bucket: by host or path, which partition, which endpoint."""
    signed = await s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    return signed.partition("?")[0].removesuffix("k")


def _http(connections: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=clients.CONNECT_SECONDS, sock_read=clients.READ_SECONDS
        ),
        auto_decompress=False,
        read_bufsize=READ_BUFFER_BYTES,
    )
