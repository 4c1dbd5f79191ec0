"""Files of this machine, opened for the kernel to send and checked against what ingest recorded.

Everything here may wait for the disk: call it in a thread.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from zlib_ng import zlib_ng

from imgtag.domain.errors import NotFound, Unavailable

_READ_BYTES: Final = 256 * 1024
# Two generations of verdicts are kept, about 5 MB each at most.
GENERATION_FILES: Final = 50_000
GENERATION_SECONDS: Final = 30 * 60


class Differs(Exception):
    """A file's bytes are not the ones that came; the message says how."""


class OpenFile(NamedTuple):
    """A file that is open for reading, of *size* bytes.

    *identity* is another one after any change that the system knows of. It is 64 bits of a hash,
    which take a tenth of the memory of what they stand for.
    """

    descriptor: int
    size: int
    identity: int

    def fetch(self, start: int, stop: int) -> None:
        """Have bytes *start* up to *stop* brought into memory, without waiting for it."""
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # not every file system takes advice
                os.posix_fadvise(self.descriptor, start, stop - start, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)


def open_file(path: str) -> OpenFile:
    """Open a file. Raises `NotFound`, or `Unavailable` when it may be there all the same."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            facts = os.fstat(descriptor)
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        raise cannot_read(error) from error
    size = facts.st_size
    identity = hash((facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns, size))
    return OpenFile(descriptor, size, identity)


def cannot_read(error: OSError) -> NotFound | Unavailable:
    """Translate the operating system's errors. Only absence says something about the file."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound("there is no such file")
    return Unavailable(f"a file can't be read: {error.strerror}")


class FileChecker:
    """Makes sure that the bytes of files are the ones that came. Safe to use from several threads.

    A file is read once for its CRC-32, which also brings it into memory. After that, a file whose
    inode, times and size are the same is taken to be the same, for up to an hour: what rots on the
    disk does so without a new time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._new: set[int] = set()
        self._old: set[int] = set()
        self._turned_at = clock()
        self._buffers = threading.local()

    def knows(self, file: OpenFile, size: int, crc32: int) -> bool:
        """Tell whether `check` found the file good not long ago."""
        if file.size != size:
            return False
        if self._clock() - self._turned_at >= GENERATION_SECONDS:
            self._age()
        verdict = hash((file.identity, crc32))
        return verdict in self._new or verdict in self._old

    def check(self, file: OpenFile, size: int, crc32: int) -> None:
        """Read the file. Raises `Differs` unless it has *size* bytes of *crc32*."""
        if file.size != size:
            msg = f"it has {file.size} bytes and should have {size}"
            raise Differs(msg)
        if self._crc32(file) != crc32:
            msg = "its bytes are not the ones that came"
            raise Differs(msg)
        with self._lock:
            if len(self._new) >= GENERATION_FILES:
                self._turn()
            self._new.add(hash((file.identity, crc32)))

    def _age(self) -> None:
        with self._lock:
            while self._clock() - self._turned_at >= GENERATION_SECONDS:
                self._turn()
                self._turned_at += GENERATION_SECONDS

    def _turn(self) -> None:
        self._old, self._new = self._new, set()

    def _crc32(self, file: OpenFile) -> int:
        buffer = self._buffer()
        crc32, position = 0, 0
        try:
            while size := os.preadv(file.descriptor, [buffer], position):
                crc32 = zlib_ng.crc32(buffer[:size], crc32)
                position += size
        except OSError as error:
            raise cannot_read(error) from error
        return crc32

    def _buffer(self) -> memoryview:
        # Fresh memory for each file would cost more than the checksum (measured: a third).
        if not hasattr(self._buffers, "view"):
            self._buffers.view = memoryview(bytearray(_READ_BYTES))
        view: memoryview = self._buffers.view
        return view
