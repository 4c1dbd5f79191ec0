"""Bundles: freeze what a query matches, then hand it over as often as it is asked for."""

import asyncio
import hashlib
import secrets
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from imgtag.domain.bundles import RUNNING, Bundle, BundleState, default_name
from imgtag.domain.errors import Conflict, ImgtagError, Invalid, NotFound
from imgtag.domain.ids import BundleId, OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.manifest import ManifestEntry, read_entries, write_manifest
from imgtag.domain.names import MANIFEST_NAME, SIDECAR_ENDING, member_names
from imgtag.domain.photos import Failure, Photo
from imgtag.domain.queries import Position, Query, Sort
from imgtag.domain.sidecars import sidecar
from imgtag.pipeline.archive import Archive, Member, inline
from imgtag.pipeline.download import Damaged, Download
from imgtag.ports import BlobStore, BundleStore, Catalog, Clock
from imgtag.services.feed import Feed

# Part of the ETag: another number when the same manifest would give other bytes.
_FORMAT: Final = 1
_PAGE: Final = 500
_ID_BYTES: Final = 10
_TOKEN_BYTES: Final = 16
# Layouts that are kept between the requests of a download in parts.
_KEPT_LAYOUTS: Final = 4
REMEMBERED: Final = timedelta(days=30)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Size:
    """How many photos a bundle has, and how many bytes its archive."""

    photos: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """An archive with the keys of its members' bytes; the last member is the manifest."""

    archive: Archive
    keys: Sequence[BlobKey | None]
    etag: str


class _BlobSource:
    """The members' bytes, from the blob store."""

    def __init__(self, blobs: BlobStore, keys: Sequence[BlobKey | None]) -> None:
        self._blobs = blobs
        self._keys = keys

    def path(self, index: int) -> Path | None:
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


