"""Times as text."""

from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """Write a time that is in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
