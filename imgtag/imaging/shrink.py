"""Making small JPEGs out of decoded photos: upright, sRGB, opaque, without metadata."""

from functools import lru_cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

from imgtag.domain.photos import Framing, Raster
from imgtag.imaging.model import THUMBNAIL_SIDE
from imgtag.imaging.pixels import Loaded, Pixels, decode

THUMBNAIL_QUALITY: Final = 80
RENDITION_QUALITY: Final = 90

_STRIP_PIXELS: Final = 1_000_000
_MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024
# What Pillow scales as it is; anything else is flattened strip by strip first.
_SCALABLE: Final = frozenset({"L", "RGB", "CMYK"})
_MANAGED: Final = frozenset({"RGB", "CMYK"})

_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale *size* so that its longest side is *side* pixels at most; never enlarge."""
    longest = max(size)
    if longest <= side:
        return size
    width, height = (max(1, round(length * side / longest)) for length in size)
    return width, height


def shrink(picture: Image.Image, side: int) -> Image.Image:
    """Scale *picture* to *side* pixels at most and make it RGB; it is decoded if it wasn't."""
    target = fit(picture.size, side)
    profile = picture.info.get("icc_profile")
    picture.draft(None, target)
    pixels = decode(picture)
    if isinstance(pixels, Loaded) and pixels.picture.mode in _SCALABLE:
        return _to_srgb(_scale(pixels.picture, target), profile)
    return _to_srgb(_scale(_flatten(pixels, target), target), profile)


def turn(picture: Image.Image, orientation: int) -> Image.Image:
    """Set *picture* upright, by its EXIF *orientation* of 1 to 8."""
    return picture.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else picture


def jpegs(upright: Image.Image, *, rendition: bool) -> tuple[bytes, bytes | None]:
    """Encode the thumbnail of a shrunken photo and, where asked for, the photo itself."""
    thumbnail = _scale(upright, fit(upright.size, THUMBNAIL_SIDE))
    return (
        _encode(thumbnail, THUMBNAIL_QUALITY),
        _encode(upright, RENDITION_QUALITY) if rendition else None,
    )


def raster(upright: Image.Image, framing: Framing) -> Raster:
    """Give the pixels of a shrunken photo as *framing* wants them."""
    framed = upright.resize(
        (framing.width, framing.height),
        Image.Resampling[framing.filter.upper()],
        box=framing.part_of(upright.size),
        reducing_gap=1.0,
    )
    return Raster(*framed.size, framed.tobytes())


def _scale(picture: Image.Image, target: tuple[int, int]) -> Image.Image:
    if picture.size == target:
        return picture
    return picture.resize(target, Image.Resampling.HAMMING, reducing_gap=1.0)


def _flatten(pixels: Pixels, target: tuple[int, int]) -> Image.Image:
    """Reduce by whole numbers, a strip at a time: no second copy of all pixels is ever made."""
    width, height = pixels.size
    across, down = max(1, width // target[0]), max(1, height // target[1])
    rows = max(1, _STRIP_PIXELS // (width * down)) * down
    flat = Image.new("RGB", (-(-width // across), -(-height // down)))
    for top in range(0, height, rows):
        strip = _opaque(pixels.rows(top, top + rows))
        flat.paste(strip.reduce((across, down)), (0, top // down))
    return flat


def _opaque(strip: Image.Image) -> Image.Image:
    if strip.mode.startswith("I"):
        # 16-bit grey: converting would clip every value above 255 to white.
        return strip.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    colours = strip.convert("RGBA")
    page = Image.new("RGB", strip.size, "white")
    page.paste(colours, mask=colours.getchannel("A"))
    return page


def _to_srgb(small: Image.Image, profile: object) -> Image.Image:
    if isinstance(profile, bytes) and small.mode in _MANAGED:
        transform = _transform(profile, small.mode)
        if transform:
            return transform.apply(small)
    return small if small.mode == "RGB" else small.convert("RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the way from *profile* to sRGB; None where it is sRGB already or of no use."""
    if len(profile) > _MAX_PROFILE_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        space, name = source.profile.xcolor_space, source.profile.profile_description
        if space.strip() != mode or "sRGB" in (name or ""):
            return None
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.ImageCmsTransform(source, srgb, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _encode(picture: Image.Image, quality: int) -> bytes:
    # Pillow writes a comment that it finds among what the original said.
    picture.info.clear()
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
