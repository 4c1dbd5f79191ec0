"""What EXIF tells that imgtag keeps: which way is up, and when the photo was taken."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from PIL import Image

_ORIENTATION: Final = 0x0112
_EXIF_IFD: Final = 0x8769

# Exif 2.32 (CIPA DC-008): date and time, fraction of a second, offset from UTC, as tags.
# The plain DateTime (0x0132) is when the file changed: the last resort.
_DATES: Final = ((0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012), (0x0132, 0x9290, 0x9010))
_DATE: Final = re.compile(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)")
_WIDEST_OFFSET: Final = timedelta(hours=14)

_FIRST_YEAR: Final = 1901
# Where the clocks of Macs and of Unix begin: a camera that says so was never set.
_UNSET: Final = frozenset({datetime(1904, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)})


def read_exif(picture: Image.Image, *, now: datetime) -> tuple[int, datetime | None]:
    """Give the orientation (1 to 8) and, in UTC, when *picture* was taken.

    A time without an offset is taken as UTC. Whatever is malformed or implausible (before 1901,
    later than a day after *now*) counts as absent.
    """
    try:
        exif = picture.getexif()
        tags: dict[int, object] = {**exif, **exif.get_ifd(_EXIF_IFD)}
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a parser of hostile bytes may raise anything
        return 1, None
    return orientation_of(exif.get(_ORIENTATION)), taken_at(tags, now=now)


def orientation_of(value: object) -> int:
    """Check an Exif orientation (1 to 8); anything else is upright, which is 1."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1  # noqa: PLR2004 - by Exif


def taken_at(tags: Mapping[int, object], *, now: datetime) -> datetime | None:
    """Find the first plausible date among the *tags* of Exif, in UTC and whole milliseconds."""
    for date_tag, fraction_tag, offset_tag in _DATES:
        moment = _moment(*(_text(tags.get(t)) for t in (date_tag, fraction_tag, offset_tag)))
        if moment and _plausible(moment, now):
            return moment
    return None


def _plausible(moment: datetime, now: datetime) -> bool:
    return (
        moment.year >= _FIRST_YEAR
        and moment <= now + timedelta(days=1)
        and moment.replace(microsecond=0) not in _UNSET
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value[:64].decode("ascii", "replace")
    return value[:64].strip(" \0") if isinstance(value, str) else ""


def _moment(date: str, fraction: str, offset: str) -> datetime | None:
    match = _DATE.match(date) if date.isascii() else None
    if match is None:
        return None
    thousandths = fraction[:3].ljust(3, "0") if re.fullmatch(r"[0-9]+", fraction) else "000"
    year, month, day, *clock = match.groups()
    try:
        local = datetime.fromisoformat(f"{year}-{month}-{day}T{':'.join(clock)}.{thousandths}")
        return local.replace(tzinfo=_zone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(offset: str) -> timezone:
    match = _OFFSET.fullmatch(offset) if offset.isascii() else None
    if match is None:
        return UTC
    size = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if size > _WIDEST_OFFSET:
        return UTC
    return timezone(-size if match[1] == "-" else size)
