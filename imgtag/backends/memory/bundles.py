"""Bundles in a dictionary."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from imgtag.domain.bundles import Bundle
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import Event
from imgtag.domain.ids import BundleId, OwnerId
from imgtag.ports import Clock, EventQueue

IDEMPOTENCY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _Row:
    bundle: Bundle
    asked_as: Bundle
    idempotency_key: str | None
    written_at: datetime


class MemoryBundleStore:
    """Keeps bundles in this process and sends their events on *events*."""

    def __init__(self, clock: Clock, events: EventQueue) -> None:
        self._clock = clock
        self._events = events
        self._rows: dict[tuple[OwnerId, BundleId], _Row] = {}

    async def create(
        self, bundle: Bundle, *, idempotency_key: str | None, event: Event | None
    ) -> Bundle:
        earlier = self._made_with(bundle.owner, idempotency_key, bundle.created_at)
        if earlier:
            earlier.asked_as.must_be_asked_like(bundle)
            return earlier.bundle
        row = _Row(bundle, bundle, idempotency_key, self._clock.now())
        self._rows[bundle.owner, bundle.id] = row
        if event:
            await self._events.send(event)
        return bundle

    async def get(self, owner: OwnerId, bundle: BundleId) -> Bundle:
        return self._find(owner, bundle).bundle

    async def by_key(self, owner: OwnerId, idempotency_key: str) -> Bundle:
        row = self._made_with(owner, idempotency_key, self._clock.now())
        if row is None:
            msg = "no bundle was made with this key"
            raise NotFound(msg)
        return row.bundle

    async def by_token(self, token: str) -> Bundle:
        for row in self._rows.values():
            if row.bundle.token == token:
                return row.bundle
        msg = "there is no such link"
        raise NotFound(msg)

    async def page(
        self, owner: OwnerId, *, after: BundleId | None, limit: int
    ) -> tuple[Sequence[Bundle], BundleId | None]:
        ids = (bundle for whose, bundle in self._rows if whose == owner)
        rest = sorted((b for b in ids if after is None or b < after), reverse=True)
        page = [self._rows[owner, bundle].bundle for bundle in rest[:limit]]
        return page, page[-1].id if len(rest) > len(page) else None

    async def replace(self, bundle: Bundle, *, event: Event | None = None) -> Bundle:
        row = self._find(bundle.owner, bundle.id)
        if row.bundle.revision != bundle.revision:
            msg = "somebody else has changed this bundle"
            raise Conflict(msg)
        written = replace(bundle, revision=bundle.revision + 1)
        self._rows[bundle.owner, bundle.id] = replace(
            row, bundle=written, written_at=self._clock.now()
        )
        if event:
            await self._events.send(event)
        return written

    async def forget(self, owner: OwnerId, bundle: BundleId) -> None:
        self._rows.pop((owner, bundle), None)

    async def unfinished(self, *, before: datetime) -> AsyncIterator[Bundle]:
        for row in list(self._rows.values()):
            if row.bundle.idle_since(row.written_at) < before:
                yield row.bundle

    def _find(self, owner: OwnerId, bundle: BundleId) -> _Row:
        row = self._rows.get((owner, bundle))
        if row is None:
            msg = "there is no such bundle"
            raise NotFound(msg)
        return row

    def _made_with(self, owner: OwnerId, idempotency_key: str | None, now: datetime) -> _Row | None:
        for row in self._rows.values():
            if (
                idempotency_key is not None
                and (row.bundle.owner, row.idempotency_key) == (owner, idempotency_key)
                and now - row.bundle.created_at < IDEMPOTENCY
            ):
                return row
        return None
