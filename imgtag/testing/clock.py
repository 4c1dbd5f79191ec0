"""A clock that stands until it is moved."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)


class FixedClock:
    """Tells *now* until `advance` moves it on."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        """Tell the time in UTC, in whole milliseconds."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on by *by* and tell the new time."""
        self._now += by
        return self._now
