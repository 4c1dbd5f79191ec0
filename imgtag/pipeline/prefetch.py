"""Reading ahead from a store that is far away: several pieces at once, given out in order.

What is held is bounded in bytes by a budget that all downloads share. Bytes are reserved in order,
before a read begins, so the piece that is needed next always has its share and nothing can block.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from zlib_ng import zlib_ng

from imgtag.domain.errors import NotFound, Unavailable
from imgtag.pipeline.archive import Archive, Literal, Segment, Slice
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.download import Damaged, Source
from imgtag.pipeline.together import together

PIECE_BYTES: Final = 1024 * 1024
# Headers count too: this many pieces are about half as many photos.
PIECES_AHEAD: Final = 64


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes that are being read for *part*, and their share of the budget; or literal ones."""

    part: Slice | None
    data: asyncio.Task[bytes | Exception] | bytes
    held: int = 0


class _Reading:
    """One download under way. What it holds of the budget is given back piece by piece."""

    def __init__(self, archive: Archive, source: Source, budget: ByteBudget) -> None:
        self._archive = archive
        self._source = source
        self._share = budget.share()
        self._pieces: asyncio.Queue[_Piece | None] = asyncio.Queue(PIECES_AHEAD)
        self._reads: set[asyncio.Task[bytes | Exception]] = set()
        # The CRC-32 of the member that is going by; None when its beginning was left out.
        self._crc32: int | None = None

    async def feed(self, segments: Iterable[Segment], tasks: asyncio.TaskGroup) -> None:
        """Begin to read *segments*, as far ahead as the budget lets it."""
        for segment in _split(segments):
            if isinstance(segment, Literal):
                piece = _Piece(None, segment.data)
            else:
                held = await self._share.take(segment.size)
                piece = _Piece(segment, self._begin(segment, tasks), held)
            await self._pieces.put(piece)
        await self._pieces.put(None)

    def _begin(self, part: Slice, tasks: asyncio.TaskGroup) -> asyncio.Task[bytes | Exception]:
        read = tasks.create_task(self._read(part))
        self._reads.add(read)
        read.add_done_callback(self._reads.discard)
        return read

    async def _read(self, part: Slice) -> bytes | Exception:
        """Read *part*. What goes wrong is handed over in its turn, not thrown at the others."""
        try:
            async with self._source.read(part.member, part.start, part.stop) as chunks:
                return b"".join([chunk async for chunk in chunks])
        except NotFound:
            return Damaged(part.member, "its bytes are gone")
        except Unavailable as error:
            return error

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the bytes in order. Raises `Damaged` before the end of a bad member."""
        while (piece := await self._pieces.get()) is not None:
            data = piece.data if isinstance(piece.data, bytes) else await piece.data
            if isinstance(data, Exception):
                raise data
            if piece.part:
                self._check(piece.part, data)
            yield data
            self._share.give_back(piece.held)

    def _check(self, part: Slice, data: bytes) -> None:
        if len(data) != part.size:
            raise Damaged(part.member, "it has fewer bytes than when it came")
        if part.start == 0:
            self._crc32 = 0
        if self._crc32 is None:
            return
        self._crc32 = zlib_ng.crc32(data, self._crc32)
        if part.stop == self._archive.size_of(part.member):
            if self._crc32 != self._archive.crc32_of(part.member):
                raise Damaged(part.member, "its bytes are not the ones that came")
            self._crc32 = None

    def end(self) -> None:
        """Stop reading, and give back what was read and not given out."""
        for read in self._reads:
            read.cancel()
        self._share.close()


@asynccontextmanager
async def prefetch(
    archive: Archive, source: Source, budget: ByteBudget, *, start: int, stop: int
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Stream the archive's bytes from *start* up to *stop*, reading ahead within *budget*.

    Leaving the context ends all reading. `Damaged` and `Unavailable` come out of the iterator.
    """
    reading = _Reading(archive, source, budget)
    # Reads hand their errors over, so that one which comes out here is the caller's own or a bug's.
    async with together() as tasks:
        feeder = tasks.create_task(reading.feed(archive.segments(start, stop), tasks))
        try:
            yield reading.chunks()
        finally:
            feeder.cancel()
            reading.end()


def _split(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Cut what is large into pieces that can be read at once and held together."""
    for segment in segments:
        if isinstance(segment, Literal):
            yield segment
            continue
        for start in range(segment.start, segment.stop, PIECE_BYTES):
            yield Slice(segment.member, start, min(start + PIECE_BYTES, segment.stop))
