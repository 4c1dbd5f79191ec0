"""Make the counts what they should be, and finish what a crash has left half-done."""

from collections import Counter, defaultdict
from typing import Final

from imgtag.backends.aws.catalog import rows
from imgtag.backends.aws.catalog.keys import TALLY, Keys
from imgtag.backends.aws.catalog.library import Library
from imgtag.backends.aws.catalog.writer import Writer
from imgtag.backends.aws.table import Condition, Item, Key
from imgtag.domain.errors import Conflict
from imgtag.domain.labels import LabelName

ROUNDS: Final = 5


class Repair:
    """Compares counters with photos; a counter that moves meanwhile is left for the next round."""

    def __init__(self, writer: Writer, library: Library) -> None:
        self._writer = writer
        self._library = library
        self._table = writer.table

    async def run(self, keys: Keys) -> None:
        """Repair until a round finds nothing more to do."""
        for _ in range(ROUNDS):
            if not await self._round(keys):
                return

    async def _round(self, keys: Keys) -> int:
        before = await self._counters(keys)
        true, names = await self._count(keys)
        wrong = 0
        for key in {**before, **true}:
            item, numbers = before.get(key), true.get(key, Counter())
            stored = Counter({n: v for n, v in (item or {}).items() if isinstance(v, int)})
            if +stored != +numbers or any(value < 0 for value in stored.values()):
                wrong += 1
                await self._set(key, item, numbers, names.get(key))
        return wrong

    async def _counters(self, keys: Keys) -> dict[Key, Item]:
        found = {}
        for shard in range(keys.shards):
            async for item in self._table.partition(keys.counts(shard)):
                found[str(item["pk"]), str(item["sk"])] = item
        return found

    async def _count(self, keys: Keys) -> tuple[dict[Key, Counter[str]], dict[Key, LabelName]]:
        true: dict[Key, Counter[str]] = defaultdict(Counter)
        names: dict[Key, LabelName] = {}
        async for record in self._library.all(keys):
            photo, shard = record.photo, keys.shard_of(record.photo.id)
            if not record.is_settled:
                await self._writer.change(keys, photo.id, lambda known: known)
            state = "trashed" if photo.trashed_at else photo.state.value
            true[keys.tally(shard)][state] += 1
            for folded in rows.wanted(photo):
                key = keys.count(folded, shard)
                true[key]["n"] += 1
                names[key] = photo.labels.labels[folded].name
        return true, names

    async def _set(
        self, key: Key, item: Item | None, numbers: Counter[str], name: LabelName | None
    ) -> None:
        fixed: Item = {"pk": key[0], "sk": key[1], **numbers}
        if key[1] != TALLY:
            fixed["nm"] = name or str((item or {}).get("nm", ""))
        try:
            if numbers:
                await self._table.write(fixed, _unchanged(item))
            else:
                await self._table.delete(key, _unchanged(item))
        except Conflict:
            return


def _unchanged(item: Item | None) -> Condition:
    """Require that a counter is as it was read."""
    if item is None:
        return Condition("attribute_not_exists(pk)")
    held = {name: value for name, value in item.items() if isinstance(value, int)}
    expression = " AND ".join(f"{name} = :{name}" for name in held)
    return Condition(
        expression or "attribute_exists(pk)", {f":{name}": value for name, value in held.items()}
    )
