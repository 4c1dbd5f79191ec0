import asyncio
import random
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from imgtag.domain.errors import Unavailable
from imgtag.pipeline.archive import Archive, Member
from imgtag.pipeline.budget import MODESTY, ByteBudget
from imgtag.pipeline.download import Damaged
from imgtag.pipeline.prefetch import PIECE_BYTES, prefetch
from tests.unit.archives import TAKEN_AT, Bodies, lay_out, part_of

SIZES = (0, 1, 70_000, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES - 1)
FILES = {f"{size}.jpg": random.Random(size).randbytes(size) for size in SIZES}
BODIES = list(FILES.values())


async def read(
    budget: ByteBudget, source: Bodies, start: int = 0, stop: int | None = None
) -> bytes:
    """Read a part of the archive of FILES."""
    archive = lay_out(FILES)
    stop = archive.size if stop is None else stop
    async with prefetch(archive, source, budget, start=start, stop=stop) as chunks:
        return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize("budget", [1, PIECE_BYTES, 64 * PIECE_BYTES])
async def test_the_bytes_come_in_order(budget: int) -> None:
    """Whatever the budget, even one smaller than any piece."""
    shared = ByteBudget(budget)
    assert await read(shared, Bodies(BODIES)) == part_of(lay_out(FILES), BODIES)
    assert shared.held == 0


async def test_parts_are_the_same_as_in_the_whole() -> None:
    """Members that are cut at either end need no checksum to be right."""
    whole = part_of(lay_out(FILES), BODIES)
    chance = random.Random(2)
    for _ in range(30):
        start, stop = sorted(chance.choices(range(len(whole)), k=2))
        assert await read(ByteBudget(PIECE_BYTES), Bodies(BODIES), start, stop) == whole[start:stop]


async def test_several_are_read_at_once() -> None:
    """Members far away don't wait for one another."""
    files = {f"{number}.jpg": bytes(1000) for number in range(50)}
    source = Bodies(list(files.values()))
    archive = lay_out(files)
    async with prefetch(archive, source, ByteBudget(1 << 20), start=0, stop=archive.size) as chunks:
        assert sum([len(chunk) async for chunk in chunks]) == archive.size
    assert source.most_reading > 10


@pytest.mark.parametrize("bad", [None, b"", bytes(70_000)])
async def test_damage_is_raised_as_itself(bad: bytes | None) -> None:
    """Absent, short or other bytes are `Damaged`, with the member's number and no group."""
    budget = ByteBudget(PIECE_BYTES)
    source = Bodies([*BODIES[:2], bad, *BODIES[3:]])
    with pytest.raises(Damaged) as raised:
        await read(budget, source)
    assert raised.value.index == 2
    assert budget.held == 0


class Failing(Bodies):
    """A store that can't answer."""

    @asynccontextmanager
    async def read(self, index: int, start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Fail."""
        if index >= 0:
            raise Unavailable("not now")
        yield self._pieces(bytes(stop - start))


async def test_a_store_that_fails_is_raised_as_itself() -> None:
    """Being unable to read says nothing about the photo."""
    with pytest.raises(Unavailable):
        await read(ByteBudget(PIECE_BYTES), Failing(BODIES))


async def test_what_the_caller_raises_comes_out_as_it_is() -> None:
    """A client that leaves in the middle ends all reading and gives everything back."""
    budget, source = ByteBudget(4 * PIECE_BYTES), Bodies(BODIES)
    archive = lay_out(FILES)

    async def leave() -> None:
        async with prefetch(archive, source, budget, start=0, stop=archive.size) as chunks:
            await anext(chunks)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await leave()
    assert (source.reading, budget.held) == (0, 0)


async def test_a_stalled_client_leaves_room_for_others() -> None:
    """One that reads nothing holds a small part of the budget, and others go on."""
    body = bytes(4 * PIECE_BYTES)
    member = (len(body), zlib.crc32(body), TAKEN_AT)
    archive = Archive(Member(f"{number}.jpg", *member) for number in range(20))
    source, budget = Bodies([body] * 20), ByteBudget(32 * PIECE_BYTES)
    async with prefetch(archive, source, budget, start=0, stop=archive.size) as stalled:
        await anext(stalled)
        size = 0
        async with (
            asyncio.timeout(20),
            prefetch(archive, source, budget, start=0, stop=archive.size) as chunks,
        ):
            async for chunk in chunks:
                size += len(chunk)
        assert size == archive.size
        assert 0 < budget.held <= budget.size // MODESTY
    assert budget.held == 0


async def test_who_holds_nothing_goes_first() -> None:
    """One that holds much waits, and one that has not begun does not."""
    budget = ByteBudget(100)
    greedy, modest = budget.share(), budget.share()
    await greedy.take(60)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(greedy.take(10))
        await modest.take(40)
        assert not waiting.done()
        modest.give_back(40)
        greedy.give_back(60)
    assert waiting.result() == budget.held == 10


async def test_cancelling_and_giving_back_at_once_loses_nothing() -> None:
    """In whatever order they happen within one turn of the loop."""
    for cancel_first in (True, False):
        budget = ByteBudget(10)
        holder, waiter = budget.share(), budget.share()
        await holder.take(10)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(waiter.take(5))
            await asyncio.sleep(0)
            steps = [waiting.cancel, lambda held=holder: held.give_back(10)]
            for step in steps if cancel_first else reversed(steps):
                step()
        assert budget.held == 0
        assert await holder.take(10) == 10


async def test_closing_takes_back_what_was_just_granted() -> None:
    """A share that is closed while its taker wakes up and is cancelled leaves the budget whole."""
    budget = ByteBudget(10)
    holder, closing = budget.share(), budget.share()
    await holder.take(10)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(closing.take(5))
        await asyncio.sleep(0)
        holder.give_back(10)
        waiting.cancel()
        closing.close()
    assert budget.held == 0


async def test_more_than_everything_is_everything() -> None:
    """A piece larger than the budget gets all of it, alone."""
    share = ByteBudget(10).share()
    assert await share.take(99) == 10
