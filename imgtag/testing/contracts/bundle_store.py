"""The contract of `imgtag.ports.BundleStore`."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar, Final, Generic, TypeVar

import pytest

from imgtag.domain.bundles import Bundle, BundleState, Progress
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import BundleEnded, BundleRequested
from imgtag.domain.ids import BundleId, OwnerId
from imgtag.ports import BundleStore, EventQueue
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import (
    HOUR,
    MINUTE,
    MOMENT,
    Contract,
    at_once,
    cancelled_after,
    collect,
)
from imgtag.testing.contracts.catalog_base import drain
from imgtag.testing.photos import ADA, BOB, Maker, query

B = TypeVar("B", bound=BundleStore)

DAY: Final = timedelta(hours=24)
KEY: Final = "0b5c9f2e-5f5c-4c43-9a3a-'%_\"é🏔"


class BundleStoreContract(Contract, Generic[B]):
    """Subclass it, give `events`, `bundles` and the back door.

    *transactional_events* says that a bundle and its event are written in one transaction.
    """

    transactional_events: ClassVar[bool] = True

    @pytest.fixture
    async def events(self) -> EventQueue:
        """Give the empty queue that the store sends its events on."""
        raise NotImplementedError

    @pytest.fixture
    async def bundles(self) -> B:
        """Give an empty store."""
        raise NotImplementedError

    async def rows(self, bundles: B) -> Collection[tuple[OwnerId, BundleId, int]]:
        """Read owner, id and revision of every bundle, by other means than the store's own."""
        raise NotImplementedError

    async def test_a_created_bundle_is_there(
        self, bundles: B, events: EventQueue, make: Maker
    ) -> None:
        """It lies in the store, is found by id and by link, and its event is sent."""
        bundle = make.bundle()
        assert await bundles.create(bundle, idempotency_key=None, event=asked(bundle)) == bundle
        assert set(await self.rows(bundles)) == {(ADA, bundle.id, bundle.revision)}
        assert await bundles.get(ADA, bundle.id) == bundle
        assert await bundles.by_token(bundle.token) == bundle
        assert await drain(events) == [asked(bundle)]

    async def test_no_event_is_sent_unasked(
        self, bundles: B, events: EventQueue, make: Maker
    ) -> None:
        """A bundle that nobody has to build needs none."""
        await add(bundles, make.bundle())
        assert await drain(events) == []

    async def test_every_field_survives(self, bundles: B, make: Maker) -> None:
        """Created or replaced, a bundle comes back to the last field."""
        known = make.full_bundle()
        await add(bundles, known)
        assert await bundles.get(ADA, known.id) == known
        plain = make.bundle(query=query())
        await add(bundles, plain)
        changed = replace(known, owner=plain.owner, id=plain.id, token=plain.token, revision=0)
        written = await bundles.replace(changed)
        assert written == replace(changed, revision=1)
        assert await bundles.get(ADA, plain.id) == written

    async def test_a_bundle_may_name_many_photos(self, bundles: B, make: Maker) -> None:
        """A query of named photos is kept whole."""
        named = tuple(make.photo_id() for _ in range(2000))
        bundle = make.bundle(query=query(photo_ids=named), name="x" * 80)
        await add(bundles, bundle)
        assert await bundles.get(ADA, bundle.id) == bundle

    async def test_bundles_of_nobody_are_not_found(self, bundles: B, make: Maker) -> None:
        """Unknown ones and another owner's look the same, and an unknown link means nothing."""
        bundle = make.bundle()
        await add(bundles, bundle)
        for owner, bundle_id in ((BOB, bundle.id), (ADA, make.bundle_id())):
            with pytest.raises(NotFound):
                await bundles.get(owner, bundle_id)
            with pytest.raises(NotFound):
                await bundles.replace(replace(bundle, owner=owner, id=bundle_id))
        for token in ("", "unknown", bundle.token[:-1], bundle.token.upper(), "'%_"):
            with pytest.raises(NotFound):
                await bundles.by_token(token)
        assert await bundles.get(ADA, bundle.id) == bundle

    async def test_a_write_raises_the_revision(self, bundles: B, make: Maker) -> None:
        """Each answer carries the revision that the next write has to name."""
        bundle = make.bundle()
        await add(bundles, bundle)
        for revision in range(1, 4):
            bundle = await bundles.replace(replace(bundle, progress=Progress(revision, revision)))
            assert bundle.revision == revision
            assert await bundles.get(ADA, bundle.id) == bundle
            assert await bundles.by_token(bundle.token) == bundle
        assert set(await self.rows(bundles)) == {(ADA, bundle.id, 3)}

    async def test_a_write_sends_its_event(
        self, bundles: B, events: EventQueue, make: Maker
    ) -> None:
        """Once it is written; a write that lost the race sends nothing."""
        bundle = make.bundle()
        await add(bundles, bundle)
        ended = BundleEnded(bundle.owner, bundle.id)
        await bundles.replace(bundle.moved(BundleState.FAILED), event=ended)
        with pytest.raises(Conflict):
            await bundles.replace(bundle.moved(BundleState.CANCELLED), event=asked(bundle))
        assert await drain(events) == [ended]

    async def test_of_two_writers_the_first_wins(self, bundles: B, make: Maker) -> None:
        """Who read before the other wrote gets a conflict, and changes nothing."""
        read = make.bundle()
        await add(bundles, read)
        won = await bundles.replace(read.moved(BundleState.BUILDING))
        for late in (read.moved(BundleState.CANCELLED), replace(read, revision=7)):
            with pytest.raises(Conflict):
                await bundles.replace(late)
        assert await bundles.get(ADA, read.id) == won

    async def test_of_many_writers_at_once_one_wins(self, bundles: B, make: Maker) -> None:
        """Twenty that try to claim a bundle are one that did."""
        read = make.bundle()
        await add(bundles, read)
        claims = [replace(read, checkpoint=f"worker {number}") for number in range(20)]
        answers = await at_once([_replace(bundles, claim) for claim in claims])
        (won,) = [answer for answer in answers if answer]
        assert await bundles.get(ADA, read.id) == won
        assert won.revision == 1

    async def test_a_forgotten_bundle_is_gone(self, bundles: B, make: Maker) -> None:
        """By id, by link and for writers; forgetting it again is fine, for its owner only."""
        gone, kept = make.bundle(), make.bundle()
        await bundles.create(gone, idempotency_key=KEY, event=None)
        await add(bundles, kept)
        await bundles.forget(BOB, kept.id)
        for _ in range(2):
            await bundles.forget(ADA, gone.id)
        for call in (
            bundles.get(ADA, gone.id),
            bundles.by_token(gone.token),
            bundles.replace(gone),
            bundles.by_key(ADA, KEY),
        ):
            with pytest.raises(NotFound):
                await call
        assert set(await self.rows(bundles)) == {(ADA, kept.id, 0)}

    async def test_the_same_key_is_the_same_bundle(
        self, bundles: B, events: EventQueue, make: Maker, clock: FixedClock
    ) -> None:
        """Asked again within 24 hours, the answer is the first bundle as it is by then."""
        first = make.bundle()
        await bundles.create(first, idempotency_key=KEY, event=asked(first))
        written = await bundles.replace(first.moved(BundleState.BUILDING))
        clock.advance(DAY - MOMENT)
        assert await bundles.by_key(ADA, KEY) == written
        again = make.bundle(photos=7, bytes=7)
        assert await bundles.create(again, idempotency_key=KEY, event=asked(again)) == written
        assert await drain(events) == [asked(first)]
        assert len(await self.rows(bundles)) == 1

    async def test_a_key_lasts_for_a_day(self, bundles: B, make: Maker, clock: FixedClock) -> None:
        """After 24 hours it makes a new bundle, and counts from that one on."""
        await bundles.create(make.bundle(), idempotency_key=KEY, event=None)
        clock.advance(DAY)
        with pytest.raises(NotFound):
            await bundles.by_key(ADA, KEY)
        second = make.bundle()
        assert await bundles.create(second, idempotency_key=KEY, event=None) == second
        clock.advance(HOUR)
        assert await bundles.create(make.bundle(), idempotency_key=KEY, event=None) == second

    async def test_a_key_means_one_request(
        self, bundles: B, events: EventQueue, make: Maker
    ) -> None:
        """The same key with other words is refused, and adds nothing."""
        first = make.bundle()
        await bundles.create(first, idempotency_key=KEY, event=None)
        others = [
            make.bundle(query=query(all=["Lake"])),
            make.bundle(sidecars=True),
            make.bundle(name="Other"),
        ]
        for other in others:
            with pytest.raises(Conflict) as caught:
                await bundles.create(other, idempotency_key=KEY, event=asked(other))
            assert caught.value.code == "idempotency_key_reused"
        assert len(await self.rows(bundles)) == 1
        assert await drain(events) == []

    async def test_keys_are_the_owners_own(self, bundles: B, make: Maker) -> None:
        """The same key of another owner, another key, and none, each make a bundle."""
        made = [make.bundle(), make.bundle(BOB), make.bundle(), make.bundle(), make.bundle()]
        keys = [KEY, KEY, KEY.upper(), None, None]
        for bundle, key in zip(made, keys, strict=True):
            assert await bundles.create(bundle, idempotency_key=key, event=None) == bundle
        assert len(await self.rows(bundles)) == len(made)
        assert await bundles.by_key(BOB, KEY) == made[1]
        for owner, key in ((BOB, KEY.upper()), (ADA, ""), (ADA, made[3].id)):
            with pytest.raises(NotFound):
                await bundles.by_key(owner, key)

    async def test_twenty_equal_requests_at_once_make_one_bundle(
        self, bundles: B, events: EventQueue, make: Maker
    ) -> None:
        """All get the same answer, and one event is sent."""
        made = [make.bundle() for _ in range(20)]
        answers = await at_once(
            [bundles.create(b, idempotency_key=KEY, event=asked(b)) for b in made]
        )
        (winner,) = {bundle.id for bundle in answers}
        assert [row[1] for row in await self.rows(bundles)] == [winner]
        assert [getattr(event, "bundle", None) for event in await drain(events)] == [winner]

    async def test_a_cancelled_create_is_whole(
        self, bundles: B, events: EventQueue, make: Maker
    ) -> None:
        """Whenever it is cancelled, no event is sent for a bundle that is not there.

        With transactional events no bundle lacks its event either.
        """
        for steps in range(12):
            bundle = make.bundle()
            call = partial(bundles.create, bundle, idempotency_key=None, event=asked(bundle))
            cancelled = await cancelled_after(steps, call)
            there = bundle.id in {row[1] for row in await self.rows(bundles)}
            sent = asked(bundle) in await drain(events)
            assert there or (cancelled and not sent)
            assert not self.transactional_events or there == sent, f"after {steps} steps"

    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    async def test_pages_come_newest_first(
        self, bundles: B, make: Maker, clock: FixedClock, limit: int
    ) -> None:
        """All of the owner's and nobody else's, each once."""
        made = []
        for number in range(7):
            clock.advance(MOMENT)
            made.append(make.bundle(name=f"Bundle {number}"))
            await add(bundles, made[-1], make.bundle(BOB))
        assert await listed(bundles, ADA, limit) == made[::-1]
        assert await listed(bundles, OwnerId("nobody"), limit) == []

    async def test_pages_stay_right_while_bundles_come_and_go(
        self, bundles: B, make: Maker, clock: FixedClock
    ) -> None:
        """A new one and a forgotten one between two pages move no other."""
        made = []
        for _ in range(6):
            clock.advance(MOMENT)
            made.append(make.bundle())
        await add(bundles, *made)
        page, after = await bundles.page(ADA, after=None, limit=2)
        assert list(page) == [made[5], made[4]]
        clock.advance(MOMENT)
        await add(bundles, make.bundle())
        for gone in (made[4], made[3]):
            await bundles.forget(ADA, gone.id)
        assert after is not None
        page, after = await bundles.page(ADA, after=after, limit=10)
        assert (list(page), after) == ([made[2], made[1], made[0]], None)

    async def test_the_sweeper_finds_what_stands_still(
        self, bundles: B, make: Maker, clock: FixedClock
    ) -> None:
        """Queued since it was made, a worker's since its lease, ready since it expired.

        What has ended stands still since it was written.
        """
        start = clock.now()
        made = {state: make.bundle(BOB if state == "failed" else ADA) for state in BundleState}
        await add(bundles, *made.values())
        clock.advance(MINUTE)
        for state, bundle in made.items():
            if state is not BundleState.QUEUED:
                await bundles.replace(_in_state(bundle, state, clock.now()))
        now = clock.now()
        idle = {
            BundleState.QUEUED: start,
            BundleState.RESTORING: now + HOUR,
            BundleState.BUILDING: now + HOUR,
            BundleState.READY: now + DAY,
            BundleState.FAILED: now,
            BundleState.CANCELLED: now,
            BundleState.EXPIRED: now,
        }
        for before in sorted(
            {moment + step for moment in idle.values() for step in (MOMENT * 0, MOMENT)}
        ):
            found = {bundle.id for bundle in await collect(bundles.unfinished(before=before))}
            assert found == {made[state].id for state, at in idle.items() if at < before}


