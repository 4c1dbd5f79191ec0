"""A photo, what is known of it, and the states it goes through."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, Self

from imgtag.domain.errors import Conflict, Invalid, TooLarge, Unsupported
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import LabelSet

MAX_FILE_NAME_CHARACTERS: Final = 255

CONTENT_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif")
EXTENSIONS: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/heif": ".heif",
}
_SHA256 = re.compile(r"[0-9a-f]{64}")


class PhotoState(StrEnum):
    """How far a photo has come. Only AWAITING has no bytes yet."""

    AWAITING = "awaiting"
    STORED = "stored"
    LABELLED = "labelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: a stable *code* for programs, a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Content:
    """The identity of a photo's bytes: *size* in bytes, SHA-256 in hex, CRC-32 as ZIP wants it."""

    size: int
    sha256: str
    crc32: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What decoding told: *width* and *height* in pixels, upright; *taken_at* from EXIF."""

    content_type: str
    width: int
    height: int
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture as it is after decoding: rows from the top, three bytes of RGB for each pixel."""

    width: int
    height: int
    rgb: bytes


Fit = Literal["crop", "stretch"]
Filter = Literal["bilinear", "bicubic", "lanczos", "box"]


@dataclass(frozen=True, slots=True)
class Framing:
    """How a picture of any shape becomes one of *width* by *height* pixels.

    ``crop`` scales until the shorter side has *shorter_side* pixels, and keeps the middle;
    ``stretch`` ignores the picture's proportions.
    """

    width: int
    height: int
    shorter_side: int
    fit: Fit = "crop"
    filter: Filter = "bilinear"

    def part_of(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Give the left, upper, right and lower edge of what is kept of a picture of *size*."""
        width, height = float(size[0]), float(size[1])
        if self.fit == "stretch":
            return 0, 0, width, height
        ratio = min(width, height) / self.shorter_side
        wide, high = min(width, self.width * ratio), min(height, self.height * ratio)
        left, top = (width - wide) / 2, (height - high) / 2
        return left, top, left + wide, top + high


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo of one owner.

    Until its bytes arrive, *size*, *content_type* and *sha256* are what the client said; after
    that they are what was measured. *trashed_at* is set while it lies in the trash.
    """

    owner: OwnerId
    id: PhotoId
    file_name: str
    created_at: datetime
    state: PhotoState = PhotoState.AWAITING
    content_type: str | None = None
    size: int | None = None
    sha256: str | None = None
    crc32: int | None = None
    width: int | None = None
    height: int | None = None
    taken_at: datetime | None = None
    failure: Failure | None = None
    labels: LabelSet = field(default_factory=LabelSet)
    trashed_at: datetime | None = None

    @property
    def shown_at(self) -> datetime:
        """The time that a person files it under: when it was taken, else when it came."""
        return self.taken_at or self.created_at

    @property
    def content(self) -> Content | None:
        """The identity of its bytes, once they have arrived."""
        if self.state is PhotoState.AWAITING:
            return None
        if self.size is None or self.sha256 is None or self.crc32 is None:
            return None
        return Content(self.size, self.sha256, self.crc32)

    @property
    def facts(self) -> Facts | None:
        """What decoding told, once it has."""
        if self.content_type is None or self.width is None or self.height is None:
            return None
        return Facts(self.content_type, self.width, self.height, self.taken_at)

    @property
    def in_library(self) -> bool:
        """Whether it counts: its bytes have arrived, and it is not in the trash."""
        return self.state is not PhotoState.AWAITING and self.trashed_at is None

    def stored(self, content: Content) -> Self:
        """Record that the bytes are there. The same bytes again change nothing."""
        if self.state is not PhotoState.AWAITING:
            if self.sha256 != content.sha256:
                msg = "the photo already has other bytes"
                raise Conflict(msg, code="already_uploaded")
            return self
        return replace(
            self,
            state=PhotoState.STORED,
            size=content.size,
            sha256=content.sha256,
            crc32=content.crc32,
        )

    def inspected(self, facts: Facts) -> Self:
        """Record what decoding told."""
        return replace(
            self,
            content_type=facts.content_type,
            width=facts.width,
            height=facts.height,
            taken_at=facts.taken_at,
        )

    def labelled(self, labels: LabelSet) -> Self:
        """Record a labeler's answer."""
        return replace(self, state=PhotoState.LABELLED, failure=None, labels=labels)

    def failed(self, failure: Failure) -> Self:
        """Record that it can't be decoded or labelled. The bytes and the user's labels stay."""
        return replace(self, state=PhotoState.FAILED, failure=failure)


def file_name_of(text: str) -> str:
    """Check what a user calls a file: any Unicode, 1 to 255 characters, no path."""
    name = unicodedata.normalize("NFC", text)
    if not 1 <= len(name) <= MAX_FILE_NAME_CHARACTERS or name in {".", ".."}:
        msg = f"a file name is 1 to {MAX_FILE_NAME_CHARACTERS} characters"
        raise Invalid(msg, code="invalid_file_name")
    if any(mark in name for mark in "/\\\0"):
        msg = "a file name holds no path"
        raise Invalid(msg, code="invalid_file_name")
    try:
        name.encode()
    except UnicodeEncodeError:
        msg = "a file name is Unicode text"
        raise Invalid(msg, code="invalid_file_name") from None
    return name


def sha256_of(text: str) -> str:
    """Check a SHA-256 in hexadecimal."""
    if not _SHA256.fullmatch(text.lower()):
        msg = "a SHA-256 is 64 hexadecimal digits"
        raise Invalid(msg, code="invalid_sha256")
    return text.lower()


def accept(*, content_type: str, size: int, max_bytes: int) -> None:
    """Refuse what can't become a photo, before a byte is sent. Sizes are bytes."""
    if content_type not in CONTENT_TYPES:
        msg = "imgtag takes JPEG, PNG, WebP and HEIC"
        raise Unsupported(msg)
    if size < 1:
        msg = "the file is empty"
        raise Invalid(msg, code="empty_file")
    if size > max_bytes:
        msg = f"the file has {size} bytes and the limit is {max_bytes}"
        raise TooLarge(msg, code="photo_too_large")
