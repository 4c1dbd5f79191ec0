"""The two checksums that a photo is known by, taken on the way in."""

import hashlib

from zlib_ng import zlib_ng

from imgtag.domain.photos import Content


class Checksums:
    """Sees bytes go by once. SHA-256 is the photo's identity, CRC-32 is what a ZIP asks for."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Count *chunk* in."""
        self._sha256.update(chunk)
        self._crc32 = zlib_ng.crc32(chunk, self._crc32)
        self.size += len(chunk)

    def content(self) -> Content:
        """Say what went by."""
        return Content(self.size, self._sha256.hexdigest(), self._crc32)
