"""Several things at once."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from imgtag.domain.errors import Unavailable
from imgtag.pipeline.together import at_once, together


async def fail(error: Exception) -> None:
    """Fail with *error*."""
    raise error


async def wait_for_ever() -> None:
    """End only by being cancelled."""
    await asyncio.Event().wait()


async def in_a_task(error: Exception) -> None:
    """Fail in a task, two groups deep, while another task waits."""
    async with together() as group:
        group.create_task(wait_for_ever())
        async with together() as inner:
            inner.create_task(fail(error))
            await wait_for_ever()


async def in_the_body(error: Exception) -> None:
    """Fail beside a task that waits."""
    async with together() as group:
        group.create_task(wait_for_ever())
        raise error


@pytest.mark.parametrize("where", [in_a_task, in_the_body])
async def test_the_first_error_comes_out_as_itself(
    where: Callable[[Exception], Awaitable[None]],
) -> None:
    """Whoever catches what a port promises catches it here too, with its cause; all else ends."""
    cause = OSError("the network")
    error = Unavailable("busy")
    error.__cause__ = cause
    with pytest.raises(Unavailable) as caught:
        await where(error)
    assert (caught.value, caught.value.__cause__) == (error, cause)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_is_no_error() -> None:
    """A cancelled caller is cancelled."""
    begun = asyncio.Event()

    async def call() -> None:
        async with together() as group:
            group.create_task(wait_for_ever())
            begun.set()

    async with asyncio.TaskGroup() as group:
        calling = group.create_task(call())
        await begun.wait()
        calling.cancel()
    assert calling.cancelled()


async def test_answers_come_in_order_and_no_more_run_than_may() -> None:
    """Later ones that are done earlier wait for their place."""
    running: set[int] = set()
    most = 0

    async def answer(number: int) -> int:
        nonlocal most
        running.add(number)
        most = max(most, len(running))
        for _ in range(10 - number):
            await asyncio.sleep(0)
        running.remove(number)
        return number

    assert await at_once([partial(answer, n) for n in range(10)], limit=3) == list(range(10))
    assert most == 3
