"""An archive as a virtual file: every byte has its place before any photo is read.

Members are stored, not deflated, and their sizes and CRC-32 are known; so the layout of the ZIP is
a pure function of its members, and any range of it can be made without the rest. What the bytes
mean is in `imgtag.pipeline.records`.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from zlib_ng import zlib_ng

from imgtag.pipeline.records import (
    central_header,
    central_size,
    dos_time,
    end_records,
    local_header,
    local_size,
)

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
    return Member(name, len(data), zlib_ng.crc32(data), modified, content)


# Tuples, for a download has hundreds of thousands of them.
class Literal(NamedTuple):
    """Bytes of the archive itself."""

    data: bytes

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.data)


class Slice(NamedTuple):
    """Bytes *start* up to *stop* of a *member*, by its index."""

    member: int
    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.stop - self.start


Segment = Literal | Slice


class Archive:
    """The layout of a ZIP with *members*, in that order. *size* is its length in bytes.

    It holds no bytes of photos, and of a member little more than its name: about 100 bytes each,
    so that a hundred thousand members cost ten megabytes.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        self._names: list[bytes] = []
        self._sizes = array("Q")
        self._crc32s = array("I")
        self._times = array("I")
        self._starts = array("Q")
        self._contents: dict[int, Callable[[], bytes]] = {}
        self._central_starts = array("Q")
        self._central_start = self._add(members)
        self._end_start = self._place_central()
        central = self._end_start - self._central_start
        self._end = end_records(len(self._names), self._central_start, central)
        self.size = self._end_start + len(self._end)

    def __len__(self) -> int:
        return len(self._names)

    def name_of(self, index: int) -> str:
        """Give a member's name."""
        return self._names[index].decode()

    def size_of(self, index: int) -> int:
        """Give the bytes of a member."""
        return self._sizes[index]

    def crc32_of(self, index: int) -> int:
        """Give a member's checksum."""
        return self._crc32s[index]

    def segments(self, start: int = 0, stop: int | None = None) -> Iterator[Segment]:
        """Give the bytes from *start* up to *stop*, in order and without gaps."""
        stop = self.size if stop is None else min(stop, self.size)
        yield from self._member_segments(start, min(stop, self._central_start))
        yield from self._central_segments(max(start, self._central_start), stop)
        if stop > max(start, self._end_start):
            yield Literal(self._end[max(start - self._end_start, 0) : stop - self._end_start])

    def _add(self, members: Iterable[Member]) -> int:
        position = 0
        for index, member in enumerate(members):
            name = member.name.encode()
            self._names.append(name)
            self._sizes.append(member.size)
            self._crc32s.append(member.crc32)
            self._times.append(dos_time(member.modified))
            self._starts.append(position)
            if member.content:
                self._contents[index] = member.content
            position += local_size(name, member.size) + member.size
        return position

    def _place_central(self) -> int:
        position = self._central_start
        for index, name in enumerate(self._names):
            if index % _CENTRAL_GROUP == 0:
                self._central_starts.append(position)
            position += central_size(name, self._sizes[index], self._starts[index])
        return position

    def _local_header(self, index: int) -> bytes:
        return local_header(
            self._names[index], self._sizes[index], self._crc32s[index], self._times[index]
        )

    def _member_segments(self, start: int, stop: int) -> Iterator[Segment]:
        """Give members' headers and bytes; *start* and *stop* lie before the directory."""
        if start >= stop:
            return
        for index in range(bisect_right(self._starts, start) - 1, len(self._names)):
            at = self._starts[index]
            if at >= stop:
                return
            header = self._local_header(index)
            body = at + len(header)
            if start < body:
                yield Literal(header[max(start - at, 0) : stop - at])
            first, last = max(start - body, 0), min(stop - body, self._sizes[index])
            if first < last:
                yield self._body(index, first, last)

    def _body(self, index: int, start: int, stop: int) -> Segment:
        content = self._contents.get(index)
        return Literal(content()[start:stop]) if content else Slice(index, start, stop)

    def _central_segments(self, start: int, stop: int) -> Iterator[Segment]:
        stop = min(stop, self._end_start)
        if start >= stop:
            return
        first = bisect_right(self._central_starts, start) - 1
        for group in range(first, len(self._central_starts)):
            at = self._central_starts[group]
            if at >= stop:
                return
            yield Literal(self._central_group(group)[max(start - at, 0) : stop - at])

    def _central_group(self, group: int) -> bytes:
        members = slice(group * _CENTRAL_GROUP, (group + 1) * _CENTRAL_GROUP)
        columns = (self._names, self._sizes, self._crc32s, self._times, self._starts)
        return b"".join(map(central_header, *(column[members] for column in columns)))
