"""Buckets that photos are imported from, copied by S3 itself where photos are kept there."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import ARCHIVED, LOST_RACE, code_of, translated
from imgtag.backends.aws.places import Places, Where
from imgtag.backends.aws.tickets import STORAGE_CLASS
from imgtag.domain.errors import Invalid, NotFound
from imgtag.domain.keys import BlobKey
from imgtag.domain.photos import Failure
from imgtag.domain.sources import Source
from imgtag.ports import SourceFile, SourcePage, SourceReading

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import ObjectTypeDef

HEAD_BYTES: Final = 4096
PIECE_BYTES: Final = 1024 * 1024
# docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
MAX_KEYS: Final = 1000

_ASLEEP: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_ARCHIVED: Final = Failure("archived", "it lies in an archive tier and has to be restored first")
_CHANGED: Final = Failure("file_changed", "it was changed while it was imported")
_UNREADABLE: Final = Failure("unreadable", "AWS refuses to hand it out to imgtag's role")
_NO_SUCH: Final = frozenset({"NoSuchBucket", "InvalidBucketName"})
_REFUSED: Final = frozenset({"AccessDenied", "AllAccessDisabled", "403"})
# With a customer's own key, S3 asks for that key.
_LOCKED: Final = _REFUSED | {"InvalidRequest", "KMS.DisabledException", "KMS.NotFoundException"}


class S3Source:
    """Reads buckets. With *places*, photos are kept on S3 too; nothing is imported from there."""

    def __init__(self, s3: "S3Client", own: Collection[str], places: Places | None) -> None:
        self._s3 = s3
        self._own = own
        self._places = places

    async def page(self, source: Source, *, after: str | None, limit: int) -> SourcePage:
        if source.bucket in self._own:
            raise Invalid("imgtag keeps its own photos in this bucket", code="source_not_readable")
        options: dict[str, Any] = {"StartAfter": after} if after else {}
        with _source_errors():
            told = await self._s3.list_objects_v2(
                Bucket=source.bucket,
                Prefix=source.prefix,
                MaxKeys=min(limit, MAX_KEYS),
                **options,
            )
        objects = told.get("Contents", [])
        files = [_file(source, each) for each in objects if each["Size"] or each["Key"][-1:] != "/"]
        return SourcePage(files, objects[-1]["Key"] if told["IsTruncated"] else None)

    @asynccontextmanager
    async def open(self, source: Source, file: SourceFile) -> AsyncIterator[SourceReading]:
        if file.refusal:
            raise Invalid(file.refusal.detail, code=file.refusal.code)
        reading = _Reading(self._s3, source.bucket, file, self._places)
        async with aclosing(reading):
            await reading.begin()
            yield reading


class _Reading:
    """One object, read and copied only as the version that was listed."""

    def __init__(
        self, s3: "S3Client", bucket: str, file: SourceFile, places: Places | None
    ) -> None:
        self.head = b""
        self._s3 = s3
        self._where: Where = {"Bucket": bucket, "Key": file.key}
        self._etag = file.mark.partition(" ")[0]
        self._size = file.size
        self._places = places
        self._chunks = self._read(file.size)

    async def begin(self) -> None:
        """Read the beginning."""
        stop = min(HEAD_BYTES, self._size)
        self.head = b"".join([chunk async for chunk in self._read(stop)])

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        """End reading."""
        await self._chunks.aclose()

    async def _read(self, stop: int) -> AsyncGenerator[bytes, None]:
        if not stop:
            return
        with _file_errors():
            told = await self._s3.get_object(
                **self._where, IfMatch=self._etag, Range=f"bytes=0-{stop - 1}"
            )
            async with told["Body"] as body:
                while chunk := await body.content.read(PIECE_BYTES):
                    yield chunk

    async def copy_to(self, key: BlobKey, *, content_type: str) -> bool:
        if self._places is None:
            return False
        target = self._places.of_blob(key).arguments
        with _file_errors():
            try:
                await self._s3.copy_object(
                    **target,
                    CopySource={"Bucket": self._where["Bucket"], "Key": self._where["Key"]},
                    CopySourceIfMatch=self._etag,
                    IfNoneMatch="*",
                    # Nothing but the bytes: neither what others noted beside them, nor their tags,
                    # which would take a permission of their own to read.
                    MetadataDirective="REPLACE",
                    TaggingDirective="REPLACE",
                    ContentType=content_type,
                    StorageClass=STORAGE_CLASS,
                )
            except ClientError as error:
                # Either the target is there, or the file has changed.
                if code_of(error) not in LOST_RACE or not await self._is_there(target):
                    raise
        return True

    async def _is_there(self, target: Where) -> bool:
        try:
            with translated("blob"):
                await self._s3.head_object(**target)
        except NotFound:
            return False
        return True


def _file(source: Source, found: "ObjectTypeDef") -> SourceFile:
    key, etag = found["Key"], found["ETag"].strip('"')
    place = hashlib.sha256(f"s3 {source.bucket}/{key}".encode()).hexdigest()
    return SourceFile(
        key=key,
        path=key.removeprefix(source.prefix),
        size=found["Size"],
        mark=f"{etag} {place}",
        refusal=_ARCHIVED if found.get("StorageClass") in _ASLEEP else None,
    )


@contextmanager
def _source_errors() -> Iterator[None]:
    with translated("bucket"):
        try:
            yield
        except ClientError as error:
            if code_of(error) in _NO_SUCH:
                raise Invalid("there is no such bucket", code="source_not_found") from error
            if code_of(error) in _REFUSED:
                detail = "AWS refuses to list this bucket for imgtag's role"
                raise Invalid(detail, code="source_not_readable") from error
            raise


@contextmanager
def _file_errors() -> Iterator[None]:
    """What is at fault with one object is no reason to try again, nor to end the import."""
    with translated("file"):
        try:
            yield
        except ClientError as error:
            code = code_of(error)
            for codes, why in (
                (ARCHIVED, _ARCHIVED),
                (LOST_RACE, _CHANGED),
                (_LOCKED, _UNREADABLE),
            ):
                if code in codes:
                    raise Invalid(why.detail, code=why.code) from error
            if code in {"NoSuchKey", "404"}:
                raise NotFound("it was removed meanwhile", code="file_gone") from error
            raise


@asynccontextmanager
async def open_source(context: Context) -> AsyncIterator[S3Source]:
    """Open S3 as a source; the region and the credentials are those of everything else."""
    settings = context.settings
    own = {settings.s3_bucket, settings.s3_working_bucket} - {""}
    # S3 tells of what it has copied on SQS and nowhere else.
    direct = settings.blobs == "s3" and settings.queue == "sqs"
    places = Places.of(settings) if direct else None
    yield S3Source(await clients.s3(context), own, places)
