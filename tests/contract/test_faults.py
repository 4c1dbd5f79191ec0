"""The fault wrappers do what they are told, and nothing when they are told nothing."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from imgtag.backends.memory import MemoryBlobStore, MemoryCatalog, MemoryQueue
from imgtag.domain.errors import NotFound, Unavailable
from imgtag.domain.events import PhotoStored
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import DEADLINE_SECONDS, collect
from imgtag.testing.contracts.blob_store import BlobStoreContract, read, write
from imgtag.testing.contracts.event_queue import EventQueueContract, take
from imgtag.testing.faults import Faults, UnrulyQueue, faulty, faulty_queue
from imgtag.testing.photos import ADA, Maker

NOW = timedelta(0)


class TestFaultlessBlobStore(BlobStoreContract[MemoryBlobStore]):
    """A blob store in a wrapper with no fault planned keeps its contract."""

    @pytest.fixture
    def store(self, clock: FixedClock) -> MemoryBlobStore:
        """Wrap an empty store twice."""
        return faulty(faulty(MemoryBlobStore(clock), Faults()), Faults())

    async def raw_bytes(self, store: MemoryBlobStore, key: BlobKey) -> bytes | None:
        """Look into the dictionary."""
        blob = store._blobs.get(key)
        return blob.content if blob else None

    async def plant(self, store: MemoryBlobStore, key: BlobKey, content: bytes) -> None:
        """Put it into the dictionary."""
        store.put(key, content, "image/jpeg")


class TestFaultlessQueue(EventQueueContract[MemoryQueue]):
    """A queue in a wrapper with no fault planned keeps its contract."""

    @pytest.fixture
    def inside(self, clock: FixedClock) -> MemoryQueue:
        """Give what is wrapped."""
        self.wrapped = MemoryQueue(clock)
        return self.wrapped

    @pytest.fixture
    def queue(self, inside: MemoryQueue) -> MemoryQueue:
        """Wrap an empty queue."""
        return faulty_queue(inside, Faults())  # type: ignore[return-value]

    async def plant(self, queue: MemoryQueue, body: str) -> None:
        """Put it into the dictionary."""
        self.wrapped.put(body)

    async def bodies(self, queue: MemoryQueue) -> Sequence[str]:
        """Look into the dictionary."""
        return [message.body for message in self.wrapped._messages.values()]


@pytest.fixture
def make(clock: FixedClock) -> Maker:
    """Make things that are created when the clock says."""
    return Maker(clock)


@pytest.fixture
def queue(clock: FixedClock) -> MemoryQueue:
    """Give an empty queue."""
    return MemoryQueue(clock)


async def test_the_planned_call_fails_and_no_other(clock: FixedClock, make: Maker) -> None:
    """The second call fails before it did anything; calls are counted."""
    faults = Faults()
    faults.fail("reserve", nth=2)
    catalog = faulty(MemoryCatalog(clock, MemoryQueue(clock)), faults)
    photos = [make.photo() for _ in range(3)]
    await catalog.reserve(ADA, photos[:1])
    with pytest.raises(Unavailable):
        await catalog.reserve(ADA, photos[1:2])
    await catalog.reserve(ADA, photos[2:])
    there = await catalog.get_many(ADA, [photo.id for photo in photos])
    assert there == [photos[0], photos[2]]
    assert faults.calls == Counter(reserve=3, get_many=1)


async def test_only_the_answer_may_be_lost(clock: FixedClock, make: Maker) -> None:
    """A call that fails after its work has done its work."""
    faults = Faults()
    faults.fail("reserve", applied=True, error=ConnectionResetError())
    catalog = faulty(MemoryCatalog(clock, MemoryQueue(clock)), faults)
    photo = make.photo()
    with pytest.raises(ConnectionResetError):
        await catalog.reserve(ADA, [photo])
    assert await catalog.get(ADA, photo.id) == photo


async def test_every_call_may_fail_until_it_heals(clock: FixedClock, make: Maker) -> None:
    """A dependency that is down, and up again."""
    faults = Faults()
    faults.fail("get", nth=None)
    catalog = faulty(MemoryCatalog(clock, MemoryQueue(clock)), faults)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await catalog.get(ADA, make.photo_id())
    faults.heal()
    with pytest.raises(NotFound):
        await catalog.get(ADA, make.photo_id())


async def test_a_held_call_waits_for_its_gate(clock: FixedClock, make: Maker) -> None:
    """It has not happened before the gate opens, and has after."""
    faults = Faults()
    gate = faults.hold("reserve")
    inside = MemoryCatalog(clock, MemoryQueue(clock))
    photo = make.photo()
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(faulty(inside, faults).reserve(ADA, [photo]))
        await gate.reached.wait()
        assert await inside.get_many(ADA, [photo.id]) == []
        gate.open()
    assert await inside.get(ADA, photo.id) == photo


async def test_contexts_and_iterators_fail_too(clock: FixedClock, make: Maker) -> None:
    """A blob that can't be opened, one whose answer is lost, and keys that can't be listed."""
    faults = Faults()
    faults.fail("write")
    faults.fail("write", nth=2, applied=True)
    faults.fail("read")
    faults.fail("keys", applied=True)
    store = faulty(MemoryBlobStore(clock), faults)
    key = BlobKey(ADA, BlobKind.ORIGINAL, make.photo_id())
    for there in (None, b"bytes"):
        with pytest.raises(Unavailable):
            await write(store, key, b"bytes")
        blob = store._blobs.get(key)
        assert (blob and blob.content) == there
    with pytest.raises(Unavailable):
        await read(store, key)
    assert await read(store, key) == b"bytes"
    with pytest.raises(Unavailable):
        await collect(store.keys())
    assert await collect(store.keys()) == [key]


async def test_deliveries_fail_with_their_queue(queue: MemoryQueue, make: Maker) -> None:
    """An acknowledgement may be lost on its way."""
    faults = Faults()
    faults.fail("acknowledge")
    unsure = faulty_queue(queue, faults)
    await unsure.send(PhotoStored(ADA, make.photo_id()))
    (delivery,) = await take(unsure)
    with pytest.raises(Unavailable):
        await delivery.acknowledge()
    assert await queue.waiting() == 1
    await delivery.acknowledge()
    assert await queue.waiting() == 0


async def test_an_unruly_queue_repeats_and_reorders(queue: MemoryQueue, make: Maker) -> None:
    """Everything arrives as often as was said, in another order, alike in every run."""
    sent = [PhotoStored(ADA, make.photo_id()) for _ in range(20)]
    orders = []
    for _ in range(2):
        unruly = UnrulyQueue(queue, copies=3, seed=7)
        for event in sent:
            await unruly.send(event)
        received = []
        while batch := await unruly.receive(limit=4, wait=NOW):
            assert len(batch) <= 4
            for delivery in batch:
                received.append(delivery.event)
                await delivery.acknowledge()
        assert Counter(received) == Counter(sent * 3)
        assert await unruly.waiting() == await unruly.dead_letters() == 0
        orders.append(received)
    assert orders[0] == orders[1] != sorted(orders[0], key=sent.index)
