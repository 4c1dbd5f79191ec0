"""The contract of `imgtag.ports.EventQueue` and of its `Delivery`."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final, Generic, TypeVar

import pytest

from imgtag.domain.events import BundleEnded, BundleRequested, Event, PhotoDiscarded, PhotoStored
from imgtag.ports import Delivery, EventQueue
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import DEADLINE_SECONDS, Contract, at_once
from imgtag.testing.photos import ADA, BOB, Maker

Q = TypeVar("Q", bound=EventQueue)

NOW: Final = timedelta(0)
PATIENCE: Final = timedelta(seconds=20)
_PHOTO: Final = (
    '{"v": 1, "type": "photo_stored", "owner": "ada", "photo": "01arz3ndektsv4rrffq69g5fav",'
    ' "content": %s}'
)
UNREADABLE: Final = (
    " ",
    "not JSON",
    "[]",
    "null",
    '"text"',
    '{"v": 1}',
    '{"v": 1, "type": "photo_stored", "owner": "ada"}',
    '{"v": 1, "type": "photo_stored", "owner": "ada", "photo": "../x"}',
    '{"v": 1, "type": "photo_stored", "owner": 7, "photo": null}',
    _PHOTO % "7",
    _PHOTO % '{"size": 7, "sha256": "", "crc32": 0}',
    _PHOTO % f'{{"size": "7", "sha256": "{"a" * 64}", "crc32": 0}}',
    _PHOTO % f'{{"size": 7, "sha256": "{"a" * 64}", "crc32": -1}}',
    '{"v": 99, "type": "photo_stored", "owner": "ada"}',
    '{"v": 1, "type": "something_new", "owner": "ada"}',
)


class EventQueueContract(Contract, Generic[Q]):
    """Subclass it, give `queue`, the back doors, and how time passes for this queue.

    *max_attempts* is how often the queue under test delivers before it gives up.
    """

    max_attempts: ClassVar[int] = 5

    @pytest.fixture
    async def queue(self) -> Q:
        """Give an empty queue."""
        raise NotImplementedError

    async def plant(self, queue: Q, body: str) -> None:
        """Put a message there by other means than `send`, readable or not."""
        raise NotImplementedError

    async def bodies(self, queue: Q) -> Sequence[str]:
        """Read every message that is not acknowledged, by other means than `receive`."""
        raise NotImplementedError

    async def pass_time(self, clock: FixedClock, by: timedelta) -> None:
        """Let time pass for the queue; one that does not follow *clock* has to wait."""
        clock.advance(by)

    async def test_an_event_arrives_as_it_was_sent(self, queue: Q, make: Maker) -> None:
        """Every kind of event comes back equal, on its first attempt."""
        for event in events_of_every_kind(make):
            await queue.send(event)
            (delivery,) = await take(queue)
            assert (delivery.event, delivery.attempt) == (event, 1)
            await delivery.acknowledge()

    async def test_a_sent_event_lies_in_the_store(self, queue: Q, make: Maker) -> None:
        """When `send` returns, the message is there, for whoever looks."""
        event = stored(make)
        await queue.send(event)
        (body,) = await self.bodies(queue)
        assert event.photo in body
        assert event.owner in body

    async def test_a_message_of_another_writer_is_received(self, queue: Q, make: Maker) -> None:
        """What is received does not depend on who sent it."""
        event = stored(make)
        await queue.send(event)
        (body,) = await self.bodies(queue)
        await self.plant(queue, body)
        assert [d.event for d in await take(queue, 2)] == [event, event]

    async def test_events_of_two_owners_arrive(self, queue: Q, make: Maker) -> None:
        """Each event names its own owner."""
        sent = [PhotoStored(owner, make.photo_id()) for owner in (ADA, BOB)]
        for event in sent:
            await queue.send(event)
        assert {d.event for d in await take(queue, 2)} == set(sent)

    @pytest.mark.parametrize("body", UNREADABLE)
    async def test_an_unreadable_message_has_no_event(self, queue: Q, body: str) -> None:
        """It is delivered without an event, so that it can be buried, and stops no other."""
        await self.plant(queue, body)
        (delivery,) = await take(queue)
        assert delivery.event is None
        await delivery.bury("unreadable")
        assert (await queue.waiting(), await queue.dead_letters()) == (0, 1)

    async def test_receive_answers_at_once_when_it_may_not_wait(self, queue: Q) -> None:
        """An empty queue and no time to wait is an empty answer."""
        assert list(await queue.receive(limit=10, wait=NOW)) == []

    async def test_receive_ends_when_the_wait_is_over(self, queue: Q) -> None:
        """An empty queue answers empty, and not long after the wait."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert list(await queue.receive(limit=10, wait=timedelta(seconds=1))) == []

    async def test_receive_gives_no_more_than_asked(self, queue: Q, make: Maker) -> None:
        """What goes beyond the limit is left for the next call."""
        sent = [stored(make) for _ in range(7)]
        for event in sent:
            await queue.send(event)
        batches = [await queue.receive(limit=3, wait=PATIENCE) for _ in range(3)]
        assert all(1 <= len(batch) <= 3 for batch in batches)
        rest = await take(queue, len(sent) - sum(map(len, batches)))
        received = [d.event for batch in (*batches, rest) for d in batch]
        assert len(received) == len(sent)
        assert set(received) == set(sent)

    async def test_a_waiting_receive_wakes_up(self, queue: Q, make: Maker) -> None:
        """Who waits gets an event soon after it is sent, long before the wait is over."""
        event = stored(make)
        began = time.monotonic()
        async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
            waiting = group.create_task(queue.receive(limit=1, wait=PATIENCE))
            for _ in range(10):
                await asyncio.sleep(0)
            await queue.send(event)
        assert [d.event for d in waiting.result()] == [event]
        assert time.monotonic() - began < PATIENCE.total_seconds() / 2

    async def test_a_leased_event_is_hidden(self, queue: Q, make: Maker, clock: FixedClock) -> None:
        """Nobody else gets it before the lease ends; then it comes again, counted."""
        await queue.send(stored(make))
        (first,) = await take(queue)
        await self.pass_time(clock, lease(queue) * 0.5)
        assert not await queue.receive(limit=1, wait=NOW)
        await self.pass_time(clock, lease(queue))
        (second,) = await take(queue)
        assert (first.attempt, second.attempt) == (1, 2)
        assert first.event == second.event

    async def test_extending_starts_the_lease_anew(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """An extended lease ends a whole lease after it was extended."""
        await queue.send(stored(make))
        (delivery,) = await take(queue)
        for _ in range(3):
            await self.pass_time(clock, lease(queue) * 0.6)
            await delivery.extend()
        await self.pass_time(clock, lease(queue) * 0.6)
        assert not await queue.receive(limit=1, wait=NOW)
        await self.pass_time(clock, lease(queue))
        assert [d.attempt for d in await take(queue)] == [2]

    async def test_an_acknowledged_event_never_returns(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """Acknowledging is final, twice is fine, and no other event is hit."""
        kept, done = stored(make), stored(make)
        await queue.send(done)
        (delivery,) = await take(queue)
        await queue.send(kept)
        await delivery.acknowledge()
        await delivery.acknowledge()
        await self.pass_time(clock, lease(queue) * 2)
        assert [d.event for d in await take(queue)] == [kept]
        assert len(await self.bodies(queue)) == 1

    async def test_acknowledging_after_the_lease_is_fine(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """Nobody else has it yet, so it is done and not delivered again."""
        await queue.send(stored(make))
        (delivery,) = await take(queue)
        await self.pass_time(clock, lease(queue) * 1.5)
        await delivery.acknowledge()
        assert not await queue.receive(limit=1, wait=NOW)
        assert await queue.waiting() == 0

    async def test_a_late_worker_does_no_harm(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """Once another has it, the first can neither give it back nor bury it."""
        await queue.send(stored(make))
        (late,) = await take(queue)
        await self.pass_time(clock, lease(queue) * 1.5)
        (current,) = await take(queue)
        await late.release()
        assert not await queue.receive(limit=1, wait=NOW)
        await late.bury("too late")
        assert await queue.dead_letters() == 0
        await current.acknowledge()
        await late.acknowledge()
        assert await queue.waiting() == 0

    async def test_a_released_event_comes_back_at_once(self, queue: Q, make: Maker) -> None:
        """Giving it back ends the lease; the attempt still counts."""
        await queue.send(stored(make))
        (first,) = await take(queue)
        await first.release()
        assert [d.attempt for d in await take(queue)] == [2]

    async def test_a_release_may_hold_it_back(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """It comes back not before *after*, be that longer or shorter than a lease."""
        await queue.send(stored(make))
        for held_back in (lease(queue) * 0.5, lease(queue) * 2):
            (delivery,) = await take(queue)
            await delivery.release(after=held_back)
            await self.pass_time(clock, held_back * 0.6)
            assert not await queue.receive(limit=1, wait=NOW)
            await self.pass_time(clock, held_back)
        assert [d.attempt for d in await take(queue)] == [3]

    async def test_an_event_may_be_sent_for_later(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """It is delivered not before *after*, and others pass it meanwhile."""
        later, sooner = stored(make), stored(make)
        await queue.send(later, after=lease(queue) * 2)
        await queue.send(sooner)
        (delivery,) = await take(queue)
        assert delivery.event == sooner
        await delivery.acknowledge()
        assert not await queue.receive(limit=1, wait=NOW)
        await self.pass_time(clock, lease(queue) * 2.5)
        assert [(d.event, d.attempt) for d in await take(queue)] == [(later, 1)]

    async def test_a_buried_event_is_a_dead_letter(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """It is not delivered again, and is counted with the dead letters only."""
        await queue.send(stored(make))
        (delivery,) = await take(queue)
        await delivery.bury("cannot be done")
        assert (await queue.waiting(), await queue.dead_letters()) == (0, 1)
        await self.pass_time(clock, lease(queue) * 2)
        assert not await queue.receive(limit=1, wait=NOW)

    async def test_an_event_is_given_up_after_enough_attempts(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """Released or left alone, an event that is never done ends with the dead letters."""
        poison = stored(make)
        await queue.send(poison)
        for attempt in range(1, self.max_attempts + 1):
            (delivery,) = await take(queue)
            assert delivery.attempt == attempt
            if attempt % 2:
                await delivery.release()
            else:
                await self.pass_time(clock, lease(queue) * 1.5)
        await self.pass_time(clock, lease(queue) * 1.5)
        assert not await queue.receive(limit=1, wait=NOW)
        assert (await queue.waiting(), await queue.dead_letters()) == (0, 1)

    async def test_dead_letters_can_be_sent_again(
        self, queue: Q, make: Maker, clock: FixedClock
    ) -> None:
        """They are delivered as if they were new, with all their attempts, and no other is."""
        dead, done, unread = stored(make), stored(make), UNREADABLE[1]
        await queue.send(dead)
        await queue.send(done)
        await self.plant(queue, unread)
        for delivery in await take(queue, 3):
            if delivery.event == done:
                await delivery.acknowledge()
            else:
                await delivery.bury("cannot be done")
        assert await queue.dead_letters() == 2
        assert await queue.redrive() == 2
        assert (await queue.waiting(), await queue.dead_letters()) == (2, 0)
        again = await take(queue, 2)
        assert {each.event for each in again} == {dead, None}
        assert {each.attempt for each in again} == {1}
        await self.pass_time(clock, lease(queue) * 1.5)
        assert {each.attempt for each in await take(queue, 2)} == {2}
        assert await queue.redrive() == 0

    async def test_waiting_counts_what_is_not_done(self, queue: Q, make: Maker) -> None:
        """Waiting, delayed and leased events count; acknowledged ones do not."""
        assert (await queue.waiting(), await queue.dead_letters()) == (0, 0)
        await queue.send(stored(make), after=lease(queue))
        for _ in range(3):
            await queue.send(stored(make))
        leased, done = await take(queue, 2)
        await done.acknowledge()
        assert await queue.waiting() == 3
        await leased.release()
        assert await queue.waiting() == 3

    async def test_many_receivers_share_the_work(self, queue: Q, make: Maker) -> None:
        """Fifty events sent at once, received by eight at once: each by exactly one."""
        sent = [stored(make) for _ in range(50)]
        await at_once([queue.send(event) for event in sent])
        received: list[Event | None] = []

        async def work() -> None:
            while batch := await queue.receive(limit=5, wait=NOW):
                received.extend(delivery.event for delivery in batch)
                await at_once([delivery.acknowledge() for delivery in batch])

        await at_once([work() for _ in range(8)])
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(received) < len(sent):  # a distributed queue may look empty and not be
                await work()
        assert len(received) == len(sent)
        assert set(received) == set(sent)
        assert await queue.waiting() == 0


def lease(queue: EventQueue) -> timedelta:
    """Tell how long a delivery is hidden."""
    return timedelta(seconds=queue.lease_seconds)


def stored(make: Maker) -> PhotoStored:
    """Make an event like no other."""
    return PhotoStored(ADA, make.photo_id())


def events_of_every_kind(make: Maker) -> Sequence[Event]:
    """Make one of each."""
    return [
        PhotoStored(ADA, make.photo_id()),
        PhotoStored(BOB, make.photo_id(), make.content()),
        PhotoDiscarded(ADA, make.photo_id()),
        BundleRequested(ADA, make.bundle_id()),
        BundleEnded(ADA, make.bundle_id()),
    ]


async def take(queue: EventQueue, number: int = 1) -> Sequence[Delivery]:
    """Receive exactly *number* events, in as many calls as it takes."""
    taken: list[Delivery] = []
    async with asyncio.timeout(DEADLINE_SECONDS):
        while len(taken) < number:
            taken += await queue.receive(limit=number - len(taken), wait=PATIENCE)
    return taken
