"""Several things at once that fail as one thing does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Open a task group whose first error comes out as itself.

    A port promises `Unavailable` or `NotFound`, and callers catch just that: a group of errors
    would pass them by. What else went wrong while the group was ending is dropped.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        error = errors.exceptions[0]
        raise error from error.__cause__


async def at_once(calls: Sequence[Callable[[], Awaitable[T]]], *, limit: int) -> Sequence[T]:
    """Make *calls*, *limit* at a time; give their answers in order. The first error ends all."""
    permits = asyncio.Semaphore(limit)

    async def run(call: Callable[[], Awaitable[T]]) -> T:
        async with permits:
            return await call()

    async with together() as group:
        tasks = [group.create_task(run(call)) for call in calls]
    return [task.result() for task in tasks]
