"""An archive as a virtual file: every byte has its place before any photo is read.

Members are stored, not deflated, and their sizes and CRC-32 are known; so the layout of the ZIP is
a pure function of its members, and any range of it can be made without the rest. The format is
PKWARE's APPNOTE.TXT 6.3.10; numbers in comments are its sections.

- Local headers carry real sizes and checksums, with no data descriptors (4.3.9), so that tools
  which read from a pipe can read them.
- ZIP64 (4.5.3) appears only where a size, an offset or a count doesn't fit.
- Names are UTF-8 and say so (4.4.4, bit 11); files are 0644 and made on Unix (4.4.2).
"""

import struct
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_MAX_32: Final = 0xFFFFFFFF
_MAX_16: Final = 0xFFFF
_UTF8: Final = 1 << 11
_VERSION: Final = 20
_VERSION_ZIP64: Final = 45
_MADE_ON_UNIX: Final = 3 << 8
_REGULAR_0644: Final = 0o100644 << 16
_ZIP64_EXTRA: Final = 0x0001

_LOCAL: Final = struct.Struct("<4s5H3L2H")  # 4.3.7
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_END: Final = struct.Struct("<4s4H2LH")  # 4.3.16
_END_ZIP64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR_ZIP64: Final = struct.Struct("<4sLQL")  # 4.3.15
_EXTRA_ZIP64_LOCAL: Final = struct.Struct("<2H2Q")
_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2107

# Headers of the central directory are made this many at a time when a range asks for them.
_CENTRAL_GROUP: Final = 256


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. *size* is in bytes; *modified* is kept to two seconds.

    A member with *content* brings its own bytes, made when they are wanted; the bytes of any other
    are the reader's affair.
    """

    name: str
    size: int
    crc32: int
    modified: datetime
    content: Callable[[], bytes] | None = None


def inline(name: str, content: Callable[[], bytes], modified: datetime) -> Member:
    """Make a member of bytes that *content* gives, the same at each call."""
    data = content()
    return Member(name, len(data), zlib.crc32(data), modified, content)


@dataclass(frozen=True, slots=True)
class Literal:
    """Bytes of the archive itself."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes *start* up to *stop* of the member with this *index*."""

    index: int
    start: int
    stop: int


Segment = Literal | Slice


