"""The catalog in SQLite."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

import apsw

from imgtag.backends import Context
from imgtag.backends.local import catalog_reads, catalog_repair
from imgtag.backends.local.catalog_rows import (
    BY_ALIAS,
    BY_ID,
    BY_IDS,
    BY_NUMBERS,
    Row,
    insert,
    load,
    new_owner,
    owner_number,
    save,
)
from imgtag.backends.local.catalog_schema import CATALOG
from imgtag.backends.local.catalog_words import spelled
from imgtag.backends.local.database import Database, fetch, shared_database
from imgtag.backends.local.queue import write_and_send
from imgtag.backends.local.times import to_micros
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import LabelChange, LabelCount, LabelHit
from imgtag.domain.photos import Content, Facts, Failure, Photo, PhotoState
from imgtag.domain.queries import LayoutRow, Page, Position, Query, Sort, Tally
from imgtag.ports import Clock, EventQueue

BATCH: Final = 200
_FIRST: Final = (-(2**63), 0)

_TWIN: Final = """
SELECT photo FROM photos WHERE owner = :owner AND sha256 = :sha256 AND state <> 'awaiting'
UNION ALL
SELECT photo FROM photos
WHERE owner = :owner AND sha256 = :sha256 AND state = 'awaiting' AND sha256 IS NOT NULL
LIMIT 1
"""
_COUNTS: Final = """
SELECT name, photos, NULL FROM labels
WHERE owner = (SELECT owner FROM owners WHERE name = ?) AND photos > 0
ORDER BY photos DESC, name
"""
_COUNTS_WITH_COVERS: Final = """
SELECT name, photos, (
    SELECT id FROM shelf_created WHERE label = labels.label ORDER BY at DESC, id DESC LIMIT 1)
