"""Imports: what an owner can do with them, and the work itself, a page of files at a time."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from imgtag.domain.errors import Conflict, Forbidden, Invalid
from imgtag.domain.events import ImportRequested
from imgtag.domain.ids import ImportId, OwnerId
from imgtag.domain.imports import Estimate, Import, ImportState
from imgtag.domain.sources import Scheme, Source
from imgtag.ports import Clock, EventQueue, ImportSource, ImportStore, SourceFile
from imgtag.services.feed import Feed

# How many files an estimate counts before it says "at least".
MAX_ESTIMATED: Final = 50_000
REMEMBERED: Final = timedelta(days=30)
OVERDUE: Final = timedelta(minutes=15)
BACKLOG: Final = 100
_PAGE: Final = 1000
_RECENT: Final = 50
_ID_BYTES: Final = 10

log = structlog.get_logger(__name__)


class Places:
    """The places that may be imported from, and what reads them."""

    def __init__(self, allowed: Sequence[Source], readers: Mapping[Scheme, ImportSource]) -> None:
        self._allowed = allowed
        self._readers = readers

    def find(self, text: str) -> tuple[Source, ImportSource]:
        """Read an address. Raises `Forbidden`, code ``source_not_allowed``, if it isn't allowed."""
        try:
            source = Source.parse(text)
        except Invalid as error:
            raise Forbidden(error.detail, code="source_not_allowed") from error
        if not any(place.covers(source) for place in self._allowed):
            msg = "this place is not among those that may be imported from"
            raise Forbidden(msg, code="source_not_allowed")
        return source, self._readers[source.scheme]


class Imports:
    """What an owner can do with imports."""

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        imports: ImportStore,
        places: Places,
        events: EventQueue,
        *,
        clock: Clock,
        feed: Feed,
        max_photo_bytes: int,
        dollars_per_photo: float,
    ) -> None:
        self._imports = imports
        self._places = places
        self._events = events
        self._clock = clock
        self._feed = feed
        self._max_photo_bytes = max_photo_bytes
        self._dollars_per_photo = dollars_per_photo

    async def estimate(self, owner: OwnerId, text: str) -> Estimate:
        """Look at what there is, without reading any file. Errors as in `create`, and the source's.

        No more than `MAX_ESTIMATED` files are counted.
        """
        source, reader = self._places.find(text)
        files = size = known = skipped = 0
        after: str | None = None
        while True:
            page = await reader.page(source, after=after, limit=_PAGE)
            wanted = [file for file in page.files if self._may_be_a_photo(file)]
            marks = await self._imports.taken(owner, [file.mark for file in wanted])
            files += len(wanted)
            size += sum(file.size for file in wanted)
            known += len(marks)
            skipped += len(page.files) - len(wanted)
            after = page.next
            if after is None or files + skipped >= MAX_ESTIMATED:
                break
        calls = files - known if self._dollars_per_photo else 0
        dollars = round(calls * self._dollars_per_photo, 2)
        return Estimate(files, size, known, skipped, calls, dollars, complete=after is None)

    def _may_be_a_photo(self, file: SourceFile) -> bool:
        return not file.refusal and 0 < file.size <= self._max_photo_bytes

    async def create(self, owner: OwnerId, text: str) -> Import:
        """Ask for an import of *text*; one of the same place that is under way is the answer.

        Raises `Forbidden`, code ``source_not_allowed``.
        """
        source, _ = self._places.find(text)
        recent, _ = await self._imports.page(owner, after=None, limit=_RECENT)
        for each in recent:
            if each.is_under_way and Source.parse(each.source) == source:
                return each
        now = self._clock.now()
        imported = Import(
            owner=owner,
            id=ImportId.mint(now, secrets.token_bytes(_ID_BYTES)),
            source=text,
            created_at=now,
        )
        await self._imports.create(imported, ImportRequested(owner, imported.id))
        self._tell(imported)
        return imported

    async def get(self, owner: OwnerId, imported: ImportId) -> Import:
        """Fetch one import. Raises `NotFound`."""
        return await self._imports.get(owner, imported)

    async def page(
        self, owner: OwnerId, *, after: ImportId | None, limit: int
    ) -> tuple[Sequence[Import], ImportId | None]:
        """List imports, newest first."""
        return await self._imports.page(owner, after=after, limit=limit)

    async def cancel(self, owner: OwnerId, imported: ImportId) -> None:
        """End an import; what was copied stays. One that has ended is fine. Raises `NotFound`."""
        while True:
            known = await self._imports.get(owner, imported)
            if not known.is_under_way:
                return
            ended = known.ended(ImportState.CANCELLED, self._clock.now())
            try:
                self._tell(await self._imports.replace(ended))
            except Conflict:
                continue  # a page was counted a moment ago
            return

    async def clear_away(self) -> None:
        """Push on what lost its event, and forget what ended a month ago. For the sweeper."""
        now = self._clock.now()
        busy = await self._events.waiting() >= BACKLOG
        async for imported in self._imports.idle(before=now - OVERDUE):
            if imported.is_under_way and not busy:
                log.info("event sent again", imported=imported.id)
                await self._events.send(ImportRequested(imported.owner, imported.id))
            elif imported.finished_at and imported.finished_at < now - REMEMBERED:
                await self._imports.forget(imported.owner, imported.id)

    def _tell(self, imported: Import) -> None:
        self._feed.publish(imported.owner, "import", {"id": imported.id})
