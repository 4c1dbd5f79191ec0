"""Sending files on a connection by the kernel, between literal bytes of our own.

asyncio's own `loop.sendfile` pauses and resumes the transport for every file; with thousands of
files in one answer that halves the speed. Here a duplicate of the socket is written to while the
transport has nothing to say.
"""

import asyncio
import os
import socket
from types import TracebackType
from typing import Final, Self

# Enough to keep the kernel busy, and little enough that one call never holds up the loop.
_AT_ONCE_BYTES: Final = 2 * 1024 * 1024
# A client that takes nothing for this long is gone.
STALL_SECONDS: Final = 120


class SocketWriter:
    """Writes to the socket of *transport*; what the transport itself has buffered goes first."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        known: socket.socket = transport.get_extra_info("socket")
        # Of its own, because the loop minds when somebody waits on a transport's descriptor.
        self._socket = socket.socket(fileno=os.dup(known.fileno()))
        self._unfair = 0

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
        self._socket.close()

    async def write(self, data: bytes, *, more: bool) -> None:
        """Send literal bytes; *more* says that others follow at once."""
        flags = socket.MSG_MORE if more and hasattr(socket, "MSG_MORE") else 0
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view, flags) :]
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
                msg = "the file became shorter while it was sent"
                raise EOFError(msg)
            start += sent
            await self._be_fair(sent)

    async def _be_fair(self, sent: int) -> None:
        """Let others have the loop now and then: a fast client never makes us wait."""
        self._unfair += sent
        if self._unfair >= _AT_ONCE_BYTES:
            self._unfair = 0
            await asyncio.sleep(0)

    async def _writable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._socket, _set, ready)
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await ready
        except TimeoutError as error:
            msg = "the client stopped reading"
            raise ConnectionAbortedError(msg) from error
        finally:
            self._loop.remove_writer(self._socket)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
