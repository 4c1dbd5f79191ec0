"""The sweeper finds what fell between two steps."""

from datetime import timedelta

import pytest

from imgtag.domain.bundles import REMEMBERED, BundleState
from imgtag.domain.errors import NotFound
from imgtag.domain.events import PhotoDiscarded, PhotoStored
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.queries import Query
from imgtag.services.bundles import Bundles
from imgtag.services.feed import Feed
from imgtag.services.layouts import Layouts
from imgtag.services.sweep import OVERDUE, Lifetimes, Sweeper
from imgtag.testing.photos import ADA, jpeg
from tests.unit.imports import imports
from tests.unit.services import Desk, desk

LIFETIMES = Lifetimes(trash=timedelta(days=30), upload=timedelta(hours=1))
SOON = timedelta(minutes=1)


def sweeper(at: Desk) -> tuple[Sweeper, Bundles]:
    """Build a sweeper, and the bundles that it clears away."""
    ports = at.ports
    bundles = Bundles(
        ports.blobs,
        ports.catalog,
        ports.bundles,
        layouts=Layouts(ports.blobs),
        archives=None,
        clock=at.clock,
        feed=Feed(),
    )
    return Sweeper(ports, bundles, imports(at), clock=at.clock, lifetimes=LIFETIMES), bundles


async def events(at: Desk) -> list[object]:
    """Take all events off the queue."""
    deliveries = await at.ports.photo_events.receive(limit=100, wait=timedelta(0))
    for delivery in deliveries:
        await delivery.acknowledge()
    return [delivery.event for delivery in deliveries]


async def test_a_row_without_its_event_gets_another() -> None:
    """A photo that was stored long ago and never labelled is told of again, and not before."""
    at = desk()
    sweep, _ = sweeper(at)
    photo = await at.stored(jpeg())
    assert await events(at) == [PhotoStored(ADA, photo.id, photo.content)]

    at.clock.advance(OVERDUE - SOON)
    await sweep.sweep()
    assert await events(at) == []
    at.clock.advance(2 * SOON)
    await sweep.sweep()
    assert await events(at) == [PhotoStored(ADA, photo.id)]


async def test_bytes_without_a_row_are_taken_in() -> None:
    """A reservation whose bytes are there is told of; one without bytes ends after its time."""
    at = desk()
    sweep, _ = sweeper(at)
    there, absent = at.make.photo(), at.make.photo()
    await at.ports.catalog.reserve(ADA, [there, absent])
    key = BlobKey(ADA, BlobKind.ORIGINAL, there.id)
    async with at.ports.blobs.write(key, content_type="image/jpeg") as writer:
        await writer.write(jpeg())
    at.clock.advance(LIFETIMES.upload + OVERDUE + SOON)
    await sweep.sweep()

    assert set(await events(at)) == {PhotoStored(ADA, there.id), PhotoDiscarded(ADA, absent.id)}
    with pytest.raises(NotFound):
        await at.ports.catalog.get(ADA, absent.id)


async def test_the_trash_is_emptied_after_its_time() -> None:
    """Thirty days later the photo goes, and not a minute before."""
    at = desk()
    sweep, _ = sweeper(at)
    photo = await at.stored(jpeg())
    await at.labelling.handle(PhotoStored(ADA, photo.id))
    await events(at)
    await at.ports.catalog.trash(ADA, photo.id, at.clock.now())

    at.clock.advance(LIFETIMES.trash - SOON)
    await sweep.sweep()
    assert await events(at) == []
    at.clock.advance(2 * SOON)
    await sweep.sweep()
    assert await events(at) == [PhotoDiscarded(ADA, photo.id)]


async def test_bundles_expire_and_are_forgotten() -> None:
    """A day later its link is dead and its manifest gone; a month later so is the row."""
    at = desk()
    sweep, bundles = sweeper(at)
    photo = await at.stored(jpeg())
    await at.labelling.handle(PhotoStored(ADA, photo.id))
    bundle = await bundles.create(ADA, Query())
    manifest = BlobKey(ADA, BlobKind.MANIFEST, bundle.id)
    assert (await at.ports.blobs.stat(manifest)).size > 0

    at.clock.advance(timedelta(hours=24, minutes=1))
    assert (await bundles.get(ADA, bundle.id)).state is BundleState.EXPIRED
    await sweep.sweep()
    with pytest.raises(NotFound):
        await at.ports.blobs.stat(manifest)
    at.clock.advance(REMEMBERED)
    await sweep.sweep()
    with pytest.raises(NotFound):
        await bundles.get(ADA, bundle.id)
