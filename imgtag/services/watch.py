"""Telling open pages what other processes do: by looking, and comparing with the last look."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from imgtag.domain.errors import Unavailable
from imgtag.domain.ids import OwnerId
from imgtag.domain.queries import Query, Sort
from imgtag.ports import BundleStore, Catalog, ImportStore
from imgtag.services.feed import Feed, Topic

INTERVAL: Final = timedelta(seconds=2)
# Counts cost more to read than all the rest, and only an edit changes them and nothing else.
LOOKS_PER_COUNT: Final = 5
RECENT_PHOTOS: Final = 100
RECENT_BUNDLES: Final = 20
RECENT_IMPORTS: Final = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is told of a thing, and a *mark* that changes when it does."""

    topic: Topic
    mark: object
    data: Mapping[str, Any] = field(default_factory=dict)


# Whatever was seen at one look, each thing under a name of its own.
Sight = Mapping[str, Seen]


class Watcher:
    """Looks at what belongs to the owners of open pages, and publishes what is new.

    Needed where work is done by other processes; with no page open it asks for nothing. What this
    process did itself may be told twice.
    """

    def __init__(
        self, feed: Feed, catalog: Catalog, bundles: BundleStore, imports: ImportStore
    ) -> None:
        self._feed = feed
        self._catalog = catalog
        self._bundles = bundles
        self._imports = imports
        self._seen: dict[OwnerId, Sight] = {}
        self._looks = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL.total_seconds())
            try:
                await self.look()
            except Unavailable as error:
                log.warning("could not look", error=error.detail)

    async def look(self) -> None:
        """Look once. To a page that has just come everything is news."""
        owners = self._feed.owners()
        self._seen = {owner: sight for owner, sight in self._seen.items() if owner in owners}
        for owner in owners:
            before = self._seen.get(owner, {})
            self._seen[owner] = now = await self._look_at(owner, before)
            for name, seen in now.items():
                if before.get(name) != seen:
                    self._feed.publish(owner, seen.topic, seen.data)
        self._looks += 1

    async def _look_at(self, owner: OwnerId, before: Sight) -> Sight:
        now = dict(before)
        if self._looks % LOOKS_PER_COUNT == 0:
            now["counts"] = Seen("labels", await self._catalog.counts(owner))
        now["tally"] = Seen("labels", await self._catalog.tally(owner))
        if now["tally"] != before.get("tally"):
            now |= await self._photos(owner)
        now |= await self._recent_bundles(owner)
        return now | await self._recent_imports(owner)

    async def _photos(self, owner: OwnerId) -> dict[str, Seen]:
        page = await self._catalog.page(
            owner, Query(), Sort.NEWEST_CREATED, after=None, limit=RECENT_PHOTOS
        )
        return {
            each.id: Seen("photo", each.state, {"id": each.id, "state": each.state})
            for each in page.photos
        }

    async def _recent_bundles(self, owner: OwnerId) -> dict[str, Seen]:
        page, _ = await self._bundles.page(owner, after=None, limit=RECENT_BUNDLES)
        return {each.id: Seen("bundle", each.revision, {"id": each.id}) for each in page}

    async def _recent_imports(self, owner: OwnerId) -> dict[str, Seen]:
        page, _ = await self._imports.page(owner, after=None, limit=RECENT_IMPORTS)
        return {each.id: Seen("import", each.revision, {"id": each.id}) for each in page}
