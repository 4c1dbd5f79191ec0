"""What every suite has: a clock that stands, a maker of things, and ways to break in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final, TypeVar

import pytest

from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import Maker

DEADLINE_SECONDS: Final = 30.0
MOMENT: Final = timedelta(milliseconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)

T = TypeVar("T")


class Contract:
    """The clock that the adapter is opened with, and a maker that follows it."""

    @pytest.fixture
    def clock(self) -> FixedClock:
        """Stand until it is moved."""
        return FixedClock()

    @pytest.fixture
    def make(self, clock: FixedClock) -> Maker:
        """Make things that are created when the clock says."""
        return Maker(clock)


async def at_once(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Run *calls* at the same time and collect their answers in order."""

    async def run(call: Awaitable[T]) -> T:
        return await call

    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(call)) for call in calls]
    return [task.result() for task in tasks]


async def collect(items: AsyncIterator[T]) -> list[T]:
    """Read *items* to their end."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return [item async for item in items]


async def cancelled_after(steps: int, call: Callable[[], Awaitable[object]]) -> bool:
    """Start *call*, cancel it after *steps* turns of the event loop; tell whether that hit."""
    hit = True

    async def run() -> None:
        nonlocal hit
        try:
            await call()
        except asyncio.CancelledError:
            return
        hit = False

    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        task = group.create_task(run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
    return hit
