"""What decoding a photo will take, told from its header, before the decoder takes it."""

from typing import Final

from PIL import Image

from imgtag.imaging.jpeg import JpegPlan
from imgtag.imaging.model import MEBIBYTE, Limits, Refused

# Measured with Pillow 13 and libheif 1.23: what the decoder and its result take at their peak.
# WebP: two canvases in libwebp's animation decoder, and the copy handed over.
# HEIC: the planes, the interleaved copy, and the copy handed over.
_PIXEL_BYTES: Final = {"image/webp": 12.0, "image/heic": 7.0, "image/heif": 7.0}
_PNG_PIXEL_BYTES: Final = {"1": 1.0, "L": 1.0, "P": 1.0, "I;16": 2.0}


def afford(picture: Image.Image, content_type: str, plan: JpegPlan | None, limits: Limits) -> None:
    """Refuse a *picture* that is opened and not yet decoded, and would exceed *limits*."""
    width, height = picture.size
    limit_pixels(width, height, limits)
    needed = int(width * height * _pixel_bytes(picture, content_type, plan))
    if needed > limits.decoded_bytes:
        detail = (
            f"{width}x{height} pixels of this kind take {needed // MEBIBYTE} MiB to decode "
            f"and the limit is {limits.decoded_bytes // MEBIBYTE} MiB"
        )
        raise Refused("too_many_pixels", detail)


def limit_pixels(width: int, height: int, limits: Limits) -> None:
    """Refuse more than `Limits.max_pixels`, and none at all."""
    if width < 1 or height < 1:
        raise Refused("damaged_photo", "the photo has no pixels")
    if width * height > limits.max_pixels:
        millions = limits.max_pixels // 1_000_000
        detail = f"{width}x{height} pixels are more than the limit of {millions} million"
        raise Refused("too_many_pixels", detail)


def _pixel_bytes(picture: Image.Image, content_type: str, plan: JpegPlan | None) -> float:
    if plan:
        coefficients = plan.frame.coefficient_bytes() if plan.buffered else 0
        return coefficients / (plan.frame.width * plan.frame.height)
    return _PIXEL_BYTES.get(content_type) or _PNG_PIXEL_BYTES.get(picture.mode, 4.0)
