"""Labelling, twice, late, and of what is no photo."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from imgtag.backends.local.files import open_blobs
from imgtag.domain.errors import Invalid, NotFound, Unavailable
from imgtag.domain.events import PhotoDiscarded, PhotoStored
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Failure, Photo, PhotoState
from imgtag.testing.photos import ADA, hit, jpeg
from tests.unit.services import BAD, MAX_PHOTO_BYTES, desk


async def test_the_same_news_again_costs_nothing() -> None:
    """An event that comes twice, or twice at once, asks the labeler once in the end."""
    at = desk()
    photo = await at.stored(jpeg())
    event = PhotoStored(ADA, photo.id)
    await at.labelling.handle(event)
    await asyncio.wait_for(at.labelling.handle(event), 5)

    assert len(at.labeler.asked) == 1
    assert (await at.ports.catalog.get(ADA, photo.id)).state is PhotoState.LABELLED


async def test_what_is_no_photo_fails_with_the_reason() -> None:
    """A photo that can't be decoded is failed, not silently without labels."""
    at = desk()
    photo = await at.stored(BAD)
    await at.labelling.handle(PhotoStored(ADA, photo.id))

    failed = await at.ports.catalog.get(ADA, photo.id)
    assert (failed.state, failed.failure) == (
        PhotoState.FAILED,
        Failure("damaged_photo", "this is no photo"),
    )
    assert at.labeler.asked == []


async def test_a_labeler_that_cant_read_a_photo_fails_it() -> None:
    """It is failed and keeps its size and thumbnail."""
    at = desk()
    photo = await at.stored(jpeg())

    async def refuse(_: object) -> list[object]:
        msg = "can't make anything of it"
        raise Invalid(msg, code="unreadable_photo")

    at.labeler.detect = refuse  # type: ignore[assignment, method-assign]
    await at.labelling.handle(PhotoStored(ADA, photo.id))

    failed = await at.ports.catalog.get(ADA, photo.id)
    assert failed.state is PhotoState.FAILED
    assert failed.failure == Failure("unreadable_photo", "can't make anything of it")
    assert failed.width is not None


async def test_only_what_is_sure_enough_is_kept() -> None:
    """Labels under the least confidence are dropped; the best of a name counts."""
    at = desk()
    data = jpeg()
    photo = await at.stored(data)
    at.labeler.default = (hit("Lake", 71), hit("lake", 90), hit("Car", 69.9))
    await at.labelling.handle(PhotoStored(ADA, photo.id))

    labels = (await at.ports.catalog.get(ADA, photo.id)).labels.sorted()
    assert [(label.name, label.confidence) for label in labels] == [("lake", 90)]


async def test_news_of_what_is_gone_is_no_news() -> None:
    """A photo that was deleted meanwhile needs nothing done."""
    at = desk()

    await at.labelling.handle(PhotoStored(ADA, at.make.photo_id()))
    assert at.inspector.seen == []


async def test_what_has_just_come_to_this_machine_is_not_looked_up(tmp_path: Path) -> None:
    """The news say what the bytes measured: labels come without a look in the catalog."""
    async with open_blobs(tmp_path) as blobs:
        at = desk(blobs)
        photo = await at.stored(jpeg())
        [told] = await at.ports.photo_events.receive(limit=1, wait=timedelta(0))
        assert told.event == PhotoStored(ADA, photo.id, photo.content)

        async def unavailable(*_: object) -> Photo:
            raise Unavailable("the catalog is busy")

        look_up, at.ports.catalog.get = at.ports.catalog.get, unavailable  # type: ignore[method-assign]
        await at.labelling.handle(told.event)

        assert (await look_up(ADA, photo.id)).state is PhotoState.LABELLED


async def test_labels_outlive_a_failure_of_the_same_news(tmp_path: Path) -> None:
    """News that come twice may fail the second time, for want of time perhaps: labels stay."""
    async with open_blobs(tmp_path) as blobs:
        at = desk(blobs)
        photo = await at.stored(jpeg())
        event = PhotoStored(ADA, photo.id, photo.content)
        await at.labelling.handle(event)
        at.inspector.tired = True
        await at.labelling.handle(event)

        assert len(at.inspector.seen) == 2
        assert (await at.ports.catalog.get(ADA, photo.id)).state is PhotoState.LABELLED


async def test_bytes_that_are_gone_from_this_machine_are_missing(tmp_path: Path) -> None:
    """A photo whose file somebody removed says so; one that was deleted needs nothing done."""
    async with open_blobs(tmp_path) as blobs:
        at = desk(blobs)
        robbed, deleted = await at.stored(jpeg()), await at.stored(jpeg(20, 20))
        await at.ports.catalog.trash(ADA, deleted.id, at.clock.now())
        await at.ports.catalog.discard(ADA, deleted.id, PhotoDiscarded(ADA, deleted.id))
        for photo in (robbed, deleted):
            await blobs.delete(BlobKey(ADA, BlobKind.ORIGINAL, photo.id))
            await at.labelling.handle(PhotoStored(ADA, photo.id, photo.content))

        failed = await at.ports.catalog.get(ADA, robbed.id)
        assert failed.failure == Failure("missing_bytes", "the bytes of this photo are gone")
        assert at.labeler.asked == []


