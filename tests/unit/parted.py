"""Blobs in memory that archives are built on, as on S3."""

import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO

from imgtag.backends.memory import MemoryBlobStore
from imgtag.domain.errors import Archived, NotFound
from imgtag.domain.events import BundleRequested
from imgtag.domain.keys import BlobKey
from imgtag.ports import Clock


@dataclass
class Parts:
    """One upload; it shows nothing before `finish`."""

    store: "PartedBlobStore"
    key: BlobKey
    checkpoint: str
    sent: dict[int, bytes] = field(default_factory=dict)

    @property
    def done(self) -> dict[int, int]:
        return {number: len(content) for number, content in self.sent.items()}

    async def put(self, number: int, content: BytesIO, crc32: int) -> None:
        self.sent[number] = content.getvalue()
        assert zlib.crc32(self.sent[number]) == crc32

    async def finish(self) -> None:
        whole = b"".join(content for _, content in sorted(self.sent.items()))
        self.store.put(self.key, whole, "application/zip")
        await self.abort()

    async def abort(self) -> None:
        self.store.uploads.pop(self.checkpoint, None)


class PartedBlobStore(MemoryBlobStore):
    """A `PartedStore`; *uploads* are those under way, *archived* photos don't come back."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.uploads: dict[str, Parts] = {}
        self.archived: set[BlobKey] = set()
        self.deleted: list[BlobKey] = []

    async def write_parts(
        self, key: BlobKey, *, content_type: str, checkpoint: str | None = None
    ) -> Parts:
        """Begin, or carry on."""
        if checkpoint and checkpoint not in self.uploads:
            msg = f"no upload of {content_type}"
            raise NotFound(msg)
        upload = checkpoint or f"upload-{len(self.uploads)}"
        return self.uploads.setdefault(upload, Parts(self, key, upload))

    @asynccontextmanager
    async def read(
        self, key: BlobKey, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        if key in self.archived:
            msg = "it has to be restored first"
            raise Archived(msg)
        async with super().read(key, start, stop) as chunks:
            yield chunks

    async def restore(self, keys: Sequence[BlobKey], event: BundleRequested) -> int:
        """Count those that are archived; *event* is never sent."""
        return len(self.archived.intersection(keys)) if event else 0

    async def delete(self, key: BlobKey) -> None:
        self.deleted.append(key)
        await super().delete(key)

    async def download_url(
        self, key: BlobKey, *, file_name: str, content_type: str, expires_in: timedelta
    ) -> str:
        return f"https://store.example/{key}?{file_name}&{content_type}&{expires_in.seconds}"
