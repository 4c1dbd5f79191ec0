"""The catalog on one DynamoDB table. Its schema is in `keys`, and why it is so in decision 0021."""

import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.catalog import rows
from imgtag.backends.aws.catalog.intake import Intake, relabelled
from imgtag.backends.aws.catalog.keys import DUE_PARTITIONS, Keys, moment
from imgtag.backends.aws.catalog.library import Library
from imgtag.backends.aws.catalog.repair import Repair
from imgtag.backends.aws.catalog.rows import Change, Record, actions
from imgtag.backends.aws.catalog.writer import Writer
from imgtag.backends.aws.table import MAX_ACTIONS, Item, Table
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event, from_dict, to_dict
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import LabelChange, LabelCount, LabelHit
from imgtag.domain.photos import Content, Facts, Failure, Photo
from imgtag.domain.queries import LayoutRow, Page, Position, Query, Sort, Tally
from imgtag.ports import Clock, EventQueue

# How long it is remembered that a photo was: longer than SQS keeps a message (14 days).
_REMEMBERED: Final = timedelta(days=30)
_GONE: Final = "gone"


class DynamoCatalog:
    """Keeps photos in a table and sends their events on *events*."""

    def __init__(self, table: Table, events: EventQueue, *, clock: Clock, shards: int) -> None:
        self._table = table
        self._events = events
        self._clock = clock
        self._writer = Writer(table, clock, shards)
        self._intake = Intake(self._writer)
        self._library = Library(self._writer)

    async def reserve(self, owner: OwnerId, photos: Sequence[Photo]) -> Sequence[Photo]:
        if not photos:
            return []
        return await self._intake.reserve(await self._writer.keys(owner, make=True), photos)

    async def store(
        self, owner: OwnerId, photo: PhotoId, content: Content, event: Event | None
    ) -> Photo:
        keys = await self._writer.keys(owner)
        stored, is_new = await self._intake.store(keys, photo, content)
        if is_new and event:
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
        def decide(known: Photo) -> Photo:
            inspected = _with_content(known, sha256).inspected(facts)
            return inspected.labelled(inspected.labels.relabelled(hits, model=model))

        labelled, _ = await self._writer.change(await self._writer.keys(owner), photo, decide)
        return labelled

    async def fail(
        self, owner: OwnerId, photo: PhotoId, sha256: str, failure: Failure, facts: Facts | None
    ) -> Photo:
        def decide(known: Photo) -> Photo:
            looked_at = _with_content(known, sha256)
            return (looked_at.inspected(facts) if facts else looked_at).failed(failure)

        failed, _ = await self._writer.change(await self._writer.keys(owner), photo, decide)
        return failed

    async def relabel(self, owner: OwnerId, photo: PhotoId, event: Event) -> Photo:
        keys = await self._writer.keys(owner)
        stored, _ = await self._writer.change(keys, photo, relabelled)
        await self._events.send(event)
        return stored

    async def get(self, owner: OwnerId, photo: PhotoId) -> Photo:
        keys = await self._writer.keys(owner)
        return (await self._writer.meant_by(keys, photo)).photo

    async def get_many(self, owner: OwnerId, photos: Sequence[PhotoId]) -> Sequence[Photo]:
        return await self._library.photos(await self._writer.keys(owner), photos)

    async def edit(self, owner: OwnerId, photos: Sequence[PhotoId], change: LabelChange) -> int:
        def decide(known: Photo) -> Photo:
            return replace(known, labels=known.labels.edited(change))

        keys = await self._writer.keys(owner)
        unique = list(dict.fromkeys(photos))
        items = await self._table.get_many([keys.photo(photo) for photo in unique])
        changes = []
        for item in items.values():
            if "doc" in item:
                record = Record.of(owner, item)
                decided = await self._writer.decided(keys, record, decide)
                if decided != record.photo:
                    target = record.becomes(decided, self._clock.now())
                    changes.append(Change(record.photo.id, record, target))
        edited = 0
        for batch in _batches(self._table, keys, changes):
            edited += await self._edit(keys, batch, change)
        return edited

    async def _edit(self, keys: Keys, batch: Sequence[Change], change: LabelChange) -> int:
        """Write a batch at once, or one by one where somebody else was faster."""
        try:
            if len(batch) > 1:
                await self._writer.commit(keys, batch, secrets.token_hex(8))
                return len(batch)
        except Conflict:
            pass
        edited = 0
        for one in batch:
            try:
                _, changed = await self._writer.change(
                    keys, one.photo, lambda p: replace(p, labels=p.labels.edited(change))
                )
            except NotFound:
                continue
            edited += changed
        return edited

    async def trash(self, owner: OwnerId, photo: PhotoId, at: datetime) -> Photo:
        keys = await self._writer.keys(owner)
        trashed, _ = await self._writer.change(
            keys, photo, lambda known: replace(known, trashed_at=known.trashed_at or at)
        )
        return trashed

    async def restore(self, owner: OwnerId, photo: PhotoId) -> Photo:
        keys = await self._writer.keys(owner)
        restored, _ = await self._writer.change(
            keys, photo, lambda known: replace(known, trashed_at=None)
        )
        return restored

    async def discard(self, owner: OwnerId, photo: PhotoId, event: Event) -> None:
        keys, now = await self._writer.keys(owner), self._clock.now()
        pk, sk = keys.photo(photo)
        unsent_pk, unsent_sk = keys.due(_GONE, now, photo)
        remains: Item = {
            "pk": pk,
            "sk": sk,
            "gone": now.isoformat(),
            "ttl": int((now + _REMEMBERED).timestamp()),
        }
        unsent: Item = {"pk": unsent_pk, "sk": unsent_sk, "event": json.dumps(to_dict(event))}
        if await self._intake.forget(keys, photo, remains, (self._table.put(unsent),)):
            await self._events.send(event)
            await self._table.delete((unsent_pk, unsent_sk))

    async def page(
        self, owner: OwnerId, query: Query, sort: Sort, *, after: Position | None, limit: int
    ) -> Page:
        keys = await self._writer.keys(owner)
        return await self._library.page(keys, query, sort, after, limit)

    async def layout(self, owner: OwnerId, query: Query, sort: Sort) -> Sequence[LayoutRow]:
        return await self._library.layout(await self._writer.keys(owner), query, sort)

    async def counts(self, owner: OwnerId, *, covers: bool = False) -> Sequence[LabelCount]:
        return await self._library.counts(await self._writer.keys(owner), covers=covers)

    async def tally(self, owner: OwnerId) -> Tally:
        return await self._library.tally(await self._writer.keys(owner))

    async def recount(self, owner: OwnerId) -> Mapping[str, int]:
        counted: Counter[str] = Counter()
        async for record in self._library.all(await self._writer.keys(owner)):
            counted.update(rows.wanted(record.photo))
        return counted

    async def repair_counts(self, owner: OwnerId) -> None:
        await Repair(self._writer, self._library).run(await self._writer.keys(owner))

    async def owners(self) -> AsyncIterator[OwnerId]:
        async for owner in self._library.owners():
            yield owner

    async def stuck(self, *, before: datetime) -> AsyncIterator[Photo]:
        await self._send_again(before)
        async for photo in self._library.due(rows.STUCK, before):
            yield photo

    async def trashed(self, *, before: datetime) -> AsyncIterator[Photo]:
        async for photo in self._library.due(rows.TRASHED, before):
            yield photo

    async def _send_again(self, before: datetime) -> None:
        """Send what a crash has swallowed between forgetting a photo and saying so."""
        for number in range(DUE_PARTITIONS):
            unsent = self._table.partition(
                f"DUE#{_GONE}#{number}", and_sk=" AND sk < :to", values={":to": moment(before)}
            )
            async for item in unsent:
                await self._events.send(from_dict(json.loads(str(item["event"]))))
                await self._table.delete((str(item["pk"]), str(item["sk"])))


def _with_content(photo: Photo, sha256: str) -> Photo:
    if photo.content is None or photo.content.sha256 != sha256:
        raise Conflict("the photo has other bytes by now")
    return photo


def _batches(table: Table, keys: Keys, changes: Sequence[Change]) -> Sequence[Sequence[Change]]:
    """Put together what fits into one transaction."""
    batches: list[list[Change]] = []
    size = MAX_ACTIONS
    for change in changes:
        needed = len(actions(table, keys, [change]))
        if size + needed > MAX_ACTIONS:
            batches.append([])
            size = 0
        batches[-1].append(change)
        size += needed
    return batches


@asynccontextmanager
async def open_catalog(context: Context, events: EventQueue) -> AsyncIterator[DynamoCatalog]:
    """Open the catalog on the table that the settings name."""
    settings = context.settings
    table = Table(await clients.dynamodb(context), settings.dynamodb_catalog)
    yield DynamoCatalog(table, events, clock=context.clock, shards=settings.dynamodb_shards)
