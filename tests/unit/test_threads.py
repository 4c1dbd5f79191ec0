"""Threads that work for an event loop."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from imgtag.pipeline.threads import Threads, see_through
from tests.unit.processes import until


class Bytes(bytearray):
    """Something large, as far as anybody knows."""


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Start a single one."""
    with Threads(1, "test") as started:
        yield started


async def test_what_work_says_and_raises(threads: Threads) -> None:
    """What work gives, or raises, comes to whoever asked for it; it is done elsewhere."""
    assert await threads.run(threading.get_ident) != threading.get_ident()
    assert await threads.run(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 1, 0)
    assert await threads.run(max, 3, 4) == 4


async def test_cancelled_before_it_began(threads: Threads) -> None:
    """Work that nobody wants any more is not begun, and stops nothing that follows."""
    going_on, done = threading.Event(), list[int]()
    first = threads.run(going_on.wait)
    unwanted = threads.run(done.append, 1)
    last = threads.run(done.append, 2)
    unwanted.cancel()
    going_on.set()
    await asyncio.wait([first, last])
    assert done == [2]


async def test_cancelled_meanwhile(threads: Threads) -> None:
    """Work that is cancelled while it is done ends by itself, and tells nobody."""
    began, going_on = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        going_on.wait()

    unwanted = threads.run(work)
    await until(began.is_set)
    unwanted.cancel()
    going_on.set()
    assert await threads.run(max, 1, 2) == 2
    assert unwanted.cancelled()


async def test_closing_waits() -> None:
    """Whoever closes them finds everything done that was asked for."""
    done: list[int] = []
    with Threads(2, "test") as threads:
        for each in range(20):
            threads.run(done.append, each)
    assert sorted(done) == list(range(20))
    threads.close()


async def test_closed_threads_take_nothing() -> None:
    """Whoever comes too late is told, and doesn't wait for ever."""
    with Threads(1, "test") as threads:
        pass
    with pytest.raises(RuntimeError):
        threads.run(max, 1, 2)


async def test_an_iterator_that_ends_is_an_error(threads: Threads) -> None:
    """`StopIteration` can't be awaited."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(next, iter(()))


async def test_what_fails_behind_a_cancelled_caller_is_not_reported_as_lost(
    threads: Threads,
) -> None:
    """It was seen through."""
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: lost.append(about))
    began, going_on = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        going_on.wait()
        raise ZeroDivisionError

    async with asyncio.TaskGroup() as group:
        caller = group.create_task(see_through(threads.run(work)))
        await until(began.is_set)
        caller.cancel()
        going_on.set()
    assert caller.cancelled()
    del caller
    gc.collect()
    await asyncio.sleep(0)
    assert lost == []


async def test_idle_threads_keep_nothing(threads: Threads) -> None:
    """What was worked on is let go of, whether or not that went well."""
    handed = Bytes(1)
    gone = weakref.ref(handed)
    await threads.run(len, handed)
    with pytest.raises(TypeError):
        await threads.run(divmod, handed, 1)
    del handed
    await until(lambda: gone() is None)
