"""Ports that misbehave on purpose: calls that fail, hang or lose their answer, unruly queues.

::

    faults = Faults()
    faults.fail("store", applied=True)
    catalog = faulty(MemoryCatalog(clock, events), faults)

Here the first `store` does its work and loses its answer; every other call is as it always was.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast

from imgtag.domain.errors import Unavailable
from imgtag.domain.events import Event
from imgtag.ports import Delivery, EventQueue

P = TypeVar("P")

_QUEUE_WINDOW: Final = 50


async def _nothing() -> None:
    """Stand aside."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """What happens around one call, before and after it does its work."""

    before: Callable[[], Awaitable[None]] = _nothing
    after: Callable[[], Awaitable[None]] = _nothing


class Gate:
    """A call that is held: wait until it was `reached`, then `open` to let it go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._opened = asyncio.Event()

    def open(self) -> None:
        """Let the call go on."""
        self._opened.set()

    async def pass_through(self) -> None:
        """Say that the call is here and wait for `open`."""
        self.reached.set()
        await self._opened.wait()


class Faults:
    """What goes wrong, by the name of a method and the number of its call, from 1 on.

    *calls* counts every call, of each method.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._plan: dict[tuple[str, int | None], _Fault] = {}

    def fail(
        self,
        method: str,
        *,
        nth: int | None = 1,
        applied: bool = False,
        error: BaseException | None = None,
    ) -> None:
        """Raise *error* (`Unavailable`) from the *nth* call of *method*; None is every call.

        With *applied* the call does its work first, as when only the answer is lost.
        """

        async def raise_error() -> None:
            raise error or Unavailable("this was made to fail")

        self._plan[method, nth] = _Fault(after=raise_error) if applied else _Fault(raise_error)

    def hold(self, method: str, *, nth: int | None = 1, applied: bool = False) -> Gate:
        """Hold the *nth* call of *method*, before its work or after it, until the gate opens."""
        gate = Gate()
        held = gate.pass_through
        self._plan[method, nth] = _Fault(after=held) if applied else _Fault(held)
        return gate

    def heal(self) -> None:
        """Let everything work from now on."""
        self._plan.clear()

    def next(self, method: str) -> _Fault:
        """Count a call of *method* and tell what happens around it."""
        self.calls[method] += 1
        nth = self._plan.get((method, self.calls[method]))
        return nth or self._plan.get((method, None)) or _Fault()


def faulty(port: P, faults: Faults) -> P:
    """Wrap any port, so that its calls go as *faults* says."""
    return cast("P", _Faulty(port, faults))


def faulty_queue(queue: EventQueue, faults: Faults) -> EventQueue:
    """Wrap a queue and, beyond `faulty`, the deliveries that are received from it."""
    return _FaultyQueue(queue, faults)


class _Faulty:
    """Passes every call on, with a fault around it."""

    def __init__(self, port: object, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        return partial(self._call, name, attribute) if callable(attribute) else attribute

    def _call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        answer = method(*args, **kwargs)
        if isinstance(answer, Coroutine):
            return _awaited(self._faults.next(name), answer)
        if isinstance(answer, AbstractAsyncContextManager):
            return _entered(self._faults.next(name), answer)
        if isinstance(answer, AsyncIterator):
            return _iterated(self._faults.next(name), answer)
        return answer


class _FaultyQueue(_Faulty):
    def __init__(self, queue: EventQueue, faults: Faults) -> None:
        super().__init__(queue, faults)
        self._queue = queue

    @property
    def lease_seconds(self) -> float:
        return self._queue.lease_seconds

    async def send(self, event: Event, *, after: timedelta = timedelta(0)) -> None:
        await self._call("send", self._queue.send, event, after=after)

    async def receive(self, *, limit: int, wait: timedelta) -> Sequence[Delivery]:
        received = await self._call("receive", self._queue.receive, limit=limit, wait=wait)
        return [faulty(delivery, self._faults) for delivery in received]

    async def waiting(self) -> int:
        return int(await self._call("waiting", self._queue.waiting))

    async def dead_letters(self) -> int:
        return int(await self._call("dead_letters", self._queue.dead_letters))

    async def redrive(self) -> int:
        return int(await self._call("redrive", self._queue.redrive))


async def _awaited(fault: _Fault, call: Coroutine[Any, Any, P]) -> P:
    with closing(call):
        await fault.before()
        answer = await call
        await fault.after()
        return answer


@asynccontextmanager
async def _entered(fault: _Fault, context: AbstractAsyncContextManager[P]) -> AsyncIterator[P]:
    await fault.before()
    async with context as entered:
        yield entered
    await fault.after()


async def _iterated(fault: _Fault, items: AsyncIterator[P]) -> AsyncIterator[P]:
    await fault.before()
    async for item in items:
        yield item
    await fault.after()


class UnrulyQueue:
    """Delivers every event of *queue* several times, and in an order that *seed* makes up.

    That is all within what `EventQueue` promises, so whoever consumes it has to cope.
    """

    def __init__(self, queue: EventQueue, *, copies: int = 2, seed: int = 0) -> None:
        self.lease_seconds = queue.lease_seconds
        self._queue = queue
        self._copies = copies
        self._random = random.Random(seed)  # noqa: S311 - it has to be repeatable
        self._taken: list[Delivery] = []

    async def send(self, event: Event, *, after: timedelta = timedelta(0)) -> None:
        """Send it *copies* times."""
        for _ in range(self._copies):
            await self._queue.send(event, after=after)

    async def receive(self, *, limit: int, wait: timedelta) -> Sequence[Delivery]:
        """Lease more than is asked for, and hand out any of that."""
        patience = timedelta(0) if self._taken else wait
        self._taken += await self._queue.receive(limit=_QUEUE_WINDOW, wait=patience)
        self._random.shuffle(self._taken)
        received, self._taken = self._taken[:limit], self._taken[limit:]
        return received

    async def waiting(self) -> int:
        """Count copies as events."""
        return await self._queue.waiting()

    async def dead_letters(self) -> int:
        """Count copies as events."""
        return await self._queue.dead_letters()

    async def redrive(self) -> int:
        """Count copies as events."""
        return await self._queue.redrive()
