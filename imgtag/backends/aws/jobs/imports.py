"""Imports in the jobs' table.

=================  =====================  ====================  ==========================
what               pk                     sk                    attributes
=================  =====================  ====================  ==========================
an import          ``N#owner``            import                doc, rev, op, due
a file taken over  ``NF#owner#mark``      ``-``                 photo
what is due        ``DUE#imports``        time#owner#import
=================  =====================  ====================  ==========================
"""

import json
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.catalog.keys import moment
from imgtag.backends.aws.table import MAX_ACTIONS, NEW, Action, Condition, Item, Key, Table
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event
from imgtag.domain.ids import ImportId, OwnerId, PhotoId
from imgtag.domain.imports import Import, from_dict, to_dict
from imgtag.ports import Clock, EventQueue

_ONLY: Final = "-"
_DUE: Final = "DUE#imports"


class DynamoImportStore:
    """Keeps imports in a table and sends their events on *events*."""

    def __init__(self, table: Table, events: EventQueue, clock: Clock) -> None:
        self._table = table
        self._events = events
        self._clock = clock

    async def create(self, imported: Import, event: Event) -> None:
        item = self._item(imported)
        try:
            await self._table.transact([self._table.put(item, NEW), self._table.put(_due(item))])
        except Conflict:
            # Nobody else makes this id: the answer to this very write was lost.
            await self.get(imported.owner, imported.id)
        await self._events.send(event)

    async def get(self, owner: OwnerId, imported: ImportId) -> Import:
        return _load(owner, await self._find(owner, imported))

    async def _find(self, owner: OwnerId, imported: ImportId) -> Item:
        item = await self._table.get(_key(owner, imported))
        if item is None:
            raise NotFound("there is no such import")
        return item

    async def page(
        self, owner: OwnerId, *, after: ImportId | None, limit: int
    ) -> tuple[Sequence[Import], ImportId | None]:
        options = {"and_sk": " AND sk < :after", "values": {":after": after}} if after else {}
        rows = self._table.partition(
            f"N#{owner}", ScanIndexForward=False, Limit=limit + 1, **options
        )
        found: list[Import] = []
        async for item in rows:
            if len(found) == limit:
                return found, found[-1].id
            found.append(_load(owner, item))
        return found, None

    async def replace(
        self,
        imported: Import,
        *,
        taken: Mapping[str, PhotoId] | None = None,
        event: Event | None = None,
    ) -> Import:
        known = await self._find(imported.owner, imported.id)
        if int(known["rev"]) != imported.revision:
            raise Conflict("somebody else has changed this import")
        # Before the import says so: what is remembered too early is only looked at once more.
        await self._remember(imported.owner, taken or {})
        written = replace(imported, revision=imported.revision + 1)
        item = self._item(written)
        unchanged = Condition("rev = :rev", {":rev": imported.revision})
        try:
            await self._table.transact(
                [self._table.put(item, unchanged), *self._moved(known, item)]
            )
        except Conflict:
            now_there = await self._find(imported.owner, imported.id)
            if now_there["op"] != item["op"]:
                raise Conflict("somebody else has changed this import") from None
        if event:
            await self._events.send(event)
        return written

    def _moved(self, known: Item, item: Item) -> Sequence[Action]:
        if known["due"] == item["due"]:
            return ()
        return self._table.remove((_DUE, str(known["due"]))), self._table.put(_due(item))

    async def _remember(self, owner: OwnerId, taken: Mapping[str, PhotoId]) -> None:
        writes = [
            self._table.put({"pk": f"NF#{owner}#{mark}", "sk": _ONLY, "photo": photo})
            for mark, photo in taken.items()
        ]
        for start in range(0, len(writes), MAX_ACTIONS):
            await self._table.transact(writes[start : start + MAX_ACTIONS])

    async def taken(self, owner: OwnerId, marks: Collection[str]) -> Mapping[str, PhotoId]:
        keys = {_file_key(owner, mark): mark for mark in marks}
        items = await self._table.get_many(list(keys))
        return {keys[key]: PhotoId(str(item["photo"])) for key, item in items.items()}

    async def forget(self, owner: OwnerId, imported: ImportId) -> None:
        try:
            item = await self._find(owner, imported)
        except NotFound:
            return
        keys = (_key(owner, imported), (_DUE, str(item["due"])))
        await self._table.transact([self._table.remove(key) for key in keys])

    async def idle(self, *, before: datetime) -> AsyncIterator[Import]:
        rows = self._table.partition(_DUE, and_sk=" AND sk < :to", values={":to": moment(before)})
        async for row in rows:
            _, owner, imported = str(row["sk"]).split("#")
            try:
                yield await self.get(OwnerId(owner), ImportId(imported))
            except NotFound:
                continue

    def _item(self, imported: Import) -> Item:
        pk, sk = _key(imported.owner, imported.id)
        return {
            "pk": pk,
            "sk": sk,
            "doc": json.dumps(to_dict(imported), ensure_ascii=False, separators=(",", ":")),
            "rev": imported.revision,
            "op": secrets.token_hex(8),
            "due": f"{moment(self._clock.now())}#{imported.owner}#{imported.id}",
        }


def _key(owner: OwnerId, imported: ImportId) -> Key:
    return f"N#{owner}", imported


def _file_key(owner: OwnerId, mark: str) -> Key:
    return f"NF#{owner}#{mark}", _ONLY


def _due(item: Item) -> Item:
    return {"pk": _DUE, "sk": item["due"]}


def _load(owner: OwnerId, item: Item) -> Import:
    return from_dict(owner, int(item["rev"]), json.loads(str(item["doc"])))


@asynccontextmanager
async def open_imports(context: Context, events: EventQueue) -> AsyncIterator[DynamoImportStore]:
    """Open the store on the table that the settings name."""
    table = Table(await clients.dynamodb(context), context.settings.dynamodb_jobs)
    yield DynamoImportStore(table, events, context.clock)
