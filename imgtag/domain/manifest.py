"""The frozen list of a bundle, which is the last member of its archive, byte for byte.

It is JSON with one photo a line, so that seventy thousand of them are written and read one by one.
docs/archive-format.md describes it for users.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from imgtag.domain.ids import PhotoId
from imgtag.domain.queries import Query
from imgtag.domain.times import rfc3339

_PHOTO_LINE: Final = b'{"name": '


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One photo of a bundle: its name in the archive and what its bytes must be.

    *taken_at* becomes the member's time; *labels* are surest first.
    """

    name: str
    id: PhotoId
    sha256: str
    size: int
    crc32: int
    taken_at: datetime
    labels: tuple[str, ...]


def write_manifest(
    query: Query, created_at: datetime, entries: Iterable[ManifestEntry]
) -> Iterator[bytes]:
    """Write the manifest in lines. The same input gives the same bytes."""
    yield b'{"query": ' + _json(_query(query)) + b",\n"
    yield b'"created_at": ' + _json(rfc3339(created_at)) + b",\n"
    yield b'"photos": ['
    separator = b"\n"
    for entry in entries:
        yield separator + _json(_fields(entry))
        separator = b",\n"
    yield b'\n],\n"missing": []}\n'


def read_entries(lines: Iterable[bytes]) -> Iterator[ManifestEntry]:
    """Read the photos back from the lines of a manifest."""
    for line in lines:
        if line.startswith(_PHOTO_LINE):
            yield _entry(json.loads(line.rstrip(b",\r\n")))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _query(query: Query) -> dict[str, Any]:
    return {
        "all": query.all,
        "any": query.any,
        "none": query.none,
        "unlabelled": query.unlabelled,
        "state": query.state,
        "q": query.text,
        "photo_ids": query.photo_ids,
    }


def _fields(entry: ManifestEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "id": entry.id,
        "sha256": entry.sha256,
        "size": entry.size,
        "labels": entry.labels,
        "crc32": f"{entry.crc32:08x}",
        "taken_at": rfc3339(entry.taken_at),
    }


def _entry(fields: dict[str, Any]) -> ManifestEntry:
    return ManifestEntry(
        name=fields["name"],
        id=PhotoId(fields["id"]),
        sha256=fields["sha256"],
        size=fields["size"],
        crc32=int(fields["crc32"], 16),
        taken_at=datetime.fromisoformat(fields["taken_at"]),
        labels=tuple(fields["labels"]),
    )
