"""What is read of a library: pages, layouts, counts."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from imgtag.backends.aws.catalog import search
from imgtag.backends.aws.catalog.keys import (
    DUE_PARTITIONS,
    OWNERS,
    TALLY,
    Keys,
    moment,
    place,
    place_of,
)
from imgtag.backends.aws.catalog.rows import AWAITING, LIBRARY, TRASH, Record
from imgtag.backends.aws.catalog.streams import Budget, Hit, Order, Spent
from imgtag.backends.aws.catalog.writer import Writer
from imgtag.backends.aws.table import Item, Table
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import LabelCount, LabelName
from imgtag.domain.photos import Photo
from imgtag.domain.queries import LayoutRow, Page, Position, Query, Sort, Tally
from imgtag.pipeline.together import at_once

_ALL: Final = 1 << 40
_AT_ONCE: Final = 1000
_PARALLEL: Final = 32


class Library:
    """Reads photos of one catalog."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._table: Table = writer.table

    async def photos(self, keys: Keys, ids: Sequence[PhotoId]) -> Sequence[Photo]:
        """Fetch those of *ids* that exist, in order."""
        items = await self._table.get_many([keys.photo(photo) for photo in ids])
        found = (items.get(keys.photo(photo)) for photo in ids)
        return [Record.of(keys.owner, item).photo for item in found if item and "doc" in item]

    async def page(
        self, keys: Keys, query: Query, sort: Sort, after: Position | None, limit: int
    ) -> Page:
        """List up to *limit* photos from *after* on."""
        if query.photo_ids:
            return _cut(await self._chosen(keys, query, sort), sort, after, limit)
        order, budget = Order.of(sort), Budget(search.QUERIES_PER_PAGE)
        first = max(8, 2 * limit // keys.shards)
        stream = search.stream_of(self._table, keys, query, order, budget, first)
        taken: list[Hit] = []
        async for found in search.hits_of(stream, after):
            if isinstance(found, Spent):
                return await self._page(keys, query, taken, found.key)
            if len(taken) == limit:
                return await self._page(keys, query, taken, taken[-1].key)
            taken.append(found)
        return await self._page(keys, query, taken, None)

    async def _page(self, keys: Keys, query: Query, hits: Sequence[Hit], next_: str | None) -> Page:
        photos = await self.photos(keys, [place_of(hit.key)[1] for hit in hits])
        # Between its rows and its document a photo may have changed; the document decides.
        matching = tuple(photo for photo in photos if query.matches(photo))
        return Page(matching, search.position_of(next_) if next_ else None)

    async def _chosen(self, keys: Keys, query: Query, sort: Sort) -> Sequence[Photo]:
        photos = await self.photos(keys, list(dict.fromkeys(query.photo_ids)))
        return sorted(
            filter(query.matches, photos),
            key=lambda photo: (sort.time_of(photo), photo.id),
            reverse=sort.descending,
        )

    async def layout(self, keys: Keys, query: Query, sort: Sort) -> Sequence[LayoutRow]:
        """List every photo that matches, as a grid needs it."""
        if query.photo_ids:
            return [_row(photo) for photo in await self._chosen(keys, query, sort)]
        order, budget = Order.of(sort), Budget(_ALL)
        stream = search.stream_of(self._table, keys, query, order, budget, _AT_ONCE)
        hits = [hit async for hit in search.hits_of(stream, None) if isinstance(hit, Hit)]
        if search.decided_by_rows(query):
            return [search.layout_of(hit) for hit in hits]
        photos = await self.photos(keys, [place_of(hit.key)[1] for hit in hits])
        return [_row(photo) for photo in photos if query.matches(photo)]

    async def counts(self, keys: Keys, *, covers: bool) -> Sequence[LabelCount]:
        """Count labels, most photos first, then by name."""
        totals: Counter[str] = Counter()
        names: dict[str, LabelName] = {}
        where: dict[str, list[int]] = {}
        for shard, items in enumerate(await self._counters(keys)):
            for item in items:
                if item["sk"] != TALLY and int(item.get("n", 0)) > 0:
                    label = str(item["sk"])
                    totals[label] += int(item["n"])
                    names[label] = LabelName(str(item["nm"]))
                    where.setdefault(label, []).append(shard)
        newest = await self._covers(keys, names, where) if covers else {}
        found = [LabelCount(names[key], n, newest.get(key)) for key, n in totals.items()]
        return sorted(found, key=lambda row: (-row.photos, row.name))

    async def _counters(self, keys: Keys) -> Sequence[Sequence[Item]]:
        async def read(shard: int) -> Sequence[Item]:
            return [item async for item in self._table.partition(keys.counts(shard))]

        return await at_once(
            [partial(read, shard) for shard in range(keys.shards)], limit=_PARALLEL
        )

    async def _covers(
        self, keys: Keys, names: Mapping[str, LabelName], where: Mapping[str, Sequence[int]]
    ) -> Mapping[str, PhotoId]:
        async def newest(label: str) -> tuple[str, str]:
            found = [await self._newest(keys, names[label].folded, s) for s in where[label]]
            return label, max(found)

        pairs = await at_once([partial(newest, label) for label in where], limit=_PARALLEL)
        return {label: place_of(key)[1] for label, key in pairs if key}

    async def _newest(self, keys: Keys, folded: str, shard: int) -> str:
        items, _ = await self._table.query(
            keys.carriers(folded, shard), IndexName="created", ScanIndexForward=False, Limit=1
        )
        return str(items[0]["ck"]) if items else ""

    async def tally(self, keys: Keys) -> Tally:
        """Count photos by state."""
        items = await self._table.get_many([keys.tally(shard) for shard in range(keys.shards)])
        total: Counter[str] = Counter()
        for item in items.values():
            total.update({name: n for name, n in item.items() if isinstance(n, int)})
        return Tally(**total)

    async def owners(self) -> AsyncIterator[OwnerId]:
        """Every owner who has photos."""
        async for item in self._table.partition(OWNERS):
            owner = OwnerId(str(item["sk"]))
            tally = await self.tally(await self._writer.keys(owner))
            if tally.total or tally.trashed:
                yield owner

    async def due(self, kind: str, before: datetime) -> AsyncIterator[Photo]:
        """Photos of all owners that stand as *kind* since before *before*."""
        for number in range(DUE_PARTITIONS):
            rows = self._table.partition(
                f"DUE#{kind}#{number}", and_sk=" AND sk < :to", values={":to": moment(before)}
            )
            async for row in rows:
                _, owner, photo = str(row["sk"]).split("#")
                keys = await self._writer.keys(OwnerId(owner))
                for found in await self.photos(keys, [PhotoId(photo)]):
                    yield found

    async def all(self, keys: Keys) -> AsyncIterator[Record]:
        """Every record of an owner, a batch at a time."""
        for kind in (LIBRARY, AWAITING, TRASH):
            for shard in range(keys.shards):
                batch: list[PhotoId] = []
                async for item in self._table.partition(keys.listed(kind, shard)):
                    batch.append(place_of(str(item["sk"]))[1])
                    if len(batch) == _AT_ONCE:
                        for record in await self._records(keys, batch):
                            yield record
                        batch = []
                for record in await self._records(keys, batch):
                    yield record

    async def _records(self, keys: Keys, ids: Iterable[PhotoId]) -> Sequence[Record]:
        items = await self._table.get_many([keys.photo(photo) for photo in ids])
        return [Record.of(keys.owner, item) for item in items.values() if "doc" in item]


def _row(photo: Photo) -> LayoutRow:
    return LayoutRow(photo.id, photo.width, photo.height, photo.taken_at)


def _cut(photos: Sequence[Photo], sort: Sort, after: Position | None, limit: int) -> Page:
    order = Order.of(sort)
    start = place(after.time, after.id) if after else None
    rest = [
        photo
        for photo in photos
        if start is None or order.is_after(place(sort.time_of(photo), photo.id), start)
    ]
    page = tuple(rest[:limit])
    more = len(rest) > len(page)
    return Page(page, Position(sort.time_of(page[-1]), page[-1].id) if more else None)
