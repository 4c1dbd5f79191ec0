"""Looking at photos, and changing what is known of them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import PhotoDiscarded, PhotoStored
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.labels import LabelChange, LabelCount
from imgtag.domain.photos import Photo, PhotoState
from imgtag.domain.queries import LayoutRow, Page, Position, Query, Sort, Tally
from imgtag.ports import BlobStore, Catalog, Clock
from imgtag.services.feed import Feed

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of a photo or of its thumbnail, and what to call them."""

    key: BlobKey
    photo: Photo
    content_type: str
    etag: str


class Photos:
    """What an owner can do with photos that are there."""

    def __init__(self, blobs: BlobStore, catalog: Catalog, *, clock: Clock, feed: Feed) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._clock = clock
        self._feed = feed

    async def get(self, owner: OwnerId, photo: PhotoId) -> Photo:
        """Fetch one photo. Raises `NotFound`."""
        return await self._catalog.get(owner, photo)

    async def page(
        self, owner: OwnerId, query: Query, sort: Sort, *, after: Position | None, limit: int
    ) -> Page:
        """List photos, *limit* at a time."""
        return await self._catalog.page(owner, query, sort, after=after, limit=limit)

    async def layout(self, owner: OwnerId, query: Query, sort: Sort) -> Sequence[LayoutRow]:
        """List what a grid needs of every photo that matches."""
        return await self._catalog.layout(owner, query, sort)

    async def counts(self, owner: OwnerId, *, covers: bool = False) -> Sequence[LabelCount]:
        """Count the labels of the library."""
        return await self._catalog.counts(owner, covers=covers)

    async def tally(self, owner: OwnerId) -> Tally:
        """Count photos by state."""
        return await self._catalog.tally(owner)

    async def edit(
        self, owner: OwnerId, chosen: Sequence[PhotoId] | Query, change: LabelChange
    ) -> int:
        """Change labels on the photos that are named, or that match; say how many changed."""
        changed = 0
        async for batch in self._batches(owner, chosen):
            changed += await self._catalog.edit(owner, batch, change)
        if changed:
            self._feed.publish(owner, "labels", {})
        return changed

    async def _batches(
        self, owner: OwnerId, chosen: Sequence[PhotoId] | Query
    ) -> AsyncIterator[Sequence[PhotoId]]:
        if not isinstance(chosen, Query):
            for start in range(0, len(chosen), BATCH):
                yield chosen[start : start + BATCH]
            return
        # All ids first: an edit may take photos out of the very list that is being paged.
        rows = await self._catalog.layout(owner, chosen, Sort.NEWEST_TAKEN)
        for start in range(0, len(rows), BATCH):
            yield [row.id for row in rows[start : start + BATCH]]

    async def trash(self, owner: OwnerId, photo: PhotoId) -> Photo:
        """Move a photo to the trash. Raises `NotFound`."""
        known = await self._catalog.get(owner, photo)
        return self._told(await self._catalog.trash(owner, known.id, self._clock.now()))

    async def restore(self, owner: OwnerId, photo: PhotoId) -> Photo:
        """Take a photo back out of the trash. Raises `NotFound`."""
        known = await self._catalog.get(owner, photo)
        return self._told(await self._catalog.restore(owner, known.id))

    async def empty_trash(self, owner: OwnerId) -> int:
        """Delete for good what lies in the trash; say how many photos that was."""
        rows = [
            row
            for state in (None, PhotoState.AWAITING)
            for row in await self._catalog.layout(
                owner, Query(trashed=True, state=state), Sort.OLDEST_CREATED
            )
        ]
        deleted = 0
        for row in rows:
            try:
                await self._catalog.discard(owner, row.id, PhotoDiscarded(owner, row.id))
            except Conflict:
                continue  # it was restored a moment ago
            deleted += 1
        self._feed.publish(owner, "labels", {})
        return deleted

    async def relabel(self, owner: OwnerId, photo: PhotoId) -> Photo:
        """Label a photo again; what the user said about it stands. Raises `NotFound`."""
        known = await self._catalog.get(owner, photo)
        event = PhotoStored(owner, known.id)
        return self._told(await self._catalog.relabel(owner, known.id, event))

    async def original(self, owner: OwnerId, photo_id: PhotoId) -> Picture:
        """Find the bytes as they were uploaded. Raises `NotFound`."""
        photo = await self._catalog.get(owner, photo_id)
        if photo.content is None:
            msg = "the bytes of this photo have not arrived yet"
            raise NotFound(msg, code="not_uploaded")
        key = BlobKey(owner, BlobKind.ORIGINAL, photo.id)
        kind = photo.content_type or "application/octet-stream"
        return Picture(key, photo, kind, photo.content.sha256)

    async def thumbnail(self, owner: OwnerId, photo_id: PhotoId) -> Picture:
        """Find the thumbnail. Raises `NotFound` until the photo is decoded."""
        photo = await self._catalog.get(owner, photo_id)
        if photo.content is None or photo.width is None:
            msg = "there is no thumbnail of this photo"
            raise NotFound(msg, code="no_thumbnail")
        key = BlobKey(owner, BlobKind.THUMBNAIL, photo.id)
        return Picture(key, photo, "image/jpeg", f"{photo.content.sha256}-thumbnail")

    def _told(self, photo: Photo) -> Photo:
        self._feed.publish(photo.owner, "photo", {"id": photo.id, "state": photo.state})
        self._feed.publish(photo.owner, "labels", {})
        return photo