class Bundles:
    """What an owner can do with bundles."""

    def __init__(
        self,
        blobs: BlobStore,
        catalog: Catalog,
        bundles: BundleStore,
        *,
        clock: Clock,
        feed: Feed,
    ) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._bundles = bundles
        self._clock = clock
        self._feed = feed
        self._layouts: OrderedDict[BundleId, _Layout] = OrderedDict()

    async def preview(self, owner: OwnerId, query: Query, *, sidecars: bool = False) -> Size:
        """Say how large a bundle would be, to the byte; nothing is an answer too."""
        entries = await self._entries(owner, query)
        if not entries:
            return Size(0, 0)
        now = self._clock.now()
        return await asyncio.to_thread(_measure, query, now, entries, sidecars=sidecars)

    async def create(
        self,
        owner: OwnerId,
        query: Query,
        *,
        name: str | None = None,
        sidecars: bool = False,
        idempotency_key: str | None = None,
    ) -> Bundle:
        """Freeze the photos that match. The same *idempotency_key* means the same bundle.

        Raises `Invalid`, code ``nothing_matches``, or `Conflict` for a key that was used to ask
        for something else.
        """
        if idempotency_key is not None:
            # Asked first: by now the photos may be gone, and the answer is still that bundle.
            earlier = await self._made_with(idempotency_key, owner, query, name, sidecars=sidecars)
            if earlier:
                return earlier.at(self._clock.now())
        entries = await self._entries(owner, query)
        if not entries:
            msg = "no photo matches"
            raise Invalid(msg, code="nothing_matches", pointer="/query")
        now = self._clock.now()
        bundle_id = BundleId.mint(now, secrets.token_bytes(_ID_BYTES))
        key = BlobKey(owner, BlobKind.MANIFEST, bundle_id)
        await self._write_manifest(key, query, now, entries)
        size = await asyncio.to_thread(_measure, query, now, entries, sidecars=sidecars)
        bundle = Bundle(
            owner=owner,
            id=bundle_id,
            name=name or default_name(query, now),
            query=query,
            sidecars=sidecars,
            photos=size.photos,
            bytes=size.bytes,
            token=secrets.token_urlsafe(_TOKEN_BYTES),
            created_at=now,
        )
        return await self._keep(bundle.ready(now), idempotency_key)

    async def _made_with(
        self, key: str, owner: OwnerId, query: Query, name: str | None, *, sidecars: bool
    ) -> Bundle | None:
        try:
            bundle = await self._bundles.by_key(owner, key)
        except NotFound:
            return None
        name = name or default_name(query, bundle.created_at)
        bundle.must_be_asked_like(replace(bundle, query=query, name=name, sidecars=sidecars))
        return bundle

    async def _keep(self, bundle: Bundle, idempotency_key: str | None) -> Bundle:
        manifest = BlobKey(bundle.owner, BlobKind.MANIFEST, bundle.id)
        try:
            kept = await self._bundles.create(bundle, idempotency_key=idempotency_key, event=None)
        except ImgtagError:
            await self._blobs.delete(manifest)
            raise
        if kept.id != bundle.id:
            await self._blobs.delete(manifest)
        self._tell(kept)
        return kept.at(self._clock.now())

    async def _entries(self, owner: OwnerId, query: Query) -> list[ManifestEntry]:
        """Fetch what matches, oldest first, with the names that it gets in the archive."""
        photos: list[Photo] = []
        after: Position | None = None
        while True:
            # By arrival, which never changes: a photo that is being decoded may get another time.
            page = await self._catalog.page(
                owner, query, Sort.OLDEST_CREATED, after=after, limit=_PAGE
            )
            photos += page.photos
            if page.next is None:
                break
            after = page.next
        return await asyncio.to_thread(_name, photos)

    async def _write_manifest(
        self, key: BlobKey, query: Query, now: datetime, entries: Iterable[ManifestEntry]
    ) -> None:
        async with self._blobs.write(key, content_type="application/json") as writer:
            lines: list[bytes] = []
            for line in write_manifest(query, now, entries):
                lines.append(line)
                if len(lines) == _PAGE:
                    await writer.write(b"".join(lines))
                    lines.clear()
            await writer.write(b"".join(lines))

    async def get(self, owner: OwnerId, bundle: BundleId) -> Bundle:
        """Fetch one bundle as it stands now. Raises `NotFound`."""
        return (await self._bundles.get(owner, bundle)).at(self._clock.now())

    async def page(
        self, owner: OwnerId, *, after: BundleId | None, limit: int
    ) -> tuple[Sequence[Bundle], BundleId | None]:
        """List bundles, newest first."""
        bundles, last = await self._bundles.page(owner, after=after, limit=limit)
        now = self._clock.now()
        return [bundle.at(now) for bundle in bundles], last

    async def by_token(self, token: str) -> Bundle:
        """Fetch the bundle that a short link means. Raises `NotFound`."""
        return (await self._bundles.by_token(token)).at(self._clock.now())

    async def cancel(self, owner: OwnerId, bundle_id: BundleId) -> None:
        """End a bundle: its link answers 410 from now on. Raises `NotFound`."""
        bundle = await self._bundles.get(owner, bundle_id)
        if bundle.state is not BundleState.CANCELLED:
            self._tell(await self._bundles.replace(bundle.moved(BundleState.CANCELLED)))

    async def open(self, bundle: Bundle) -> Download:
        """Get a bundle ready to be sent. Raises `Gone` when it has ended."""
        bundle.must_be_downloadable(self._clock.now())
        layout = self._layouts.get(bundle.id) or await self._plan(bundle)
        self._layouts[bundle.id] = layout
        self._layouts.move_to_end(bundle.id)
        while len(self._layouts) > _KEPT_LAYOUTS:
            self._layouts.popitem(last=False)
        return Download(
            archive=layout.archive,
            source=_BlobSource(self._blobs, layout.keys),
            file_name=f"{bundle.name}.zip",
            etag=layout.etag,
            on_damaged=partial(self._damaged, bundle, layout.archive),
        )

    async def download_url(self, bundle: Bundle, *, expires_in: timedelta) -> str | None:
        """Sign a URL of the built archive; None where imgtag sends it. Raises `Gone` as `open`."""
        bundle.must_be_downloadable(self._clock.now())
        return await self._blobs.download_url(
            BlobKey(bundle.owner, BlobKind.ARCHIVE, bundle.id),
            file_name=f"{bundle.name}.zip",
            content_type="application/zip",
            expires_in=expires_in,
        )

    async def _plan(self, bundle: Bundle) -> _Layout:
        key = BlobKey(bundle.owner, BlobKind.MANIFEST, bundle.id)
        async with self._blobs.read(key) as chunks:
            manifest = b"".join([chunk async for chunk in chunks])
        return await asyncio.to_thread(_lay_out, bundle, key, manifest)

    async def _damaged(self, bundle: Bundle, archive: Archive, damaged: Damaged) -> None:
        name = archive.name_of(damaged.index)
        failure = Failure("photo_damaged", f"{name}: {damaged.reason}")
        try:
            self._tell(await self._bundles.replace(_failed(bundle, failure)))
        except Conflict:
            log.info("bundle had ended already", bundle=bundle.id)

    async def clear_away(self) -> None:
        """Expire what is past its time, delete its manifest, and forget it a month later."""
        now = self._clock.now()
        async for bundle in self._bundles.unfinished(before=now):
            if bundle.state in RUNNING:
                continue
            if bundle.state is BundleState.READY:
                await self._expire(bundle)
            for kind in (BlobKind.MANIFEST, BlobKind.ARCHIVE):
                await self._blobs.delete(BlobKey(bundle.owner, kind, bundle.id))
            if bundle.created_at < now - REMEMBERED:
                await self._bundles.forget(bundle.owner, bundle.id)

    async def _expire(self, bundle: Bundle) -> None:
        try:
            self._tell(await self._bundles.replace(bundle.moved(BundleState.EXPIRED)))
        except (Conflict, NotFound):
            log.info("bundle was changed by somebody else", bundle=bundle.id)

    def _tell(self, bundle: Bundle) -> None:
        self._feed.publish(bundle.owner, "bundle", {"id": bundle.id})