class Archive:
    """The layout of a ZIP with *members*, in that order. It holds no bytes of photos."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._starts = array("Q")
        self._central_starts = array("Q")
        position = 0
        for member in members:
            self._starts.append(position)
            position += _local_size(member) + member.size
        self._central_start = position
        for index, member in enumerate(members):
            if index % _CENTRAL_GROUP == 0:
                self._central_starts.append(position)
            position += _central_size(member, self._starts[index])
        self._end_start = position
        self._end = self._end_records()
        self.size = position + len(self._end)

    def segments(self, start: int = 0, stop: int | None = None) -> Iterator[Segment]:
        """Give the bytes from *start* up to *stop*, in order and without gaps."""
        stop = self.size if stop is None else min(stop, self.size)
        yield from self._member_segments(start, min(stop, self._central_start))
        yield from self._central_segments(max(start, self._central_start), stop)
        if stop > max(start, self._end_start):
            yield Literal(self._end[max(start - self._end_start, 0) : stop - self._end_start])

    def _member_segments(self, start: int, stop: int) -> Iterator[Segment]:
        if start >= stop:
            return
        for index in range(bisect_right(self._starts, start) - 1, len(self.members)):
            at = self._starts[index]
            if at >= stop:
                return
            yield from self._one_member(index, max(start - at, 0), stop - at)

    def _one_member(self, index: int, start: int, stop: int) -> Iterator[Segment]:
        """Give a part of one member, header and all; *start* and *stop* count from its header."""
        member = self.members[index]
        header_size = _local_size(member)
        if start < header_size:
            yield Literal(_local_header(member)[start:stop])
        first, last = max(start - header_size, 0), min(stop - header_size, member.size)
        if first >= last:
            return
        if member.content:
            yield Literal(member.content()[first:last])
        else:
            yield Slice(index, first, last)

    def _central_segments(self, start: int, stop: int) -> Iterator[Segment]:
        stop = min(stop, self._end_start)
        if start >= stop:
            return
        for group in range(
            bisect_right(self._central_starts, start) - 1, len(self._central_starts)
        ):
            at = self._central_starts[group]
            if at >= stop:
                return
            yield Literal(self._central_group(group)[max(start - at, 0) : stop - at])

    def _central_group(self, group: int) -> bytes:
        first = group * _CENTRAL_GROUP
        last = min(first + _CENTRAL_GROUP, len(self.members))
        return b"".join(
            _central_header(self.members[index], self._starts[index])
            for index in range(first, last)
        )

    def _end_records(self) -> bytes:
        count, start = len(self.members), self._central_start
        size = self._end_start - start
        end = _END.pack(
            b"PK\5\6", 0, 0,
            min(count, _MAX_16), min(count, _MAX_16), min(size, _MAX_32), min(start, _MAX_32), 0,
        )  # fmt: skip
        if count < _MAX_16 and size < _MAX_32 and start < _MAX_32:
            return end
        made_by = _VERSION_ZIP64 | _MADE_ON_UNIX
        record = _END_ZIP64.pack(
            b"PK\6\6",
            _END_ZIP64.size - 12,
            made_by,
            _VERSION_ZIP64,
            0,
            0,
            count,
            count,
            size,
            start,
        )
        return record + _LOCATOR_ZIP64.pack(b"PK\6\7", 0, self._end_start, 1) + end


def archive_size(members: Iterable[Member]) -> int:
    """Say how long the archive of *members* is."""
    return Archive(list(members)).size


def _is_large(member: Member) -> bool:
    # A size of exactly 0xFFFFFFFF is what marks ZIP64, so it needs ZIP64 itself.
    return member.size >= _MAX_32


def _local_size(member: Member) -> int:
    extra = _EXTRA_ZIP64_LOCAL.size if _is_large(member) else 0
    return _LOCAL.size + len(member.name.encode()) + extra


def _central_size(member: Member, offset: int) -> int:
    return _CENTRAL.size + len(member.name.encode()) + len(_central_extra(member, offset))


def _local_header(member: Member) -> bytes:
    name, large = member.name.encode(), _is_large(member)
    size = _MAX_32 if large else member.size
    # Both sizes are needed in a local header, even if only one were too large (4.5.3).
    extra = _EXTRA_ZIP64_LOCAL.pack(_ZIP64_EXTRA, 16, member.size, member.size) if large else b""
    version = _VERSION_ZIP64 if large else _VERSION
    time, date = _dos_time(member.modified)
    header = _LOCAL.pack(
        b"PK\3\4", version, _UTF8, 0, time, date, member.crc32, size, size, len(name), len(extra)
    )
    return header + name + extra


def _central_header(member: Member, offset: int) -> bytes:
    name, extra = member.name.encode(), _central_extra(member, offset)
    size = _MAX_32 if _is_large(member) else member.size
    version = _VERSION_ZIP64 if extra else _VERSION
    time, date = _dos_time(member.modified)
    header = _CENTRAL.pack(
        b"PK\1\2", version | _MADE_ON_UNIX, version, _UTF8, 0, time, date, member.crc32,
        size, size, len(name), len(extra), 0, 0, 0, _REGULAR_0644, min(offset, _MAX_32),
    )  # fmt: skip
    return header + name + extra


def _central_extra(member: Member, offset: int) -> bytes:
    """Hold the values that don't fit, in the order of 4.5.3: sizes, then offset."""
    values = [member.size, member.size] if _is_large(member) else []
    if offset >= _MAX_32:
        values.append(offset)
    if not values:
        return b""
    return struct.pack(f"<2H{len(values)}Q", _ZIP64_EXTRA, 8 * len(values), *values)


def _dos_time(moment: datetime) -> tuple[int, int]:
    """Write a time the way of MS-DOS: years 1980 to 2107, in steps of two seconds (4.4.6)."""
    if moment.year < _FIRST_YEAR:
        return 0, 1 << 5 | 1
    year = min(moment.year, _LAST_YEAR) - _FIRST_YEAR
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, year << 9 | moment.month << 5 | moment.day
