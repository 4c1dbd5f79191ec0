"""The archive of a folder, as ingest would have recorded it."""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from imgtag.pipeline.archive import Archive, Literal, Member

TAKEN_AT = datetime(2026, 5, 1, tzinfo=UTC)


def lay_out(folder: Path) -> Archive:
    """Plan the archive of all files in *folder*."""
    return Archive(members(folder))


def members(folder: Path) -> Iterator[Member]:
    """Describe the files in *folder*, by name."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        yield Member(path.name, len(data), zlib.crc32(data), TAKEN_AT)


def write_archive(folder: Path, target: Path) -> None:
    """Write the same archive as one file."""
    paths = sorted(folder.iterdir())
    with target.open("wb") as file:
        for segment in lay_out(folder).segments():
            if isinstance(segment, Literal):
                file.write(segment.data)
            else:
                file.write(paths[segment.index].read_bytes()[segment.start : segment.stop])
