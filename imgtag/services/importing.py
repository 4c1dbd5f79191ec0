"""The work of an import: one page of files for each event, the cursor being the checkpoint.

A page may be done twice, and by two workers at once: a file becomes the same photo whoever takes
it, and of two who have done the same page the one that writes first counts it. So the delivery's
lease is all the lease that there is.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

import structlog

from imgtag.domain.errors import (
    Conflict,
    ImgtagError,
    Invalid,
    NotFound,
    Unavailable,
)
from imgtag.domain.events import Event, ImportRequested, PhotoStored
from imgtag.domain.ids import PhotoId
from imgtag.domain.imports import Import, ImportState, Skipped, Step, name_of
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Failure, Photo, PhotoState
from imgtag.domain.sources import Source
from imgtag.imaging.formats import content_type_of
from imgtag.imaging.model import Refused
from imgtag.pipeline.checksums import Checksums
from imgtag.pipeline.together import at_once
from imgtag.ports import (
    BlobStore,
    Catalog,
    Clock,
    ImportSource,
    ImportStore,
    SourceFile,
    SourceReading,
)
from imgtag.services.feed import Feed
from imgtag.services.imports import Places

PAGE: Final = 100
AT_ONCE: Final = 8
# The cursor of an import that nobody carries on, so that its last page is counted once.
_NOWHERE: Final = ""
MAX_PATH_CHARACTERS: Final = 255

log = structlog.get_logger(__name__)


class Importer:
    """Carries imports out; several may run at once, also on the same one."""

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        imports: ImportStore,
        places: Places,
        blobs: BlobStore,
        catalog: Catalog,
        *,
        clock: Clock,
        feed: Feed,
        max_photo_bytes: int,
    ) -> None:
        self._imports = imports
        self._places = places
        self._blobs = blobs
        self.catalog = catalog
        self._clock = clock
        self.feed = feed
        self.max_photo_bytes = max_photo_bytes

    async def handle(self, event: Event) -> None:
        """Take in the next page, and ask for the one after it."""
        if not isinstance(event, ImportRequested):
            msg = "this is no news of an import"
            raise Invalid(msg)
        try:
            imported = await self._imports.get(event.owner, event.imported)
            if imported.state is ImportState.QUEUED:
                imported = await self._write(imported.begun())
            if imported.is_under_way:
                await self._step(imported)
        except (NotFound, Conflict):
            return  # it is gone, or somebody else has moved it on and has asked for the next page

    async def _step(self, imported: Import) -> None:
        try:
            source, reader = self._places.find(imported.source)
            page = await reader.page(source, after=imported.cursor, limit=PAGE)
        except Unavailable:
            raise
        except ImgtagError as error:
            await self._fail(imported, Failure(error.code, error.detail))
            return
        known = await self._imports.taken(imported.owner, [file.mark for file in page.files])
        work = _Page(self, imported, source, reader, known)
        step = await work.take(page.files)
        await self._count(imported, step, work.taken, page.next)

    async def _count(
        self, imported: Import, step: Step, taken: dict[str, PhotoId], cursor: str | None
    ) -> None:
        counted = imported.counted(step, cursor)
        event = None
        if cursor is None:
            counted = counted.ended(ImportState.DONE, self._clock.now())
        else:
            event = ImportRequested(imported.owner, imported.id)
        try:
            written = await self._imports.replace(counted, taken=taken, event=event)
        except Conflict:
            written = await self._count_late(imported, step, taken)
        self._tell(written)

    async def _count_late(self, imported: Import, step: Step, taken: dict[str, PhotoId]) -> Import:
        """Count a page of an import that was cancelled meanwhile: those photos are there."""
        now_there = await self._imports.get(imported.owner, imported.id)
        if now_there.state is not ImportState.CANCELLED or now_there.cursor != imported.cursor:
            msg = "somebody else has counted this page"
            raise Conflict(msg)
        return await self._imports.replace(now_there.counted(step, _NOWHERE), taken=taken)

    async def bring(
        self, imported: Import, file: SourceFile, name: str, reading: SourceReading
    ) -> PhotoId:
        """Make a photo of one open file, and say which one it became."""
        content_type = content_type_of(reading.head)
        mine = imported.photo_id(file.mark)
        photo = Photo(
            owner=imported.owner,
            id=mine,
            file_name=name,
            created_at=self._clock.now(),
            content_type=content_type,
            size=file.size,
        )
        [reserved] = await self.catalog.reserve(imported.owner, [photo])
        if reserved.state is not PhotoState.AWAITING:
            return reserved.id
        key = BlobKey(imported.owner, BlobKind.ORIGINAL, mine)
        if await reading.copy_to(key, content_type=content_type):
            return mine
        return await self._store(key, mine, reading, content_type)

    async def _store(
        self, key: BlobKey, mine: PhotoId, reading: SourceReading, content_type: str
    ) -> PhotoId:
        sums = Checksums()
        async with self._blobs.write(key, content_type=content_type) as writer:
            async for chunk in reading.chunks():
                sums.update(chunk)
                await writer.write(chunk)
        try:
            event = PhotoStored(key.owner, mine)
            stored = await self.catalog.store(key.owner, mine, sums.content(), event)
        except (NotFound, Conflict) as error:
            msg = "the reservation ended while the file was copied"
            raise Unavailable(msg) from error
        if stored.id != mine:
            await self._blobs.delete(key)
        else:
            self.feed.publish(key.owner, "photo", {"id": mine, "state": stored.state})
        return stored.id

    async def give_up(self, event: Event, failure: Failure) -> None:
        """Show *failure* on the import: the last attempt at a page has failed."""
        if not isinstance(event, ImportRequested):
            return
        try:
            imported = await self._imports.get(event.owner, event.imported)
            if imported.is_under_way:
                await self._fail(imported, failure)
        except (NotFound, Conflict):
            return

    async def _fail(self, imported: Import, failure: Failure) -> None:
        await self._write(imported.ended(ImportState.FAILED, self._clock.now(), failure))

    async def _write(self, imported: Import) -> Import:
        written = await self._imports.replace(imported)
        self._tell(written)
        return written

    def _tell(self, imported: Import) -> None:
        self.feed.publish(imported.owner, "import", {"id": imported.id})


class _Page:
    """One page of files on its way in. *known* says what was taken over before."""

    def __init__(
        self,
        importer: Importer,
        imported: Import,
        source: Source,
        reader: ImportSource,
        known: Mapping[str, PhotoId],
    ) -> None:
        self.taken: dict[str, PhotoId] = {}
        self._importer = importer
        self._imported = imported
        self._source = source
        self._reader = reader
        self._known = known

    async def take(self, files: Sequence[SourceFile]) -> Step:
        """Take in *files*, several at a time, and say what became of them."""
        steps = await at_once([partial(self._one, file) for file in files], limit=AT_ONCE)
        return sum(steps, Step())

    async def _one(self, file: SourceFile) -> Step:
        try:
            photo = await self._before(file) or await self._bring(file)
        except (_Left, Refused) as why:
            left = Skipped(file.path[-MAX_PATH_CHARACTERS:], why.code, why.detail)
            return Step(skipped=(left,))
        self.taken[file.mark] = photo
        if photo == self._imported.photo_id(file.mark):
            return Step(copied=1, copied_bytes=file.size)
        return Step(duplicates=1)

    async def _before(self, file: SourceFile) -> PhotoId | None:
        """Find the photo that this file is already, unless it was deleted for good."""
        photo = self._known.get(file.mark)
        if photo is None:
            return None
        try:
            return (await self._importer.catalog.get(self._imported.owner, photo)).id
        except NotFound:
            return None

    async def _bring(self, file: SourceFile) -> PhotoId:
        if file.refusal:
            raise _Left(file.refusal)
        if file.size > self._importer.max_photo_bytes:
            limit = self._importer.max_photo_bytes
            detail = f"the file has {file.size} bytes and the limit is {limit}"
            raise _Left(Failure("photo_too_large", detail))
        with _leaving_out():
            name = name_of(file.path)
            async with self._reader.open(self._source, file) as reading:
                return await self._importer.bring(self._imported, file, name, reading)


class _Left(Exception):
    """This file is left out, and the others go on."""

    def __init__(self, why: Failure) -> None:
        super().__init__(why.detail)
        self.code = why.code
        self.detail = why.detail


@contextmanager
def _leaving_out() -> Iterator[None]:
    """What a source says of a file concerns that file alone."""
    try:
        yield
    except (Invalid, NotFound) as error:
        raise _Left(Failure(error.code, error.detail)) from error
