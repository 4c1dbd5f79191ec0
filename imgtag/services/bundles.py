"""Bundles: freeze what a query matches, then hand it over as often as it is asked for."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from imgtag.domain.bundles import RUNNING, Bundle, BundleState, default_name
from imgtag.domain.errors import Conflict, Invalid, NotFound, Unavailable
from imgtag.domain.events import BundleEnded, BundleRequested
from imgtag.domain.ids import BundleId, OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.manifest import ManifestEntry, write_manifest
from imgtag.domain.names import member_names
from imgtag.domain.photos import Content, Failure, Photo
from imgtag.domain.queries import Position, Query, Sort
from imgtag.pipeline.archive import Archive
from imgtag.pipeline.download import Damaged, Download
from imgtag.ports import BlobStore, BundleStore, Catalog, Clock
from imgtag.services.archives import Archives
from imgtag.services.feed import Feed
from imgtag.services.layouts import Layouts, Size, measure

_PAGE: Final = 500
_ID_BYTES: Final = 10
_TOKEN_BYTES: Final = 16

# An entry that still has the photo's own name, and the photo's type.
_Draft = tuple[ManifestEntry, str | None]

log = structlog.get_logger(__name__)


class Bundles:
    """What an owner can do with bundles.

    Where there are *archives*, a bundle waits until a `Builder` has written its own; elsewhere it
    is made up while it is read, and is ready at once.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        blobs: BlobStore,
        catalog: Catalog,
        bundles: BundleStore,
        *,
        layouts: Layouts,
        archives: Archives | None,
        clock: Clock,
        feed: Feed,
    ) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._bundles = bundles
        self._layouts = layouts
        self._archives = archives
        self._clock = clock
        self._feed = feed

    async def preview(self, owner: OwnerId, query: Query, *, sidecars: bool = False) -> Size:
        """Say how large a bundle would be, to the byte; nothing is an answer too."""
        entries = await self._entries(owner, query)
        if not entries:
            return Size(0, 0)
        now = self._clock.now()
        return await asyncio.to_thread(measure, query, now, entries, sidecars=sidecars)

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
        size = await asyncio.to_thread(measure, query, now, entries, sidecars=sidecars)
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
        if self._archives is None:
            bundle = bundle.ready(now)
        return await self._keep(bundle, idempotency_key)

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
        kind = BundleRequested if bundle.state in RUNNING else BundleEnded
        event = kind(bundle.owner, bundle.id)
        try:
            kept = await self._bundles.create(bundle, idempotency_key=idempotency_key, event=event)
        except Conflict:
            await self._blobs.delete(manifest)
            raise
        if kept.id != bundle.id:
            await self._blobs.delete(manifest)
        self._tell(kept)
        return kept.at(self._clock.now())

    async def _entries(self, owner: OwnerId, query: Query) -> list[ManifestEntry]:
        """Fetch what matches, oldest first, with the names that it gets in the archive."""
        # No more of each photo than a line of the manifest: there may be a hundred thousand.
        drafts: list[_Draft] = []
        after: Position | None = None
        while True:
            # By arrival, which never changes: a photo that is being decoded may get another time.
            page = await self._catalog.page(
                owner, query, Sort.OLDEST_CREATED, after=after, limit=_PAGE
            )
            drafts += [_draft(each, each.content) for each in page.photos if each.content]
            if page.next is None:
                break
            after = page.next
        return await asyncio.to_thread(_name, drafts)

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
            bundle = await self._bundles.replace(_ended(bundle, BundleState.CANCELLED))
            self._tell(bundle)
        if self._archives:
            await self._drop_now(self._archives, bundle)

    async def _drop_now(self, archives: Archives, bundle: Bundle) -> None:
        """Let links to the archive that were signed before die with it."""
        try:
            await archives.drop(bundle)
        except Unavailable as error:
            log.warning("left to the sweeper", bundle=bundle.id, error=error.detail)

    async def open(self, bundle: Bundle) -> Download:
        """Get a bundle ready to be sent. Raises `Gone` when it has ended."""
        bundle.must_be_downloadable(self._clock.now())
        layout = await self._layouts.of(bundle)
        return Download(
            archive=layout.archive,
            source=layout.source,
            file_name=bundle.file_name,
            etag=layout.etag,
            on_damaged=partial(self._damaged, bundle, layout.archive),
        )

    async def download_url(self, bundle: Bundle, *, expires_in: timedelta) -> str | None:
        """Sign a URL of the built archive; None where imgtag sends it. Raises `Gone` as `open`."""
        bundle.must_be_downloadable(self._clock.now())
        return await self._archives.url(bundle, expires_in) if self._archives else None

    async def _damaged(self, bundle: Bundle, archive: Archive, damaged: Damaged) -> None:
        name = archive.name_of(damaged.index)
        failure = Failure("photo_damaged", f"{name}: {damaged.reason}")
        try:
            failed = _ended(bundle, BundleState.FAILED, failure)
            event = BundleEnded(bundle.owner, bundle.id)
            self._tell(await self._bundles.replace(failed, event=event))
        except Conflict:
            log.info("bundle had ended already", bundle=bundle.id)

    async def clear_away(self) -> None:
        """Expire what is past its time, delete its bytes, and forget it a month later."""
        async for bundle in self._bundles.unfinished(before=self._clock.now()):
            if bundle.cleared:
                await self._bundles.forget(bundle.owner, bundle.id)
            elif bundle.state not in RUNNING:
                await self._clear(bundle)

    async def _clear(self, bundle: Bundle) -> None:
        try:
            if bundle.state is BundleState.READY:
                bundle = await self._bundles.replace(bundle.moved(BundleState.EXPIRED))
                self._tell(bundle)
            await self._blobs.delete(BlobKey(bundle.owner, BlobKind.MANIFEST, bundle.id))
            if self._archives:
                await self._archives.drop(bundle)
            await self._bundles.replace(replace(bundle, cleared=True, checkpoint=None))
        except (Conflict, NotFound):
            log.info("bundle was changed by somebody else", bundle=bundle.id)

    def _tell(self, bundle: Bundle) -> None:
        self._feed.publish(bundle.owner, "bundle", {"id": bundle.id})


def _ended(bundle: Bundle, state: BundleState, failure: Failure | None = None) -> Bundle:
    return replace(bundle.moved(state, failure=failure), lease_until=None)


def _draft(photo: Photo, content: Content) -> _Draft:
    entry = ManifestEntry(
        name=photo.file_name,
        id=photo.id,
        sha256=content.sha256,
        size=content.size,
        crc32=content.crc32,
        taken_at=photo.shown_at,
        labels=tuple(label.name for label in photo.labels.sorted()),
    )
    return entry, photo.content_type


def _name(drafts: list[_Draft]) -> list[ManifestEntry]:
    drafts.sort(key=lambda draft: (draft[0].taken_at, draft[0].id))
    names = member_names((entry.name, content_type) for entry, content_type in drafts)
    return [replace(entry, name=name) for (entry, _), name in zip(drafts, names, strict=True)]
