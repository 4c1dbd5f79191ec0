"""Sending on a connection: files by the kernel, in turns that threads take, and bytes by hand.

asyncio's own `loop.sendfile` pauses and resumes the transport for every file; with thousands of
files in one answer that halves the speed. Here a duplicate of the socket is written to while the
transport has nothing to say.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

from aiohttp import web

from imgtag.pipeline.sending import Sender, Turn
from imgtag.pipeline.threads import Threads, see_through

_LOOK_SECONDS: Final = 1.0
# On, for no seconds: struct linger of <sys/socket.h>.
_NO_LINGER: Final = struct.pack("ii", 1, 0)
# A client that takes nothing for this long is gone.
STALL_SECONDS: Final = 120.0


class SocketWriter:
    """Writes to the socket of *transport*; what the transport itself has buffered goes first.

    `ConnectionError` when the client has left, or has taken nothing for `STALL_SECONDS`.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        known: socket.socket = transport.get_extra_info("socket")
        # Of its own, because the loop minds when somebody waits on a transport's descriptor.
        self._socket = socket.socket(fileno=os.dup(known.fileno()))
        self._socket.settimeout(0)
        self._waiting: asyncio.Future[None] | None = None
        self._waits_since = 0.0
        self._next_look = self._loop.call_later(_LOOK_SECONDS, self._look)

    @classmethod
    @asynccontextmanager
    async def on(cls, transport: asyncio.Transport) -> AsyncIterator[Self]:
        """Have the socket of *transport* for a while."""
        writer = cls(transport)
        try:
            await writer._wait_for_transport()
            yield writer
        finally:
            writer._close()

    async def _wait_for_transport(self) -> None:
        while self._transport.get_write_buffer_size():
            await self._writable()
            self._must_be_open()

    def _close(self) -> None:
        self._next_look.cancel()
        self._socket.close()

    async def send(self, sender: Sender, threads: Threads) -> None:
        """Send all that *sender* has, in turns that *threads* take. Raises what a turn raises."""
        while (turn := await self._turn(sender, threads)) is not Turn.DONE:
            if turn is Turn.FULL:
                await self._writable()
            self._must_be_open()

    async def _turn(self, sender: Sender, threads: Threads) -> Turn:
        # Seen through even when cancelled: what the thread works with must not be closed meanwhile.
        return await see_through(threads.run(sender.turn, self._socket))

    async def _writable(self) -> None:
        self._waits_since = self._loop.time()
        self._waiting = ready = self._loop.create_future()
        self._loop.add_writer(self._socket.fileno(), _set, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._socket.fileno())
            self._waiting = None

    def _must_be_open(self) -> None:
        # The duplicate would keep a connection alive that everybody else has given up.
        if self._transport.is_closing():
            raise ConnectionResetError("the connection was closed")

    def _look(self) -> None:
        """Once a second, see whether it makes sense to wait on."""
        self._next_look = self._loop.call_later(_LOOK_SECONDS, self._look)
        if self._waiting is None or self._waiting.done():
            return
        if self._transport.is_closing():
            self._waiting.set_exception(ConnectionResetError("the connection was closed"))
        elif self._loop.time() - self._waits_since > STALL_SECONDS:
            self._waiting.set_exception(ConnectionAbortedError("the client stopped reading"))


def reset(transport: asyncio.BaseTransport) -> None:
    """End a connection so that the client notices: by a reset, and with nothing sent on."""
    known: socket.socket | None = transport.get_extra_info("socket")
    if known is not None and not transport.is_closing():
        known.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    if isinstance(transport, asyncio.Transport):
        transport.abort()


class Watch:
    """Resets the connection of *transport* when a `write` to it makes no sense any more."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._waits_since: float | None = None
        self._next_look = self._loop.call_later(_LOOK_SECONDS, self._look)

    def close(self) -> None:
        """Watch no longer."""
        self._next_look.cancel()

    async def write(self, response: web.StreamResponse, data: bytes) -> None:
        """Send *data*. `ConnectionError` when the client has left or stopped reading."""
        self._waits_since = self._loop.time()
        await response.write(data)
        self._waits_since = None

    def _look(self) -> None:
        self._next_look = self._loop.call_later(_LOOK_SECONDS, self._look)
        if self._waits_since is None:
            return
        # A client that closed its half and reads nothing would hold up the end for ever.
        stalled = self._loop.time() - self._waits_since > STALL_SECONDS
        if stalled or self._transport.is_closing():
            reset(self._transport)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
