"""The records of a ZIP, as bytes.

The format is PKWARE's APPNOTE.TXT 6.3.10; numbers in comments are its sections.

- Local headers carry real sizes and checksums, with no data descriptors (4.3.9), so that tools
  which read from a pipe can read them.
- ZIP64 (4.5.3) appears only where a size, an offset or a count doesn't fit.
- Names are UTF-8 and say so (4.4.4, bit 11); files are 0644 and made on Unix (4.4.2).
"""

import struct
from datetime import datetime
from typing import Final

# A value of exactly this much is what marks ZIP64, so it needs ZIP64 itself (4.4.1.4).
_MAX_32: Final = 0xFFFFFFFF
_MAX_16: Final = 0xFFFF
_UTF8: Final = 1 << 11
_VERSION: Final = 20
_VERSION_ZIP64: Final = 45
_MADE_ON_UNIX: Final = 3 << 8
_REGULAR_0644: Final = 0o100644 << 16
_ZIP64_EXTRA: Final = 0x0001

_LOCAL: Final = struct.Struct("<4s3H4L2H")  # 4.3.7
_CENTRAL: Final = struct.Struct("<4s4H4L5H2L")  # 4.3.12
_END: Final = struct.Struct("<4s4H2LH")  # 4.3.16
_END_ZIP64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR_ZIP64: Final = struct.Struct("<4sLQL")  # 4.3.15
_EXTRA_ZIP64_LOCAL: Final = struct.Struct("<2H2Q")
_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2107


def local_size(name: bytes, size: int) -> int:
    """Say how long the local header of such a member is."""
    return _LOCAL.size + len(name) + (_EXTRA_ZIP64_LOCAL.size if size >= _MAX_32 else 0)


def local_header(name: bytes, size: int, crc32: int, time: int) -> bytes:
    """Write what stands before a member's bytes. *time* is as `dos_time` gives it."""
    if size < _MAX_32:
        fields = (_VERSION, _UTF8, 0, time, crc32, size, size, len(name), 0)
        return _LOCAL.pack(b"PK\3\4", *fields) + name
    # Both sizes are needed in a local header, even if only one were too large (4.5.3).
    extra = _EXTRA_ZIP64_LOCAL.pack(_ZIP64_EXTRA, 16, size, size)
    fields = (_VERSION_ZIP64, _UTF8, 0, time, crc32, _MAX_32, _MAX_32, len(name), len(extra))
    return _LOCAL.pack(b"PK\3\4", *fields) + name + extra


def central_size(name: bytes, size: int, offset: int) -> int:
    """Say how long the central header of such a member is."""
    large = 2 * (size >= _MAX_32) + (offset >= _MAX_32)
    return _CENTRAL.size + len(name) + (4 + 8 * large if large else 0)


def central_header(name: bytes, size: int, crc32: int, time: int, offset: int) -> bytes:
    """Write a member's entry in the directory; its local header is at *offset*."""
    extra = _central_extra(size, offset)
    version = _VERSION_ZIP64 if extra else _VERSION
    short = min(size, _MAX_32)
    header = _CENTRAL.pack(
        b"PK\1\2", version | _MADE_ON_UNIX, version, _UTF8, 0, time, crc32, short, short,
        len(name), len(extra), 0, 0, 0, _REGULAR_0644, min(offset, _MAX_32),
    )  # fmt: skip
    return header + name + extra


def _central_extra(size: int, offset: int) -> bytes:
    """Hold the values that don't fit, in the order of 4.5.3: sizes, then offset."""
    if size < _MAX_32 and offset < _MAX_32:
        return b""
    values = [size, size] if size >= _MAX_32 else []
    if offset >= _MAX_32:
        values.append(offset)
    return struct.pack(f"<2H{len(values)}Q", _ZIP64_EXTRA, 8 * len(values), *values)


def end_records(count: int, start: int, size: int) -> bytes:
    """Write what follows the directory: *count* entries in *size* bytes from *start*."""
    counts = min(count, _MAX_16)
    place = min(size, _MAX_32), min(start, _MAX_32)
    end = _END.pack(b"PK\5\6", 0, 0, counts, counts, *place, 0)
    if count < _MAX_16 and size < _MAX_32 and start < _MAX_32:
        return end
    made_by = _VERSION_ZIP64 | _MADE_ON_UNIX
    fields = (_END_ZIP64.size - 12, made_by, _VERSION_ZIP64, 0, 0, count, count, size, start)
    record = _END_ZIP64.pack(b"PK\6\6", *fields)
    return record + _LOCATOR_ZIP64.pack(b"PK\6\7", 0, start + size, 1) + end


def dos_time(moment: datetime) -> int:
    """Write a time the way of MS-DOS: years 1980 to 2107, in steps of two seconds (4.4.6).

    The time is in the low 16 bits and the date above, as the headers have them.
    """
    if moment.year < _FIRST_YEAR:
        return (1 << 5 | 1) << 16
    year = min(moment.year, _LAST_YEAR) - _FIRST_YEAR
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return (year << 9 | moment.month << 5 | moment.day) << 16 | time