def asked(bundle: Bundle) -> BundleRequested:
    """Make the event that asks for a bundle to be built."""
    return BundleRequested(bundle.owner, bundle.id)


async def add(bundles: BundleStore, *made: Bundle) -> None:
    """Create bundles that nobody has to build."""
    for bundle in made:
        await bundles.create(bundle, idempotency_key=None, event=None)


async def listed(bundles: BundleStore, owner: OwnerId, limit: int) -> Sequence[Bundle]:
    """Read all pages."""
    found: list[Bundle] = []
    page, after = await bundles.page(owner, after=None, limit=limit)
    while True:
        assert len(page) <= limit
        found += page
        if after is None:
            return found
        page, after = await bundles.page(owner, after=after, limit=limit)


async def _replace(bundles: BundleStore, bundle: Bundle) -> Bundle | None:
    try:
        return await bundles.replace(bundle)
    except Conflict:
        return None


def _in_state(bundle: Bundle, state: BundleState, now: datetime) -> Bundle:
    ready = bundle.ready(now)
    match state:
        case BundleState.READY:
            return ready
        case BundleState.EXPIRED:
            return ready.moved(state)
        case BundleState.RESTORING | BundleState.BUILDING:
            return replace(bundle.moved(state), lease_until=now + HOUR)
        case _:
            return bundle.moved(state)
