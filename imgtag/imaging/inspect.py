"""Looking at one photo. Runs in the child: what it touches may be hostile."""

import hashlib
import warnings
from datetime import UTC, datetime
from io import BytesIO
from typing import Final

import pillow_heif
from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin
from zlib_ng import zlib_ng

from imgtag.domain.photos import Content, Facts
from imgtag.imaging.cost import afford, limit_pixels
from imgtag.imaging.exif import orientation_of, read_exif
from imgtag.imaging.formats import HEAD_BYTES, PILLOW_FORMATS, content_type_of
from imgtag.imaging.heif import orients_itself
from imgtag.imaging.jpeg import JpegPlan, plan_jpeg
from imgtag.imaging.model import THUMBNAIL_SIDE, Inspection, Limits, Question, Refused
from imgtag.imaging.shrink import jpegs, raster, shrink, turn

PLUGINS: Final = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)
"""The decoders that may run, HEIC aside; imported here so that the child needs no file later."""

_MAX_DETAIL: Final = 160


def prepare(limits: Limits) -> None:
    """Set the decoders up, once per process: allow-list, caps, no threads."""
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    pillow_heif.register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
    )


def inspect(data: bytes, question: Question, limits: Limits) -> Inspection:
    """Find out what *question* asks about the photo *data*.

    Only the first frame counts. Damage that decoders repair is fine. Raises `Refused`, and nothing
    else, for whatever *data* may be.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _inspect(data, question, limits)
    except Refused:
        raise
    except MemoryError:
        detail = "decoding it takes more memory than one photo may have"
        raise Refused("photo_too_expensive", detail) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("too_many_pixels", _sentence(error)) from None
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise anything
        raise Refused("damaged_photo", f"its pixels can't be read: {_sentence(error)}") from None


def _inspect(data: bytes, question: Question, limits: Limits) -> Inspection:
    content_type = content_type_of(data[:HEAD_BYTES])
    plan = _plan(data, content_type, limits)
    with Image.open(BytesIO(data), formats=(PILLOW_FORMATS[content_type],)) as picture:
        afford(picture, content_type, plan, limits)
        width, height = picture.size
        spec = question.rendition
        rendition = bool(spec and spec.wanted(content_type, len(data), max(width, height)))
        small = shrink(picture, spec.side if spec and rendition else THUMBNAIL_SIDE)
        orientation, taken = read_exif(picture, now=datetime.now(UTC))
    if PILLOW_FORMATS[content_type] == "HEIF" and not orients_itself(data):
        orientation = orientation_of(picture.info.get("original_orientation"))
    upright = turn(small, orientation)
    thumbnail, larger = jpegs(upright, rendition=rendition)
    if orientation > 4:  # noqa: PLR2004 - Exif: from 5 on the picture lies on its side
        width, height = height, width
    return Inspection(
        facts=Facts(content_type, width, height, taken),
        orientation=orientation,
        thumbnail=thumbnail,
        rendition=larger,
        raster=raster(upright, spec.raster) if spec and spec.raster else None,
        content=_digest(data) if question.digest else None,
    )


def _plan(data: bytes, content_type: str, limits: Limits) -> JpegPlan | None:
    if content_type != "image/jpeg":
        return None
    plan = plan_jpeg(data, limits)
    limit_pixels(plan.frame.width, plan.frame.height, limits)
    return plan


def _digest(data: bytes) -> Content:
    return Content(len(data), hashlib.sha256(data).hexdigest(), zlib_ng.crc32(data))


def _sentence(error: Exception) -> str:
    # Decoders put the repr of our own file object in some of their messages.
    text = str(error).partition("<")[0] or type(error).__name__
    return "".join(c for c in text if c.isascii() and c.isprintable())[:_MAX_DETAIL].strip()
