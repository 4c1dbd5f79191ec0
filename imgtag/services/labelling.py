"""From stored bytes to labels: inspect, keep a thumbnail, ask the labeler, write it down."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import structlog

from imgtag.domain.errors import Conflict, Invalid, NotFound, TooLarge
from imgtag.domain.events import (
    BundleEnded,
    BundleRequested,
    Event,
    ImportRequested,
    PhotoDiscarded,
    PhotoStored,
)
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.labels import LabelLimits
from imgtag.domain.photos import Content, Facts, Failure, Photo, PhotoState
from imgtag.imaging.model import Inspection, RenditionSpec
from imgtag.pipeline.checksums import Checksums
from imgtag.ports import BlobStore, Catalog, Labeler, Rendition, Subject
from imgtag.services.feed import Feed

RENDITION_TYPE: Final = "image/jpeg"
log = structlog.get_logger(__name__)

_UNLABELLED: Final = frozenset({PhotoState.AWAITING, PhotoState.STORED})
_OF_A_PHOTO: Final = (BlobKind.ORIGINAL, BlobKind.THUMBNAIL, BlobKind.RENDITION)


class _Gone(Exception):
    """The file that was to be looked at isn't there."""


class Inspector(Protocol):
    """Decodes a photo where it can do no harm: see `imgtag.imaging.pool`."""

    async def inspect(self, path: Path, rendition: RenditionSpec | None = None) -> Inspection:
        """Look at the file. Raises `Invalid`, or a child of it, when the photo is at fault."""
        ...


