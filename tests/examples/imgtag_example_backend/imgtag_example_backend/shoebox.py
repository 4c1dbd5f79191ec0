"""Blobs in one folder: a line of JSON, then the bytes.

It reads and writes where it stands, which holds up everybody else for as long as the disk takes.
That keeps the example short; a store for real use does so in a thread.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from imgtag.domain.errors import NotFound
from imgtag.domain.keys import BlobKey
from imgtag.ports import BlobInfo, BlobWriter, UploadTerms, UploadTicket

CHUNK_BYTES: Final = 256 * 1024
_ENDING: Final = ".blob"


class _Writer:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def write(self, chunk: bytes) -> None:
        """Append *chunk*."""
        self._file.write(chunk)


class Shoebox:
    """Keeps every blob as a file in *folder*, named after the hash of its key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def stat(self, key: BlobKey) -> BlobInfo:
        """Read the first line."""
        with self._open(key) as file:
            content_type = _header(file)["content_type"]
            status = os.fstat(file.fileno())
            modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
            return BlobInfo(status.st_size - file.tell(), content_type, modified_at)

    @asynccontextmanager
    async def read(
        self, key: BlobKey, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read past the first line. The file stays as it was opened, whoever replaces it."""
        with self._open(key) as file:
            _header(file)
            file.seek(start, os.SEEK_CUR)
            yield _chunks(file, None if stop is None else stop - start)

    @asynccontextmanager
    async def write(self, key: BlobKey, *, content_type: str) -> AsyncIterator[BlobWriter]:
        """Write beside the blob, make it durable, then put it in its place in one step."""
        number, name = tempfile.mkstemp(dir=self._folder)
        with ExitStack() as undo, os.fdopen(number, "wb") as file:
            undo.callback(Path(name).unlink, missing_ok=True)
            header = {"key": str(key), "content_type": content_type}
            file.write(json.dumps(header).encode() + b"\n")
            yield _Writer(file)
            self._keep(file, Path(name), self._path(key))

    async def delete(self, key: BlobKey) -> None:
        """Remove the file."""
        self._path(key).unlink(missing_ok=True)

    async def keys(self) -> AsyncIterator[BlobKey]:
        """Read the first line of every file."""
        for path in self._folder.glob(f"*{_ENDING}"):
            with path.open("rb") as file:
                yield BlobKey.parse(_header(file)["key"])

    def local_path(self, key: BlobKey) -> str | None:
        """Hand out no file: the bytes don't start at its beginning."""
        return None

    async def upload_ticket(self, key: BlobKey, terms: UploadTerms) -> UploadTicket | None:
        """Leave taking the bytes to imgtag."""
        return None

    async def download_url(
        self,
        key: BlobKey,
        *,
        file_name: str,
        content_type: str,
        expires_in: timedelta,
    ) -> str | None:
        """Leave sending the bytes to imgtag."""
        return None

    def _path(self, key: BlobKey) -> Path:
        return self._folder / (hashlib.sha256(str(key).encode()).hexdigest() + _ENDING)

    def _open(self, key: BlobKey) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("there is no such blob") from None

    def _keep(self, file: BinaryIO, temporary: Path, place: Path) -> None:
        file.flush()
        os.fsync(file.fileno())
        temporary.replace(place)
        number = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _header(file: BinaryIO) -> dict[str, str]:
    header: dict[str, str] = json.loads(file.readline())
    return header


async def _chunks(file: BinaryIO, left: int | None) -> AsyncIterator[bytes]:
    while chunk := file.read(CHUNK_BYTES if left is None else min(left, CHUNK_BYTES)):
        yield chunk
        if left is not None:
            left -= len(chunk)