def _failed(bundle: Bundle, failure: Failure) -> Bundle:
    return replace(bundle.moved(BundleState.FAILED, failure=failure), lease_until=None)


def _name(photos: list[Photo]) -> list[ManifestEntry]:
    photos.sort(key=lambda photo: (photo.shown_at, photo.id))
    names = member_names((photo.file_name, photo.content_type) for photo in photos)
    return [
        ManifestEntry(
            name=name,
            id=photo.id,
            sha256=photo.content.sha256,
            size=photo.content.size,
            crc32=photo.content.crc32,
            taken_at=photo.shown_at,
            labels=tuple(label.name for label in photo.labels.sorted()),
        )
        for photo, name in zip(photos, names, strict=True)
        if photo.content
    ]


def _measure(
    query: Query, now: datetime, entries: Sequence[ManifestEntry], *, sidecars: bool
) -> Size:
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


def _lay_out(bundle: Bundle, key: BlobKey, manifest: bytes) -> _Layout:
    entries = list(read_entries(manifest.splitlines(keepends=True)))
    members = list(_photo_members(entries, sidecars=bundle.sidecars))
    members.append(Member(MANIFEST_NAME, len(manifest), zlib.crc32(manifest), bundle.created_at))
    keys: list[BlobKey | None] = []
    for entry in entries:
        keys.append(BlobKey(bundle.owner, BlobKind.ORIGINAL, PhotoId(entry.id)))
        keys += [None] * bundle.sidecars
    digest = hashlib.sha256(manifest).hexdigest()
    etag = f"{digest[:40]}-{_FORMAT}{'x' * bundle.sidecars}"
    return _Layout(Archive(members), [*keys, key], etag)
