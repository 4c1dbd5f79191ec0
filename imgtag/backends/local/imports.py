"""Imports in SQLite."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import apsw

from imgtag.backends import Context
from imgtag.backends.local.database import Database, fetch, shared_database
from imgtag.backends.local.queue import write_and_send
from imgtag.backends.local.schema import Component
from imgtag.backends.local.times import to_micros
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event
from imgtag.domain.ids import ImportId, OwnerId, PhotoId
from imgtag.domain.imports import Import, from_dict, to_dict
from imgtag.ports import Clock, EventQueue

BATCH: Final = 200

IMPORTS: Final = Component(
    "imports",
    (
        """
        CREATE TABLE imports (
            owner TEXT NOT NULL,
            id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            written_at INTEGER NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (owner, id)
        ) STRICT;
        CREATE INDEX imports_written ON imports (written_at);
        CREATE TABLE taken_files (
            owner TEXT NOT NULL,
            mark TEXT NOT NULL,
            photo TEXT NOT NULL,
            PRIMARY KEY (owner, mark)
        ) STRICT, WITHOUT ROWID;
        """,
    ),
)

_COLUMNS: Final = "owner, revision, body"
_FIND: Final = f"SELECT {_COLUMNS} FROM imports WHERE owner = ? AND id = ?"  # noqa: S608
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM imports WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?
"""  # noqa: S608
_IDLE: Final = f"""
SELECT written_at, rowid, {_COLUMNS} FROM imports
WHERE written_at < ? AND (written_at, rowid) > (?, ?) ORDER BY written_at, rowid LIMIT ?
"""  # noqa: S608
_TAKEN: Final = """
SELECT mark, photo FROM taken_files
WHERE owner = ? AND mark IN (SELECT value FROM json_each(?))
"""
_PAST_EVERY_ID: Final = "~"
_FIRST: Final = (-(2**63), 0)


class SqliteImportStore:
    """Keeps imports in *database* and announces what it writes on *events*."""

    def __init__(self, database: Database, clock: Clock, events: EventQueue) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    async def create(self, imported: Import, event: Event) -> None:
        def write(db: apsw.Connection) -> tuple[None, bool]:
            values = (imported.owner, imported.id, *self._row(imported))
            db.execute("INSERT INTO imports VALUES (?, ?, ?, ?, ?)", values)
            return None, True

        await write_and_send(self._database, self._events, event, write)

    async def get(self, owner: OwnerId, imported: ImportId) -> Import:
        return await self._database.read(lambda db: _find(db, owner, imported))

    async def page(
        self, owner: OwnerId, *, after: ImportId | None, limit: int
    ) -> tuple[Sequence[Import], ImportId | None]:
        values = (owner, after or _PAST_EVERY_ID, limit + 1)
        rows = await self._database.read(lambda db: fetch(db, _PAGE, values))
        page = [_load(*row) for row in rows[:limit]]
        return page, page[-1].id if page and len(rows) > limit else None

    async def replace(
        self,
        imported: Import,
        *,
        taken: Mapping[str, PhotoId] | None = None,
        event: Event | None = None,
    ) -> Import:
        def write(db: apsw.Connection) -> tuple[Import, bool]:
            if _find(db, imported.owner, imported.id).revision != imported.revision:
                msg = "somebody else has changed this import"
                raise Conflict(msg)
            written = replace(imported, revision=imported.revision + 1)
            db.execute(
                "UPDATE imports SET revision = ?, written_at = ?, body = ? "
                "WHERE owner = ? AND id = ?",
                (*self._row(written), written.owner, written.id),
            )
            db.executemany(
                "INSERT OR REPLACE INTO taken_files VALUES (?, ?, ?)",
                [(written.owner, mark, photo) for mark, photo in (taken or {}).items()],
            )
            return written, True

        return await write_and_send(self._database, self._events, event, write)

    async def taken(self, owner: OwnerId, marks: Collection[str]) -> Mapping[str, PhotoId]:
        values = (owner, json.dumps(list(marks)))
        rows = await self._database.read(lambda db: fetch(db, _TAKEN, values))
        return {mark: PhotoId(photo) for mark, photo in rows}

    async def forget(self, owner: OwnerId, imported: ImportId) -> None:
        values = (owner, imported)
        await self._database.write(
            lambda db: db.execute("DELETE FROM imports WHERE owner = ? AND id = ?", values)
        )

    async def idle(self, *, before: datetime) -> AsyncIterator[Import]:
        end, last = to_micros(before), _FIRST
        while True:
            values = (end, *last, BATCH)
            rows = await self._database.read(partial(fetch, sql=_IDLE, values=values))
            for _, _, *row in rows:
                yield _load(*row)
            if len(rows) < BATCH:
                return
            last = rows[-1][:2]

    def _row(self, imported: Import) -> tuple[int, int, str]:
        body = json.dumps(to_dict(imported), ensure_ascii=False)
        return imported.revision, to_micros(self._clock.now()), body


@asynccontextmanager
async def open_imports(context: Context, events: EventQueue) -> AsyncIterator[SqliteImportStore]:
    """Open the imports in the process's database."""
    database = await shared_database(context)
    await database.migrate(IMPORTS)
    yield SqliteImportStore(database, context.clock, events)


def _find(db: apsw.Connection, owner: OwnerId, imported: ImportId) -> Import:
    for row in fetch(db, _FIND, (owner, imported)):
        return _load(*row)
    msg = "there is no such import"
    raise NotFound(msg)


def _load(owner: str, revision: int, body: str) -> Import:
    return from_dict(OwnerId(owner), revision, json.loads(body))