class Labelling:
    """Handles what is told of photos. Every method may run twice, or at once, or late."""

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        blobs: BlobStore,
        catalog: Catalog,
        labeler: Labeler,
        inspector: Inspector,
        *,
        feed: Feed,
        limits: LabelLimits,
        max_photo_bytes: int,
    ) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._labeler = labeler
        self._inspector = inspector
        self._feed = feed
        self._limits = limits
        self._max_photo_bytes = max_photo_bytes

    async def handle(self, event: Event) -> None:
        """Do what *event* asks for; what is no longer there needs nothing done."""
        match event:
            case PhotoStored():
                await self._label(event)
            case PhotoDiscarded(owner, photo):
                await self._delete_bytes(owner, photo)
            case BundleRequested() | BundleEnded() | ImportRequested():
                msg = "news of a bundle or an import came on the queue of photos"
                raise Invalid(msg)

    async def give_up(self, event: Event, failure: Failure) -> None:
        """Show *failure* on the photo: the last attempt at labelling it has failed."""
        if not isinstance(event, PhotoStored):
            return
        try:
            photo = await self._catalog.get(event.owner, event.photo)
            if photo.state is PhotoState.STORED and photo.sha256:
                await self._show(event, photo.sha256, failure, None)
        except (NotFound, Conflict):
            return

    async def _label(self, stored: PhotoStored) -> None:
        try:
            if await self._labelled_at_hand(stored):
                return
            photo = await self._catalog.get(stored.owner, stored.photo)
            if photo.state not in _UNLABELLED:
                return
            if not await self._labelled_by_rendition(stored, photo):
                async with self._on_disk(photo) as (path, content):
                    await self._look_at(stored, content, path)
        except _Gone:
            await self._miss(stored)
        except TooLarge:
            await self._refuse(stored.owner, stored.photo)
        except (NotFound, Conflict):
            return  # it was deleted, or its bytes were replaced: a later event speaks for those

    async def _labelled_at_hand(self, stored: PhotoStored) -> bool:
        """Label what lies on this machine without asking the catalog, if its measure was told.

        News that come again, which is rare, have it labelled again.
        """
        path = self._blobs.local_path(BlobKey(stored.owner, BlobKind.ORIGINAL, stored.photo))
        if not path or not stored.content:
            return False
        try:
            await self._look_at(stored, stored.content, Path(path))
        except _Gone:
            return False  # the catalog knows whether it was deleted, or is missing
        return True

    async def _refuse(self, owner: OwnerId, photo: PhotoId) -> None:
        """End a photo that came by a URL which could not bind its size."""
        log.warning("larger than a photo may be", photo=photo, limit=self._max_photo_bytes)
        try:
            await self._catalog.discard(owner, photo, PhotoDiscarded(owner, photo))
        except Conflict:
            return  # it was stored while the limit was higher

    async def _labelled_by_rendition(self, stored: PhotoStored, photo: Photo) -> bool:
        """Label again by what was kept of a photo that lies far away, if anything was.

        Reading its original could bring that back from an archive tier, for months.
        """
        key = BlobKey(photo.owner, BlobKind.RENDITION, photo.id)
        content, facts = photo.content, photo.facts
        if content is None or facts is None or self._blobs.local_path(key):
            return False
        try:
            async with self._blobs.read(key) as chunks:
                jpeg = b"".join([chunk async for chunk in chunks])
        except NotFound:
            return False
        await self._ask(stored, content, facts, Rendition(jpeg))
        return True

    async def _look_at(self, stored: PhotoStored, content: Content, path: Path) -> None:
        try:
            # Asked each time, for a labeler may come back as another one.
            spec = RenditionSpec(self._labeler.rendition_side, raster=self._labeler.raster)
            seen = await self._inspector.inspect(path, spec)
        except FileNotFoundError as error:
            raise _Gone from error
        except Invalid as error:
            await self._fail(stored, content.sha256, Failure(error.code, error.detail), None)
            return
        await self._keep(stored, BlobKind.THUMBNAIL, seen.thumbnail)
        if seen.rendition:
            await self._keep(stored, BlobKind.RENDITION, seen.rendition)
        rendition = Rendition(seen.rendition or seen.thumbnail, seen.raster)
        await self._ask(stored, content, seen.facts, rendition)

    async def _ask(
        self, stored: PhotoStored, content: Content, facts: Facts, rendition: Rendition
    ) -> None:
        key = BlobKey(stored.owner, BlobKind.ORIGINAL, stored.photo)
        subject = Subject(key, content.sha256, content.size, facts, rendition)
        try:
            found = await self._labeler.detect(subject)
        except Invalid as error:
            await self._fail(stored, content.sha256, Failure(error.code, error.detail), facts)
            return
        hits = self._limits.keep(found)
        labelled = await self._catalog.label(
            stored.owner, stored.photo, content.sha256, facts, hits, model=self._labeler.model
        )
        self._tell(labelled)

    async def _fail(
        self, stored: PhotoStored, sha256: str, failure: Failure, facts: Facts | None
    ) -> None:
        """Show *failure* on the photo, unless it has labels by now."""
        photo = await self._catalog.get(stored.owner, stored.photo)
        if photo.state in _UNLABELLED:
            await self._show(stored, sha256, failure, facts)

    async def _show(
        self, stored: PhotoStored, sha256: str, failure: Failure, facts: Facts | None
    ) -> None:
        self._tell(await self._catalog.fail(stored.owner, stored.photo, sha256, failure, facts))

    def _tell(self, photo: Photo) -> None:
        self._feed.publish(photo.owner, "photo", {"id": photo.id, "state": photo.state})
        self._feed.publish(photo.owner, "labels", {})

    async def _keep(self, stored: PhotoStored, kind: BlobKind, jpeg: bytes) -> None:
        key = BlobKey(stored.owner, kind, stored.photo)
        async with self._blobs.write(key, content_type=RENDITION_TYPE) as writer:
            await writer.write(jpeg)

    @asynccontextmanager
    async def _on_disk(self, photo: Photo) -> AsyncIterator[tuple[Path, Content]]:
        """Give the original as a file; one that lies elsewhere is fetched and measured."""
        key = BlobKey(photo.owner, BlobKind.ORIGINAL, photo.id)
        path = self._blobs.local_path(key)
        if path and photo.content:
            yield Path(path), photo.content
            return
        with tempfile.NamedTemporaryFile(prefix="imgtag-") as file:
            sums = Checksums()
            try:
                async with self._blobs.read(key) as chunks:
                    async for chunk in chunks:
                        sums.update(chunk)
                        if sums.size > self._max_photo_bytes and not photo.content:
                            raise TooLarge("the photo is too large", code="photo_too_large")
                        await asyncio.to_thread(file.write, chunk)
            except NotFound as error:
                raise _Gone from error
            await asyncio.to_thread(file.flush)
            kept = await self._catalog.store(photo.owner, photo.id, sums.content(), None)
            if kept.id != photo.id:
                await self._delete_bytes(photo.owner, photo.id)
                msg = "the owner has this photo already"
                raise Conflict(msg)
            yield Path(file.name), sums.content()

    async def _miss(self, stored: PhotoStored) -> None:
        failure = Failure("missing_bytes", "the bytes of this photo are gone")
        await self.give_up(stored, failure)

    async def _delete_bytes(self, owner: OwnerId, photo: PhotoId) -> None:
        for kind in _OF_A_PHOTO:
            await self._blobs.delete(BlobKey(owner, kind, photo))
