"""The memory backend keeps every contract."""

from collections.abc import Collection, Sequence

import pytest

from imgtag.backends.memory import MemoryBlobStore, MemoryCatalog, MemoryQueue
from imgtag.domain.ids import OwnerId
from imgtag.domain.keys import BlobKey
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.blob_store import BlobStoreContract
from imgtag.testing.contracts.catalog import CatalogContract
from imgtag.testing.contracts.catalog_base import Row
from imgtag.testing.contracts.event_queue import EventQueueContract


class TestBlobStore(BlobStoreContract[MemoryBlobStore]):
    """Blobs in a dictionary."""

    @pytest.fixture
    def store(self, clock: FixedClock) -> MemoryBlobStore:
        """Give an empty store."""
        return MemoryBlobStore(clock)

    async def raw_bytes(self, store: MemoryBlobStore, key: BlobKey) -> bytes | None:
        """Look into the dictionary."""
        blob = store._blobs.get(key)
        return blob.content if blob else None

    async def plant(self, store: MemoryBlobStore, key: BlobKey, content: bytes) -> None:
        """Put it into the dictionary."""
        store.put(key, content, "image/jpeg")


class TestEventQueue(EventQueueContract[MemoryQueue]):
    """Events in a dictionary."""

    @pytest.fixture
    def queue(self, clock: FixedClock) -> MemoryQueue:
        """Give an empty queue."""
        return MemoryQueue(clock)

    async def plant(self, queue: MemoryQueue, body: str) -> None:
        """Put it into the dictionary."""
        queue.put(body)

    async def bodies(self, queue: MemoryQueue) -> Sequence[str]:
        """Look into the dictionary."""
        return [message.body for message in queue._messages.values()]


class TestCatalog(CatalogContract[MemoryCatalog]):
    """Photos in dictionaries, whose counts are counted when they are asked for."""

    @pytest.fixture
    def events(self, clock: FixedClock) -> MemoryQueue:
        """Give an empty queue."""
        return MemoryQueue(clock)

    @pytest.fixture
    def catalog(self, clock: FixedClock, events: MemoryQueue) -> MemoryCatalog:
        """Give an empty catalog."""
        return MemoryCatalog(clock, events)

    async def rows(self, catalog: MemoryCatalog) -> Collection[Row]:
        """Look into the dictionaries."""
        libraries = catalog._libraries.values()
        return [(p.owner, p.id, p.state) for library in libraries for p in library]

    async def spoil_counts(self, catalog: MemoryCatalog, owner: OwnerId) -> None:
        """It keeps no counts."""
