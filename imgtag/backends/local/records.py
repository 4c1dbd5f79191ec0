"""Records in SQLite."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import apsw

from imgtag.backends import Context
from imgtag.backends.local.database import Database, fetch, shared_database
from imgtag.backends.local.schema import Component
from imgtag.backends.local.times import from_micros_or_none, to_micros, to_micros_or_none
from imgtag.ports import Clock, Record

RECORDS: Final = Component(
    "records",
    (
        """
        CREATE TABLE records (
            shelf TEXT NOT NULL,
            name TEXT NOT NULL,
            body TEXT NOT NULL,
            until INTEGER,
            PRIMARY KEY (shelf, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX records_until ON records (until) WHERE until IS NOT NULL;
        """,
    ),
)

_COLUMNS: Final = "shelf, name, body, until"
_GOOD: Final = "(until IS NULL OR until > ?)"
_GET: Final = f"SELECT {_COLUMNS} FROM records WHERE shelf = ? AND name = ? AND {_GOOD}"  # noqa: S608
_LIST: Final = f"SELECT {_COLUMNS} FROM records WHERE shelf = ? AND {_GOOD} ORDER BY name"  # noqa: S608


class SqliteRecordStore:
    """Keeps records in *database*."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, shelf: str, name: str) -> Record | None:
        now = self._clock.now()
        return await self._database.read(lambda db: _get(db, shelf, name, now))

    async def list(self, shelf: str) -> Sequence[Record]:
        values = (shelf, to_micros(self._clock.now()))
        rows = await self._database.read(lambda db: fetch(db, _LIST, values))
        return [_record(row) for row in rows]

    async def put(self, record: Record) -> None:
        now = self._clock.now()
        await self._database.write(lambda db: _put(db, record, now))

    async def swap(self, old: Record | None, new: Record) -> bool:
        now = self._clock.now()

        def write(db: apsw.Connection) -> bool:
            if _get(db, new.shelf, new.name, now) != old:
                return False
            _put(db, new, now)
            return True

        return await self._database.write(write)

    async def take(self, shelf: str, name: str) -> Record | None:
        now = self._clock.now()

        def write(db: apsw.Connection) -> Record | None:
            found = _get(db, shelf, name, now)
            db.execute("DELETE FROM records WHERE shelf = ? AND name = ?", (shelf, name))
            return found

        return await self._database.write(write)


def _get(db: apsw.Connection, shelf: str, name: str, now: datetime) -> Record | None:
    rows = fetch(db, _GET, (shelf, name, to_micros(now)))
    return _record(rows[0]) if rows else None


def _put(db: apsw.Connection, record: Record, now: datetime) -> None:
    db.execute("DELETE FROM records WHERE until <= ?", (to_micros(now),))
    body = json.dumps(dict(record.values), ensure_ascii=False)
    row = (record.shelf, record.name, body, to_micros_or_none(record.until))
    db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", row)


def _record(row: Any) -> Record:
    shelf, name, body, until = row
    return Record(shelf, name, json.loads(body), from_micros_or_none(until))


@asynccontextmanager
async def open_records(context: Context) -> AsyncIterator[SqliteRecordStore]:
    """Open the records in the process's database."""
    database = await shared_database(context)
    await database.migrate(RECORDS)
    yield SqliteRecordStore(database, context.clock)
