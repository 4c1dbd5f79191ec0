"""Things happen to photos, on AWS and in memory alike: both have to end the same."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from imgtag.backends.aws import BACKENDS
from imgtag.backends.memory import MemoryBlobStore, MemoryCatalog, MemoryLabeler, MemoryQueue
from imgtag.domain.errors import ImgtagError
from imgtag.domain.events import Event, PhotoDiscarded, PhotoStored
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.labels import LabelLimits
from imgtag.domain.photos import Photo
from imgtag.domain.queries import Query, Sort
from imgtag.ports import BlobStore, Catalog
from imgtag.services.feed import Feed
from imgtag.services.labelling import Labelling
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.blob_store import write
from imgtag.testing.contracts.catalog_base import pages
from imgtag.testing.photos import ADA, BOB, Maker, change, content_of, hit, jpeg
from tests.aws.cloud import Cloud
from tests.unit.services import BAD, MAX_PHOTO_BYTES, PlainInspector

LABELS: Final = ("Lake", "Dog", "Sea", "Tree", "Nature")
CONTENTS: Final = (*[BAD] * 8, *(jpeg() + bytes([n]) for n in range(100)))
ANSWERS: Final = {
    content_of(content).sha256: [hit(name) for bit, name in enumerate(LABELS) if n >> bit & 1]
    for n, content in enumerate(CONTENTS)
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: what it keeps photos in, and what labels them."""

    catalog: Catalog
    blobs: BlobStore
    labelling: Labelling


def side(catalog: Catalog, blobs: BlobStore) -> Side:
    """Label by what the bytes are, the same on both sides."""
    labelling = Labelling(
        blobs,
        catalog,
        MemoryLabeler(ANSWERS),
        PlainInspector(),
        feed=Feed(),
        limits=LabelLimits(min_confidence=70, max_labels=25),
        max_photo_bytes=MAX_PHOTO_BYTES,
    )
    return Side(catalog, blobs, labelling)


@asynccontextmanager
async def both_sides(cloud: Cloud) -> AsyncIterator[Sequence[Side]]:
    """Open AWS and memory; what is told of photos goes to nobody, the model delivers it."""
    clock = cloud.context.clock
    nobody = MemoryQueue(clock)
    async with (
        BACKENDS["s3"].blobs(cloud.context) as blobs,
        BACKENDS["dynamodb"].catalog(cloud.context, nobody) as catalog,
    ):
        yield side(catalog, blobs), side(MemoryCatalog(clock, nobody), MemoryBlobStore(clock))


class World:
    """Whatever happens, happens on both sides. *seed* decides what does."""

    def __init__(self, sides: Sequence[Side], clock: FixedClock, seed: int) -> None:
        self._sides = sides
        self._clock = clock
        self._random = random.Random(seed)
        self._make = Maker(clock, seed=seed)
        self.photos: list[tuple[OwnerId, PhotoId]] = []
        self._told: list[Event] = []

    async def go_on(self, operations: int) -> None:
        """Have that many things happen."""
        await self._upload()
        chances = {
            self._upload: 20,
            self._event: 50,
            self._edit: 12,
            self._trash: 6,
            self._restore: 3,
            self._relabel: 4,
            self._delete: 5,
        }
        for happen in self._random.choices(list(chances), list(chances.values()), k=operations):
            self._clock.advance(timedelta(seconds=1))
            await happen()

    async def _on_both(self, call: Callable[[Side], Awaitable[Any]]) -> None:
        here, there = [await _outcome(call(side)) for side in self._sides]
        assert here == there

    def _any(self) -> tuple[OwnerId, PhotoId]:
        return self._random.choice(self.photos)

    async def _upload(self) -> None:
        """Reserve and send; now and then the same bytes again. S3 will tell of it."""
        content = self._random.choice(CONTENTS)
        claim = content_of(content).sha256 if self._random.random() < 0.5 else None
        photo = self._make.photo(self._random.choice((ADA, BOB)), sha256=claim)
        reserved = [await side.catalog.reserve(photo.owner, [photo]) for side in self._sides]
        assert reserved[0] == reserved[1]
        self.photos.append((photo.owner, photo.id))
        if reserved[0][0].id == photo.id:
            key = BlobKey(photo.owner, BlobKind.ORIGINAL, photo.id)
            for each in self._sides:
                await write(each.blobs, key, content)
            self._told.append(PhotoStored(photo.owner, photo.id))

    async def _event(self) -> None:
        """Deliver some event, in no order; half of them come again."""
        if not self._told:
            return
        position = self._random.randrange(len(self._told))
        event = self._told[position]
        if self._random.random() < 0.5:
            del self._told[position]
        await self._on_both(lambda side: side.labelling.handle(event))

    async def _edit(self) -> None:
        owner, photo = self._any()
        add, remove = self._random.sample((*LABELS, "Mine"), 2)
        await self._on_both(lambda side: side.catalog.edit(owner, [photo], change(add, remove)))

    async def _trash(self) -> None:
        owner, photo = self._any()
        at = self._clock.now()
        await self._on_both(lambda side: side.catalog.trash(owner, photo, at))

    async def _restore(self) -> None:
        owner, photo = self._any()
        await self._on_both(lambda side: side.catalog.restore(owner, photo))

    async def _relabel(self) -> None:
        owner, photo = self._any()
        event = PhotoStored(owner, photo)
        self._told.append(event)
        await self._on_both(lambda side: side.catalog.relabel(owner, photo, event))

    async def _delete(self) -> None:
        """Discard what is in the trash or awaits its bytes; the bytes go by an event."""
        owner, photo = self._any()
        event = PhotoDiscarded(owner, photo)
        before = await _outcome(self._sides[1].catalog.get(owner, photo))
        await self._on_both(lambda side: side.catalog.discard(owner, photo, event))
        if isinstance(before, Photo) and (before.trashed_at or before.content is None):
            self._told.append(event)

    async def come_to_rest(self) -> None:
        """Deliver every event that is left, twice."""
        for event in [*self._told, *self._told]:
            await self._on_both(lambda side: side.labelling.handle(event))  # noqa: B023

    async def seen(self, side: Side, owner: OwnerId) -> dict[str, Any]:
        """Look at everything that one side has."""
        ids = [photo for whose, photo in self.photos if whose == owner]
        return {
            "photos": await side.catalog.get_many(owner, ids),
            "counts": await side.catalog.counts(owner, covers=True),
            "tally": await side.catalog.tally(owner),
            "pages": await pages(side.catalog, Query(), Sort.NEWEST_TAKEN, 50, owner),
            "trash": await pages(side.catalog, Query(trashed=True), Sort.NEWEST_TAKEN, 50, owner),
            "bytes": {str(key) async for key in side.blobs.keys() if key.owner == owner},  # noqa: SIM118
        }

    async def must_agree(self) -> int:
        """Compare photos, labels, counts, trash and bytes, and the counts with a recount.

        Answers with how many photos are failed, so that a test can see whether any were.
        """
        failed = 0
        for owner in (ADA, BOB):
            aws, memory = [await self.seen(side, owner) for side in self._sides]
            assert aws == memory
            assert aws["counts"]
            failed += aws["tally"].failed
            counted = {count.name.folded: count.photos for count in aws["counts"]}
            assert await self._sides[0].catalog.recount(owner) == counted
        return failed


async def _outcome(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except ImgtagError as error:
        return type(error)
