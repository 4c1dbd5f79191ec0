"""The consumer: back-off, giving up, leases, and an orderly end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from imgtag.backends.memory import MemoryQueue
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.domain.events import Event, PhotoStored
from imgtag.domain.photos import Failure
from imgtag.metrics import Metrics
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import ADA, Maker
from imgtag.worker import MAX_ATTEMPTS, Consumer, Work

DEADLINE_SECONDS = 30


class Bench:
    """A consumer on a memory queue, and what became of its events."""

    def __init__(self, handle: Callable[[Event], Awaitable[None]], concurrency: int = 2) -> None:
        self.clock = FixedClock()
        self.queue = MemoryQueue(self.clock, topic="photos")
        self.given_up: list[Failure] = []
        work = Work(
            name="photos",
            queue=self.queue,
            handle=handle,
            give_up=self._give_up,
            concurrency=concurrency,
            wait=timedelta(milliseconds=50),
        )
        self.consumer = Consumer(work, Metrics())
        self.event = PhotoStored(ADA, Maker(self.clock).photo_id())

    async def _give_up(self, _: Event, failure: Failure) -> None:
        self.given_up.append(failure)

    async def run_until(self, done: asyncio.Event) -> None:
        """Consume until *done*, then stop in good order."""
        async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.consumer.run())
            await done.wait()
            self.consumer.stop()


async def test_what_is_done_is_acknowledged() -> None:
    """Every event is handled, and none is left."""
    done, seen = asyncio.Event(), []

    async def handle(event: Event) -> None:
        seen.append(event)
        if len(seen) == 5:
            done.set()

    bench = Bench(handle)
    for _ in range(5):
        await bench.queue.send(bench.event)
    await bench.run_until(done)

    assert len(seen) == 5
    assert await bench.queue.waiting() == 0


async def test_what_has_to_wait_for_long_is_left_to_the_sweeper() -> None:
    """A month's limit is no failure: nothing is given up, and no attempt is used."""
    attempts, done = 0, asyncio.Event()

    async def handle(_: Event) -> None:
        nonlocal attempts
        attempts += 1
        done.set()
        msg = "this month's limit is reached"
        raise Unavailable(msg, retry_after_seconds=3600)

    bench = Bench(handle)
    await bench.queue.send(bench.event)
    await bench.run_until(done)

    assert (attempts, bench.given_up) == (1, [])
    assert await bench.queue.waiting() == await bench.queue.dead_letters() == 0


async def test_what_may_pass_is_tried_again_and_then_given_up() -> None:
    """Unavailable is released with back-off; the last attempt is told and buried."""
    attempts, done = 0, asyncio.Event()

    async def handle(_: Event) -> None:
        nonlocal attempts
        attempts += 1
        done.set()
        msg = "not now"
        raise Unavailable(msg)

    bench = Bench(handle)
    await bench.queue.send(bench.event)
    for _ in range(MAX_ATTEMPTS):
        done.clear()
        bench.consumer = Consumer(bench.consumer._work, Metrics())
        await bench.run_until(done)
        bench.clock.advance(timedelta(minutes=5))

    assert attempts == MAX_ATTEMPTS
    assert bench.given_up == [Failure("unavailable", "not now")]
    assert await bench.queue.dead_letters() == 1


async def test_what_cant_pass_is_given_up_at_once() -> None:
    """An error that retrying can't mend goes to the dead letters the first time."""
    done = asyncio.Event()

    async def handle(_: Event) -> None:
        done.set()
        msg = "never"
        raise Invalid(msg)

    bench = Bench(handle)
    await bench.queue.send(bench.event)
    await bench.run_until(done)

    assert bench.given_up == [Failure("invalid_request", "never")]
    assert await bench.queue.dead_letters() == 1


async def test_cancelling_hands_back_what_was_begun() -> None:
    """A handler that is cut off has its event delivered again."""
    begun = asyncio.Event()

    async def handle(_: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    bench = Bench(handle)
    await bench.queue.send(bench.event)
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bench.consumer.run())
        await begun.wait()
        running.cancel()

    [delivery] = await bench.queue.receive(limit=1, wait=timedelta(0))
    assert (delivery.event, delivery.attempt) == (bench.event, 2)


async def test_no_more_is_taken_than_can_be_dealt_with() -> None:
    """With two hands, a third event stays on the queue for somebody else."""
    two, go_on = asyncio.Event(), asyncio.Event()
    running = 0

    async def handle(_: Event) -> None:
        nonlocal running
        running += 1
        if running == 2:
            two.set()
        await go_on.wait()

    bench = Bench(handle)
    for _ in range(3):
        await bench.queue.send(bench.event)
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.consumer.run())
        await two.wait()
        [left] = await bench.queue.receive(limit=5, wait=timedelta(0))
        bench.consumer.stop()
        go_on.set()

    assert left.attempt == 1
