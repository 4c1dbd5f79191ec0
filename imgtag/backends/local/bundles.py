"""Bundles in SQLite."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import apsw

from imgtag.backends import Context
from imgtag.backends.local.database import Database, fetch, shared_database
from imgtag.backends.local.queue import write_and_send
from imgtag.backends.local.schema import Component
from imgtag.backends.local.times import from_micros_or_none, to_micros
from imgtag.domain.bundles import Bundle, BundleState, Progress
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event
from imgtag.domain.ids import BundleId, OwnerId, PhotoId
from imgtag.domain.labels import LabelName
from imgtag.domain.photos import Failure, PhotoState
from imgtag.domain.queries import Query
from imgtag.ports import Clock, EventQueue

IDEMPOTENCY: Final = timedelta(hours=24)
BATCH: Final = 200

# ``request`` is what was asked for, and stays; ``idle_at`` is `Bundle.idle_since`.
BUNDLES: Final = Component(
    "bundles",
    (
        """
        CREATE TABLE bundles (
            owner TEXT NOT NULL,
            id TEXT NOT NULL,
            token TEXT NOT NULL UNIQUE,
            request TEXT NOT NULL,
            revision INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            idle_at INTEGER NOT NULL,
            idempotency_key TEXT,
            body TEXT NOT NULL,
            PRIMARY KEY (owner, id)
        ) STRICT;
        CREATE INDEX bundles_idle ON bundles (idle_at);
        CREATE INDEX bundles_of_key ON bundles (owner, idempotency_key, created_at)
            WHERE idempotency_key IS NOT NULL;
        """,
    ),
)

_INSERT: Final = """
INSERT INTO bundles (owner, id, token, revision, created_at, idle_at, body,
    request, idempotency_key)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE: Final = """
UPDATE bundles SET token = ?, revision = ?, created_at = ?, idle_at = ?, body = ?
WHERE owner = ? AND id = ?
"""
_MADE_WITH: Final = """
SELECT request, body FROM bundles
WHERE owner = ? AND idempotency_key = ? AND created_at > ? ORDER BY created_at DESC LIMIT 1
"""
_PAGE: Final = """
SELECT body FROM bundles WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?
"""
_IDLE: Final = """
SELECT idle_at, rowid, body FROM bundles
WHERE idle_at < ? AND (idle_at, rowid) > (?, ?) ORDER BY idle_at, rowid LIMIT ?
"""
_PAST_EVERY_ID: Final = "~"
_FIRST: Final = (-(2**63), 0)


