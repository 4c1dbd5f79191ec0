from datetime import UTC, datetime

import pytest

from imgtag.imaging.exif import taken_at

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132
FRACTION, OFFSET = 0x9291, 0x9011


@pytest.mark.parametrize(
    ("tags", "moment"),
    [
        ({ORIGINAL: "2024:05:06 07:08:09"}, datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ({ORIGINAL: "2024-05-06T07:08:09\0"}, datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ({ORIGINAL: b"2024:05:06 07:08:09"}, datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        (
            {ORIGINAL: "2024:05:06 07:08:09", OFFSET: "-05:30", FRACTION: "5"},
            datetime(2024, 5, 6, 12, 38, 9, 500_000, UTC),
        ),
        (
            {ORIGINAL: "2024:05:06 07:08:09", OFFSET: "+99:00", FRACTION: "x"},
            datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        ),
        ({DIGITIZED: "2003:01:02 03:04:05"}, datetime(2003, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (
            {ORIGINAL: "0000:00:00 00:00:00", CHANGED: "2003:01:02 03:04:05"},
            datetime(2003, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        ({ORIGINAL: "2026:11:23 23:59:59"}, datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_dates(tags: dict[int, object], moment: datetime) -> None:
    """The first plausible date counts, in UTC; without an offset it is taken as UTC."""
    assert taken_at(tags, now=NOW) == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "1900:01:01 00:00:00",
        "1904:01:01 00:00:00",
        "1970:01:01 00:00:00",
        "2026:11:25 00:00:01",
        "9999:12:31 23:59:59",
        "2024:02:30 10:00:00",
        "2024:13:01 10:00:00",
        "2024:05:06 24:00:00",
        "2024:05:06 07:08:60",
        "2024:05:06",
        "\u0662\u0660\u0662\u0664:05:06 07:08:09",
        "<script>alert(1)</script>",
        "9" * 1_000_000,
        b"\xff" * 19,
        20240506,
        (2024, 5, 6),
        None,
    ],
)
def test_implausible_dates(value: object) -> None:
    """A date that can't be is no date."""
    assert taken_at({ORIGINAL: value}, now=NOW) is None


@pytest.mark.parametrize("offset", ["+14:00", "-14:00"])
def test_ends_of_time(offset: str) -> None:
    """Dates at the ends of the calendar stay out, whatever their offset."""
    for date in ("0001:01:01 00:00:00", "9999:12:31 23:59:59"):
        assert taken_at({ORIGINAL: date, OFFSET: offset}, now=NOW) is None