async def test_the_bytes_follow_the_row() -> None:
    """A discarded photo loses original and thumbnail."""
    at = desk()
    photo = await at.stored(jpeg())
    await at.labelling.handle(PhotoStored(ADA, photo.id))
    await at.ports.catalog.trash(ADA, photo.id, at.clock.now())
    event = PhotoDiscarded(ADA, photo.id)
    await at.ports.catalog.discard(ADA, photo.id, event)
    await at.labelling.handle(event)

    assert [key async for key in aiter(at.ports.blobs.keys())] == []


async def test_giving_up_shows_on_the_photo() -> None:
    """After the last attempt the photo says why; one that got its labels meanwhile keeps them."""
    at = desk()
    stuck, fine = await at.stored(jpeg()), await at.stored(jpeg(20, 20))
    await at.labelling.handle(PhotoStored(ADA, fine.id))
    failure = Failure("aws_busy", "the labeler is busy")
    for photo in (stuck, fine):
        await at.labelling.give_up(PhotoStored(ADA, photo.id), failure)

    assert (await at.ports.catalog.get(ADA, stuck.id)).failure == failure
    assert (await at.ports.catalog.get(ADA, fine.id)).state is PhotoState.LABELLED


async def test_a_photo_whose_bytes_came_without_a_row_is_measured() -> None:
    """As on S3: news of an awaiting photo has its bytes measured, stored and labelled."""
    at = desk()
    photo = at.make.photo()
    await at.ports.catalog.reserve(ADA, [photo])
    key = BlobKey(ADA, BlobKind.ORIGINAL, photo.id)
    async with at.ports.blobs.write(key, content_type="image/jpeg") as writer:
        await writer.write(jpeg())
    await at.labelling.handle(PhotoStored(ADA, photo.id))

    found = await at.ports.catalog.get(ADA, photo.id)
    assert (found.state, found.size) == (PhotoState.LABELLED, len(jpeg()))


@pytest.mark.parametrize("times", [2, 5])
async def test_labelling_at_once_leaves_true_counts(times: int) -> None:
    """Several workers on one photo at the same time: one photo, counted once."""
    at = desk()
    photo = await at.stored(jpeg())
    async with asyncio.TaskGroup() as tasks:
        for _ in range(times):
            tasks.create_task(at.labelling.handle(PhotoStored(ADA, photo.id)))

    counts = {count.name: count.photos for count in await at.ports.catalog.counts(ADA)}
    assert counts == {"Nature": 1, "Outdoors": 1}


async def test_what_came_larger_than_allowed_goes() -> None:
    """A URL that can't bind a size takes it, and then neither bytes nor photo stay."""
    at = desk()
    photo = at.make.photo()
    await at.ports.catalog.reserve(ADA, [photo])
    key = BlobKey(ADA, BlobKind.ORIGINAL, photo.id)
    async with at.ports.blobs.write(key, content_type="image/jpeg") as writer:
        await writer.write(bytes(MAX_PHOTO_BYTES + 1))
    await at.labelling.handle(PhotoStored(ADA, photo.id))

    assert at.inspector.seen == []
    with pytest.raises(NotFound):
        await at.ports.catalog.get(ADA, photo.id)
    [told] = await at.ports.photo_events.receive(limit=1, wait=timedelta(0))
    assert told.event == PhotoDiscarded(ADA, photo.id)


async def test_labelling_again_reads_the_rendition() -> None:
    """Where the original lies far away, it may be archived, and reading would bring it back."""
    at = desk()
    photo = await at.stored(jpeg())
    event = PhotoStored(ADA, photo.id)
    await at.labelling.handle(event)
    kept = BlobKey(ADA, BlobKind.RENDITION, photo.id)
    async with at.ports.blobs.write(kept, content_type="image/jpeg") as writer:
        await writer.write(jpeg(8, 6))
    await at.ports.blobs.delete(BlobKey(ADA, BlobKind.ORIGINAL, photo.id))
    await at.ports.catalog.relabel(ADA, photo.id, event)
    await at.labelling.handle(event)

    assert (await at.ports.catalog.get(ADA, photo.id)).state is PhotoState.LABELLED
    assert at.labeler.asked[-1].rendition.jpeg == jpeg(8, 6)
    assert at.labeler.asked[-1].facts == at.labeler.asked[0].facts
