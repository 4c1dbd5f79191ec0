"""One service per data folder, kept so by the kernel."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtag.domain.errors import Invalid


@contextmanager
def open_data_dir(path: Path) -> Iterator[Path]:
    """Make the data folder, readable by nobody else, and be the only service on it.

    Raises `Invalid`, code ``data_dir_in_use`` with the other's process id, when a service runs on
    it already, and ``data_dir_unusable`` when it can't be made or written to. The lock is the
    kernel's and ends with the process, however that ends.
    """
    descriptor = _open(make_data_dir(path) / "lock")
    try:
        _lock(descriptor)
        yield path
    finally:
        os.close(descriptor)


def make_data_dir(path: Path) -> Path:
    """Make the data folder if it isn't there. Errors as in `open_data_dir`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(error) from error
    return path


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(error) from error


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        msg = f"imgtag is already running on this data folder, as process {holder}"
        raise Invalid(msg, code="data_dir_in_use") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _unusable(error: OSError) -> Invalid:
    msg = f"the data folder can't be used: {error.strerror}"
    return Invalid(msg, code="data_dir_unusable")
