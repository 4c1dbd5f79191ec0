"""The memory backend keeps every contract."""

from collections.abc import Collection, Mapping, Sequence

import pytest

from imgtag.backends.memory import (
    MemoryBlobStore,
    MemoryBundleStore,
    MemoryCatalog,
    MemoryImportStore,
    MemoryLabeler,
    MemoryNotifier,
    MemoryQueue,
    MemoryRecordStore,
)
from imgtag.domain.addresses import Channel
from imgtag.domain.ids import BundleId, ImportId, OwnerId
from imgtag.domain.keys import BlobKey
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.blob_store import BlobStoreContract
from imgtag.testing.contracts.bundle_store import BundleStoreContract
from imgtag.testing.contracts.catalog import CatalogContract
from imgtag.testing.contracts.catalog_base import Row
from imgtag.testing.contracts.event_queue import EventQueueContract
from imgtag.testing.contracts.import_store import ImportStoreContract
from imgtag.testing.contracts.labeler import LabelerContract
from imgtag.testing.contracts.notifier import NotifierContract
from imgtag.testing.contracts.record_store import RecordStoreContract


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


class TestBundleStore(BundleStoreContract[MemoryBundleStore]):
    """Bundles in a dictionary."""

    @pytest.fixture
    def events(self, clock: FixedClock) -> MemoryQueue:
        """Give an empty queue."""
        return MemoryQueue(clock, topic="bundles")

    @pytest.fixture
    def bundles(self, clock: FixedClock, events: MemoryQueue) -> MemoryBundleStore:
        """Give an empty store."""
        return MemoryBundleStore(clock, events)

    async def rows(self, bundles: MemoryBundleStore) -> Collection[tuple[OwnerId, BundleId, int]]:
        """Look into the dictionary."""
        stored = [row.bundle for row in bundles._rows.values()]
        return [(bundle.owner, bundle.id, bundle.revision) for bundle in stored]


class TestRecordStore(RecordStoreContract[MemoryRecordStore]):
    """Records in a dictionary."""

    @pytest.fixture
    def records(self, clock: FixedClock) -> MemoryRecordStore:
        """Give an empty store."""
        return MemoryRecordStore(clock)

    async def kept(self, records: MemoryRecordStore) -> str:
        """Look into the dictionary."""
        return repr(records._records)


class TestImportStore(ImportStoreContract[MemoryImportStore]):
    """Imports in a dictionary."""

    @pytest.fixture
    def events(self, clock: FixedClock) -> MemoryQueue:
        """Give an empty queue."""
        return MemoryQueue(clock, topic="bundles")

    @pytest.fixture
    def imports(self, clock: FixedClock, events: MemoryQueue) -> MemoryImportStore:
        """Give an empty store."""
        return MemoryImportStore(clock, events)

    async def rows(self, imports: MemoryImportStore) -> Collection[tuple[OwnerId, ImportId, int]]:
        """Look into the dictionary."""
        stored = [row.imported for row in imports._rows.values()]
        return [(imported.owner, imported.id, imported.revision) for imported in stored]


class TestLabeler(LabelerContract[MemoryLabeler]):
    """What it was told to say."""

    @pytest.fixture
    def labeler(self) -> MemoryLabeler:
        """Give a labeler with something to say."""
        return MemoryLabeler()


class TestNotifier(NotifierContract[MemoryNotifier]):
    """News in a list."""

    @pytest.fixture
    def notifier(self) -> MemoryNotifier:
        """Give an empty list."""
        return MemoryNotifier()

    async def arrived(self, notifier: MemoryNotifier, owner: OwnerId) -> Sequence[tuple[str, str]]:
        """Look into the list."""
        return [(n.subject, n.text) for n in notifier.sent if n.owner == owner]

    async def addresses(self, notifier: MemoryNotifier, owner: OwnerId) -> Mapping[Channel, str]:
        """Look into the dictionary."""
        return notifier.addresses[owner]
