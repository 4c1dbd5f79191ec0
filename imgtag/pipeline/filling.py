"""Filling one part of an archive: all reads at once, each straight to its place.

Where a part is sent as a whole, nothing need wait for its turn, and every byte is copied once and
measured once, as it comes by.
"""

from dataclasses import dataclass, field
from io import BytesIO

from zlib_ng import zlib_ng

from imgtag.domain.errors import NotFound
from imgtag.pipeline.archive import Archive, Literal, Slice
from imgtag.pipeline.download import Damaged, Source
from imgtag.pipeline.together import together


@dataclass(slots=True)
class Part:
    """Bytes of an archive, their CRC-32, and that of each piece of a member among them."""

    content: BytesIO
    crc32: int = 0
    pieces: dict[Slice, int] = field(default_factory=dict)


async def fill(archive: Archive, source: Source, *, start: int, stop: int) -> Part:
    """Read the bytes from *start* up to *stop*. Raises `Damaged` or `Unavailable`."""
    segments = list(archive.segments(start, stop))
    # The buffer is nobody else's: one made of bytes that somebody holds is copied when it is read.
    part = Part(BytesIO(bytes(stop - start)))
    with part.content.getbuffer() as room:
        sums = await _read_all(source, segments, room)
    for segment, crc32 in zip(segments, sums, strict=True):
        part.crc32 = zlib_ng.crc32_combine(part.crc32, crc32, segment.size)
    pieces = zip(segments, sums, strict=True)
    part.pieces = {piece: crc32 for piece, crc32 in pieces if isinstance(piece, Slice)}
    return part


async def _read_all(source: Source, segments: list[Literal | Slice], room: memoryview) -> list[int]:
    at, reads = 0, []
    async with together() as tasks:
        for segment in segments:
            place = room[at : at + segment.size]
            reads.append(tasks.create_task(_read(source, segment, place)))
            at += len(place)
    return [read.result() for read in reads]


async def _read(source: Source, segment: Literal | Slice, place: memoryview) -> int:
    """Put the bytes of *segment* in their *place*, and answer with their CRC-32."""
    with place:
        if isinstance(segment, Literal):
            place[:] = segment.data
            return zlib_ng.crc32(segment.data)
        try:
            async with source.read(segment.member, segment.start, segment.stop) as chunks:
                at = crc32 = 0
                async for chunk in chunks:
                    place[at : at + len(chunk)] = chunk
                    crc32 = zlib_ng.crc32(chunk, crc32)
                    at += len(chunk)
        except NotFound as error:
            raise Damaged(segment.member, "its bytes are gone") from error
        if at != len(place):
            raise Damaged(segment.member, "it has fewer bytes than when it came")
        return crc32


class Members:
    """What is known of the members that lie across parts, until all of one has come by."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: dict[int, dict[int, tuple[int, int]]] = {}

    @property
    def unfinished(self) -> int:
        """Of how many members some bytes have not come by."""
        return len(self._known)

    def check(self, part: Part) -> None:
        """Take note of *part*. Raises `Damaged` for a member that is not what it was."""
        for piece, crc32 in part.pieces.items():
            known = self._known.setdefault(piece.member, {})
            known[piece.start] = (piece.stop, crc32)
            size = self._archive.size_of(piece.member)
            if sum(stop - start for start, (stop, _) in known.items()) == size:
                self._compare(piece.member, self._known.pop(piece.member))

    def _compare(self, index: int, known: dict[int, tuple[int, int]]) -> None:
        whole = 0
        for start, (stop, crc32) in sorted(known.items()):
            whole = zlib_ng.crc32_combine(whole, crc32, stop - start)
        if whole != self._archive.crc32_of(index):
            raise Damaged(index, "its bytes are not the ones that came")
