"""Large objects in numbered parts; nothing shows before the last step."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from imgtag.backends.aws.errors import translated
from imgtag.backends.aws.places import Place
from imgtag.domain.errors import NotFound, TooLarge

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

MIB: Final = 1024 * 1024
PART_BYTES: Final = 8 * MIB
# docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PARTS: Final = 10_000


def checksum_of(crc32: int) -> str:
    """Write a CRC-32 as S3 does."""
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()


@dataclass(slots=True)
class Multipart:
    """One upload. *upload_id* is all that another process needs to carry on."""

    s3: "S3Client"
    place: Place
    upload_id: str
    _parts: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    async def begin(cls, s3: "S3Client", place: Place, **options: Any) -> "Multipart":
        """Begin an upload; *options* are those of `create_multipart_upload`."""
        with translated("upload"):
            made = await s3.create_multipart_upload(
                **place.arguments, ChecksumAlgorithm="CRC32", **options
            )
        return cls(s3, place, made["UploadId"])

    @classmethod
    async def resume(cls, s3: "S3Client", place: Place, upload_id: str) -> "Multipart":
        """Carry on with an upload from the parts that S3 has. Raises `NotFound`."""
        upload = cls(s3, place, upload_id)
        with translated("upload"):
            pages = s3.get_paginator("list_parts").paginate(**place.arguments, UploadId=upload_id)
            async for page in pages:
                for part in page.get("Parts", ()):
                    upload._parts[part["PartNumber"]] = dict(part)
        return upload

    @property
    def checkpoint(self) -> str:
        """What `resume` needs."""
        return self.upload_id

    @property
    def done(self) -> Mapping[int, int]:
        """The parts that S3 has: number, from 1, to size in bytes."""
        return {number: part["Size"] for number, part in self._parts.items()}

    async def put(self, number: int, content: BytesIO, crc32: int) -> None:
        """Send part *number*, counted from 1; sending it again replaces it."""
        if number > MAX_PARTS:
            msg = f"an upload has at most {MAX_PARTS} parts"
            raise TooLarge(msg)
        checksum, size = checksum_of(crc32), content.getbuffer().nbytes
        with translated("upload"):
            told = await self.s3.upload_part(
                **self.place.arguments,
                UploadId=self.upload_id,
                PartNumber=number,
                Body=content,
                ChecksumCRC32=checksum,
            )
        self._parts[number] = {
            "ETag": told["ETag"],
            "Size": size,
            "ChecksumCRC32": checksum,
        }

    async def finish(self) -> None:
        """Make one object of the parts."""
        parts = [
            {
                "PartNumber": number,
                "ETag": part["ETag"],
                **({"ChecksumCRC32": part["ChecksumCRC32"]} if "ChecksumCRC32" in part else {}),
            }
            for number, part in sorted(self._parts.items())
        ]
        with translated("upload"):
            await self.s3.complete_multipart_upload(
                **self.place.arguments,
                UploadId=self.upload_id,
                MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
            )

    async def abort(self) -> None:
        """Throw the parts away; an upload that has ended is fine."""
        try:
            with translated("upload"):
                await self.s3.abort_multipart_upload(
                    **self.place.arguments, UploadId=self.upload_id
                )
        except NotFound:
            return
