"""What is asked about a photo, what is answered, and what a photo may cost."""

from dataclasses import dataclass
from typing import Final

from imgtag.domain.photos import Content, Facts, Framing, Raster

MEBIBYTE: Final = 1024 * 1024

THUMBNAIL_SIDE: Final = 512
"""Pixels on the longest side of a thumbnail, at most."""

CODES: Final = frozenset(
    {
        "empty_file",
        "unsupported_format",
        "damaged_photo",
        "too_many_pixels",
        "photo_bomb",
        "photo_too_expensive",
        "photo_crashed_decoder",
    }
)
"""Every reason for refusing a photo:

``empty_file``
    there are no bytes;
``unsupported_format``
    by its content it is no JPEG, PNG, WebP or HEIC;
``damaged_photo``
    its format is fine and its pixels can't all be decoded;
``too_many_pixels``
    more than `Limits.max_pixels`, or more than `Limits.decoded_bytes` once decoded;
``photo_bomb``
    it is built to be expensive: endless scans, segments or compressed text;
``photo_too_expensive``
    it went past the limit on memory, CPU or time all the same;
``photo_crashed_decoder``
    the process that decoded it died twice.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one photo may cost.

    The pixel cap lets the largest cameras pass (200 megapixels). A JPEG of that size is scaled
    while it is decoded and takes a few MB; other formats meet *decoded_bytes* first, which bounds
    what the decoder needs by its own arithmetic (4 bytes a pixel for PNG, 12 for WebP, see
    `imgtag.imaging.cost`). *memory_bytes* is the child's address space, the net below.
    *cpu_seconds* is enforced by the kernel, *wall_seconds* by the parent.

    A child is replaced after *photos_per_child*, or once it keeps more than *resident_bytes*.
    """

    max_pixels: int = 200_000_000
    max_scans: int = 100
    max_segments: int = 1_000
    decoded_bytes: int = 400 * MEBIBYTE
    memory_bytes: int = 640 * MEBIBYTE
    cpu_seconds: float = 10.0
    wall_seconds: float = 30.0
    start_seconds: float = 30.0
    photos_per_child: int = 1_000
    resident_bytes: int = 200 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class RenditionSpec:
    """The picture that a labeler wants: JPEG, *side* pixels on the longest side at most.

    None is made, and the original serves, where its content type is one of *unless_types* and it
    has at most *unless_max_bytes* bytes and *unless_max_side* pixels on its longest side. None is
    made either for a *side* that the thumbnail satisfies (`THUMBNAIL_SIDE`).

    *raster* asks for pixels as well, framed as it says.
    """

    side: int
    unless_types: frozenset[str] = frozenset()
    unless_max_bytes: int = 0
    unless_max_side: int = 0
    raster: Framing | None = None

    def wanted(self, content_type: str, size: int, longest_side: int) -> bool:
        """Tell whether a photo of *size* bytes needs a rendition of its own."""
        original_serves = (
            content_type in self.unless_types
            and size <= self.unless_max_bytes
            and longest_side <= self.unless_max_side
        )
        return self.side > THUMBNAIL_SIDE and not original_serves


@dataclass(frozen=True, slots=True)
class Question:
    """What to find out about one photo; *digest* asks for the hashes of its bytes as well."""

    rendition: RenditionSpec | None = None
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """What there is to know about a photo.

    *facts* are upright; *orientation* is the EXIF value (1 to 8) that was applied to get there.
    *thumbnail* and *rendition* are JPEG: upright, sRGB, without metadata, never enlarged. *raster*
    is upright and sRGB, too.
    """

    facts: Facts
    orientation: int
    thumbnail: bytes
    rendition: bytes | None = None
    raster: Raster | None = None
    content: Content | None = None


class Refused(Exception):
    """The photo is at fault: a *code* of `CODES` and one sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
