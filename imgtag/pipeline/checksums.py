"""The two checksums that a photo is known by, taken on the way in."""

import hashlib
import zlib
from functools import cache
from typing import Final

from imgtag.domain.photos import Content

# Of CRC-32 as ZIP has it, bits reversed.
_POLYNOMIAL: Final = 0xEDB88320


class Checksums:
    """Sees bytes go by once. SHA-256 is the photo's identity, CRC-32 is what a ZIP asks for."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Count *chunk* in."""
        self._sha256.update(chunk)
        self._crc32 = zlib.crc32(chunk, self._crc32)
        self.size += len(chunk)

    def content(self) -> Content:
        """Say what went by."""
        return Content(self.size, self._sha256.hexdigest(), self._crc32)


def crc32_of_both(first: int, second: int, second_size: int) -> int:
    """Give the CRC-32 of two runs of bytes together from theirs; the second has *second_size*.

    The method is zlib's crc32_combine: appending zero bytes is a linear map over GF(2), and maps
    for each power of two are made by squaring.
    """
    power = 0
    while second_size:
        if second_size & 1:
            first = _apply(_zeros(power), first)
        second_size >>= 1
        power += 1
    return first ^ second


@cache
def _zeros(power: int) -> tuple[int, ...]:
    """Make the map that appends 2 ** *power* zero bytes, as its 32 columns."""
    if power:
        half = _zeros(power - 1)
        return tuple(_apply(half, column) for column in half)
    bits = (_POLYNOMIAL, *(1 << bit for bit in range(31)))
    for _ in range(3):
        bits = tuple(_apply(bits, column) for column in bits)
    return bits


def _apply(columns: tuple[int, ...], bits: int) -> int:
    result = 0
    for column in columns:
        if bits & 1:
            result ^= column
        bits >>= 1
        if not bits:
            break
    return result