class SqliteBundleStore:
    """Keeps bundles in *database* and announces what it writes on *events*."""

    def __init__(self, database: Database, clock: Clock, events: EventQueue) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    async def create(
        self, bundle: Bundle, *, idempotency_key: str | None, event: Event | None
    ) -> Bundle:
        def write(db: apsw.Connection) -> tuple[Bundle, bool]:
            earlier = _made_with(db, bundle, idempotency_key)
            if earlier:
                return earlier, False
            row = (*self._row(bundle), _to_json(bundle), idempotency_key)
            db.execute(_INSERT, (bundle.owner, bundle.id, *row))
            return bundle, True

        return await write_and_send(self._database, self._events, event, write)

    async def get(self, owner: OwnerId, bundle: BundleId) -> Bundle:
        return await self._database.read(lambda db: _find(db, owner, bundle))

    async def by_key(self, owner: OwnerId, idempotency_key: str) -> Bundle:
        values = (owner, idempotency_key, to_micros(self._clock.now() - IDEMPOTENCY))
        rows = await self._database.read(partial(fetch, sql=_MADE_WITH, values=values))
        for _, body in rows:
            return _from_json(body)
        msg = "no bundle was made with this key"
        raise NotFound(msg)

    async def by_token(self, token: str) -> Bundle:
        rows = await self._database.read(
            lambda db: fetch(db, "SELECT body FROM bundles WHERE token = ?", (token,))
        )
        for (body,) in rows:
            return _from_json(body)
        msg = "there is no such link"
        raise NotFound(msg)

    async def page(
        self, owner: OwnerId, *, after: BundleId | None, limit: int
    ) -> tuple[Sequence[Bundle], BundleId | None]:
        values = (owner, after or _PAST_EVERY_ID, limit + 1)
        rows = await self._database.read(lambda db: fetch(db, _PAGE, values))
        page = [_from_json(body) for (body,) in rows[:limit]]
        return page, page[-1].id if page and len(rows) > limit else None

    async def replace(self, bundle: Bundle, *, event: Event | None = None) -> Bundle:
        def write(db: apsw.Connection) -> tuple[Bundle, bool]:
            if _find(db, bundle.owner, bundle.id).revision != bundle.revision:
                msg = "somebody else has changed this bundle"
                raise Conflict(msg)
            written = replace(bundle, revision=bundle.revision + 1)
            db.execute(_UPDATE, (*self._row(written), bundle.owner, bundle.id))
            return written, True

        return await write_and_send(self._database, self._events, event, write)

    async def forget(self, owner: OwnerId, bundle: BundleId) -> None:
        await self._database.write(
            lambda db: db.execute("DELETE FROM bundles WHERE owner = ? AND id = ?", (owner, bundle))
        )

    async def unfinished(self, *, before: datetime) -> AsyncIterator[Bundle]:
        end, last = to_micros(before), _FIRST
        while True:
            values = (end, *last, BATCH)
            rows = await self._database.read(partial(fetch, sql=_IDLE, values=values))
            for *_, body in rows:
                yield _from_json(body)
            if len(rows) < BATCH:
                return
            last = rows[-1][:2]

    def _row(self, bundle: Bundle) -> tuple[Any, ...]:
        idle_at = bundle.idle_since(self._clock.now())
        times = (to_micros(bundle.created_at), to_micros(idle_at))
        return (bundle.token, bundle.revision, *times, _to_json(bundle))


@asynccontextmanager
async def open_bundles(context: Context, events: EventQueue) -> AsyncIterator[SqliteBundleStore]:
    """Open the bundles in the process's database."""
    database = await shared_database(context)
    await database.migrate(BUNDLES)
    yield SqliteBundleStore(database, context.clock, events)


def _find(db: apsw.Connection, owner: OwnerId, bundle: BundleId) -> Bundle:
    rows = fetch(db, "SELECT body FROM bundles WHERE owner = ? AND id = ?", (owner, bundle))
    for (body,) in rows:
        return _from_json(body)
    msg = "there is no such bundle"
    raise NotFound(msg)


def _made_with(db: apsw.Connection, bundle: Bundle, idempotency_key: str | None) -> Bundle | None:
    oldest = to_micros(bundle.created_at - IDEMPOTENCY)
    for request, body in fetch(db, _MADE_WITH, (bundle.owner, idempotency_key, oldest)):
        _from_json(request).must_be_asked_like(bundle)
        return _from_json(body)
    return None


def _to_json(bundle: Bundle) -> str:
    return json.dumps(bundle, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_micros(value)
    return {part.name: getattr(value, part.name) for part in fields(value)}


def _from_json(body: str) -> Bundle:
    plain = json.loads(body)
    plain |= {name: from_micros_or_none(plain[name]) for name in _TIMES}
    plain |= {
        "owner": OwnerId(plain["owner"]),
        "id": BundleId(plain["id"]),
        "query": _query(plain["query"]),
        "state": BundleState(plain["state"]),
        "progress": Progress(**plain["progress"]),
        "failure": Failure(**plain["failure"]) if plain["failure"] else None,
    }
    return Bundle(**plain)


_TIMES: Final = ("created_at", "ready_at", "expires_at", "lease_until")


def _query(plain: Mapping[str, Any]) -> Query:
    return Query(
        all=tuple(map(LabelName, plain["all"])),
        any=tuple(map(LabelName, plain["any"])),
        none=tuple(map(LabelName, plain["none"])),
        unlabelled=plain["unlabelled"],
        state=PhotoState(plain["state"]) if plain["state"] else None,
        text=plain["text"],
        photo_ids=tuple(map(PhotoId, plain["photo_ids"])),
        trashed=plain["trashed"],
    )
