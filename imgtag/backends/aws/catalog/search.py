"""From a query to streams, and from streams to photos."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from imgtag.backends.aws.catalog.keys import Keys, place, place_of
from imgtag.backends.aws.catalog.rows import AWAITING, LIBRARY, TRASH
from imgtag.backends.aws.catalog.streams import (
    Budget,
    Difference,
    Found,
    Hit,
    Intersection,
    Leaf,
    Order,
    Spent,
    Stream,
    Union,
)
from imgtag.backends.aws.table import Table
from imgtag.domain.photos import PhotoState
from imgtag.domain.queries import LayoutRow, Position, Query

# A page that costs more than this ends early, and the next one goes on from there.
QUERIES_PER_PAGE: Final = 1000


def stream_of(
    table: Table, keys: Keys, query: Query, order: Order, budget: Budget, page: int
) -> Stream:
    """Combine what answers *query*, over all shards.

    Labels have no rows in the trash: what a query says of labels there is left to the caller.
    """
    shards = [_Shard(table, keys, order, budget, page, shard) for shard in range(keys.shards)]
    return Union([shard.stream_of(query) for shard in shards], order)


class _Shard:
    """Makes the streams of one shard."""

    def __init__(
        self, table: Table, keys: Keys, order: Order, budget: Budget, page: int, shard: int
    ) -> None:
        self._table, self._keys, self._order = table, keys, order
        self._budget, self._page, self._shard = budget, page, shard

    def stream_of(self, query: Query) -> Stream:
        if query.trashed:
            return self._listed(TRASH, query)
        if query.state is PhotoState.AWAITING:
            return self._without(self._listed(AWAITING, query), query)
        parts: list[Stream] = [self._carriers(name.folded) for name in query.all]
        if query.any:
            carriers = [self._carriers(name.folded) for name in query.any]
            parts.append(Union(carriers, self._order))
        if not parts or _narrows(query):
            parts.append(self._listed(LIBRARY, query))
        return self._without(parts[0] if len(parts) == 1 else Intersection(parts), query)

    def _without(self, base: Stream, query: Query) -> Stream:
        if not query.none:
            return base
        carriers = [self._carriers(name.folded) for name in query.none]
        return Difference(base, Union(carriers, self._order))

    def _carriers(self, folded: str) -> Leaf:
        pk = self._keys.carriers(folded, self._shard)
        return Leaf(self._table, pk, self._order, self._budget, self._page)

    def _listed(self, kind: str, query: Query) -> Leaf:
        pk = self._keys.listed(kind, self._shard)
        narrowed = _narrowed(query)
        return Leaf(self._table, pk, self._order, self._budget, self._page, narrowed)


def _narrows(query: Query) -> bool:
    return bool(query.text or query.unlabelled or query.state)


def _narrowed(query: Query) -> dict[str, Any]:
    """Filter a list by what its rows say: state, number of labels, file name."""
    wanted, values = [], dict[str, str | int]()
    if query.state:
        wanted.append("st = :st")
        values[":st"] = query.state.value
    elif query.trashed:
        wanted.append("st <> :st")
        values[":st"] = PhotoState.AWAITING.value
    if query.unlabelled:
        wanted.append("nl = :nl")
        values[":nl"] = 0
    if query.text:
        wanted.append("contains(fn, :fn)")
        values[":fn"] = query.text.casefold()
    if not wanted:
        return {}
    return {"FilterExpression": " AND ".join(wanted), "values": values}


async def hits_of(stream: Stream, after: Position | None) -> AsyncIterator[Hit | Spent]:
    """Give out the hits of *stream*, and at last that its budget is spent, if it is."""
    key = place(after.time, after.id) if after else None
    while True:
        found: Found = await stream.after(key)
        if found is None:
            return
        yield found
        if isinstance(found, Spent):
            return
        key = found.key


def position_of(key: str) -> Position:
    """Tell the place of a hit."""
    return Position(*place_of(key))


def layout_of(hit: Hit) -> LayoutRow:
    """Read what a grid needs out of a hit."""
    _, photo = place_of(hit.key)
    width, height, taken = json.loads(hit.layout)
    return LayoutRow(photo, width, height, datetime.fromisoformat(taken) if taken else None)


def decided_by_rows(query: Query) -> bool:
    """Tell whether rows alone answer *query*, so that no document has to be read."""
    return not query.photo_ids and not (query.trashed and _speaks_of_labels(query))


def _speaks_of_labels(query: Query) -> bool:
    names: Sequence[Any] = (*query.all, *query.any, *query.none)
    return bool(names)
