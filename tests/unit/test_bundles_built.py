"""Where archives are built ahead: a bundle from the order to the day it is forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from imgtag.domain.bundles import LIFETIME, Bundle, BundleState
from imgtag.domain.errors import Conflict, Gone, NotFound
from imgtag.domain.events import BundleRequested, Event, PhotoStored
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.queries import Query
from imgtag.services.archives import Archives, PartedStore
from imgtag.services.building import MIB, Builder
from imgtag.services.bundles import Bundles
from imgtag.services.feed import Feed
from imgtag.services.layouts import Layouts
from imgtag.services.sweep import OVERDUE, Lifetimes, Sweeper
from imgtag.testing.photos import ADA, jpeg
from tests.unit.imports import imports
from tests.unit.parted import PartedBlobStore
from tests.unit.services import Desk, desk

MINUTES = timedelta(minutes=5)
LIFETIMES = Lifetimes(trash=timedelta(days=30), upload=timedelta(hours=1))


@dataclass(slots=True)
class Yard:
    """A desk on a store of archives, a builder and a sweeper."""

    desk: Desk
    blobs: PartedBlobStore
    bundles: Bundles
    builder: Builder
    sweeper: Sweeper

    async def asked(self) -> Bundle:
        """Store a photo and ask for a bundle of all there is."""
        await self.desk.stored(jpeg())
        return await self.bundles.create(ADA, Query())

    async def events(self) -> Sequence[Event | None]:
        """Take what is told of bundles."""
        told = await self.desk.ports.bundle_events.receive(limit=10, wait=timedelta(0))
        for delivery in told:
            await delivery.acknowledge()
        return [delivery.event for delivery in told]

    async def built(self) -> Bundle:
        """Ask for a bundle and build it."""
        bundle = await self.asked()
        await self.builder.handle(BundleRequested(ADA, bundle.id))
        return await self.bundles.get(ADA, bundle.id)

    async def has(self, bundle: Bundle, kind: BlobKind) -> bool:
        """Tell whether something of a bundle lies in the store."""
        try:
            await self.blobs.stat(BlobKey(ADA, kind, bundle.id))
        except NotFound:
            return False
        return True


@pytest.fixture
def yard() -> Yard:
    """Build it all."""
    at = desk()
    blobs = PartedBlobStore(at.clock)
    at.ports = ports = replace(at.ports, blobs=blobs)
    layouts, archives, feed = Layouts(blobs), Archives(blobs), Feed()
    bundles = Bundles(
        blobs,
        ports.catalog,
        ports.bundles,
        layouts=layouts,
        archives=archives,
        clock=at.clock,
        feed=feed,
    )

    async def announce(_: Bundle) -> None:
        return

    builder = Builder(
        archives,
        ports.bundles,
        ports.bundle_events,
        layouts.of,
        announce=announce,
        memory=16 * MIB,
        clock=at.clock,
        feed=feed,
    )
    sweeper = Sweeper(ports, bundles, imports(at), clock=at.clock, lifetimes=LIFETIMES)
    return Yard(at, blobs, bundles, builder, sweeper)


def test_the_store_of_these_tests_takes_archives(yard: Yard) -> None:
    """What imgtag asks a store is whether it has these methods."""
    assert isinstance(yard.blobs, PartedStore)


async def test_a_bundle_waits_to_be_built(yard: Yard) -> None:
    """It is queued with its event, and its link works only once it is built."""
    bundle = await yard.asked()
    assert bundle.state is BundleState.QUEUED
    assert await yard.events() == [BundleRequested(ADA, bundle.id)]
    with pytest.raises(Conflict):
        await yard.bundles.download_url(bundle, expires_in=MINUTES)
    await yard.builder.handle(BundleRequested(ADA, bundle.id))
    ready = await yard.bundles.get(ADA, bundle.id)
    assert ready.expires_at == yard.desk.clock.now() + LIFETIME
    archive = BlobKey(ADA, BlobKind.ARCHIVE, bundle.id)
    assert (await yard.blobs.stat(archive)).size == bundle.bytes
    url = await yard.bundles.download_url(ready, expires_in=MINUTES)
    assert url == f"https://store.example/{archive}?{bundle.name}.zip&application/zip&300"


async def test_revoking_deletes_the_archive(yard: Yard) -> None:
    """At once, so that signed links of it end too."""
    bundle = await yard.built()
    await yard.bundles.cancel(ADA, bundle.id)
    assert not await yard.has(bundle, BlobKind.ARCHIVE)
    with pytest.raises(Gone):
        await yard.bundles.download_url(await yard.bundles.get(ADA, bundle.id), expires_in=MINUTES)


async def test_cancelling_ends_an_upload_that_nobody_works_on(yard: Yard) -> None:
    """The parts that a dead worker has left go with the bundle."""
    bundle = await yard.asked()
    begun = await yard.blobs.write_parts(
        BlobKey(ADA, BlobKind.ARCHIVE, bundle.id), content_type="application/zip"
    )
    left = await yard.desk.ports.bundles.replace(replace(bundle, checkpoint=begun.checkpoint))
    assert yard.blobs.uploads
    await yard.bundles.cancel(ADA, left.id)
    assert not yard.blobs.uploads


async def test_what_is_cancelled_is_not_built(yard: Yard) -> None:
    """The event comes late and finds nothing to do."""
    bundle = await yard.asked()
    await yard.bundles.cancel(ADA, bundle.id)
    await yard.builder.handle(BundleRequested(ADA, bundle.id))
    assert (await yard.bundles.get(ADA, bundle.id)).state is BundleState.CANCELLED
    assert not await yard.has(bundle, BlobKind.ARCHIVE)


async def test_an_archive_goes_when_its_time_is_over(yard: Yard) -> None:
    """By the service's own clock, and once: what is cleared away is left alone."""
    bundle = await yard.built()
    yard.desk.clock.advance(LIFETIME + OVERDUE)
    await yard.sweeper.sweep()
    assert not await yard.has(bundle, BlobKind.ARCHIVE)
    assert not await yard.has(bundle, BlobKind.MANIFEST)
    assert (await yard.bundles.get(ADA, bundle.id)).state is BundleState.EXPIRED
    deleted = len(yard.blobs.deleted)
    yard.desk.clock.advance(OVERDUE)
    await yard.sweeper.sweep()
    assert len(yard.blobs.deleted) == deleted


