"""Everything on one machine: photos as files, the rest in one SQLite database.

Nothing here needs a network or an account. Each opener imports what it stands on when it is called,
so that a process loads only what it uses.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from imgtag.backends import Backend, Context, Topic
from imgtag.ports import (
    Authenticator,
    BlobStore,
    BundleStore,
    Catalog,
    EventQueue,
    ImportSource,
    ImportStore,
    Labeler,
    Notifier,
    RecordStore,
)


@asynccontextmanager
async def _blobs(context: Context) -> AsyncIterator[BlobStore]:
    from imgtag.backends.local.files import open_files  # noqa: PLC0415

    async with open_files(context) as blobs:
        yield blobs


@asynccontextmanager
async def _queue(context: Context, topic: Topic) -> AsyncIterator[EventQueue]:
    from imgtag.backends.local.queue import open_queue  # noqa: PLC0415

    async with open_queue(context, topic) as queue:
        yield queue


@asynccontextmanager
async def _catalog(context: Context, events: EventQueue) -> AsyncIterator[Catalog]:
    from imgtag.backends.local.catalog import open_catalog  # noqa: PLC0415

    async with open_catalog(context, events) as catalog:
        yield catalog


@asynccontextmanager
async def _bundles(context: Context, events: EventQueue) -> AsyncIterator[BundleStore]:
    from imgtag.backends.local.bundles import open_bundles  # noqa: PLC0415

    async with open_bundles(context, events) as bundles:
        yield bundles


@asynccontextmanager
async def _records(context: Context) -> AsyncIterator[RecordStore]:
    from imgtag.backends.local.records import open_records  # noqa: PLC0415

    async with open_records(context) as records:
        yield records


@asynccontextmanager
async def _imports(context: Context, events: EventQueue) -> AsyncIterator[ImportStore]:
    from imgtag.backends.local.imports import open_imports  # noqa: PLC0415

    async with open_imports(context, events) as imports:
        yield imports


@asynccontextmanager
async def _source(context: Context) -> AsyncIterator[ImportSource]:
    from imgtag.backends.local.folders import open_source  # noqa: PLC0415

    async with open_source(context) as source:
        yield source


@asynccontextmanager
async def _labeler(context: Context) -> AsyncIterator[Labeler]:
    from imgtag.backends.local.onnx_labeler import open_labeler  # noqa: PLC0415

    async with open_labeler(context.settings.model_dir) as labeler:
        yield labeler


@asynccontextmanager
async def _notifier(context: Context) -> AsyncIterator[Notifier]:
    from imgtag.backends.local.outbox import open_outbox  # noqa: PLC0415

    async with open_outbox(context) as notifier:
        yield notifier


@asynccontextmanager
async def _none(context: Context) -> AsyncIterator[Authenticator]:
    from imgtag.backends.local.accounts import open_none  # noqa: PLC0415

    async with open_none(context) as auth:
        yield auth


@asynccontextmanager
async def _local(context: Context) -> AsyncIterator[Authenticator]:
    from imgtag.backends.local.accounts import open_local  # noqa: PLC0415

    async with open_local(context) as auth:
        yield auth


BACKENDS: Final = {
    "files": Backend(blobs=_blobs, source=_source),
    "sqlite": Backend(
        queue=_queue, catalog=_catalog, bundles=_bundles, imports=_imports, records=_records
    ),
    "onnx": Backend(labeler=_labeler),
    "outbox": Backend(notifier=_notifier),
    "none": Backend(auth=_none),
    "local": Backend(auth=_local),
}
