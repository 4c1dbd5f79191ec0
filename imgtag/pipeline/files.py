"""Files of this machine, opened ahead of the sender and checked against what ingest recorded."""

import os
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from imgtag.pipeline.archive import Member
from imgtag.pipeline.download import Damaged

_READ_BYTES: Final = 1024 * 1024
REMEMBERED: Final = 200_000


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A checked file: bytes *start* up to *stop* of *descriptor* are to be sent."""

    descriptor: int
    start: int
    stop: int

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)


class FileChecker:
    """Opens files and makes sure that their bytes are the ones that came.

    A file is read once for its CRC-32, which also brings it into the page cache, so that sending it
    doesn't wait for the disk; after that, a file whose inode, times and size are the same is taken
    to be the same. Blocks: call it in a thread. Safe to use from several.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, ...], int] = OrderedDict()
        self._lock = Lock()

    def open(self, index: int, member: Member, path: Path, start: int, stop: int) -> OpenFile:
        """Open one member's file. Raises `Damaged`."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Damaged(index, "its bytes are gone") from error
        try:
            self._check(index, member, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return OpenFile(descriptor, start, stop)

    def _check(self, index: int, member: Member, descriptor: int) -> None:
        facts = os.fstat(descriptor)
        if facts.st_size != member.size:
            raise Damaged(index, f"it has {facts.st_size} bytes and should have {member.size}")
        identity = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns, member.size)
        crc32 = self._known.get(identity)
        if crc32 is None:
            crc32 = _crc32(index, descriptor)
            self._remember(identity, crc32)
        if crc32 != member.crc32:
            raise Damaged(index, "its bytes are not the ones that came")

    def _remember(self, identity: tuple[int, ...], crc32: int) -> None:
        with self._lock:
            self._known[identity] = crc32
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def _crc32(index: int, descriptor: int) -> int:
    crc32, position = 0, 0
    buffer = bytearray(_READ_BYTES)
    try:
        while size := os.preadv(descriptor, [buffer], position):
            crc32 = zlib.crc32(memoryview(buffer)[:size], crc32)
            position += size
    except OSError as error:
        raise Damaged(index, "its bytes can't be read") from error
    return crc32