FROM labels
WHERE owner = (SELECT owner FROM owners WHERE name = ?) AND photos > 0
ORDER BY photos DESC, name
"""
_TALLIES: Final = "SELECT place, photos FROM tallies CROSS JOIN owners USING (owner) WHERE name = ?"
_OWNERS: Final = """
SELECT name FROM owners WHERE owner IN (SELECT owner FROM tallies WHERE photos > 0)
"""
_STUCK: Final = """
SELECT since, photo FROM photos
WHERE state IN ('awaiting', 'stored') AND since < ? AND (since, photo) > (?, ?)
ORDER BY since, photo LIMIT ?
"""
_TRASHED: Final = """
SELECT trashed_at, photo FROM photos
WHERE trashed_at IS NOT NULL AND trashed_at < ? AND (trashed_at, photo) > (?, ?)
ORDER BY trashed_at, photo LIMIT ?
"""


class SqliteCatalog:
    """Keeps photos and labels in *database* and announces what it writes on *events*."""

    def __init__(self, database: Database, clock: Clock, events: EventQueue) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    async def reserve(self, owner: OwnerId, photos: Sequence[Photo]) -> Sequence[Photo]:
        if not photos:
            return []

        def write(db: apsw.Connection) -> Sequence[Photo]:
            number = owner_number(db, owner) or new_owner(db, owner)
            return [_known(db, number, photo) or _add(db, number, photo) for photo in photos]

        return await self._database.write(write)

    async def store(
        self, owner: OwnerId, photo: PhotoId, content: Content, event: Event | None
    ) -> Photo:
        now = self._now()

        def write(db: apsw.Connection) -> tuple[Photo, bool]:
            row = _meant_by(db, owner, photo)
            stored = row.photo.stored(content)
            if stored is row.photo:
                return stored, False
            twin = _twin(db, row.owner, content.sha256)
            if twin and twin.id != row.photo.id and twin.content:
                _end(db, row, twin)
                return twin, False
            return save(db, row, stored, now), True

        return await write_and_send(self._database, self._events, event, write)

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
        def labelled(known: Photo) -> Photo:
            labels = known.labels.relabelled(hits, model=model)
            return _with_content(known, sha256).inspected(facts).labelled(labels)

        return await self._change(owner, photo, labelled)

    async def fail(
        self, owner: OwnerId, photo: PhotoId, sha256: str, failure: Failure, facts: Facts | None
    ) -> Photo:
        def failed(known: Photo) -> Photo:
            known = _with_content(known, sha256)
            return (known.inspected(facts) if facts else known).failed(failure)

        return await self._change(owner, photo, failed)

    async def relabel(self, owner: OwnerId, photo: PhotoId, event: Event) -> Photo:
        now = self._now()

        def write(db: apsw.Connection) -> tuple[Photo, bool]:
            row = _find(db, owner, photo)
            if row.photo.state is PhotoState.AWAITING:
                msg = "the bytes of this photo have not arrived yet"
                raise Conflict(msg)
            stored = replace(row.photo, state=PhotoState.STORED, failure=None)
            return save(db, row, stored, now), True

        return await write_and_send(self._database, self._events, event, write)

    async def get(self, owner: OwnerId, photo: PhotoId) -> Photo:
        return await self._database.read(lambda db: _meant_by(db, owner, photo).photo)

    async def get_many(self, owner: OwnerId, photos: Sequence[PhotoId]) -> Sequence[Photo]:
        rows = await self._database.read(lambda db: load(db, BY_IDS, (owner, json.dumps(photos))))
        known = {row.photo.id: row.photo for row in rows}
        return [known[photo] for photo in photos if photo in known]

    async def edit(self, owner: OwnerId, photos: Sequence[PhotoId], change: LabelChange) -> int:
        now = self._now()

        def write(db: apsw.Connection) -> int:
            rows = load(db, BY_IDS, (owner, json.dumps(photos)))
            return sum(_edit(db, row, change, now) for row in rows)

        return await self._database.write(write)

    async def trash(self, owner: OwnerId, photo: PhotoId, at: datetime) -> Photo:
        return await self._change(
            owner, photo, lambda known: replace(known, trashed_at=known.trashed_at or at)
        )

    async def restore(self, owner: OwnerId, photo: PhotoId) -> Photo:
        return await self._change(owner, photo, lambda known: replace(known, trashed_at=None))

    async def discard(self, owner: OwnerId, photo: PhotoId, event: Event) -> None:
        def write(db: apsw.Connection) -> tuple[None, bool]:
            rows = load(db, BY_ID, (owner, photo))
            if any(row.photo.in_library for row in rows):
                msg = "a photo is put in the trash before it is deleted for good"
                raise Conflict(msg)
            for row in rows:
                db.execute("DELETE FROM photos WHERE photo = ?", (row.number,))
            return None, bool(rows)

        await write_and_send(self._database, self._events, event, write)

    async def page(
        self, owner: OwnerId, query: Query, sort: Sort, *, after: Position | None, limit: int
    ) -> Page:
        return await self._database.read(
            lambda db: catalog_reads.page(db, owner, query, sort, after, limit)
        )

    async def layout(self, owner: OwnerId, query: Query, sort: Sort) -> Sequence[LayoutRow]:
        return await self._database.read(lambda db: catalog_reads.layout(db, owner, query, sort))

    async def counts(self, owner: OwnerId, *, covers: bool = False) -> Sequence[LabelCount]:
        statement = _COUNTS_WITH_COVERS if covers else _COUNTS
        rows = await self._database.read(lambda db: fetch(db, statement, (owner,)))
        return [
            LabelCount(spelled(name), photos, PhotoId(cover) if cover else None)
            for name, photos, cover in rows
        ]

    async def tally(self, owner: OwnerId) -> Tally:
        rows = await self._database.read(lambda db: fetch(db, _TALLIES, (owner,)))
        return Tally(**dict(rows))

    async def recount(self, owner: OwnerId) -> Mapping[str, int]:
        return await self._database.read(lambda db: catalog_repair.recount(db, owner))

    async def repair_counts(self, owner: OwnerId) -> None:
        await catalog_repair.repair(self._database, owner)

    async def owners(self) -> AsyncIterator[OwnerId]:
        for (name,) in await self._database.read(lambda db: fetch(db, _OWNERS)):
            yield OwnerId(name)

    def stuck(self, *, before: datetime) -> AsyncIterator[Photo]:
        return self._walk(_STUCK, before)

    def trashed(self, *, before: datetime) -> AsyncIterator[Photo]:
        return self._walk(_TRASHED, before)

    async def _walk(self, statement: str, before: datetime) -> AsyncIterator[Photo]:
        """Give the photos of *statement*, a few at a time, so that it may last."""
        end, last = to_micros(before), _FIRST

        def read(db: apsw.Connection) -> tuple[list[tuple[int, int]], list[Row]]:
            marks = fetch(db, statement, (end, *last, BATCH))
            return marks, load(db, BY_NUMBERS, (json.dumps([mark[1] for mark in marks]),))

        while True:
            marks, rows = await self._database.read(read)
            for row in rows:
                yield row.photo
            if len(marks) < BATCH:
                return
            last = marks[-1]

    async def _change(
        self, owner: OwnerId, photo: PhotoId, change: Callable[[Photo], Photo]
    ) -> Photo:
        now = self._now()

        def write(db: apsw.Connection) -> Photo:
            row = _find(db, owner, photo)
            return save(db, row, change(row.photo), now)

        return await self._database.write(write)

    def _now(self) -> int:
        return to_micros(self._clock.now())


@asynccontextmanager
async def open_catalog(context: Context, events: EventQueue) -> AsyncIterator[SqliteCatalog]:
    """Open the catalog in the process's database."""
    database = await shared_database(context)
    await database.migrate(CATALOG)
    yield SqliteCatalog(database, context.clock, events)


