"""The contract of `imgtag.ports.ImportStore`."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import ClassVar, Generic, TypeVar

import pytest

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import ImportRequested
from imgtag.domain.ids import ImportId, OwnerId
from imgtag.domain.imports import Import, ImportState
from imgtag.ports import EventQueue, ImportStore
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import (
    MINUTE,
    MOMENT,
    Contract,
    at_once,
    cancelled_after,
    collect,
)
from imgtag.testing.contracts.catalog_base import drain
from imgtag.testing.photos import ADA, BOB, Maker

I = TypeVar("I", bound=ImportStore)  # noqa: E741 - one letter, as in every suite


class ImportStoreContract(Contract, Generic[I]):
    """Subclass it, give `events`, `imports` and the back door.

    *transactional_events* says that an import and its event are written in one transaction.
    """

    transactional_events: ClassVar[bool] = True

    @pytest.fixture
    async def events(self) -> EventQueue:
        """Give the empty queue that the store sends its events on."""
        raise NotImplementedError

    @pytest.fixture
    async def imports(self) -> I:
        """Give an empty store."""
        raise NotImplementedError

    async def rows(self, imports: I) -> Collection[tuple[OwnerId, ImportId, int]]:
        """Read owner, id and revision of every import, by other means than the store's own."""
        raise NotImplementedError

    async def test_a_created_import_is_there(
        self, imports: I, events: EventQueue, make: Maker
    ) -> None:
        """It lies in the store, is found, and its event is sent."""
        made = make.imported()
        await imports.create(made, asked(made))
        assert set(await self.rows(imports)) == {(ADA, made.id, 0)}
        assert await imports.get(ADA, made.id) == made
        assert await drain(events) == [asked(made)]

    async def test_every_field_survives(self, imports: I, make: Maker) -> None:
        """Created or replaced, an import comes back to the last field."""
        known, plain = make.full_import(), make.imported()
        await add(imports, known, plain)
        assert await imports.get(ADA, known.id) == known
        written = await imports.replace(replace(known, id=plain.id))
        assert written == replace(known, id=plain.id, revision=1)
        assert await imports.get(ADA, plain.id) == written

    async def test_imports_of_nobody_are_not_found(self, imports: I, make: Maker) -> None:
        """Unknown ones and another owner's look the same."""
        made = make.imported()
        await add(imports, made)
        for owner, imported in ((BOB, made.id), (ADA, make.imported().id)):
            with pytest.raises(NotFound):
                await imports.get(owner, imported)
            with pytest.raises(NotFound):
                await imports.replace(replace(made, owner=owner, id=imported))
        assert await imports.get(ADA, made.id) == made

    async def test_of_two_writers_the_first_wins(
        self, imports: I, events: EventQueue, make: Maker
    ) -> None:
        """Who read before the other wrote changes nothing, remembers nothing, sends nothing."""
        read = make.imported()
        await add(imports, read)
        won = await imports.replace(read.begun())
        await drain(events)
        taken = {"late": make.photo_id()}
        with pytest.raises(Conflict):
            await imports.replace(replace(read, copied=7), taken=taken, event=asked(read))
        assert won.revision == 1
        assert await imports.get(ADA, read.id) == won
        assert await imports.taken(ADA, list(taken)) == {}
        assert await drain(events) == []

    async def test_of_many_writers_at_once_one_wins(
        self, imports: I, events: EventQueue, make: Maker
    ) -> None:
        """Ten that have done the same page count it once, and ask once for the next."""
        read = make.imported()
        await add(imports, read)
        await drain(events)
        claims = [replace(read, cursor=f"worker {number}") for number in range(10)]
        answers = await at_once([_replace(imports, claim) for claim in claims])
        (won,) = [answer for answer in answers if answer]
        assert await imports.get(ADA, read.id) == won
        assert await drain(events) == [asked(read)]

    async def test_a_write_sends_its_event(
        self, imports: I, events: EventQueue, make: Maker
    ) -> None:
        """Each that is asked for, and none unasked."""
        made = make.imported()
        await add(imports, made)
        await drain(events)
        written = await imports.replace(made.begun())
        assert await drain(events) == []
        await imports.replace(written, event=asked(made))
        assert await drain(events) == [asked(made)]

    async def test_files_taken_over_are_remembered(self, imports: I, make: Maker) -> None:
        """By their marks, for their owner alone; the latest photo is the answer."""
        mine, theirs = make.imported(), make.imported(BOB)
        await add(imports, mine, theirs)
        taken = {f"mark {number} é": make.photo_id() for number in range(120)}
        mine = await imports.replace(mine, taken=taken)
        await imports.replace(theirs, taken={"mark 0 é": make.photo_id()})
        assert await imports.taken(ADA, [*taken, "unknown"]) == taken
        assert await imports.taken(ADA, []) == {}
        assert list(await imports.taken(BOB, list(taken))) == ["mark 0 é"]
        again = {"mark 7 é": make.photo_id()}
        await imports.replace(mine, taken=again)
        assert await imports.taken(ADA, list(taken)) == taken | again

    async def test_a_forgotten_import_is_gone(self, imports: I, make: Maker) -> None:
        """Forgetting it again is fine, for its owner only; its files stay known."""
        gone, kept = make.imported(), make.imported()
        await add(imports, gone, kept)
        taken = {"mark": make.photo_id()}
        await imports.replace(gone, taken=taken)
        await imports.forget(BOB, kept.id)
        for _ in range(2):
            await imports.forget(ADA, gone.id)
        with pytest.raises(NotFound):
            await imports.get(ADA, gone.id)
        assert set(await self.rows(imports)) == {(ADA, kept.id, 0)}
        assert await imports.taken(ADA, ["mark"]) == taken

    async def test_a_cancelled_create_is_whole(
        self, imports: I, events: EventQueue, make: Maker
    ) -> None:
        """Whenever it is cancelled, no event is sent for an import that is not there."""
        for steps in range(12):
            made = make.imported()
            call = partial(imports.create, made, asked(made))
            cancelled = await cancelled_after(steps, call)
            there = made.id in {row[1] for row in await self.rows(imports)}
            sent = asked(made) in await drain(events)
            assert there or (cancelled and not sent)
            assert not self.transactional_events or there == sent, f"after {steps} steps"

    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    async def test_pages_come_newest_first(
        self, imports: I, make: Maker, clock: FixedClock, limit: int
    ) -> None:
        """All of the owner's and nobody else's, each once."""
        made = []
        for _ in range(7):
            clock.advance(MOMENT)
            made.append(make.imported())
            await add(imports, made[-1], make.imported(BOB))
        assert await listed(imports, ADA, limit) == made[::-1]
        assert await listed(imports, OwnerId("nobody"), limit) == []

    async def test_the_sweeper_finds_what_stands_still(
        self, imports: I, make: Maker, clock: FixedClock
    ) -> None:
        """Whatever was not written to since a moment, of all owners and in every state."""
        made = [
            make.imported(BOB if state == "failed" else ADA, state=state) for state in ImportState
        ]
        await add(imports, *made)
        clock.advance(MINUTE)
        touched = await imports.replace(made[0])
        assert await _idle(imports, clock, MINUTE) == set()
        assert await _idle(imports, clock, MINUTE - MOMENT) == {each.id for each in made[1:]}
        clock.advance(MOMENT)
        assert await _idle(imports, clock, MOMENT * 0) == {touched.id, *(i.id for i in made)}


def asked(imported: Import) -> ImportRequested:
    """Make the event that asks for the next page."""
    return ImportRequested(imported.owner, imported.id)


async def add(imports: ImportStore, *made: Import) -> None:
    """Create imports."""
    for imported in made:
        await imports.create(imported, asked(imported))


async def listed(imports: ImportStore, owner: OwnerId, limit: int) -> Sequence[Import]:
    """Read all pages."""
    found: list[Import] = []
    page, after = await imports.page(owner, after=None, limit=limit)
    while True:
        assert len(page) <= limit
        found += page
        if after is None:
            return found
        page, after = await imports.page(owner, after=after, limit=limit)


async def _idle(imports: ImportStore, clock: FixedClock, age: timedelta) -> set[ImportId]:
    return {each.id for each in await collect(imports.idle(before=clock.now() - age))}


async def _replace(imports: ImportStore, imported: Import) -> Import | None:
    try:
        return await imports.replace(imported, event=asked(imported))
    except Conflict:
        return None
