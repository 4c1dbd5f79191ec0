"""Records in a dictionary."""

from collections.abc import Sequence

from imgtag.ports import Clock, Record


class MemoryRecordStore:
    """Keeps records in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[tuple[str, str], Record] = {}

    async def get(self, shelf: str, name: str) -> Record | None:
        record = self._records.get((shelf, name))
        return record if record and self._is_good(record) else None

    async def list(self, shelf: str) -> Sequence[Record]:
        found = (self._records[key] for key in sorted(self._records) if key[0] == shelf)
        return [record for record in found if self._is_good(record)]

    async def put(self, record: Record) -> None:
        self._records[record.shelf, record.name] = record

    async def swap(self, old: Record | None, new: Record) -> bool:
        if await self.get(new.shelf, new.name) != old:
            return False
        await self.put(new)
        return True

    async def take(self, shelf: str, name: str) -> Record | None:
        record = self._records.pop((shelf, name), None)
        return record if record and self._is_good(record) else None

    def _is_good(self, record: Record) -> bool:
        return record.until is None or record.until > self._clock.now()
