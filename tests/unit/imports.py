"""Imports on the memory backends, from real folders."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from imgtag.backends.local.folders import FolderSource
from imgtag.domain.errors import Unavailable
from imgtag.domain.events import ImportRequested
from imgtag.domain.imports import Import
from imgtag.domain.sources import Scheme, Source
from imgtag.ports import ImportSource
from imgtag.services.feed import Feed
from imgtag.services.importing import Importer
from imgtag.services.imports import Imports, Places
from tests.unit.services import Desk

MAX_PHOTO_BYTES = 100_000


def places(*folders: Path, reader: ImportSource | None = None) -> Places:
    """Allow *folders*."""
    allowed = [Source.parse(str(folder)) for folder in folders]
    return Places(allowed, {Scheme.FILE: reader or FolderSource(allowed, Path("/nowhere"))})


def imports(at: Desk, allowed: Places | None = None, *, dollars_per_photo: float = 0) -> Imports:
    """Give the use cases."""
    return Imports(
        at.ports.imports,
        allowed or places(),
        at.ports.bundle_events,
        clock=at.clock,
        feed=Feed(),
        max_photo_bytes=MAX_PHOTO_BYTES,
        dollars_per_photo=dollars_per_photo,
    )


def importer(at: Desk, allowed: Places) -> Importer:
    """Start one more worker."""
    return Importer(
        at.ports.imports,
        allowed,
        at.ports.blobs,
        at.ports.catalog,
        clock=at.clock,
        feed=Feed(),
        max_photo_bytes=MAX_PHOTO_BYTES,
    )


async def asked(at: Desk) -> Sequence[ImportRequested]:
    """Take the events off the queue."""
    found = []
    for delivery in await at.ports.bundle_events.receive(limit=10, wait=timedelta(0)):
        assert isinstance(delivery.event, ImportRequested)
        found.append(delivery.event)
        await delivery.acknowledge()
    return found


async def carry_out(at: Desk, worker: Importer, imported: Import) -> Import:
    """Handle events until there are none, again where a dependency did not answer."""
    while events := await asked(at):
        for event in events:
            try:
                await worker.handle(event)
            except Unavailable:
                await at.ports.bundle_events.send(event)
    return await at.ports.imports.get(imported.owner, imported.id)
