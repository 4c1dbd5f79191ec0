"""Files that are whole, and still there after the power has failed."""

import errno
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from imgtag.domain.errors import Unavailable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MAX_KNOWN_FOLDERS: Final = 10_000


class Folders:
    """Makes folders below *root* that stay; remembers which ones need no more attention."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._known = {self._root}

    def ensure(self, folder: str) -> None:
        """Make *folder* and its parents, each one durable in the one above."""
        if folder in self._known:
            return
        parent = str(Path(folder).parent)
        self.ensure(parent)
        Path(folder).mkdir(mode=0o700, exist_ok=True)
        sync_folder(parent)
        if len(self._known) >= _MAX_KNOWN_FOLDERS:
            self._known = {self._root}
        self._known.add(folder)


def sync_file(descriptor: int) -> None:
    """Wait until the file is on the disk."""
    if sys.platform == "darwin":
        # There fsync stops at the drive's cache: developer.apple.com, fcntl(2).
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path | str) -> None:
    """Wait until the names in *folder* are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Replace the file at *path*, in a folder that exists; nobody ever sees half of it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            sync_file(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


@contextmanager
def workshop(root: Path) -> Iterator[Path]:
    """Give this process a folder of its own under *root* for files that are not whole yet.

    It is gone at the end, and so are those that processes left behind when they were killed.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(root, fcntl.LOCK_EX):
        _sweep(root)
        mine = Path(tempfile.mkdtemp(dir=root))
        lock = os.open(mine, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)
        os.close(lock)


def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        try:
            with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue  # its process is alive


@contextmanager
def _locked(folder: Path, operation: int) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn what the file system raises into `Unavailable`, without a path in the words."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            msg = "the disk is full"
            raise Unavailable(msg, code="storage_full", retry_after_seconds=60) from error
        msg = f"the disk can't be read or written: {error.strerror}"
        raise Unavailable(msg, code="storage_failed", retry_after_seconds=30) from error
