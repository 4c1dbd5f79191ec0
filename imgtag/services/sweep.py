"""Picking up what fell between two steps, and clearing away what has had its time."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from imgtag.domain.bundles import RUNNING
from imgtag.domain.errors import Conflict, NotFound, Unavailable
from imgtag.domain.events import BundleRequested, PhotoDiscarded, PhotoStored
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Photo, PhotoState
from imgtag.ports import Backends, Clock
from imgtag.services.bundles import Bundles
from imgtag.services.imports import Imports

INTERVAL: Final = timedelta(minutes=5)
# Longer than labelling ever takes, with all its attempts; how often a bundle looks for its photos.
OVERDUE: Final = timedelta(minutes=15)
BACKLOG: Final = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a photo stays in the trash, and how long a ticket for an upload is good."""

    trash: timedelta
    upload: timedelta


class Sweeper:
    """Goes round every few minutes. Whatever it does may be done twice, by two of them at once."""

    def __init__(
        self,
        backends: Backends,
        bundles: Bundles,
        imports: Imports,
        *,
        clock: Clock,
        lifetimes: Lifetimes,
    ) -> None:
        self._blobs = backends.blobs
        self._catalog = backends.catalog
        self._photo_events = backends.photo_events
        self._bundle_store = backends.bundles
        self._bundle_events = backends.bundle_events
        self._bundles = bundles
        self._imports = imports
        self._clock = clock
        self._lifetimes = lifetimes

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.sweep()
            except Unavailable as error:
                log.warning("sweep cut short", error=error.detail)
            await asyncio.sleep(INTERVAL.total_seconds())

    async def sweep(self) -> None:
        """Go round once."""
        now = self._clock.now()
        # While there is a backlog, what is stored waits for its turn: another event would not help.
        if await self._photo_events.waiting() < BACKLOG:
            async for photo in self._catalog.stuck(before=now - OVERDUE):
                await self._push_on(photo, now)
        async for photo in self._catalog.trashed(before=now - self._lifetimes.trash):
            await self._discard(photo)
        async for bundle in self._bundle_store.unfinished(before=now - OVERDUE):
            if bundle.state in RUNNING:
                log.info("event sent again", bundle=bundle.id, state=bundle.state)
                await self._bundle_events.send(BundleRequested(bundle.owner, bundle.id))
        await self._bundles.clear_away()
        await self._imports.clear_away()

    async def _push_on(self, photo: Photo, now: datetime) -> None:
        if photo.state is PhotoState.STORED or await self._has_bytes(photo):
            log.info("event sent again", photo=photo.id, state=photo.state)
            await self._photo_events.send(PhotoStored(photo.owner, photo.id))
        elif photo.created_at < now - self._lifetimes.upload - OVERDUE:
            await self._discard(photo)

    async def _has_bytes(self, photo: Photo) -> bool:
        try:
            await self._blobs.stat(BlobKey(photo.owner, BlobKind.ORIGINAL, photo.id))
        except NotFound:
            return False
        return True

    async def _discard(self, photo: Photo) -> None:
        try:
            event = PhotoDiscarded(photo.owner, photo.id)
            await self._catalog.discard(photo.owner, photo.id, event)
        except Conflict:
            return  # its bytes came, or it was restored, a moment ago
