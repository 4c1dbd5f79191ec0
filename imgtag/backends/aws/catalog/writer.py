"""Guarded writes: read, decide, write if nobody else did meanwhile, else begin again."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from imgtag.backends.aws.catalog.keys import OWNERS, Keys
from imgtag.backends.aws.catalog.rows import Change, Record, actions, steps
from imgtag.backends.aws.catalog.spellings import Spellings
from imgtag.backends.aws.table import ATTEMPTS, NEW, Item, Table, back_off
from imgtag.domain.errors import Conflict, NotFound, Unavailable
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.photos import Photo
from imgtag.ports import Clock

Decide = Callable[[Photo], Photo]


class Writer:
    """Writes photos with all that follows from them."""

    def __init__(self, table: Table, clock: Clock, shards: int) -> None:
        self.table = table
        self.clock = clock
        self._shards = shards
        self._spellings = Spellings(table)
        self._keys: dict[OwnerId, Keys] = {}

    async def keys(self, owner: OwnerId, *, make: bool = False) -> Keys:
        """Tell the keys of *owner*. How many shards there are is fixed with the first photo."""
        if owner in self._keys:
            return self._keys[owner]
        if make:
            try:
                await self.table.write({"pk": OWNERS, "sk": owner, "shards": self._shards}, NEW)
            except Conflict:
                make = False  # somebody else was first, perhaps with another number
        item = await self.table.get((OWNERS, owner))
        if item is None:
            return Keys(owner, self._shards)
        self._keys[owner] = Keys(owner, int(item["shards"]))
        return self._keys[owner]

    async def item(self, keys: Keys, photo: PhotoId) -> Item | None:
        """Fetch what lies under a photo's key: a record, an alias, or what is left of one."""
        return await self.table.get(keys.photo(photo))

    async def record(self, keys: Keys, photo: PhotoId) -> Record | None:
        """Fetch the record of exactly this photo."""
        item = await self.item(keys, photo)
        return Record.of(keys.owner, item) if item and "doc" in item else None

    async def meant_by(self, keys: Keys, photo: PhotoId) -> Record:
        """Fetch a record, or the one that a reservation ended in; or raise `NotFound`."""
        item = await self.item(keys, photo)
        if item and "alias" in item:
            item = await self.item(keys, PhotoId(str(item["alias"])))
        if not item or "doc" not in item:
            raise NotFound("there is no such photo")
        return Record.of(keys.owner, item)

    async def change(self, keys: Keys, photo: PhotoId, decide: Decide) -> tuple[Photo, bool]:
        """Write what *decide* makes of the photo; tell whether that changed it.

        Whatever *decide* raises passes through; `NotFound` where there is no such photo.
        """
        mark = secrets.token_hex(8)
        for attempt in range(ATTEMPTS):
            record = await self.record(keys, photo)
            if record is None:
                raise NotFound("there is no such photo")
            if record.written_by == mark and record.is_settled:
                return record.photo, True
            decided = await self.decided(keys, record, decide)
            if decided == record.photo and record.is_settled:
                return record.photo, False
            target = record.becomes(decided, self.clock.now())
            try:
                await self.walk(keys, Change(photo, record, target), mark)
            except Conflict:
                await back_off(attempt)
            else:
                return decided, True
        raise Unavailable("others keep changing this photo", code="aws_busy")

    async def decided(self, keys: Keys, record: Record, decide: Decide) -> Photo:
        """Apply *decide*, with labels spelled as the owner spelled them first."""
        decided = decide(record.photo)
        if decided.labels == record.photo.labels:
            return decided
        return replace(decided, labels=await self._spellings.spelled(keys, decided.labels))

    async def walk(self, keys: Keys, change: Change, mark: str) -> None:
        """Write *change*, in as many transactions as it takes. `Conflict` if one was overtaken."""
        for step in steps(self.table, keys, change):
            await self.commit(keys, [step], mark)

    async def commit(self, keys: Keys, changes: Sequence[Change], mark: str) -> None:
        """Write *changes* in one transaction, marked, so that a lost answer can be told."""
        marked = [_marked(change, mark) for change in changes]
        try:
            await self.table.transact(actions(self.table, keys, marked))
        except Conflict:
            if not await self._was_written(keys, marked[0], mark):
                raise

    async def _was_written(self, keys: Keys, change: Change, mark: str) -> bool:
        item = await self.item(keys, change.photo)
        wrote = change.new.generation if change.new else (change.remains or {}).get("gen")
        return item is not None and (item.get("op"), item.get("gen")) == (mark, wrote)


def _marked(change: Change, mark: str) -> Change:
    return replace(
        change,
        new=change.new and replace(change.new, written_by=mark),
        remains=change.remains and {**change.remains, "op": mark},
    )
