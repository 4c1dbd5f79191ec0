"""The most bytes that all downloads of a process may hold at once."""

import asyncio
from collections import deque


class ByteBudget:
    """A number of bytes to share, first come first served.

    Who asks for more than the whole gets the whole: one large piece may be alone, but never wait
    for ever.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def held(self) -> int:
        """How many bytes are given out."""
        return self.size - self._free

    async def acquire(self, wanted: int) -> int:
        """Wait for *wanted* bytes; answer with how many to `release`."""
        wanted = min(wanted, self.size)
        if not self._waiting and wanted <= self._free:
            self._free -= wanted
            return wanted
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(wanted)  # it was granted in the moment of being cancelled
            else:
                self._waiting.remove((wanted, turn))
                self._grant()
            raise
        return wanted

    def release(self, given: int) -> None:
        """Give back what `acquire` answered."""
        self._free += given
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= wanted
                turn.set_result(None)
