"""Photos in order out of many partitions, combined by AND, OR and NOT while they flow.

A stream answers with the first photo after a key. Those of one shard are combined by leapfrogging:
each seeks to where the others are, so that photos which can't match are skipped and not read. The
shards, whose photos are never the same, are merged.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from imgtag.backends.aws.catalog.keys import CREATED_INDEX
from imgtag.backends.aws.table import Item, Table
from imgtag.domain.queries import Sort
from imgtag.pipeline.together import together

_MOST_AT_ONCE: Final = 1000
_LEAST_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Order:
    """How photos are sorted: the time and the direction."""

    by_created: bool
    descending: bool

    @classmethod
    def of(cls, sort: Sort) -> "Order":
        """Read it from the domain's."""
        return cls(sort.value.endswith("created_at"), sort.descending)

    @property
    def attribute(self) -> str:
        """Which attribute holds the key."""
        return "ck" if self.by_created else "sk"

    def is_after(self, key: str, other: str) -> bool:
        """Tell whether *key* comes later than *other*."""
        return key < other if self.descending else key > other

    def first(self, keys: Sequence[str]) -> str:
        """Tell which comes first."""
        return max(keys) if self.descending else min(keys)


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo: its key in the order asked, and its layout."""

    key: str
    layout: str


@dataclass(frozen=True, slots=True)
class Spent:
    """Enough was read for one request. Up to *key*, itself included, nothing more was found."""

    key: str | None


Found = Hit | Spent | None


@dataclass(slots=True)
class Budget:
    """How many queries a request may still make."""

    queries: int

    def take(self) -> bool:
        """Spend one, if there is one."""
        self.queries -= 1
        return self.queries >= 0


class Stream(Protocol):
    """Photos of one or more partitions, in order. Keys that are asked for never go back."""

    async def after(self, key: str | None) -> Found:
        """Find the first photo after *key*. None is the place before all, and the end."""

    async def seek(self, key: str) -> Found:
        """Find the first photo at *key* or after it."""


@dataclass(slots=True)
class Leaf:
    """One partition; *narrowed* are arguments that filter it."""

    table: Table
    pk: str
    order: Order
    budget: Budget
    page: int = _LEAST_AT_ONCE
    narrowed: dict[str, Any] = field(default_factory=dict)
    _buffer: deque[Hit] = field(default_factory=deque)
    _read_to: str | None = None
    _ended: bool = False

    async def after(self, key: str | None) -> Found:
        return await self._find(key, inclusive=False)

    async def seek(self, key: str) -> Found:
        return await self._find(key, inclusive=True)

    async def _find(self, key: str | None, *, inclusive: bool) -> Found:
        self._drop_before(key, inclusive=inclusive)
        while not self._buffer and not self._ended:
            if not self.budget.take():
                return self._spent(key, inclusive=inclusive)
            await self._fetch(key, inclusive=inclusive)
            self._drop_before(key, inclusive=inclusive)
        return self._buffer[0] if self._buffer else None

    def _spent(self, key: str | None, *, inclusive: bool) -> Spent:
        if self._is_ahead_of(key):
            return Spent(self._read_to)
        return Spent(None if inclusive else key)

    def _drop_before(self, key: str | None, *, inclusive: bool) -> None:
        if key is None:
            return
        while self._buffer and not (
            self.order.is_after(self._buffer[0].key, key)
            or (inclusive and self._buffer[0].key == key)
        ):
            self._buffer.popleft()

    def _is_ahead_of(self, key: str | None) -> bool:
        if self._read_to is None:
            return False
        return key is None or self.order.is_after(self._read_to, key)

    async def _fetch(self, key: str | None, *, inclusive: bool) -> None:
        if self._read_to == key or self._is_ahead_of(key):
            key, inclusive = self._read_to, False
            self.page = min(_MOST_AT_ONCE, self.page * 2)
        else:
            self.page = max(_LEAST_AT_ONCE, self.page // 2)
        items, last = await self._query(key, inclusive=inclusive)
        name = self.order.attribute
        self._buffer.extend(Hit(str(item[name]), str(item["d"])) for item in items)
        self._ended = last is None
        self._read_to = str(last[name]) if last else self._read_to

    async def _query(self, key: str | None, *, inclusive: bool) -> tuple[Sequence[Item], Any]:
        options = {**self.narrowed, "values": dict(self.narrowed.get("values", {}))}
        if key is not None:
            sign = ("<" if self.order.descending else ">") + ("=" if inclusive else "")
            options["and_sk"] = f" AND {self.order.attribute} {sign} :from"
            options["values"][":from"] = key
        if self.order.by_created:
            options["IndexName"] = CREATED_INDEX
        return await self.table.query(
            self.pk,
            ScanIndexForward=not self.order.descending,
            Limit=self.page,
            **options,
        )


@dataclass(slots=True)
class Union:
    """Whatever any of *children* has, once."""

    children: Sequence[Stream]
    order: Order
    _heads: list[Found] = field(default_factory=list)

    async def after(self, key: str | None) -> Found:
        return await self._first(key, inclusive=False)

    async def seek(self, key: str) -> Found:
        return await self._first(key, inclusive=True)

    async def _first(self, key: str | None, *, inclusive: bool) -> Found:
        stale = self._stale(key, inclusive=inclusive)
        if len(stale) == 1:
            (number,) = stale
            self._heads[number] = await self._ask(number, key, inclusive=inclusive)
        elif stale:
            async with together() as group:
                for number in stale:
                    group.create_task(self._renew(number, key, inclusive=inclusive))
        return self._earliest()

    def _stale(self, key: str | None, *, inclusive: bool) -> Sequence[int]:
        if not self._heads:
            self._heads = [Spent(None)] * len(self.children)
            return range(len(self.children))
        return [
            number
            for number, head in enumerate(self._heads)
            if head is not None and not self._is_fresh(head, key, inclusive=inclusive)
        ]

    def _is_fresh(self, head: Hit | Spent, key: str | None, *, inclusive: bool) -> bool:
        if isinstance(head, Spent) or key is None:
            return False
        return self.order.is_after(head.key, key) or (inclusive and head.key == key)

    async def _renew(self, number: int, key: str | None, *, inclusive: bool) -> None:
        self._heads[number] = await self._ask(number, key, inclusive=inclusive)

    async def _ask(self, number: int, key: str | None, *, inclusive: bool) -> Found:
        child = self.children[number]
        return await (child.seek(key) if inclusive and key is not None else child.after(key))

    def _earliest(self) -> Found:
        heads = [head for head in self._heads if head is not None]
        spent = [head for head in heads if isinstance(head, Spent)]
        if any(head.key is None for head in spent):
            return Spent(None)
        if not heads:
            return None
        first = self.order.first([head.key for head in heads if head.key is not None])
        # Behind what is not known yet, nothing can be given out.
        return next((h for h in spent if h.key == first), None) or next(
            h for h in heads if h.key == first
        )


@dataclass(slots=True)
class Intersection:
    """What all of *children* have."""

    children: Sequence[Stream]

    async def after(self, key: str | None) -> Found:
        return await self._leap(await self.children[0].after(key), key)

    async def seek(self, key: str) -> Found:
        return await self._leap(await self.children[0].seek(key), None)

    async def _leap(self, candidate: Found, examined: str | None) -> Found:
        while isinstance(candidate, Hit):
            other = await self._first_disagreement(candidate)
            if other is candidate or other is None:
                return other
            if isinstance(other, Spent):
                return Spent(examined)
            examined = candidate.key
            candidate = await self.children[0].seek(other.key)
        if isinstance(candidate, Spent):
            return Spent(candidate.key or examined)
        return None

    async def _first_disagreement(self, candidate: Hit) -> Found:
        for child in self.children[1:]:
            found = await child.seek(candidate.key)
            if not isinstance(found, Hit) or found.key != candidate.key:
                return found
        return candidate


@dataclass(slots=True)
class Difference:
    """What *base* has and *without* has not."""

    base: Stream
    without: Stream

    async def after(self, key: str | None) -> Found:
        while True:
            found = await self.base.after(key)
            if not isinstance(found, Hit):
                return found
            other = await self.without.seek(found.key)
            if isinstance(other, Spent):
                return Spent(key)
            if other is None or other.key != found.key:
                return found
            key = found.key

    async def seek(self, key: str) -> Found:
        found = await self.base.seek(key)
        if not isinstance(found, Hit):
            return found
        other = await self.without.seek(found.key)
        if isinstance(other, Hit) and other.key == found.key:
            return await self.after(found.key)
        return Spent(None) if isinstance(other, Spent) else found
