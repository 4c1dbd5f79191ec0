"""A queue in a dictionary, with leases."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Final

from imgtag.domain.errors import Invalid
from imgtag.domain.events import Event, from_dict, to_dict
from imgtag.ports import Clock

LEASE_SECONDS: Final = 30.0
MAX_ATTEMPTS: Final = 5


@dataclass(slots=True)
class _Message:
    body: str
    due: datetime
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up on, and why."""

    body: str
    reason: str


@dataclass(frozen=True, slots=True)
class MemoryDelivery:
    """One leased message. Once somebody else has it, only `acknowledge` still does something."""

    event: Event | None
    attempt: int
    _number: int
    _queue: "MemoryQueue" = field(repr=False)

    async def acknowledge(self) -> None:
        self._queue.remove(self._number)

    async def extend(self) -> None:
        self._queue.postpone(self._number, self.attempt, self._queue.lease)

    async def release(self, *, after: timedelta = timedelta(0)) -> None:
        self._queue.postpone(self._number, self.attempt, after)

    async def bury(self, reason: str) -> None:
        self._queue.bury(self._number, self.attempt, reason)


class MemoryQueue:
    """Delivers events of this process at least once.

    What was received *max_attempts* times without being acknowledged goes to the dead letters.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        topic: str = "photos",
        lease_seconds: float = LEASE_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self.topic = topic
        self.lease_seconds = lease_seconds
        self.buried: list[DeadLetter] = []
        self._clock = clock
        self._max_attempts = max_attempts
        self._messages: dict[int, _Message] = {}
        self._numbers = count(1)
        self._changed = asyncio.Event()

    @property
    def lease(self) -> timedelta:
        """How long a delivery is hidden from others."""
        return timedelta(seconds=self.lease_seconds)

    async def send(self, event: Event, *, after: timedelta = timedelta(0)) -> None:
        self.put(json.dumps(to_dict(event)), after=after)

    def put(self, body: str, *, after: timedelta = timedelta(0)) -> None:
        """Add a message as it would lie in a store, readable or not."""
        self._messages[next(self._numbers)] = _Message(body, self._clock.now() + after)
        self._changed.set()

    async def receive(self, *, limit: int, wait: timedelta) -> Sequence[MemoryDelivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait.total_seconds()
        while not (taken := self._take(limit)) and (left := deadline - loop.time()) > 0:
            await self._change(min(left, self._seconds_until_due()))
        return taken

    async def waiting(self) -> int:
        self._bury_exhausted()
        return len(self._messages)

    async def dead_letters(self) -> int:
        self._bury_exhausted()
        return len(self.buried)

    async def redrive(self) -> int:
        self._bury_exhausted()
        revived, self.buried = self.buried, []
        for letter in revived:
            self.put(letter.body)
        return len(revived)

    def remove(self, number: int) -> None:
        """Forget the message; absent is fine."""
        self._messages.pop(number, None)

    def postpone(self, number: int, attempt: int, after: timedelta) -> None:
        """Deliver it again not before *after*, if *attempt* is still the latest one."""
        message = self._messages.get(number)
        if message and message.attempt == attempt:
            message.due = self._clock.now() + after
            self._changed.set()

    def bury(self, number: int, attempt: int, reason: str) -> None:
        """Give it up, if *attempt* is still the latest one."""
        message = self._messages.get(number)
        if message and message.attempt == attempt:
            self.buried.append(DeadLetter(message.body, reason))
            self.remove(number)

    def _take(self, limit: int) -> Sequence[MemoryDelivery]:
        self._bury_exhausted()
        now = self._clock.now()
        due = (number for number, message in self._messages.items() if message.due <= now)
        return [self._lease(number) for number in islice(due, limit)]

    def _lease(self, number: int) -> MemoryDelivery:
        message = self._messages[number]
        message.attempt += 1
        message.due = self._clock.now() + self.lease
        return MemoryDelivery(_read(message.body), message.attempt, number, self)

    def _bury_exhausted(self) -> None:
        now = self._clock.now()
        for number, message in list(self._messages.items()):
            if message.due <= now and message.attempt >= self._max_attempts:
                self.bury(number, message.attempt, f"not done in {message.attempt} attempts")

    def _seconds_until_due(self) -> float:
        due = min((message.due for message in self._messages.values()), default=None)
        return (due - self._clock.now()).total_seconds() if due else float("inf")

    async def _change(self, timeout_seconds: float) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return


def _read(body: str) -> Event | None:
    try:
        return from_dict(json.loads(body))
    except (Invalid, ValueError):
        return None
