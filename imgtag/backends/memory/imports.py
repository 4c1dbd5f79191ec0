"""Imports in a dictionary."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event
from imgtag.domain.ids import ImportId, OwnerId, PhotoId
from imgtag.domain.imports import Import
from imgtag.ports import Clock, EventQueue


@dataclass(frozen=True, slots=True)
class _Row:
    imported: Import
    written_at: datetime


class MemoryImportStore:
    """Keeps imports in this process and sends their events on *events*."""

    def __init__(self, clock: Clock, events: EventQueue) -> None:
        self._clock = clock
        self._events = events
        self._rows: dict[tuple[OwnerId, ImportId], _Row] = {}
        self._taken: defaultdict[OwnerId, dict[str, PhotoId]] = defaultdict(dict)

    async def create(self, imported: Import, event: Event) -> None:
        self._rows[imported.owner, imported.id] = _Row(imported, self._clock.now())
        await self._events.send(event)

    async def get(self, owner: OwnerId, imported: ImportId) -> Import:
        row = self._rows.get((owner, imported))
        if row is None:
            msg = "there is no such import"
            raise NotFound(msg)
        return row.imported

    async def page(
        self, owner: OwnerId, *, after: ImportId | None, limit: int
    ) -> tuple[Sequence[Import], ImportId | None]:
        ids = (imported for whose, imported in self._rows if whose == owner)
        rest = sorted((i for i in ids if after is None or i < after), reverse=True)
        page = [self._rows[owner, imported].imported for imported in rest[:limit]]
        return page, page[-1].id if len(rest) > len(page) else None

    async def replace(
        self,
        imported: Import,
        *,
        taken: Mapping[str, PhotoId] | None = None,
        event: Event | None = None,
    ) -> Import:
        known = await self.get(imported.owner, imported.id)
        if known.revision != imported.revision:
            msg = "somebody else has changed this import"
            raise Conflict(msg)
        written = replace(imported, revision=imported.revision + 1)
        self._rows[imported.owner, imported.id] = _Row(written, self._clock.now())
        self._taken[imported.owner] |= taken or {}
        if event:
            await self._events.send(event)
        return written

    async def taken(self, owner: OwnerId, marks: Collection[str]) -> Mapping[str, PhotoId]:
        known = self._taken[owner]
        return {mark: known[mark] for mark in marks if mark in known}

    async def forget(self, owner: OwnerId, imported: ImportId) -> None:
        self._rows.pop((owner, imported), None)

    async def idle(self, *, before: datetime) -> AsyncIterator[Import]:
        for row in list(self._rows.values()):
            if row.written_at < before:
                yield row.imported
