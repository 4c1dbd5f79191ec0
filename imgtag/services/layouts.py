"""From a frozen manifest to an archive: which bytes lie where, and which photos they come from."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from zlib_ng import zlib_ng

from imgtag.domain.bundles import Bundle
from imgtag.domain.ids import BundleId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.manifest import ManifestEntry, read_entries, write_manifest
from imgtag.domain.names import MANIFEST_NAME, SIDECAR_ENDING
from imgtag.domain.queries import Query
from imgtag.domain.sidecars import sidecar
from imgtag.pipeline.archive import Archive, Member, inline
from imgtag.pipeline.download import Source
from imgtag.ports import BlobStore

# Part of the ETag: another number when the same manifest would give other bytes.
_FORMAT: Final = 1
# Layouts that are kept between the requests of a download in parts.
_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How many photos a bundle has, and how many bytes its archive."""

    photos: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Layout:
    """An archive, where its members' bytes come from, and the *originals* among those."""

    archive: Archive
    source: Source
    etag: str
    originals: Sequence[BlobKey]


class Layouts:
    """Lays bundles out, and remembers the last few."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._known: OrderedDict[BundleId, Layout] = OrderedDict()

    async def of(self, bundle: Bundle) -> Layout:
        """Lay *bundle* out as its manifest says. Raises `NotFound` when that is gone."""
        layout = self._known.get(bundle.id) or await self._read(bundle)
        self._known[bundle.id] = layout
        self._known.move_to_end(bundle.id)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return layout

    async def _read(self, bundle: Bundle) -> Layout:
        key = BlobKey(bundle.owner, BlobKind.MANIFEST, bundle.id)
        async with self._blobs.read(key) as chunks:
            manifest = b"".join([chunk async for chunk in chunks])
        return await asyncio.to_thread(_lay_out, self._blobs, bundle, key, manifest)


class _BlobSource:
    """The members' bytes, from the blob store; the last member is the manifest."""

    def __init__(self, blobs: BlobStore, keys: Sequence[BlobKey | None]) -> None:
        self._blobs = blobs
        self._keys = keys

    def path(self, index: int) -> str | None:
        return self._blobs.local_path(self._key(index))

    def read(
        self, index: int, start: int, stop: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._blobs.read(self._key(index), start, stop)

    def _key(self, index: int) -> BlobKey:
        key = self._keys[index]
        if key is None:
            msg = "an inline member has no bytes in the store"
            raise LookupError(msg)
        return key


def measure(
    query: Query, now: datetime, entries: Sequence[ManifestEntry], *, sidecars: bool
) -> Size:
    """Say how large the archive of *entries* will be, to the byte."""
    length = sum(map(len, write_manifest(query, now, entries)))
    manifest = Member(MANIFEST_NAME, length, 0, now)
    members = [*_photo_members(entries, sidecars=sidecars), manifest]
    return Size(len(entries), Archive(members).size)


def _photo_members(entries: Iterable[ManifestEntry], *, sidecars: bool) -> Iterable[Member]:
    for entry in entries:
        yield Member(entry.name, entry.size, entry.crc32, entry.taken_at)
        if sidecars:
            content = partial(sidecar, entry.labels)
            yield inline(entry.name + SIDECAR_ENDING, content, entry.taken_at)


def _lay_out(blobs: BlobStore, bundle: Bundle, key: BlobKey, manifest: bytes) -> Layout:
    entries = list(read_entries(manifest.splitlines(keepends=True)))
    members = list(_photo_members(entries, sidecars=bundle.sidecars))
    members.append(Member(MANIFEST_NAME, len(manifest), zlib_ng.crc32(manifest), bundle.created_at))
    originals = [BlobKey(bundle.owner, BlobKind.ORIGINAL, PhotoId(each.id)) for each in entries]
    keys: list[BlobKey | None] = []
    for original in originals:
        keys += [original, *[None] * bundle.sidecars]
    digest = hashlib.sha256(manifest).hexdigest()
    etag = f"{digest[:40]}-{_FORMAT}{'x' * bundle.sidecars}"
    return Layout(Archive(members), _BlobSource(blobs, [*keys, key]), etag, originals)
