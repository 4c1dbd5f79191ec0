"""The contract of a catalog: how photos come in, and that each comes in once."""

from dataclasses import asdict, replace
from datetime import datetime
from functools import partial

import pytest

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.ids import PhotoId
from imgtag.domain.photos import Content, PhotoState
from imgtag.domain.queries import Query, Sort, Tally
from imgtag.ports import Catalog, EventQueue
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import MINUTE, at_once, cancelled_after, collect
from imgtag.testing.contracts.catalog_base import (
    C,
    CatalogSuite,
    Shelf,
    discarded_event,
    drain,
    stored_event,
)
from imgtag.testing.photos import ADA, BOB, Maker

_MIB = 1024 * 1024


class Reserving(CatalogSuite[C]):
    """`reserve`: one photo for each that is asked for, and none twice."""

    async def test_a_reserved_photo_awaits_its_bytes(self, catalog: C, make: Maker) -> None:
        """It is kept as it was given, to the last field, and lies in the store."""
        photo = make.photo(
            file_name="Åre 🏔️ 100%_'\".JPG",
            content_type="image/jpeg",
            size=5 * 1024 * _MIB,
            sha256=make.content().sha256,
        )
        assert list(await catalog.reserve(ADA, [photo])) == [photo]
        assert await catalog.get(ADA, photo.id) == photo
        assert set(await self.rows(catalog)) == {(ADA, photo.id, PhotoState.AWAITING)}

    async def test_answers_come_in_the_order_asked(self, catalog: C, make: Maker) -> None:
        """As many as an upload may ask for at once, in order; none is no trouble."""
        photos = [make.photo(sha256=make.content().sha256) for _ in range(500)]
        assert list(await catalog.reserve(ADA, photos)) == photos
        assert list(await catalog.reserve(ADA, [])) == []
        assert len(await self.rows(catalog)) == len(photos)

    async def test_a_photo_that_is_there_is_the_answer(
        self, catalog: C, make: Maker, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Awaiting, stored, labelled or in the trash: the same bytes are the same photo."""
        awaiting = await shelf.awaiting(sha256=make.content().sha256)
        stored, labelled = await shelf.stored(), await shelf.labelled()
        trashed = await catalog.trash(ADA, (await shelf.stored()).id, clock.now())
        known = [awaiting, stored, labelled, trashed]
        again = [make.photo(sha256=photo.sha256) for photo in known]
        assert list(await catalog.reserve(ADA, again)) == known
        assert len(await self.rows(catalog)) == len(known)

    async def test_an_id_that_is_there_is_the_answer(
        self, catalog: C, make: Maker, shelf: Shelf
    ) -> None:
        """Asking again for the same id changes nothing, whatever it means by now."""
        awaiting, stored, twin = (
            await shelf.awaiting(),
            await shelf.stored(),
            await shelf.awaiting(),
        )
        assert stored.content
        await catalog.store(ADA, twin.id, stored.content, None)
        asked = [replace(make.photo(), id=photo.id) for photo in (awaiting, stored, twin)]
        assert list(await catalog.reserve(ADA, asked)) == [awaiting, stored, stored]
        assert len(await self.rows(catalog)) == 2

    async def test_one_batch_holds_no_photo_twice(self, catalog: C, make: Maker) -> None:
        """Of equal ones in one call the first is added and answers for the others."""
        first, other = (make.photo(sha256=make.content().sha256) for _ in range(2))
        batch = [first, replace(make.photo(), sha256=first.sha256), other, first]
        assert list(await catalog.reserve(ADA, batch)) == [first, first, other, first]
        assert len(await self.rows(catalog)) == 2

    async def test_photos_without_a_hash_are_all_added(self, catalog: C, make: Maker) -> None:
        """Nothing is known of their bytes, so none equals another."""
        photos = [make.photo(file_name="same.jpg") for _ in range(3)]
        assert list(await catalog.reserve(ADA, photos)) == photos

    async def test_owners_do_not_share_photos(self, catalog: C, make: Maker, shelf: Shelf) -> None:
        """The same bytes of another owner are another photo, and tell nothing."""
        theirs = await shelf.stored(BOB)
        mine = make.photo(sha256=theirs.sha256)
        assert list(await catalog.reserve(ADA, [mine])) == [mine]

    async def test_fifty_at_once_reserve_one_photo(self, catalog: C, make: Maker) -> None:
        """However many ask for the same bytes at the same time, one photo is added."""
        sha256 = make.content().sha256
        asked = [make.photo(sha256=sha256) for _ in range(50)]
        answers = await at_once([catalog.reserve(ADA, [photo]) for photo in asked])
        assert len({photo.id for (photo,) in answers}) == 1
        assert len(await self.rows(catalog)) == 1

    async def test_a_forgotten_photo_is_no_answer(
        self, catalog: C, make: Maker, shelf: Shelf, clock: FixedClock
    ) -> None:
        """After it was discarded, the same bytes may come in again."""
        gone = await shelf.stored()
        await catalog.trash(ADA, gone.id, clock.now())
        await catalog.discard(ADA, gone.id, discarded_event(gone))
        again = make.photo(sha256=gone.sha256)
        assert list(await catalog.reserve(ADA, [again])) == [again]


class Storing(CatalogSuite[C]):
    """`store`: bytes have arrived; once, whoever says so and how often."""

    async def test_a_stored_photo_is_what_was_measured(
        self, catalog: C, events: EventQueue, shelf: Shelf
    ) -> None:
        """State and content are recorded, and the event is sent."""
        photo = await shelf.awaiting(content_type="image/jpeg", size=3, sha256="0" * 64)
        content = Content(5 * 1024 * _MIB, "f" * 64, 2**32 - 1)
        stored = await catalog.store(ADA, photo.id, content, stored_event(photo))
        assert stored.content == content
        assert stored == replace(photo, state=PhotoState.STORED, **asdict(content))
        assert await catalog.get(ADA, photo.id) == stored
        assert set(await self.rows(catalog)) == {(ADA, photo.id, PhotoState.STORED)}
        assert await drain(events) == [stored_event(photo)]

    async def test_the_same_call_again_changes_nothing(
        self, catalog: C, events: EventQueue, shelf: Shelf, make: Maker
    ) -> None:
        """Also once it is labelled; and nothing is sent."""
        stored = await shelf.stored()
        labelled = await shelf.labelled()
        for photo in (stored, labelled):
            assert photo.content is not None
            again = await catalog.store(ADA, photo.id, photo.content, stored_event(photo))
            assert again == photo
        assert await drain(events) == []
        with pytest.raises(Conflict):
            await catalog.store(ADA, stored.id, make.content(), stored_event(stored))
        assert await catalog.get(ADA, stored.id) == stored
        assert await drain(events) == []

    async def test_a_photo_of_nobody_is_not_found(
        self, catalog: C, events: EventQueue, shelf: Shelf, make: Maker
    ) -> None:
        """An unknown id and another owner's look the same, and nothing is sent."""
        mine = await shelf.awaiting()
        for owner, photo in ((ADA, make.photo()), (BOB, mine)):
            with pytest.raises(NotFound):
                await catalog.store(owner, photo.id, make.content(), stored_event(photo))
        assert await catalog.get(ADA, mine.id) == mine
        assert await drain(events) == []

    async def test_equal_bytes_end_the_reservation(
        self, catalog: C, events: EventQueue, shelf: Shelf, make: Maker
    ) -> None:
        """The photo that was there first is the answer, now and for every later `get`."""
        first = await shelf.stored()
        second = await shelf.awaiting()
        assert first.content is not None
        for _ in range(2):
            answer = await catalog.store(ADA, second.id, first.content, stored_event(second))
            assert answer == first
        assert await catalog.get(ADA, second.id) == first
        assert await drain(events) == []
        assert [row[1] for row in await self.rows(catalog)] == [first.id]
        assert await catalog.tally(ADA) == Tally(stored=1)
        page = await catalog.page(ADA, Query(), Sort.NEWEST_TAKEN, after=None, limit=10)
        assert page.photos == (first,)
        with pytest.raises(Conflict):
            await catalog.store(ADA, second.id, make.content(), stored_event(second))

    async def test_an_ended_reservation_follows_its_photo(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Its id means the photo as it is now, and nothing once that is gone; for its owner."""
        first = await shelf.stored()
        second = await shelf.awaiting()
        assert first.content is not None
        await catalog.store(ADA, second.id, first.content, None)
        with pytest.raises(NotFound):
            await catalog.get(BOB, second.id)
        trashed = await catalog.trash(ADA, first.id, clock.now())
        assert await catalog.get(ADA, second.id) == trashed
        await catalog.discard(ADA, first.id, discarded_event(first))
        with pytest.raises(NotFound):
            await catalog.get(ADA, second.id)

    async def test_equal_bytes_in_the_trash_are_the_answer(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """It stays in the trash: whether to take it out is for others to say."""
        trashed = await catalog.trash(ADA, (await shelf.stored()).id, clock.now())
        second = await shelf.awaiting()
        assert trashed.content is not None
        assert await catalog.store(ADA, second.id, trashed.content, None) == trashed
        assert len(await self.rows(catalog)) == 1

    async def test_equal_bytes_of_another_owner_are_another_photo(
        self, catalog: C, shelf: Shelf
    ) -> None:
        """Both owners have the photo, each under an id of their own."""
        theirs, mine = await shelf.stored(BOB), await shelf.awaiting()
        assert theirs.content is not None
        stored = await catalog.store(ADA, mine.id, theirs.content, None)
        assert (stored.id, stored.owner) == (mine.id, ADA)
        assert len(await self.rows(catalog)) == 2

    async def test_a_claim_holds_nobody_up(self, catalog: C, shelf: Shelf, make: Maker) -> None:
        """Who has only said that the bytes will come gives way to whom they came from."""
        content = make.content()
        claim = await shelf.awaiting(sha256=content.sha256)
        other = await shelf.awaiting()
        stored = await catalog.store(ADA, other.id, content, None)
        assert (stored.id, stored.state) == (other.id, PhotoState.STORED)
        again = make.photo(sha256=content.sha256)
        assert list(await catalog.reserve(ADA, [again])) == [stored]
        assert await catalog.store(ADA, claim.id, content, None) == stored
        assert [row[1] for row in await self.rows(catalog)] == [other.id]

    async def test_what_was_measured_replaces_what_was_claimed(
        self, catalog: C, shelf: Shelf, make: Maker
    ) -> None:
        """A false claim is free again, and the true hash is taken."""
        claimed, measured = make.content(), make.content()
        photo = await shelf.awaiting(sha256=claimed.sha256)
        stored = await catalog.store(ADA, photo.id, measured, None)
        asked = [make.photo(sha256=sha256) for sha256 in (claimed.sha256, measured.sha256)]
        assert list(await catalog.reserve(ADA, asked)) == [asked[0], stored]

    async def test_twenty_uploads_of_equal_bytes_become_one_photo(
        self, catalog: C, events: EventQueue, shelf: Shelf, make: Maker
    ) -> None:
        """All at once: one row, one event, and every id means the one photo."""
        content = make.content()
        photos = [await shelf.awaiting() for _ in range(20)]
        answers = await at_once(
            [catalog.store(ADA, photo.id, content, stored_event(photo)) for photo in photos]
        )
        (winner,) = {photo.id for photo in answers}
        assert [row[1] for row in await self.rows(catalog)] == [winner]
        assert {(await catalog.get(ADA, photo.id)).id for photo in photos} == {winner}
        assert [getattr(event, "photo", None) for event in await drain(events)] == [winner]

    async def test_twenty_equal_calls_send_one_event(
        self, catalog: C, events: EventQueue, shelf: Shelf, make: Maker
    ) -> None:
        """The same photo, stored by many at once, is announced once."""
        photo, content = await shelf.awaiting(), make.content()
        await at_once(
            [catalog.store(ADA, photo.id, content, stored_event(photo)) for _ in range(20)]
        )
        assert await drain(events) == [stored_event(photo)]

    async def test_a_cancelled_store_is_whole(
        self, catalog: C, events: EventQueue, shelf: Shelf, make: Maker
    ) -> None:
        """Whenever it is cancelled, no event is sent for a photo that is not stored.

        With transactional events no stored photo lacks its event either.
        """
        for steps in range(12):
            photo, content = await shelf.awaiting(), make.content()
            event = stored_event(photo)
            call = partial(catalog.store, ADA, photo.id, content, event)
            cancelled = await cancelled_after(steps, call)
            stored = (await catalog.get(ADA, photo.id)).state is PhotoState.STORED
            sent = event in await drain(events)
            assert stored or cancelled
            assert stored or not sent
            if self.transactional_events:
                assert stored == sent, f"after {steps} steps"

    async def test_stuck_photos_are_found_by_how_long_they_stand(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Awaiting since they were made, stored since they became so; of all owners."""
        awaiting = await shelf.awaiting()
        stored, theirs = await shelf.stored(), await shelf.stored(BOB)
        done = await shelf.labelled()
        early = clock.advance(MINUTE)
        clock.advance(MINUTE)
        again = await catalog.relabel(ADA, done.id, stored_event(done))
        clock.advance(MINUTE)
        assert await _stuck(catalog, awaiting.created_at) == set()
        assert await _stuck(catalog, early) == {awaiting.id, stored.id, theirs.id}
        assert await _stuck(catalog, clock.now()) == {awaiting.id, stored.id, theirs.id, again.id}


async def _stuck(catalog: Catalog, before: datetime) -> set[PhotoId]:
    return {photo.id for photo in await collect(catalog.stuck(before=before))}
