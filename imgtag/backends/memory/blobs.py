"""Blobs in a dictionary."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from imgtag.domain.errors import NotFound
from imgtag.domain.keys import BlobKey
from imgtag.ports import BlobInfo, BlobWriter, Clock, UploadTerms, UploadTicket

CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Blob:
    content: bytes
    info: BlobInfo


class _Writer:
    def __init__(self) -> None:
        self.content = bytearray()

    async def write(self, chunk: bytes) -> None:
        self.content += chunk


class MemoryBlobStore:
    """Keeps blobs in this process; imgtag takes and sends the bytes itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._blobs: dict[BlobKey, _Blob] = {}

    async def stat(self, key: BlobKey) -> BlobInfo:
        return self._find(key).info

    @asynccontextmanager
    async def read(
        self, key: BlobKey, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        yield _chunks(self._find(key).content[start:stop])

    @asynccontextmanager
    async def write(self, key: BlobKey, *, content_type: str) -> AsyncIterator[BlobWriter]:
        writer = _Writer()
        yield writer
        self.put(key, bytes(writer.content), content_type)

    def put(self, key: BlobKey, content: bytes, content_type: str) -> None:
        """Put *content* there at once, for tests that need a blob and test something else."""
        info = BlobInfo(len(content), content_type, self._clock.now())
        self._blobs[key] = _Blob(content, info)

    async def delete(self, key: BlobKey) -> None:
        self._blobs.pop(key, None)

    async def keys(self) -> AsyncIterator[BlobKey]:
        for key in list(self._blobs):
            yield key

    def local_path(self, key: BlobKey) -> str | None:  # noqa: ARG002
        return None

    async def upload_ticket(self, key: BlobKey, terms: UploadTerms) -> UploadTicket | None:  # noqa: ARG002
        return None

    async def download_url(
        self,
        key: BlobKey,  # noqa: ARG002
        *,
        file_name: str,  # noqa: ARG002
        content_type: str,  # noqa: ARG002
        expires_in: timedelta,  # noqa: ARG002
    ) -> str | None:
        return None

    def _find(self, key: BlobKey) -> _Blob:
        if key not in self._blobs:
            msg = "there is no such blob"
            raise NotFound(msg)
        return self._blobs[key]


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]
