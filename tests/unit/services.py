"""The use cases on memory backends, with a decoder that needs no child process."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from imgtag.backends.memory import (
    MemoryAuthenticator,
    MemoryBlobStore,
    MemoryBundleStore,
    MemoryCatalog,
    MemoryImportStore,
    MemoryLabeler,
    MemoryNotifier,
    MemoryQueue,
    MemoryRecordStore,
)
from imgtag.domain.errors import Invalid
from imgtag.domain.events import PhotoStored
from imgtag.domain.ids import OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.labels import LabelLimits
from imgtag.domain.photos import Photo
from imgtag.imaging.model import Inspection, RenditionSpec
from imgtag.ports import Backends, BlobStore
from imgtag.services.feed import Feed
from imgtag.services.labelling import Labelling
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import ADA, Maker, content_of, facts, jpeg

BAD = b"no photo"
MAX_PHOTO_BYTES = 1024 * 1024


@dataclass(slots=True)
class PlainInspector:
    """Takes everything for a photo but `BAD`, and nothing while it is *tired*."""

    seen: list[bytes] = field(default_factory=list)
    tired: bool = False

    async def inspect(self, path: Path, _rendition: RenditionSpec | None = None) -> Inspection:
        data = await asyncio.to_thread(path.read_bytes)
        self.seen.append(data)
        if self.tired:
            msg = "it took too long"
            raise Invalid(msg, code="photo_too_expensive")
        if data == BAD:
            msg = "this is no photo"
            raise Invalid(msg, code="damaged_photo")
        return Inspection(facts(), 1, jpeg())


@dataclass(slots=True)
class Desk:
    """Everything that a use case may need, on one clock."""

    clock: FixedClock
    ports: Backends
    labeler: MemoryLabeler
    inspector: PlainInspector
    labelling: Labelling
    make: Maker

    async def stored(self, data: bytes, owner: OwnerId = ADA) -> Photo:
        """Put a photo in, as an upload does; the event is on the queue."""
        photo = self.make.photo(owner)
        await self.ports.catalog.reserve(owner, [photo])
        key = BlobKey(owner, BlobKind.ORIGINAL, photo.id)
        async with self.ports.blobs.write(key, content_type="image/jpeg") as writer:
            await writer.write(data)
        content = content_of(data)
        event = PhotoStored(owner, photo.id, content)
        return await self.ports.catalog.store(owner, photo.id, content, event)


def desk(blobs: BlobStore | None = None) -> Desk:
    """Build it all, on *blobs* if they are to lie elsewhere than in memory."""
    clock = FixedClock()
    photo_events = MemoryQueue(clock, topic="photos")
    bundle_events = MemoryQueue(clock, topic="bundles")
    labeler, inspector = MemoryLabeler(), PlainInspector()
    ports = Backends(
        blobs=blobs or MemoryBlobStore(clock),
        catalog=MemoryCatalog(clock, photo_events),
        bundles=MemoryBundleStore(clock, bundle_events),
        records=MemoryRecordStore(clock),
        imports=MemoryImportStore(clock, bundle_events),
        sources={},
        photo_events=photo_events,
        bundle_events=bundle_events,
        labeler=labeler,
        notifier=MemoryNotifier(),
        auth=MemoryAuthenticator(clock),
    )
    labelling = Labelling(
        ports.blobs,
        ports.catalog,
        labeler,
        inspector,
        feed=Feed(),
        limits=LabelLimits(min_confidence=70, max_labels=25),
        max_photo_bytes=MAX_PHOTO_BYTES,
    )
    return Desk(clock, ports, labeler, inspector, labelling, Maker(clock))
