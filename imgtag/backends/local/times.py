"""Times as SQLite keeps them: whole microseconds since 1970 in UTC, so that they sort."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(time: datetime) -> int:
    """Write *time* as a number."""
    return (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Read what `to_micros` wrote."""
    return _EPOCH + timedelta(0, 0, micros)


def to_micros_or_none(time: datetime | None) -> int | None:
    """Write *time*, where there is one."""
    return None if time is None else to_micros(time)


def from_micros_or_none(micros: int | None) -> datetime | None:
    """Read what `to_micros_or_none` wrote."""
    return None if micros is None else from_micros(micros)
