"""Archives for tests, and their bytes."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from imgtag.domain.errors import NotFound
from imgtag.pipeline.archive import Archive, Literal, Member, Slice

TAKEN_AT = datetime(2026, 5, 1, 12, 30, 14, tzinfo=UTC)


def lay_out(files: Mapping[str, bytes]) -> Archive:
    """Plan the archive of *files*."""
    return Archive(
        Member(name, len(data), zlib.crc32(data), TAKEN_AT) for name, data in files.items()
    )


def part_of(
    archive: Archive, bodies: Sequence[bytes], start: int = 0, stop: int | None = None
) -> bytes:
    """Make the bytes of a part of *archive*."""
    return b"".join(
        segment.data if isinstance(segment, Literal) else _cut(bodies, segment)
        for segment in archive.segments(start, stop)
    )


def _cut(bodies: Sequence[bytes], part: Slice) -> bytes:
    return bodies[part.member][part.start : part.stop]


class Bodies:
    """A source of members' bytes in memory; None is absent. It counts who reads."""

    def __init__(self, bodies: Sequence[bytes | None]) -> None:
        self.bodies = list(bodies)
        self.reading = 0
        self.most_reading = 0

    def path(self, index: int) -> str | None:
        """Nowhere on this machine."""
        assert 0 <= index < len(self.bodies)
        return None

    @asynccontextmanager
    async def read(self, index: int, start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give a part in pieces."""
        body = self.bodies[index]
        if body is None:
            raise NotFound("gone")
        self.reading += 1
        self.most_reading = max(self.reading, self.most_reading)
        try:
            yield self._pieces(body[start:stop])
        finally:
            self.reading -= 1

    async def _pieces(self, data: bytes) -> AsyncIterator[bytes]:
        middle = len(data) // 2
        for piece in (data[:middle], data[middle:]):
            await asyncio.sleep(0)
            yield piece


class Files(Bodies):
    """A source whose members are files in a folder."""

    def __init__(self, folder: Path, bodies: Sequence[bytes]) -> None:
        super().__init__(bodies)
        self._folder = folder
        for index, body in enumerate(bodies):
            self.file(index).write_bytes(body)

    def file(self, index: int) -> Path:
        """Give the file of a member."""
        return self._folder / str(index)

    def path(self, index: int) -> str:
        """Where a member lies."""
        return str(self.file(index))
