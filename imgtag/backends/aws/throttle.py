"""A token bucket: so many calls a second, and no more than a second's worth at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class TokenBucket:
    """Lets *rate* calls a second pass, in the order they came."""

    def __init__(
        self,
        rate: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = max(1.0, rate)
        self._tokens = self._burst
        self._now = now
        self._sleep = sleep
        self._filled_at = now()

    async def take(self) -> None:
        """Wait for the next token; tokens are handed out before the waiting begins."""
        moment = self._now()
        self._tokens = min(self._burst, self._tokens + (moment - self._filled_at) * self._rate)
        self._filled_at = moment
        self._tokens -= 1
        if self._tokens < 0:
            await self._sleep(-self._tokens / self._rate)
