"""The contract of a catalog: the library, the trash, and looking things up."""

import pytest

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.photos import Failure, PhotoState
from imgtag.domain.queries import Tally
from imgtag.ports import EventQueue
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import HOUR, MOMENT, collect
from imgtag.testing.contracts.catalog_base import (
    C,
    CatalogSuite,
    Shelf,
    discarded_event,
    drain,
    found,
    sha256_of,
    shown_counts,
)
from imgtag.testing.photos import ADA, BOB, MODEL, Maker, facts, hit


class Trashing(CatalogSuite[C]):
    """`trash`, `restore`, `discard` and what the sweeper is told."""

    async def test_counts_follow_to_the_trash_and_back(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """At once, and the photo itself is as it was."""
        photo, other = await shelf.labelled(hit("Lake")), await shelf.labelled(hit("Lake"))
        await catalog.trash(ADA, other.id, clock.now())
        trashed = await catalog.trash(ADA, photo.id, clock.now())
        assert trashed.trashed_at == clock.now()
        assert trashed == await catalog.get(ADA, photo.id)
        assert await shown_counts(catalog) == {}
        assert await found(catalog) == []
        assert await found(catalog, trashed=True, all=["Lake"]) == [other.id, photo.id]
        assert await catalog.restore(ADA, photo.id) == photo
        assert await catalog.get(ADA, photo.id) == photo
        assert await shown_counts(catalog) == {"Lake": 1}

    async def test_twice_is_fine(self, catalog: C, shelf: Shelf, clock: FixedClock) -> None:
        """What lies in the trash keeps its time there, and what is not needs no restoring."""
        photo = await shelf.labelled(hit("Lake"))
        assert await catalog.restore(ADA, photo.id) == photo
        trashed = await catalog.trash(ADA, photo.id, clock.now())
        assert await catalog.trash(ADA, photo.id, clock.advance(HOUR)) == trashed
        assert await shown_counts(catalog) == {}
        for _ in range(2):
            assert await catalog.restore(ADA, photo.id) == photo
        assert await shown_counts(catalog) == {"Lake": 1}

    async def test_photos_of_nobody_are_not_found(
        self, catalog: C, shelf: Shelf, make: Maker, clock: FixedClock
    ) -> None:
        """An unknown photo and another owner's look the same, and nothing changes."""
        photo = await shelf.labelled(hit("Lake"))
        for owner, photo_id in ((BOB, photo.id), (ADA, make.photo_id())):
            with pytest.raises(NotFound):
                await catalog.trash(owner, photo_id, clock.now())
            with pytest.raises(NotFound):
                await catalog.restore(owner, photo_id)
            with pytest.raises(NotFound):
                await catalog.get(owner, photo_id)
        assert await catalog.get(ADA, photo.id) == photo

    async def test_labels_change_in_the_trash_too(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """A late answer is kept, and counts once the photo is back."""
        photo = await shelf.labelled(hit("Lake"))
        await catalog.trash(ADA, photo.id, clock.now())
        hits = [hit("Sea")]
        await catalog.label(ADA, photo.id, sha256_of(photo), facts(), hits, model=MODEL)
        assert await shown_counts(catalog) == {}
        await catalog.restore(ADA, photo.id)
        assert await shown_counts(catalog) == {"Sea": 1}

    async def test_a_discarded_photo_is_gone(
        self, catalog: C, events: EventQueue, shelf: Shelf, clock: FixedClock
    ) -> None:
        """From the trash, or while it awaits its bytes; its event is sent, and again is fine."""
        awaiting, trashed = await shelf.awaiting(), await shelf.labelled(hit("Lake"))
        await catalog.trash(ADA, trashed.id, clock.now())
        for photo in (awaiting, trashed):
            await catalog.discard(ADA, photo.id, discarded_event(photo))
            with pytest.raises(NotFound):
                await catalog.get(ADA, photo.id)
            assert await drain(events) == [discarded_event(photo)]
            await catalog.discard(ADA, photo.id, discarded_event(photo))
        assert list(await self.rows(catalog)) == []
        assert await catalog.tally(ADA) == Tally()
        assert (await shown_counts(catalog), await catalog.recount(ADA)) == ({}, {})

    async def test_the_library_is_not_discarded(
        self, catalog: C, events: EventQueue, shelf: Shelf
    ) -> None:
        """A photo has to go to the trash first; it stays, and nothing is sent."""
        stored, labelled = await shelf.stored(), await shelf.labelled(hit("Lake"))
        failed = await shelf.stored()
        failed = await catalog.fail(ADA, failed.id, sha256_of(failed), Failure("a", "b"), None)
        for photo in (stored, labelled, failed):
            with pytest.raises(Conflict):
                await catalog.discard(ADA, photo.id, discarded_event(photo))
            assert await catalog.get(ADA, photo.id) == photo
        assert await drain(events) == []

    async def test_nobody_discards_for_another(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Another owner's photo is absent, so that nothing happens to it."""
        photo = await catalog.trash(ADA, (await shelf.stored()).id, clock.now())
        await catalog.discard(BOB, photo.id, discarded_event(photo))
        assert await catalog.get(ADA, photo.id) == photo

    async def test_the_sweeper_finds_what_lies_long_in_the_trash(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Of all owners, put there before the time given; restored ones are left alone."""
        mine, theirs, back = await shelf.stored(), await shelf.stored(BOB), await shelf.stored()
        put = clock.advance(HOUR)
        for photo in (mine, theirs, back):
            await catalog.trash(photo.owner, photo.id, put)
        await catalog.restore(ADA, back.id)
        await catalog.trash(ADA, (await shelf.stored()).id, clock.advance(HOUR))
        assert await collect(catalog.trashed(before=put)) == []
        listed = await collect(catalog.trashed(before=put + MOMENT))
        assert {(photo.owner, photo.id) for photo in listed} == {(ADA, mine.id), (BOB, theirs.id)}
        assert all(photo.trashed_at == put for photo in listed)


class LookingUp(CatalogSuite[C]):
    """`get`, `get_many`, `tally` and `owners`."""

    async def test_many_are_fetched_in_the_order_asked(
        self, catalog: C, shelf: Shelf, make: Maker, clock: FixedClock
    ) -> None:
        """Those that exist, in the trash too; what is unknown or another's is left out."""
        mine = [await shelf.labelled(hit("Lake")) for _ in range(5)]
        mine[2] = await catalog.trash(ADA, mine[2].id, clock.now())
        theirs = await shelf.stored(BOB)
        asked = [make.photo_id(), *(photo.id for photo in reversed(mine)), theirs.id]
        assert list(await catalog.get_many(ADA, asked)) == mine[::-1]
        assert list(await catalog.get_many(ADA, [])) == []

    async def test_hundreds_are_fetched_at_once(self, catalog: C, make: Maker) -> None:
        """A store that answers in batches puts them together."""
        photos = [make.photo() for _ in range(500)]
        await catalog.reserve(ADA, photos)
        assert list(await catalog.get_many(ADA, [p.id for p in photos[::-1]])) == photos[::-1]

    async def test_the_tally_counts_states(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Each photo in its state, or in the trash whatever its state; owners apart."""
        await shelf.awaiting()
        trashed = [await shelf.awaiting(), await shelf.stored(), await shelf.labelled()]
        for _ in range(2):
            await shelf.stored()
        for _ in range(3):
            await shelf.labelled(hit("Lake"))
        failed = await shelf.stored()
        await catalog.fail(ADA, failed.id, sha256_of(failed), Failure("a", "b"), None)
        await shelf.labelled(owner=BOB)
        for photo in trashed:
            await catalog.trash(ADA, photo.id, clock.now())
        tally = Tally(awaiting=1, stored=2, labelled=3, failed=1, trashed=3)
        assert await catalog.tally(ADA) == tally
        assert await catalog.tally(BOB) == Tally(labelled=1)

    async def test_owners_are_those_with_photos(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """In the library, in the trash or on their way; each once, and no longer than that."""
        assert await collect(catalog.owners()) == []
        await catalog.counts(ADA)
        assert await collect(catalog.owners()) == []
        mine, theirs = await shelf.awaiting(), await shelf.stored(BOB)
        await shelf.labelled(hit("Lake"))
        await catalog.trash(BOB, theirs.id, clock.now())
        assert sorted(await collect(catalog.owners())) == [ADA, BOB]
        await catalog.discard(BOB, theirs.id, discarded_event(theirs))
        assert await collect(catalog.owners()) == [ADA]
        assert mine.state is PhotoState.AWAITING
