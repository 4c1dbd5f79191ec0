"""Finding the photos in folders, and reading from a file what the server wants to know first."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imgtag.imaging.formats import HEAD_BYTES, content_type_of
from imgtag.imaging.model import Refused


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that is a photo by its content. *size* is in bytes."""

    path: Path
    size: int
    content_type: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name as Unicode; bytes that are none become U+FFFD."""
        return os.fsencode(self.path.name).decode(errors="replace")


def files_under(
    paths: Iterable[Path], report: Callable[[OSError], None] = lambda _: None
) -> Iterator[Path]:
    """Give the files at and below *paths*, each folder in order of names.

    What is hidden is left out, unless it is in *paths* itself; links are followed, and no folder is
    entered twice. A folder that can't be read goes to *report*.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if path.is_dir():
            yield from _walk(path, seen, report)
        else:
            yield path


def _walk(
    folder: Path, seen: set[tuple[int, int]], report: Callable[[OSError], None]
) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            if path.is_dir():
                waiting += _members(path, seen)
            elif path.is_file():
                yield path
        except OSError as error:
            report(error)


def _members(folder: Path, seen: set[tuple[int, int]]) -> list[Path]:
    """List what is in *folder*, last name first, or nothing the second time."""
    about = folder.stat()
    identity = about.st_dev, about.st_ino
    if identity in seen:
        return []
    seen.add(identity)
    with os.scandir(folder) as entries:
        names = sorted((entry.name for entry in entries if entry.name[0] != "."), reverse=True)
    return [folder / name for name in names]


def read_file(path: Path) -> LocalFile:
    """Measure a file and recognise it by its content.

    Raises `Refused` for what is no photo, and `OSError`.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise Refused("unsupported_format", "this is not a file")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        content_type = content_type_of(head)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return LocalFile(path, file.tell(), content_type, sha256)
