"""The catalog in dictionaries: what `Query.matches` and `LabelSet` say is what happens."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from imgtag.backends.memory.library import Library
from imgtag.domain.errors import Conflict
from imgtag.domain.events import Event
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import LabelChange, LabelCount, LabelHit
from imgtag.domain.photos import Content, Facts, Failure, Photo, PhotoState
from imgtag.domain.queries import LayoutRow, Page, Position, Query, Sort, Tally
from imgtag.ports import Clock, EventQueue


class MemoryCatalog:
    """Keeps photos in this process and sends their events on *events*."""

    def __init__(self, clock: Clock, events: EventQueue) -> None:
        self._events = events
        self._libraries: defaultdict[OwnerId, Library] = defaultdict(lambda: Library(clock))

    async def reserve(self, owner: OwnerId, photos: Sequence[Photo]) -> Sequence[Photo]:
        library = self._libraries[owner]
        return [library.twin(photo.sha256) or library.add(photo) for photo in photos]

    async def store(
        self, owner: OwnerId, photo: PhotoId, content: Content, event: Event | None
    ) -> Photo:
        library = self._libraries[owner]
        known = library.meant_by(photo)
        stored = known.stored(content)
        if stored is known:
            return known
        twin = library.twin(content.sha256, besides=known.id)
        if twin and twin.content:
            library.end(known.id, alias_of=twin.id)
            return twin
        library.put(stored)
        if event:
            await self._events.send(event)
        return stored

    async def label(
        self,
        owner: OwnerId,
        photo: PhotoId,
        sha256: str,
        facts: Facts,
        hits: Sequence[LabelHit],
        *,
        model: str,
    ) -> Photo:
        library = self._libraries[owner]
        known = library.with_content(photo, sha256).inspected(facts)
        return library.put(known.labelled(known.labels.relabelled(hits, model=model)))

    async def fail(
        self, owner: OwnerId, photo: PhotoId, sha256: str, failure: Failure, facts: Facts | None
    ) -> Photo:
        library = self._libraries[owner]
        known = library.with_content(photo, sha256)
        return library.put((known.inspected(facts) if facts else known).failed(failure))

    async def relabel(self, owner: OwnerId, photo: PhotoId, event: Event) -> Photo:
        library = self._libraries[owner]
        known = library.find(photo)
        if known.state is PhotoState.AWAITING:
            msg = "the bytes of this photo have not arrived yet"
            raise Conflict(msg)
        stored = library.put(replace(known, state=PhotoState.STORED, failure=None))
        await self._events.send(event)
        return stored

    async def get(self, owner: OwnerId, photo: PhotoId) -> Photo:
        return self._libraries[owner].meant_by(photo)

    async def get_many(self, owner: OwnerId, photos: Sequence[PhotoId]) -> Sequence[Photo]:
        found = map(self._libraries[owner].get, photos)
        return [photo for photo in found if photo]

    async def edit(self, owner: OwnerId, photos: Sequence[PhotoId], change: LabelChange) -> int:
        library = self._libraries[owner]
        changed = 0
        for photo in filter(None, map(library.get, dict.fromkeys(photos))):
            edited = library.put(replace(photo, labels=photo.labels.edited(change)))
            changed += edited != photo
        return changed

    async def trash(self, owner: OwnerId, photo: PhotoId, at: datetime) -> Photo:
        library = self._libraries[owner]
        known = library.find(photo)
        return library.put(replace(known, trashed_at=known.trashed_at or at))

    async def restore(self, owner: OwnerId, photo: PhotoId) -> Photo:
        library = self._libraries[owner]
        return library.put(replace(library.find(photo), trashed_at=None))

    async def discard(self, owner: OwnerId, photo: PhotoId, event: Event) -> None:
        library = self._libraries[owner]
        known = library.get(photo)
        if known is None:
            return
        if known.in_library:
            msg = "a photo is put in the trash before it is deleted for good"
            raise Conflict(msg)
        library.remove(photo)
        await self._events.send(event)

    async def page(
        self, owner: OwnerId, query: Query, sort: Sort, *, after: Position | None, limit: int
    ) -> Page:
        return self._libraries[owner].page(query, sort, after, limit)

    async def layout(self, owner: OwnerId, query: Query, sort: Sort) -> Sequence[LayoutRow]:
        return [
            LayoutRow(photo.id, photo.width, photo.height, photo.taken_at)
            for photo in self._libraries[owner].matching(query, sort)
        ]

    async def counts(self, owner: OwnerId, *, covers: bool = False) -> Sequence[LabelCount]:
        return self._libraries[owner].counts(covers=covers)

    async def tally(self, owner: OwnerId) -> Tally:
        return self._libraries[owner].tally()

    async def recount(self, owner: OwnerId) -> Mapping[str, int]:
        return self._libraries[owner].recount()

    async def repair_counts(self, owner: OwnerId) -> None:
        """Nothing to do: counts are counted when they are asked for."""

    async def owners(self) -> AsyncIterator[OwnerId]:
        for owner, library in list(self._libraries.items()):
            if any(True for _ in library):
                yield owner

    async def stuck(self, *, before: datetime) -> AsyncIterator[Photo]:
        waiting = {PhotoState.AWAITING, PhotoState.STORED}
        for library in list(self._libraries.values()):
            for photo in library:
                if photo.state in waiting and library.since(photo.id) < before:
                    yield photo

    async def trashed(self, *, before: datetime) -> AsyncIterator[Photo]:
        for library in list(self._libraries.values()):
            for photo in library:
                if photo.trashed_at and photo.trashed_at < before:
                    yield photo
