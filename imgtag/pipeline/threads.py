"""Waiting for threads, which can't be cancelled."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def see_through(
    running: "asyncio.Future[T]", *, on_cancel: Callable[[], object] | None = None
) -> T:
    """Wait for *running* to end, even when cancelled, so that nothing goes on behind one's back.

    *on_cancel* may hasten the end. The cancellation is raised once *running* is done.
    """
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if on_cancel:
            on_cancel()
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise
