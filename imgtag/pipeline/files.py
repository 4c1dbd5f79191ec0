"""Files of this machine, opened for the kernel to send and checked against what ingest recorded.

Everything here may wait for the disk: call it in a thread.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
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
    """A file that is open for reading, and what the system said of it then."""

    descriptor: int
    facts: os.stat_result

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.facts.st_size

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)


def open_file(path: Path) -> OpenFile:
    """Open a file. Raises `NotFound`, or `Unavailable` when it may be there all the same."""
    with _FILE_ERRORS:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return OpenFile(descriptor, os.fstat(descriptor))


def warm(file: OpenFile, start: int, stop: int) -> None:
    """Bring bytes *start* up to *stop* into memory, so that sending doesn't wait for the disk."""
    with _FILE_ERRORS:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.descriptor, start, stop - start, os.POSIX_FADV_WILLNEED)
        # The kernel only began to read; the last byte is there when the others are.
        os.pread(file.descriptor, 1, max(start, stop - 1))


class _FileErrors:
    """Translates the operating system's errors. Only absence says something about the file."""

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            msg = "there is no such file"
            raise NotFound(msg) from None
        if isinstance(error, OSError):
            msg = f"a file can't be read: {error.strerror}"
            raise Unavailable(msg) from error


# One for all: a download passes by here several times for each photo.
_FILE_ERRORS: Final = _FileErrors()


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

    def check(self, file: OpenFile, size: int, crc32: int, start: int, stop: int) -> None:
        """Raise `Differs` unless the file has *size* bytes of *crc32*.

        Afterwards, the bytes *start* up to *stop* can be sent without waiting for the disk.
        """
        if file.size != size:
            msg = f"it has {file.size} bytes and should have {size}"
            raise Differs(msg)
        verdict = _identity(file, crc32)
        if self._remembers(verdict):
            warm(file, start, stop)
            return
        if self._crc32(file) != crc32:
            msg = "its bytes are not the ones that came"
            raise Differs(msg)
        self._remember(verdict)

    def _remembers(self, verdict: int) -> bool:
        with self._lock:
            while self._clock() - self._turned_at >= GENERATION_SECONDS:
                self._turn()
                self._turned_at += GENERATION_SECONDS
            return verdict in self._new or verdict in self._old

    def _remember(self, verdict: int) -> None:
        with self._lock:
            if len(self._new) >= GENERATION_FILES:
                self._turn()
            self._new.add(verdict)

    def _turn(self) -> None:
        self._old, self._new = self._new, set()

    def _crc32(self, file: OpenFile) -> int:
        buffer = self._buffer()
        crc32, position = 0, 0
        with _FILE_ERRORS:
            while size := os.preadv(file.descriptor, [buffer], position):
                crc32 = zlib_ng.crc32(buffer[:size], crc32)
                position += size
        return crc32

    def _buffer(self) -> memoryview:
        # Fresh memory for each file would cost more than the checksum (measured: a third).
        if not hasattr(self._buffers, "view"):
            self._buffers.view = memoryview(bytearray(_READ_BYTES))
        view: memoryview = self._buffers.view
        return view


def _identity(file: OpenFile, crc32: int) -> int:
    """Tell a file that was found to have *crc32* from any other.

    64 bits of a hash are kept, not the facts: a tenth of the memory.
    """
    facts = file.facts
    return hash(
        (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, crc32)
    )
