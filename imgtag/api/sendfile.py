"""Sending on a connection: files by the kernel, between literal bytes of our own, and by hand.

asyncio's own `loop.sendfile` pauses and resumes the transport for every file; with thousands of
files in one answer that halves the speed. Here a duplicate of the socket is written to while the
transport has nothing to say.
"""

import asyncio
import os
import socket
import struct
from types import TracebackType
from typing import Final, Self

from aiohttp import web

# Enough to keep the kernel busy, and little enough that one call never holds up the loop.
_AT_ONCE_BYTES: Final = 2 * 1024 * 1024
_LOOK_SECONDS: Final = 1.0
# On, for no seconds: struct linger of <sys/socket.h>.
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_MORE: Final = getattr(socket, "MSG_MORE", 0)
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
        self._unfair = 0
        self._waiting: asyncio.Future[None] | None = None
        self._waits_since = 0.0
        self._next_look = self._loop.call_later(_LOOK_SECONDS, self._look)

    async def __aenter__(self) -> Self:
        self._socket.setblocking(False)  # noqa: FBT003 - the name says it
        while self._transport.get_write_buffer_size():
            await self._writable()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._next_look.cancel()
        self._socket.close()

    async def write(self, data: bytes, *, more: bool) -> None:
        """Send literal bytes; *more* says that others follow at once."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view, _MORE if more else 0) :]
            except BlockingIOError:
                await self._writable()

    async def send_file(self, descriptor: int, start: int, stop: int) -> None:
        """Send bytes *start* up to *stop* of an open file. `EOFError` when it has fewer."""
        target = self._socket.fileno()
        while start < stop:
            try:
                sent = os.sendfile(target, descriptor, start, min(stop - start, _AT_ONCE_BYTES))
            except BlockingIOError:
                await self._writable()
                continue
            if not sent:
                raise EOFError("the file became shorter while it was sent")
            start += sent
            await self._be_fair(sent)

    async def _be_fair(self, sent: int) -> None:
        """Let others have the loop now and then: a fast client never makes us wait."""
        self._unfair += sent
        if self._unfair >= _AT_ONCE_BYTES:
            self._unfair = 0
            await asyncio.sleep(0)
            self._must_be_open()

    async def _writable(self) -> None:
        self._unfair = 0
        self._waits_since = self._loop.time()
        self._waiting = ready = self._loop.create_future()
        self._loop.add_writer(self._socket.fileno(), _set, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._socket.fileno())
            self._waiting = None
        self._must_be_open()

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
