"""What all parts of the catalog's contract stand on."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from imgtag.domain.events import Event, PhotoDiscarded, PhotoStored
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import LabelHit
from imgtag.domain.photos import Photo, PhotoState
from imgtag.domain.queries import Query, Sort
from imgtag.ports import Catalog, EventQueue
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import MOMENT, Contract
from imgtag.testing.photos import ADA, MODEL, Maker, facts, query

C = TypeVar("C", bound=Catalog)

Row = tuple[OwnerId, PhotoId, PhotoState]


class Shelf:
    """Brings photos into a catalog as ingest does, each a moment after the other."""

    def __init__(self, catalog: Catalog, make: Maker, clock: FixedClock) -> None:
        self._catalog = catalog
        self._make = make
        self._clock = clock

    async def awaiting(self, owner: OwnerId = ADA, **known: Any) -> Photo:
        """Reserve a photo."""
        self._clock.advance(MOMENT)
        (photo,) = await self._catalog.reserve(owner, [self._make.photo(owner, **known)])
        return photo

    async def stored(self, owner: OwnerId = ADA, **known: Any) -> Photo:
        """Add a photo whose bytes have arrived."""
        photo = await self.awaiting(owner, **known)
        return await self._catalog.store(owner, photo.id, self._make.content(), None)

    async def labelled(
        self,
        *hits: LabelHit,
        owner: OwnerId = ADA,
        taken_at: datetime | None = None,
        **known: Any,
    ) -> Photo:
        """Add a photo that carries *hits*."""
        photo = await self.stored(owner, **known)
        return await self._catalog.label(
            owner, photo.id, sha256_of(photo), facts(taken_at), hits, model=MODEL
        )


class CatalogSuite(Contract, Generic[C]):
    """Subclass `CatalogContract`, give `events`, `catalog` and the back doors.

    *transactional_events* says that a photo and its event are written in one transaction.
    """

    transactional_events: ClassVar[bool] = True

    @pytest.fixture
    async def events(self) -> EventQueue:
        """Give the empty queue that the catalog sends its events on."""
        raise NotImplementedError

    @pytest.fixture
    async def catalog(self) -> C:
        """Give an empty catalog."""
        raise NotImplementedError

    @pytest.fixture
    def shelf(self, catalog: C, make: Maker, clock: FixedClock) -> Shelf:
        """Bring photos into the catalog."""
        return Shelf(catalog, make, clock)

    async def rows(self, catalog: C) -> Collection[Row]:
        """Read who owns which photo in which state, by other means than the catalog's own."""
        raise NotImplementedError

    async def spoil_counts(self, catalog: C, owner: OwnerId) -> None:
        """Make the counts of *owner* wrong behind the catalog's back, where it keeps any."""
        raise NotImplementedError


def sha256_of(photo: Photo) -> str:
    """Tell the hash of a photo whose bytes have arrived."""
    assert photo.content is not None
    return photo.content.sha256


def stored_event(photo: Photo) -> PhotoStored:
    """Make the event that follows when a photo's bytes arrive."""
    return PhotoStored(photo.owner, photo.id)


def discarded_event(photo: Photo) -> PhotoDiscarded:
    """Make the event that follows when a photo is forgotten."""
    return PhotoDiscarded(photo.owner, photo.id)


async def drain(events: EventQueue) -> Sequence[Event | None]:
    """Receive and acknowledge everything that was sent."""
    drained: list[Event | None] = []
    while await events.waiting():
        for delivery in await events.receive(limit=10, wait=timedelta(seconds=5)):
            drained.append(delivery.event)
            await delivery.acknowledge()
    return drained


async def shown_counts(catalog: Catalog, owner: OwnerId = ADA) -> dict[str, int]:
    """Read the counts as a person sees them: name to number of photos."""
    return {str(row.name): row.photos for row in await catalog.counts(owner)}


async def pages(
    catalog: Catalog, wanted: Query, sort: Sort, limit: int, owner: OwnerId = ADA
) -> list[Photo]:
    """Read all pages, *limit* photos at a time."""
    photos: list[Photo] = []
    page = await catalog.page(owner, wanted, sort, after=None, limit=limit)
    while True:
        assert len(page.photos) <= limit
        photos += page.photos
        if page.next is None:
            return photos
        page = await catalog.page(owner, wanted, sort, after=page.next, limit=limit)


async def found(catalog: Catalog, owner: OwnerId = ADA, **parts: Any) -> Sequence[PhotoId]:
    """Name all photos that match a query of *parts*, newest first."""
    listed = await pages(catalog, query(**parts), Sort.NEWEST_TAKEN, 100, owner)
    return [photo.id for photo in listed]