async def test_a_bundle_without_its_event_gets_another(yard: Yard) -> None:
    """Whether the event was lost or its worker died: the sweeper sends one, and not too soon."""
    bundle = await yard.asked()
    assert await yard.events()
    await yard.sweeper.sweep()
    assert await yard.events() == []
    yard.desk.clock.advance(OVERDUE + timedelta(seconds=1))
    await yard.sweeper.sweep()
    assert await yard.events() == [BundleRequested(ADA, bundle.id)]


async def test_a_bundle_looks_for_its_photos_again(yard: Yard) -> None:
    """News that they are back may get lost: the sweeper asks, and they are built then."""
    photo = await yard.desk.stored(jpeg())
    original = BlobKey(ADA, BlobKind.ORIGINAL, photo.id)
    yard.blobs.archived.add(original)
    bundle = await yard.bundles.create(ADA, Query())
    await yard.builder.handle(BundleRequested(ADA, bundle.id))
    assert (await yard.bundles.get(ADA, bundle.id)).state is BundleState.RESTORING
    await yard.events()
    yard.blobs.archived.clear()
    yard.desk.clock.advance(OVERDUE + timedelta(seconds=1))
    await yard.sweeper.sweep()
    [event] = await yard.events()
    assert isinstance(event, BundleRequested)
    await yard.builder.handle(event)
    assert (await yard.bundles.get(ADA, bundle.id)).state is BundleState.READY


async def test_news_of_photos_are_not_built(yard: Yard) -> None:
    """A message on the wrong queue goes to the dead letters."""
    photo = await yard.desk.stored(jpeg())
    with pytest.raises(Exception, match="queue of bundles"):
        await yard.builder.handle(PhotoStored(ADA, photo.id))
