"""Waking a worker that sleeps, whenever somebody asks for what only a worker can do."""

from collections.abc import Set as AbstractSet
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from imgtag.api.keys import services

# Filled from the route table.
MAKES_WORK: Final = web.AppKey("makes_work", AbstractSet[Handler])


@web.middleware
async def wake_workers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Wake a worker before answering: a function on Lambda does nothing after its answer."""
    response = await handler(request)
    waker = services(request).waker
    if waker and request.match_info.handler in request.app[MAKES_WORK]:
        await waker.wake()
    return response
