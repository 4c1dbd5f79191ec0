"""Leases that outlive a process, and receivers that wake when there is news."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from imgtag.backends.local.database import FILE_NAME, Database, fetch, open_database
from imgtag.backends.local.queue import QUEUE, SqliteQueue
from imgtag.domain.events import BundleRequested, PhotoStored
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import ADA, Maker

PATIENCE = timedelta(seconds=20)
NOW = timedelta(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the database."""
    return tmp_path / FILE_NAME


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """Open a database with the tables of queues."""
    async with open_database(path) as database:
        await database.migrate(QUEUE)
        yield database


def stored(clock: FixedClock) -> PhotoStored:
    """Make an event."""
    return PhotoStored(ADA, Maker(clock).photo_id())


async def all_waiting(queue: SqliteQueue, receivers: int) -> None:
    """Go on once so many receivers have found nothing and wait for news."""
    while len(queue._changed._waiters) < receivers:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)


async def test_a_lease_outlives_the_process(path: Path, clock: FixedClock) -> None:
    """What a process had received and not acknowledged comes back once its lease has run out."""
    event = stored(clock)
    async with open_database(path) as database:
        await database.migrate(QUEUE)
        queue = SqliteQueue(database, clock, topic="photos")
        await queue.send(event)
        await queue.receive(limit=1, wait=NOW)
    async with open_database(path) as database:
        queue = SqliteQueue(database, clock, topic="photos")
        assert await queue.receive(limit=1, wait=NOW) == []
        clock.advance(timedelta(seconds=queue.lease_seconds))
        (delivery,) = await queue.receive(limit=1, wait=NOW)
        assert (delivery.event, delivery.attempt) == (event, 2)


async def test_topics_are_apart(database: Database, clock: FixedClock) -> None:
    """Two queues in one database don't see each other's events."""
    photos = SqliteQueue(database, clock, topic="photos")
    bundles = SqliteQueue(database, clock, topic="bundles")
    await photos.send(stored(clock))
    await bundles.send(BundleRequested(ADA, Maker(clock, seed=1).bundle_id()))
    (delivery,) = await bundles.receive(limit=10, wait=NOW)
    assert isinstance(delivery.event, BundleRequested)
    assert (await photos.waiting(), await bundles.waiting()) == (1, 1)


async def test_every_receiver_wakes_for_its_share(database: Database, clock: FixedClock) -> None:
    """Three that wait get three events that are sent at once, long before their wait ends."""
    queue = SqliteQueue(database, clock, topic="photos")
    make = Maker(clock)
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE.total_seconds()), asyncio.TaskGroup() as group:
        waiting = [group.create_task(queue.receive(limit=1, wait=PATIENCE)) for _ in range(3)]
        await all_waiting(queue, 3)
        for _ in range(3):
            group.create_task(queue.send(PhotoStored(ADA, make.photo_id())))
    assert sum(len(task.result()) for task in waiting) == 3
    assert time.monotonic() - began < PATIENCE.total_seconds() / 2


async def test_an_event_of_another_transaction_wakes_a_receiver(
    database: Database, clock: FixedClock
) -> None:
    """`enqueue` within somebody's write is heard like `send`."""
    queue, event = SqliteQueue(database, clock, topic="photos"), stored(clock)
    async with asyncio.timeout(PATIENCE.total_seconds()), asyncio.TaskGroup() as group:
        waiting = group.create_task(queue.receive(limit=1, wait=PATIENCE))
        await all_waiting(queue, 1)
        await database.write(lambda db: queue.enqueue(db, event))
    assert [delivery.event for delivery in waiting.result()] == [event]


async def test_an_old_holder_can_not_touch_a_new_lease(
    database: Database, clock: FixedClock
) -> None:
    """Once somebody else has the event, the earlier attempt is fenced off, but for its success."""
    queue = SqliteQueue(database, clock, topic="photos")
    await queue.send(stored(clock))
    (old,) = await queue.receive(limit=1, wait=NOW)
    clock.advance(queue.lease)
    (new,) = await queue.receive(limit=1, wait=NOW)
    await old.release()
    await old.bury("not mine")
    assert await queue.receive(limit=1, wait=NOW) == []
    assert (await queue.waiting(), await queue.dead_letters()) == (1, 0)
    await old.acknowledge()
    assert await queue.waiting() == 0
    await new.acknowledge()


async def test_dead_letters_keep_the_body_and_the_reason(
    database: Database, clock: FixedClock
) -> None:
    """Whoever looks into them finds what was sent, and why it was given up."""
    queue = SqliteQueue(database, clock, topic="photos", max_attempts=2)
    await queue.send(stored(clock))
    for _ in range(2):
        await queue.receive(limit=1, wait=NOW)
        clock.advance(queue.lease)
    assert await queue.receive(limit=1, wait=NOW) == []
    sql = "SELECT topic, attempts, reason FROM dead_letters WHERE json_valid(body)"
    assert await database.read(lambda db: fetch(db, sql)) == [
        ("photos", 2, "not done in 2 attempts")
    ]
