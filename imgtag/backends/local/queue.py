"""Events in SQLite, leased to whoever receives them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import apsw

from imgtag.backends import Context, Topic
from imgtag.backends.local.database import Database, shared_database
from imgtag.backends.local.schema import Component
from imgtag.backends.local.times import to_micros
from imgtag.domain.errors import Invalid
from imgtag.domain.events import Event, from_dict, to_dict
from imgtag.ports import Clock, EventQueue

T = TypeVar("T")

LEASE_SECONDS: Final = 20.0
MAX_ATTEMPTS: Final = 5

# A lease is the attempt's number and a later due time: whoever holds an older number has lost it.
QUEUE: Final = Component(
    "queue",
    (
        """
        CREATE TABLE events (
            event INTEGER PRIMARY KEY,
            topic TEXT NOT NULL,
            body TEXT NOT NULL,
            due_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX events_due ON events (topic, due_at, event);
        CREATE TABLE dead_letters (
            event INTEGER PRIMARY KEY,
            topic TEXT NOT NULL,
            body TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            buried_at INTEGER NOT NULL,
            reason TEXT NOT NULL
        ) STRICT;
        CREATE INDEX dead_letters_of_topic ON dead_letters (topic);
        """,
    ),
)

_TAKE: Final = """
UPDATE events SET due_at = :until, attempts = attempts + 1
WHERE event IN (
    SELECT event FROM events WHERE topic = :topic AND due_at <= :now
    ORDER BY due_at, event LIMIT :limit
)
RETURNING event, body, attempts
"""
_EXHAUSTED: Final = """
SELECT event, attempts FROM events WHERE topic = :topic AND due_at <= :now AND attempts >= :most
"""
_BURY: Final = """
INSERT INTO dead_letters
SELECT event, topic, body, attempts, :now, :reason FROM events
WHERE event = :event AND attempts = :attempt
"""

_REVIVE: Final = """
INSERT INTO events (topic, body, due_at)
SELECT topic, body, :now FROM dead_letters WHERE topic = :topic ORDER BY event
"""


@dataclass(frozen=True, slots=True)
class SqliteDelivery:
    """One leased event. Once somebody else has it, only `acknowledge` still does something."""

    event: Event | None
    attempt: int
    _number: int
    _queue: "SqliteQueue" = field(repr=False)

    async def acknowledge(self) -> None:
        await self._queue.forget(self._number)

    async def extend(self) -> None:
        await self._queue.postpone(self._number, self.attempt, self._queue.lease)

    async def release(self, *, after: timedelta = timedelta(0)) -> None:
        await self._queue.postpone(self._number, self.attempt, after)

    async def bury(self, reason: str) -> None:
        await self._queue.bury(self._number, self.attempt, reason)


class SqliteQueue:
    """Delivers the events of one topic.

    What was received *max_attempts* times without being acknowledged goes to the dead letters.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        topic: str,
        lease_seconds: float = LEASE_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self.database = database
        self.topic = topic
        self.lease_seconds = lease_seconds
        self._clock = clock
        self._max_attempts = max_attempts
        self._changed = asyncio.Event()

    @property
    def lease(self) -> timedelta:
        """How long a delivery is hidden from others."""
        return timedelta(seconds=self.lease_seconds)

    async def send(self, event: Event, *, after: timedelta = timedelta(0)) -> None:
        await self.database.write(lambda db: self.enqueue(db, event, after=after))

    def enqueue(
        self, db: apsw.Connection, event: Event, *, after: timedelta = timedelta(0)
    ) -> None:
        """Add *event* within a transaction of `database`; receivers wake once it commits."""
        db.execute(
            "INSERT INTO events (topic, body, due_at) VALUES (?, ?, ?)",
            (self.topic, json.dumps(to_dict(event)), self._now() + _micros(after)),
        )
        self.database.after_commit(self._wake)

    async def receive(self, *, limit: int, wait: timedelta) -> Sequence[SqliteDelivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait.total_seconds()
        while True:
            changed = self._changed
            taken = await self.database.write(lambda db: self._take(db, limit))
            left = deadline - loop.time()
            if taken or left <= 0:
                return taken
            await _happening(changed, min(left, await self._seconds_until_due()))

    async def waiting(self) -> int:
        return await self.database.write(lambda db: self._count(db, "events"))

    async def dead_letters(self) -> int:
        return await self.database.write(lambda db: self._count(db, "dead_letters"))

    async def redrive(self) -> int:
        def revive(db: apsw.Connection) -> int:
            self._bury_exhausted(db)
            db.execute(_REVIVE, {"topic": self.topic, "now": self._now()})
            db.execute("DELETE FROM dead_letters WHERE topic = ?", (self.topic,))
            self.database.after_commit(self._wake)
            return db.changes()

        return await self.database.write(revive)

    async def forget(self, number: int) -> None:
        """Remove the event; absent is fine."""
        await self.database.write(
            lambda db: db.execute("DELETE FROM events WHERE event = ?", (number,)), patient=True
        )

    async def postpone(self, number: int, attempt: int, after: timedelta) -> None:
        """Deliver it again not before *after*, if *attempt* is still the latest one."""

        def set_due(db: apsw.Connection) -> None:
            db.execute(
                "UPDATE events SET due_at = ? WHERE event = ? AND attempts = ?",
                (self._now() + _micros(after), number, attempt),
            )
            self.database.after_commit(self._wake)

        await self.database.write(set_due)

    async def bury(self, number: int, attempt: int, reason: str) -> None:
        """Give it up, if *attempt* is still the latest one."""
        await self.database.write(lambda db: self._bury(db, number, attempt, reason))

    def _take(self, db: apsw.Connection, limit: int) -> Sequence[SqliteDelivery]:
        self._bury_exhausted(db)
        now = self._now()
        until = now + _micros(self.lease)
        values = {"topic": self.topic, "now": now, "until": until, "limit": limit}
        rows = sorted(db.execute(_TAKE, values))
        return [
            SqliteDelivery(_read(body), attempt, number, self) for number, body, attempt in rows
        ]

    def _bury_exhausted(self, db: apsw.Connection) -> None:
        values = {"topic": self.topic, "now": self._now(), "most": self._max_attempts}
        for number, attempt in list(db.execute(_EXHAUSTED, values)):
            self._bury(db, number, attempt, f"not done in {attempt} attempts")

    def _bury(self, db: apsw.Connection, number: int, attempt: int, reason: str) -> None:
        values = {"event": number, "attempt": attempt, "reason": reason, "now": self._now()}
        db.execute(_BURY, values)
        db.execute("DELETE FROM events WHERE event = ? AND attempts = ?", (number, attempt))

    def _count(self, db: apsw.Connection, table: str) -> int:
        self._bury_exhausted(db)
        if table == "events":
            rows = db.execute("SELECT count(*) FROM events WHERE topic = ?", (self.topic,))
        else:
            rows = db.execute("SELECT count(*) FROM dead_letters WHERE topic = ?", (self.topic,))
        return int(rows.get)

    async def _seconds_until_due(self) -> float:
        due = await self.database.read(
            lambda db: (
                db.execute("SELECT min(due_at) FROM events WHERE topic = ?", (self.topic,)).get
            )
        )
        return float("inf") if due is None else max(0, due - self._now()) / 1_000_000

    def _wake(self) -> None:
        # A new one each time: clearing it could swallow what another receiver waits for.
        self._changed.set()
        self._changed = asyncio.Event()

    def _now(self) -> int:
        return to_micros(self._clock.now())


async def write_and_send(
    database: Database,
    events: EventQueue,
    event: Event | None,
    work: Callable[[apsw.Connection], tuple[T, bool]],
) -> T:
    """Run *work* and, where it says that there is news, send *event* on *events*.

    One transaction where the queue is in the same database, else the one after the other.
    """
    queue = events if isinstance(events, SqliteQueue) and events.database is database else None

    def write(db: apsw.Connection) -> tuple[T, bool]:
        result, news = work(db)
        if event and news and queue:
            queue.enqueue(db, event)
        return result, news

    result, news = await database.write(write)
    if event and news and not queue:
        await events.send(event)
    return result


async def _happening(change: asyncio.Event, timeout_seconds: float) -> None:
    try:
        async with asyncio.timeout(timeout_seconds):
            await change.wait()
    except TimeoutError:
        return


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _read(body: str) -> Event | None:
    try:
        return from_dict(json.loads(body))
    except (Invalid, ValueError):
        return None


@asynccontextmanager
async def open_queue(context: Context, topic: Topic) -> AsyncIterator[SqliteQueue]:
    """Open the queue of *topic* in the process's database."""
    database = await shared_database(context)
    await database.migrate(QUEUE)
    yield SqliteQueue(database, context.clock, topic=topic)
