"""The contract of `imgtag.ports.RecordStore`."""

from dataclasses import replace
from typing import Final, Generic, TypeVar

import pytest

from imgtag.ports import Record, RecordStore
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import HOUR, MOMENT, Contract, at_once

R = TypeVar("R", bound=RecordStore)

PLAIN: Final = Record("session", "a-b_c", {"owner": "ada", "name": "é🏔 '%_\"", "nothing": ""})


class RecordStoreContract(Contract, Generic[R]):
    """Subclass it, give `records`, and say by `kept` what is there."""

    @pytest.fixture
    async def records(self) -> R:
        """Give an empty store."""
        raise NotImplementedError

    async def kept(self, records: R) -> str:
        """Read everything that is kept, by other means than the store's own."""
        raise NotImplementedError

    async def test_a_record_comes_back_whole(self, records: R) -> None:
        """Every text survives, the empty one too, and it lies in the store."""
        await records.put(PLAIN)
        assert await records.get(PLAIN.shelf, PLAIN.name) == PLAIN
        assert PLAIN.name in await self.kept(records)

    async def test_an_unknown_record_is_none(self, records: R) -> None:
        """Names and shelves are compared whole, and in their case."""
        await records.put(PLAIN)
        for shelf, name in (("session", "A-B_C"), ("session", "a-b"), ("sessions", "a-b_c")):
            assert await records.get(shelf, name) is None
            assert await records.take(shelf, name) is None

    async def test_putting_replaces(self, records: R) -> None:
        """What was there is gone, with the names that it had."""
        await records.put(PLAIN)
        new = replace(PLAIN, values={"other": "1"})
        await records.put(new)
        assert await records.get(PLAIN.shelf, PLAIN.name) == new

    async def test_a_shelf_is_listed_by_name(self, records: R) -> None:
        """All of it, and nothing of another."""
        made = [Record("tokens", f"{number:03d}", {"n": str(number)}) for number in range(120)]
        for record in reversed(made):
            await records.put(record)
        await records.put(Record("tokens2", "000", {}))
        assert list(await records.list("tokens")) == made
        assert list(await records.list("token")) == []

    async def test_a_record_ends_on_time(self, records: R, clock: FixedClock) -> None:
        """It is good until the moment that was said; then it is as if it had never been."""
        mortal = replace(PLAIN, until=clock.now() + HOUR)
        await records.put(mortal)
        clock.advance(HOUR - MOMENT)
        assert await records.get(PLAIN.shelf, PLAIN.name) == mortal
        clock.advance(MOMENT)
        assert await records.get(PLAIN.shelf, PLAIN.name) is None
        assert list(await records.list(PLAIN.shelf)) == []
        assert await records.swap(None, PLAIN)
        assert await records.get(PLAIN.shelf, PLAIN.name) == PLAIN

    async def test_what_has_ended_is_not_taken(self, records: R, clock: FixedClock) -> None:
        """Who comes too late gets nothing."""
        await records.put(replace(PLAIN, until=clock.now() + HOUR))
        clock.advance(HOUR)
        assert await records.take(PLAIN.shelf, PLAIN.name) is None

    async def test_a_swap_needs_what_was_read(self, records: R) -> None:
        """It happens only while the old record, or nothing, is in the place."""
        other = replace(PLAIN, values={"owner": "bob"})
        assert not await records.swap(other, PLAIN)
        assert await records.swap(None, PLAIN)
        assert not await records.swap(None, other)
        assert not await records.swap(replace(PLAIN, values={}), other)
        assert await records.get(PLAIN.shelf, PLAIN.name) == PLAIN
        assert await records.swap(PLAIN, other)
        assert await records.get(PLAIN.shelf, PLAIN.name) == other

    async def test_of_many_swaps_at_once_one_happens(self, records: R) -> None:
        """Ten that saw the same record are one that replaced it."""
        await records.put(PLAIN)
        wanted = [replace(PLAIN, values={"n": str(number)}) for number in range(10)]
        swapped = await at_once([records.swap(PLAIN, new) for new in wanted])
        assert swapped.count(True) == 1
        assert await records.get(PLAIN.shelf, PLAIN.name) == wanted[swapped.index(True)]

    async def test_a_record_is_taken_once(self, records: R) -> None:
        """Of ten who take it at once, one gets it, and then it is gone."""
        await records.put(PLAIN)
        taken = await at_once([records.take(PLAIN.shelf, PLAIN.name) for _ in range(10)])
        assert [record for record in taken if record] == [PLAIN]
        assert await records.get(PLAIN.shelf, PLAIN.name) is None