def _find(db: apsw.Connection, owner: OwnerId, photo: PhotoId, *statements: str) -> Row:
    for statement in statements or (BY_ID,):
        for row in load(db, statement, (owner, photo)):
            return row
    msg = "there is no such photo"
    raise NotFound(msg)


def _meant_by(db: apsw.Connection, owner: OwnerId, photo: PhotoId) -> Row:
    return _find(db, owner, photo, BY_ID, BY_ALIAS)


def _known(db: apsw.Connection, owner: int, photo: Photo) -> Photo | None:
    """Find what *owner* has of the bytes that *photo* announces."""
    return _twin(db, owner, photo.sha256) if photo.sha256 else None


def _twin(db: apsw.Connection, owner: int, sha256: str) -> Photo | None:
    """Find a photo with these bytes, before one that only means to send them."""
    found = fetch(db, _TWIN, {"owner": owner, "sha256": sha256})
    return load(db, BY_NUMBERS, (json.dumps(found[0]),))[0].photo if found else None


def _add(db: apsw.Connection, owner: int, photo: Photo) -> Photo:
    return photo if insert(db, owner, photo) else _meant_by(db, photo.owner, photo.id).photo


def _end(db: apsw.Connection, reservation: Row, survivor: Photo) -> None:
    """Forget *reservation*, and let its id mean *survivor*."""
    number = _find(db, survivor.owner, survivor.id).number
    db.execute("DELETE FROM photos WHERE photo = ?", (reservation.number,))
    values = (reservation.owner, reservation.photo.id, number)
    db.execute("INSERT INTO aliases (owner, id, photo) VALUES (?, ?, ?)", values)


def _with_content(photo: Photo, sha256: str) -> Photo:
    if photo.content is None or photo.content.sha256 != sha256:
        msg = "the photo has other bytes by now"
        raise Conflict(msg)
    return photo


def _edit(db: apsw.Connection, row: Row, change: LabelChange, now: int) -> bool:
    edited = replace(row.photo, labels=row.photo.labels.edited(change))
    return save(db, row, edited, now) != row.photo
