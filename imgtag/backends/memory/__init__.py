"""The reference: every port in dictionaries, as plainly as the contract allows.

It is what other backends are compared with, and what the services are tested on. It keeps nothing
when the process ends.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from imgtag.backends import Backend, Context, Topic
from imgtag.backends.memory.auth import MemoryAuthenticator
from imgtag.backends.memory.blobs import MemoryBlobStore
from imgtag.backends.memory.bundles import MemoryBundleStore
from imgtag.backends.memory.catalog import MemoryCatalog
from imgtag.backends.memory.imports import MemoryImportStore
from imgtag.backends.memory.labeler import MemoryLabeler
from imgtag.backends.memory.notifier import MemoryNotifier
from imgtag.backends.memory.queue import MemoryQueue
from imgtag.backends.memory.records import MemoryRecordStore
from imgtag.ports import EventQueue

__all__ = [
    "BACKENDS",
    "MemoryAuthenticator",
    "MemoryBlobStore",
    "MemoryBundleStore",
    "MemoryCatalog",
    "MemoryImportStore",
    "MemoryLabeler",
    "MemoryNotifier",
    "MemoryQueue",
    "MemoryRecordStore",
]


@asynccontextmanager
async def _blobs(context: Context) -> AsyncIterator[MemoryBlobStore]:
    yield MemoryBlobStore(context.clock)


@asynccontextmanager
async def _queue(context: Context, topic: Topic) -> AsyncIterator[MemoryQueue]:
    yield MemoryQueue(context.clock, topic=topic)


@asynccontextmanager
async def _catalog(context: Context, events: EventQueue) -> AsyncIterator[MemoryCatalog]:
    yield MemoryCatalog(context.clock, events)


@asynccontextmanager
async def _bundles(context: Context, events: EventQueue) -> AsyncIterator[MemoryBundleStore]:
    yield MemoryBundleStore(context.clock, events)


@asynccontextmanager
async def _records(context: Context) -> AsyncIterator[MemoryRecordStore]:
    yield MemoryRecordStore(context.clock)


@asynccontextmanager
async def _imports(context: Context, events: EventQueue) -> AsyncIterator[MemoryImportStore]:
    yield MemoryImportStore(context.clock, events)


@asynccontextmanager
async def _labeler(_: Context) -> AsyncIterator[MemoryLabeler]:
    yield MemoryLabeler()


@asynccontextmanager
async def _notifier(_: Context) -> AsyncIterator[MemoryNotifier]:
    yield MemoryNotifier()


@asynccontextmanager
async def _auth(context: Context) -> AsyncIterator[MemoryAuthenticator]:
    yield MemoryAuthenticator(context.clock)


BACKENDS: Final = {
    "memory": Backend(
        blobs=_blobs,
        queue=_queue,
        catalog=_catalog,
        bundles=_bundles,
        records=_records,
        imports=_imports,
        labeler=_labeler,
        notifier=_notifier,
        auth=_auth,
    )
}
