"""Backends that are wrong in one thing each, to see whether the suites catch them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from imgtag.backends.memory import (
    MemoryBlobStore,
    MemoryBundleStore,
    MemoryCatalog,
    MemoryImportStore,
    MemoryNotifier,
    MemoryQueue,
    MemoryRecordStore,
)
from imgtag.backends.memory.library import Library
from imgtag.domain.addresses import Channel
from imgtag.domain.bundles import Bundle
from imgtag.domain.events import Event
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.imports import Import
from imgtag.domain.keys import BlobKey
from imgtag.domain.labels import LabelSet
from imgtag.domain.photos import Content, Photo
from imgtag.domain.queries import Page, Position, Query, Sort
from imgtag.ports import BlobWriter, Notice, Record

# Blob stores


class KeepsHalves(MemoryBlobStore):
    """Keeps what was written when the writer failed."""

    @asynccontextmanager
    async def write(self, key: BlobKey, *, content_type: str) -> AsyncIterator[BlobWriter]:
        context = super().write(key, content_type=content_type)
        writer = await context.__aenter__()
        try:
            yield writer
        finally:
            await context.__aexit__(None, None, None)


class WritesInPlace(MemoryBlobStore):
    """Empties a blob when somebody begins to replace it."""

    @asynccontextmanager
    async def write(self, key: BlobKey, *, content_type: str) -> AsyncIterator[BlobWriter]:
        self.put(key, b"", content_type)
        async with super().write(key, content_type=content_type) as writer:
            yield writer


class IncludesStop(MemoryBlobStore):
    """Takes *stop* as the last byte, as HTTP does."""

    @asynccontextmanager
    async def read(
        self, key: BlobKey, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().read(key, start, None if stop is None else stop + 1) as chunks:
            yield chunks


class NeverDeletes(MemoryBlobStore):
    """Says that it has deleted."""

    async def delete(self, key: BlobKey) -> None:
        pass


class FoldsOwners(MemoryBlobStore):
    """Keeps owners apart as a file system does that knows no case."""

    def put(self, key: BlobKey, content: bytes, content_type: str) -> None:
        super().put(_folded(key), content, content_type)

    def _find(self, key: BlobKey) -> Any:
        return super()._find(_folded(key))


def _folded(key: BlobKey) -> BlobKey:
    return replace(key, owner=OwnerId(key.owner.lower()))


# Catalogs


class AddsTwins(Library):
    """Does not look for the same bytes."""

    def twin(self, *_: object, **__: object) -> Photo | None:
        return None


class ForgetsAliases(Library):
    """Ends a reservation without a trace."""

    def end(self, photo: PhotoId, *, alias_of: PhotoId) -> None:
        self.remove(photo)


class AddsLabels(Library):
    """Keeps the labels that a photo had."""

    def put(self, photo: Photo) -> Photo:
        known = self.get(photo.id)
        before = known.labels.labels.values() if known else ()
        labels = LabelSet.of(
            [*before, *photo.labels.labels.values()], photo.labels.removed.values()
        )
        return super().put(replace(photo, labels=labels))


class ForgetsRemovals(Library):
    """Lets a machine bring back what the user took away."""

    def put(self, photo: Photo) -> Photo:
        return super().put(replace(photo, labels=LabelSet.of(photo.labels.labels.values())))


class SpellsAsItComes(Library):
    """Keeps each spelling."""

    def _spelled(self, labels: LabelSet) -> LabelSet:
        self._spellings.update({key: label.name for key, label in labels.labels.items()})
        return labels


class CountsTheTrash(Library):
    """Counts photos wherever they lie."""

    def recount(self) -> dict[str, int]:
        counts: defaultdict[str, int] = defaultdict(int)
        for photo in self:
            for folded in photo.labels.labels:
                counts[folded] += 1
        return counts


class SeeksByNumber(Library):
    """Skips as many photos as were listed, whatever happened to them since."""

    listed = 0

    def page(self, query: Query, sort: Sort, after: Position | None, limit: int) -> Page:
        self.listed = self.listed + limit if after else 0
        page = tuple(self.matching(query, sort)[self.listed : self.listed + limit])
        return Page(page, Position(sort.time_of(page[-1]), page[-1].id) if page else None)


class SeeksByTime(Library):
    """Goes on after the time of the last photo, past others of that time."""

    def page(self, query: Query, sort: Sort, after: Position | None, limit: int) -> Page:
        last = PhotoId("0" * 26) if sort.descending else PhotoId("z" * 26)
        return super().page(query, sort, after and Position(after.time, last), limit)


class MatchesCase(Library):
    """Searches names letter by letter."""

    def matching(self, query: Query, sort: Sort) -> Sequence[Photo]:
        found = super().matching(query, sort)
        return [photo for photo in found if query.text in photo.file_name]


class SharesPhotos(MemoryCatalog):
    """Keeps the photos of all owners together."""

    async def get(self, owner: OwnerId, photo: PhotoId) -> Photo:
        for library in self._libraries.values():
            if found := library.get(photo):
                return found
        return await super().get(owner, photo)


class TakesItsTime(MemoryCatalog):
    """Looks first and writes a moment later."""

    async def reserve(self, owner: OwnerId, photos: Sequence[Photo]) -> Sequence[Photo]:
        library = self._libraries[owner]
        twins = [library.twin(photo.sha256) for photo in photos]
        await asyncio.sleep(0)
        return [twin or library.put(photo) for twin, photo in zip(twins, photos, strict=True)]


class AnnouncesFirst(MemoryCatalog):
    """Sends the event and stores the photo a moment later."""

    async def store(
        self, owner: OwnerId, photo: PhotoId, content: Content, event: Event | None
    ) -> Photo:
        if event:
            await self._events.send(event)
        await asyncio.sleep(0)
        return await super().store(owner, photo, content, None)


class TrashesAnew(MemoryCatalog):
    """Starts the days in the trash again when a photo is put there again."""

    async def trash(self, owner: OwnerId, photo: PhotoId, at: datetime) -> Photo:
        return self._libraries[owner].put(replace(await self.get(owner, photo), trashed_at=at))


class MisleadsEvents(MemoryCatalog):
    """Names the wrong owner when a photo is to be labelled again."""

    async def relabel(self, owner: OwnerId, photo: PhotoId, event: Event) -> Photo:
        return await super().relabel(owner, photo, replace(event, owner=OwnerId("eve")))


# Queues


class TrustsAnybody(MemoryQueue):
    """Lets a worker whose lease has ended decide about the event."""

    def postpone(self, number: int, attempt: int, after: timedelta) -> None:
        if message := self._messages.get(number):
            super().postpone(number, message.attempt, after)


class NeverGivesUp(MemoryQueue):
    """Delivers a poisonous event for ever."""

    def _bury_exhausted(self) -> None:
        pass


class ForgetsDelays(MemoryQueue):
    """Delivers at once what was meant for later."""

    async def send(self, event: Event, *, after: timedelta = timedelta(0)) -> None:
        await super().send(event)


# Bundle stores


class LastWriterWins(MemoryBundleStore):
    """Writes whatever it is given."""

    async def replace(self, bundle: Bundle, *, event: Event | None = None) -> Bundle:
        known = await self.get(bundle.owner, bundle.id)
        return await super().replace(replace(bundle, revision=known.revision), event=event)


class SharesKeys(MemoryBundleStore):
    """Takes an idempotency key for the same, whoever sends it."""

    def _made_with(self, _: OwnerId, idempotency_key: str | None, now: datetime) -> Any:
        rows = self._rows.values()
        return next((row for row in rows if row.idempotency_key == idempotency_key), None)


class NeverSweeps(MemoryBundleStore):
    """Finds nothing that stands still."""

    async def unfinished(self, *, before: datetime) -> AsyncIterator[Bundle]:
        for bundle in ():
            yield bundle


# Records


class SwapsAnyway(MemoryRecordStore):
    """Replaces whatever is there."""

    async def swap(self, old: Record | None, new: Record) -> bool:
        await self.put(new)
        return True


class NeverEnds(MemoryRecordStore):
    """Keeps what has ended."""

    def _is_good(self, _: Record) -> bool:
        return True


# Notifiers


class ForgetsToReplace(MemoryNotifier):
    """Keeps the address that another took the place of."""

    async def subscribe(self, owner: OwnerId, channel: Channel, address: str) -> None:
        earlier = self.addresses[owner].get(channel)
        await super().subscribe(owner, channel, f"{earlier}, {address}" if earlier else address)


class TellsEverybody(MemoryNotifier):
    """Sends news to whoever is known."""

    async def notify(self, notice: Notice) -> None:
        for owner in {notice.owner, *self.addresses}:
            await super().notify(replace(notice, owner=owner))


class TellsAddresses(MemoryNotifier):
    """Shows an address to whoever asks."""

    hint = staticmethod(lambda _, address: address)


# Import stores


class CountsTwice(MemoryImportStore):
    """Writes whatever it is given."""

    async def replace(self, imported: Import, **more: Any) -> Import:
        known = await self.get(imported.owner, imported.id)
        return await super().replace(replace(imported, revision=known.revision), **more)


class SharesFiles(MemoryImportStore):
    """Knows files by their marks, whoever took them over."""

    async def taken(self, owner: OwnerId, marks: Collection[str]) -> Mapping[str, PhotoId]:
        known = {mark: photo for files in self._taken.values() for mark, photo in files.items()}
        return {mark: known[mark] for mark in marks if mark in known}
