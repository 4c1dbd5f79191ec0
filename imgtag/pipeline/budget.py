"""The most bytes that all downloads of a process may hold at once."""

import asyncio
from typing import Final

# One download alone gets a ninth. That is 7 of 64 MiB: as much as 30 photos that are being read at
# once. Of clients that stop reading, it takes more than 25 to use up 64 pieces.
MODESTY: Final = 8


class ByteBudget:
    """A number of bytes to share between downloads, each of which takes a `Share`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._waiting: dict[asyncio.Future[None], tuple[Share, int]] = {}

    @property
    def held(self) -> int:
        """How many bytes are given out."""
        return self.size - self._free

    def share(self) -> "Share":
        """Begin a share that holds nothing yet."""
        return Share(self)

    async def take(self, share: "Share", wanted: int) -> None:
        """Wait until *wanted* bytes may be added to *share*; see there."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = (share, wanted)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if self._waiting.pop(turn, None) is None:
                share.give_back(wanted)  # it was granted in the moment of being cancelled
            else:
                self._grant()
            raise

    def put_back(self, given: int) -> None:
        """Make *given* bytes free for others."""
        self._free += given
        self._grant()

    def _grant(self) -> None:
        for turn, (share, wanted) in list(self._waiting.items()):
            if self._may_have(share, wanted):
                del self._waiting[turn]
                self._free -= wanted
                share.held += wanted
                if not turn.done():
                    turn.set_result(None)
            elif not share.held:
                return

    def _may_have(self, share: "Share", wanted: int) -> bool:
        if share.held:
            return (share.held + wanted) * MODESTY <= self._free
        return wanted <= self._free


class Share:
    """What one download holds of a budget.

    It gets more only while `MODESTY` times of what it would then hold is still free for others, so
    that it takes many clients that stopped reading to keep the next one from starting. Who holds
    nothing goes first, in the order of asking.
    """

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.held = 0

    async def take(self, wanted: int) -> int:
        """Wait for *wanted* bytes; answer with how many to `give_back`."""
        wanted = min(wanted, self._budget.size)
        await self._budget.take(self, wanted)
        return wanted

    def give_back(self, given: int) -> None:
        """Give back what `take` answered; after `close`, nothing."""
        given = min(given, self.held)
        self.held -= given
        self._budget.put_back(given)

    def close(self) -> None:
        """Give everything back."""
        self.give_back(self.held)
