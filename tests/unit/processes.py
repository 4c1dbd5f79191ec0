"""Watching processes that a test started."""

import asyncio
from collections.abc import Callable
from typing import Final

import psutil

DEADLINE_SECONDS: Final = 60


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until *condition* holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what other processes do sets no event
            await asyncio.sleep(0)


def gone(process_id: int) -> bool:
    """Tell whether a process has ended, buried or not."""
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
