"""Bundles on DynamoDB.

=================  ======================  =====================  ==========================
what               pk                      sk                     attributes
=================  ======================  =====================  ==========================
a bundle           ``B#owner``             bundle                 doc, rev, op, due, idem, pieces
ids that it names  ``Q#owner#bundle``      number                 ids
its link           ``L#token``             ``-``                  owner, bundle
idempotency key    ``I#owner#digest``      ``-``                  bundle, made, ttl
what is due        ``DUE#bundles#n``       time#owner#bundle
=================  ======================  =====================  ==========================
"""

import hashlib
import secrets
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.catalog.keys import moment
from imgtag.backends.aws.jobs.documents import dump, load
from imgtag.backends.aws.table import NEW, Action, Condition, Item, Key, Table
from imgtag.domain.bundles import Bundle
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event
from imgtag.domain.ids import BundleId, OwnerId
from imgtag.ports import Clock, EventQueue

IDEMPOTENCY: Final = timedelta(hours=24)
DUE_PARTITIONS: Final = 4
_ONLY: Final = "-"


class DynamoBundleStore:
    """Keeps bundles in a table and sends their events on *events*."""

    def __init__(self, table: Table, events: EventQueue, clock: Clock) -> None:
        self._table = table
        self._events = events
        self._clock = clock

    async def create(
        self, bundle: Bundle, *, idempotency_key: str | None, event: Event | None
    ) -> Bundle:
        claim = _claim_key(bundle.owner, idempotency_key) if idempotency_key is not None else None
        item, writes = self._written(bundle, claim)
        actions = [
            self._table.put(item, NEW),
            self._table.put(_link(bundle), NEW),
            *writes,
            *([self._claim(claim, bundle)] if claim else []),
        ]
        try:
            await self._table.transact(actions)
        except Conflict:
            earlier = await self._made_with(claim, bundle)
            if earlier.id != bundle.id:
                return earlier
        if event:
            await self._events.send(event)
        return bundle

    def _claim(self, claim: Key, bundle: Bundle) -> Action:
        until = moment(bundle.created_at - IDEMPOTENCY)
        free = Condition("attribute_not_exists(pk) OR made <= :until", {":until": until})
        item: Item = {
            "pk": claim[0],
            "sk": claim[1],
            "bundle": bundle.id,
            "made": moment(bundle.created_at),
            "ttl": int((bundle.created_at + 2 * IDEMPOTENCY).timestamp()),
        }
        return self._table.put(item, free)

    async def _made_with(self, claim: Key | None, bundle: Bundle) -> Bundle:
        claimed = await self._table.get(claim) if claim else None
        if claimed is None:
            # No key was in the way, so that the answer to this very write was lost.
            return await self.get(bundle.owner, bundle.id)
        earlier = await self.get(bundle.owner, BundleId(str(claimed["bundle"])))
        earlier.must_be_asked_like(bundle)
        return earlier

    async def get(self, owner: OwnerId, bundle: BundleId) -> Bundle:
        return await self._load(owner, await self._item(owner, bundle))

    async def _item(self, owner: OwnerId, bundle: BundleId) -> Item:
        item = await self._table.get(_key(owner, bundle))
        if item is None:
            raise NotFound("there is no such bundle")
        return item

    async def _load(self, owner: OwnerId, item: Item) -> Bundle:
        pieces = []
        if item["pieces"]:
            rows = self._table.partition(f"Q#{owner}#{item['sk']}")
            pieces = [str(row["ids"]) async for row in rows]
        return load(owner, str(item["doc"]), int(item["rev"]), pieces)

    async def by_key(self, owner: OwnerId, idempotency_key: str) -> Bundle:
        claimed = await self._table.get(_claim_key(owner, idempotency_key))
        oldest = moment(self._clock.now() - IDEMPOTENCY)
        if claimed is None or str(claimed["made"]) <= oldest:
            raise NotFound("no bundle was made with this key")
        return await self.get(owner, BundleId(str(claimed["bundle"])))

    async def by_token(self, token: str) -> Bundle:
        link = await self._table.get((f"L#{token}", _ONLY))
        if link is None:
            raise NotFound("there is no such link")
        return await self.get(OwnerId(str(link["owner"])), BundleId(str(link["bundle"])))

    async def page(
        self, owner: OwnerId, *, after: BundleId | None, limit: int
    ) -> tuple[Sequence[Bundle], BundleId | None]:
        options = {"and_sk": " AND sk < :after", "values": {":after": after}} if after else {}
        items: list[Item] = []
        rows = self._table.partition(
            f"B#{owner}", ScanIndexForward=False, Limit=limit + 1, **options
        )
        async for item in rows:
            items.append(item)
            if len(items) > limit:
                break
        bundles = [await self._load(owner, item) for item in items[:limit]]
        return bundles, bundles[-1].id if len(items) > limit else None

    async def replace(self, bundle: Bundle, *, event: Event | None = None) -> Bundle:
        known = await self._item(bundle.owner, bundle.id)
        unchanged = Condition("rev = :rev", {":rev": bundle.revision})
        written = replace(bundle, revision=bundle.revision + 1)
        claim = (str(known["idem"]), _ONLY) if "idem" in known else None
        item, writes = self._written(written, claim, known)
        actions = [self._table.put(item, unchanged), *writes]
        try:
            await self._table.transact(actions)
        except Conflict:
            now_there = await self._item(bundle.owner, bundle.id)
            if now_there["op"] != item["op"]:
                raise Conflict("somebody else has changed this bundle") from None
        if event:
            await self._events.send(event)
        return written

    def _written(
        self, bundle: Bundle, claim: Key | None, known: Item | None = None
    ) -> tuple[Item, Sequence[Action]]:
        """Make the item of a bundle, and what has to be written with it."""
        document, pieces = dump(bundle)
        due = _due_key(bundle, self._clock.now())
        pk, sk = _key(bundle.owner, bundle.id)
        item: Item = {
            "pk": pk,
            "sk": sk,
            "doc": document,
            "rev": bundle.revision,
            "op": secrets.token_hex(8),
            "due": due[1],
            "pieces": len(pieces),
        }
        if claim:
            item["idem"] = claim[0]
        writes: list[Action] = []
        if known and known["due"] != due[1]:
            writes.append(self._table.remove((due[0], str(known["due"]))))
        if not known or known["due"] != due[1]:
            writes.append(self._table.put({"pk": due[0], "sk": due[1]}))
        if not known:
            writes += [self._table.put(row) for row in _piece_rows(bundle, pieces)]
        return item, writes

    async def forget(self, owner: OwnerId, bundle: BundleId) -> None:
        try:
            item = await self._item(owner, bundle)
        except NotFound:
            return
        known = await self._load(owner, item)
        keys = [_key(owner, bundle), (f"L#{known.token}", _ONLY)]
        keys.append((_due_partition(bundle), str(item["due"])))
        keys += [_piece_key(owner, bundle, number) for number in range(int(item["pieces"]))]
        if "idem" in item and await self._still_claims(str(item["idem"]), bundle):
            keys.append((str(item["idem"]), _ONLY))
        await self._table.transact([self._table.remove(key) for key in keys])

    async def _still_claims(self, claim: str, bundle: BundleId) -> bool:
        item = await self._table.get((claim, _ONLY))
        return item is not None and item["bundle"] == bundle

    async def unfinished(self, *, before: datetime) -> AsyncIterator[Bundle]:
        for number in range(DUE_PARTITIONS):
            rows = self._table.partition(
                f"DUE#bundles#{number}", and_sk=" AND sk < :to", values={":to": moment(before)}
            )
            async for row in rows:
                _, owner, bundle = str(row["sk"]).split("#")
                try:
                    yield await self.get(OwnerId(owner), BundleId(bundle))
                except NotFound:
                    continue


def _key(owner: OwnerId, bundle: BundleId) -> Key:
    return f"B#{owner}", bundle


def _link(bundle: Bundle) -> Item:
    return {"pk": f"L#{bundle.token}", "sk": _ONLY, "owner": bundle.owner, "bundle": bundle.id}


def _claim_key(owner: OwnerId, key: str) -> Key:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"I#{owner}#{digest}", _ONLY


def _due_partition(bundle: BundleId) -> str:
    return f"DUE#bundles#{zlib.crc32(bundle.encode()) % DUE_PARTITIONS}"


def _due_key(bundle: Bundle, now: datetime) -> Key:
    since = moment(bundle.idle_since(now))
    return _due_partition(bundle.id), f"{since}#{bundle.owner}#{bundle.id}"


def _piece_key(owner: OwnerId, bundle: BundleId, number: int) -> Key:
    return f"Q#{owner}#{bundle}", f"{number:04d}"


def _piece_rows(bundle: Bundle, pieces: Sequence[str]) -> Sequence[Item]:
    rows: list[Item] = []
    for number, ids in enumerate(pieces):
        pk, sk = _piece_key(bundle.owner, bundle.id, number)
        rows.append({"pk": pk, "sk": sk, "ids": ids})
    return rows


@asynccontextmanager
async def open_bundles(context: Context, events: EventQueue) -> AsyncIterator[DynamoBundleStore]:
    """Open the store on the table that the settings name."""
    table = Table(await clients.dynamodb(context), context.settings.dynamodb_jobs)
    yield DynamoBundleStore(table, events, context.clock)
