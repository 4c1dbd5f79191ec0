"""Records in the jobs' table: ``R#shelf`` and name, with the values as one JSON text in *doc*.

``ends`` is when a record's time is over, in milliseconds: `ttl` alone comes days late.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.table import THERE, Condition, Item, Table
from imgtag.domain.errors import Conflict
from imgtag.ports import Clock, Record

_NEVER: Final = 10**15
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class DynamoRecordStore:
    """Keeps records in a table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    async def get(self, shelf: str, name: str) -> Record | None:
        item = await self._table.get((f"R#{shelf}", name))
        return _record(item) if item and self._is_good(item) else None

    async def list(self, shelf: str) -> Sequence[Record]:
        items = self._table.partition(f"R#{shelf}")
        return [_record(item) async for item in items if self._is_good(item)]

    async def put(self, record: Record) -> None:
        await self._table.write(_item(record))

    async def swap(self, old: Record | None, new: Record) -> bool:
        if old:
            known = _item(old)
            values = {":doc": known["doc"], ":ends": known["ends"]}
            same = Condition("doc = :doc AND ends = :ends", values)
        else:
            now = {":now": _millis(self._clock.now())}
            same = Condition("attribute_not_exists(pk) OR ends <= :now", now)
        try:
            await self._table.write(_item(new), same)
        except Conflict:
            # Or the answer to a first attempt of the client's was lost.
            return await self.get(new.shelf, new.name) == new
        return True

    async def take(self, shelf: str, name: str) -> Record | None:
        found = await self.get(shelf, name)
        try:
            await self._table.delete((f"R#{shelf}", name), THERE)
        except Conflict:
            return None
        return found

    def _is_good(self, item: Item) -> bool:
        return int(item["ends"]) > _millis(self._clock.now())


def _item(record: Record) -> Item:
    item: Item = {
        "pk": f"R#{record.shelf}",
        "sk": record.name,
        "doc": json.dumps(dict(record.values), ensure_ascii=False, sort_keys=True),
        "ends": _millis(record.until) if record.until else _NEVER,
    }
    if record.until:
        item["ttl"] = int(record.until.timestamp())
    return item


def _record(item: Item) -> Record:
    ends = int(item["ends"])
    until = None if ends == _NEVER else _EPOCH + ends * _MILLISECOND
    return Record(str(item["pk"])[2:], str(item["sk"]), json.loads(str(item["doc"])), until)


def _millis(time: datetime) -> int:
    return (time - _EPOCH) // _MILLISECOND


@asynccontextmanager
async def open_records(context: Context) -> AsyncIterator[DynamoRecordStore]:
    """Open the records in the table that the settings name."""
    table = Table(await clients.dynamodb(context), context.settings.dynamodb_jobs)
    yield DynamoRecordStore(table, context.clock)
