import hashlib
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from imgtag.domain.photos import Facts, Filter, Framing
from imgtag.imaging.model import Inspection, Question, RenditionSpec
from tests.unit.imaging.conftest import Look
from tests.unit.imaging.pictures import (
    decoded,
    encoded,
    exif,
    marked,
    near,
    noise,
    png,
    png_header,
    seeds,
    swapped_profile,
)

RED, WHITE, BLACK = (254, 0, 0), (255, 255, 255), (0, 0, 0)
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIF": "image/heic"}


@pytest.mark.parametrize("name", TYPES)
def test_formats(look: Look, name: str) -> None:
    """Each format is known by its content, measured and made into a thumbnail."""
    photo = look(encoded(noise((750, 500)), name))
    assert isinstance(photo, Inspection)
    assert photo.facts == Facts(TYPES[name], 750, 500)
    thumbnail = decoded(photo.thumbnail)
    assert (thumbnail.size, thumbnail.mode) == ((512, 341), "RGB")


def test_generic_heif(look: Look) -> None:
    """A HEIF that does not name its codec first is image/heif."""
    data = encoded(noise(), "HEIF")
    photo = look(data.replace(b"ftypheic", b"ftypmif1", 1))
    assert isinstance(photo, Inspection)
    assert photo.facts.content_type == "image/heif"


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (512, 512)])
def test_never_enlarged(look: Look, size: tuple[int, int]) -> None:
    """A photo smaller than a thumbnail keeps its size."""
    photo = look(encoded(noise(size)))
    assert isinstance(photo, Inspection)
    assert decoded(photo.thumbnail).size == size


@pytest.mark.parametrize("size", [(3000, 2), (2, 3000), (2100, 90), (1, 2000)])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_extreme_shapes(look: Look, name: str, size: tuple[int, int]) -> None:
    """However narrow, a thumbnail has at least one pixel each way and 512 on its longest side."""
    photo = look(encoded(noise(size), name))
    assert isinstance(photo, Inspection)
    thumbnail = decoded(photo.thumbnail)
    assert max(thumbnail.size) == 512
    assert min(thumbnail.size) >= 1


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(look: Look, name: str, orientation: int) -> None:
    """Whatever way the camera was held, facts, thumbnail and pixels are upright."""
    turned = encoded(marked(), "PNG", exif=exif(orientation=orientation))
    with Image.open(BytesIO(turned)) as stored:
        upright = ImageOps.exif_transpose(stored)
    data = encoded(marked(), name, exif=exif(orientation=orientation), quality=95)
    framing = Framing(*upright.size, shorter_side=min(upright.size))
    photo = look(data, Question(RenditionSpec(512, raster=framing)))
    assert isinstance(photo, Inspection)
    assert photo.raster
    pixels = Image.frombytes("RGB", (photo.raster.width, photo.raster.height), photo.raster.rgb)
    thumbnail = decoded(photo.thumbnail)
    assert (photo.facts.width, photo.facts.height) == upright.size == thumbnail.size
    assert photo.orientation == orientation
    for x, y in ((8, 8), (-8, 8), (8, -8), (-8, -8)):
        spot = (x % upright.width, y % upright.height)
        assert near(thumbnail.getpixel(spot), upright.getpixel(spot))
        assert near(pixels.getpixel(spot), upright.getpixel(spot))


def test_heic_that_turns_itself(look: Look) -> None:
    """Where the container of a HEIC turns it, the EXIF that says so too is not applied again."""
    picture = marked()
    picture.info["exif"] = exif(orientation=6).tobytes()
    data = encoded(picture, "HEIF")
    assert b"irot" in data
    photo = look(data)
    assert isinstance(photo, Inspection)
    assert (photo.facts.width, photo.facts.height, photo.orientation) == (64, 96, 1)
    assert near(decoded(photo.thumbnail).getpixel((56, 8)), RED)


def test_heic_turned_by_exif_alone(look: Look) -> None:
    """Where a HEIC's container says nothing, its EXIF decides."""
    data = encoded(marked(), "HEIF", exif=exif(orientation=6))
    assert b"irot" not in data
    photo = look(data)
    assert isinstance(photo, Inspection)
    assert (photo.facts.width, photo.facts.height, photo.orientation) == (64, 96, 6)
    assert near(decoded(photo.thumbnail).getpixel((56, 8)), RED)


def wide_png(depth: int, colours: int, pixel: bytes) -> bytes:
    """Build a PNG of 40x40 equal pixels, in kinds that Pillow does not write."""
    rows = (b"\0" + pixel * 40) * 40
    header = png_header(40, 40, depth=depth, colours=colours)
    return png([header, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


MODES = {
    "CMYK JPEG": (encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0))), RED),
    "grey JPEG": (encoded(Image.new("L", (40, 40), 90)), (90, 90, 90)),
    "1-bit PNG": (encoded(Image.new("1", (40, 40), 1), "PNG"), WHITE),
    "16-bit grey PNG": (wide_png(16, 0, b"\x80\x00"), (128, 128, 128)),
    "16-bit RGB PNG": (wide_png(16, 2, b"\xff\xff\0\0\0\0"), RED),
    "16-bit grey and alpha PNG": (wide_png(16, 4, b"\0\0\0\0"), WHITE),
    "grey and alpha PNG": (encoded(Image.new("LA", (40, 40), (0, 0)), "PNG"), WHITE),
    "transparent PNG": (encoded(Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG"), WHITE),
    "opaque RGBA PNG": (encoded(Image.new("RGBA", (40, 40), (254, 0, 0, 255)), "PNG"), RED),
    "palette PNG": (encoded(Image.new("RGB", (40, 40), RED).convert("P"), "PNG"), RED),
    "palette PNG with tRNS": (
        png(
            [
                png_header(40, 40, colours=3),
                (b"PLTE", bytes(768)),
                (b"tRNS", bytes(256)),
                (b"IDAT", zlib.compress((b"\0" + b"\7" * 40) * 40)),
                (b"IEND", b""),
            ]
        ),
        WHITE,
    ),
    "transparent WebP": (
        encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "WEBP", lossless=True),
        WHITE,
    ),
    "animated WebP": (
        encoded(
            Image.new("RGB", (40, 40), RED),
            "WEBP",
            save_all=True,
            append_images=[Image.new("RGB", (40, 40), BLACK)],
        ),
        RED,
    ),
    "animated PNG": (
        encoded(
            Image.new("RGB", (40, 40), RED),
            "PNG",
            save_all=True,
            append_images=[Image.new("RGB", (40, 40), BLACK)],
        ),
        RED,
    ),
}


@pytest.mark.parametrize("kind", MODES)
def test_kinds_of_pixels(look: Look, kind: str) -> None:
    """Every kind of pixel ends as plain RGB, what is transparent as white; first frame only."""
    data, colour = MODES[kind]
    photo = look(data)
    assert isinstance(photo, Inspection)
    assert near(decoded(photo.thumbnail).getpixel((20, 20)), colour)


def test_strips_join(look: Look) -> None:
    """A large photo with transparency looks as if it had been scaled in one piece."""
    picture = noise((1600, 1169))
    photo = look(encoded(picture.convert("RGBA"), "PNG", compress_level=1))
    assert isinstance(photo, Inspection)
    expected = picture.resize((512, 374), Image.Resampling.BOX)
    thumbnail = decoded(photo.thumbnail)
    spots = [(x, y) for x in range(5, 512, 50) for y in range(1, 374, 6)]
    assert all(near(thumbnail.getpixel(s), expected.getpixel(s)) for s in spots)


def test_colour_profile(look: Look) -> None:
    """Colours are those that the photo's own profile means."""
    red = Image.new("RGB", (40, 40), (255, 0, 0))
    photo = look(encoded(red, icc_profile=swapped_profile()))
    assert isinstance(photo, Inspection)
    assert near(decoded(photo.thumbnail).getpixel((20, 20)), (0, 255, 0))


@pytest.mark.parametrize("profile", [b"junk" * 40, swapped_profile()[:300], b"\0" * 5_000_000])
def test_bad_colour_profile(look: Look, profile: bytes) -> None:
    """A profile that is malformed or huge is left out of account."""
    photo = look(encoded(Image.new("RGB", (40, 40), RED), icc_profile=profile))
    assert isinstance(photo, Inspection)
    assert near(decoded(photo.thumbnail).getpixel((20, 20)), RED)


def app_markers(jpeg: bytes) -> set[int]:
    """List the application and comment segments of *jpeg* by their marker."""
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        if jpeg[at + 1] >= 0xE0:
            found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


@pytest.mark.parametrize("name", seeds())
def test_no_metadata(look: Look, name: str) -> None:
    """Thumbnail and rendition say nothing but pixels: no EXIF, profile, comment or XMP."""
    photo = look(seeds()[name], Question(RenditionSpec(1024)))
    assert isinstance(photo, Inspection)
    assert photo.rendition is not None
    assert app_markers(photo.thumbnail) == app_markers(photo.rendition) == {0xE0}
    assert not decoded(photo.thumbnail).getexif()


def test_rendition(look: Look) -> None:
    """A rendition has the side that was asked for, and the thumbnail stays what it is."""
    photo = look(encoded(noise((3000, 2000))), Question(RenditionSpec(1280)))
    assert isinstance(photo, Inspection)
    assert photo.rendition is not None
    assert decoded(photo.rendition).size == (1280, 853)
    assert decoded(photo.thumbnail).size == (512, 341)


@pytest.mark.parametrize("kept", ["bilinear", "bicubic", "lanczos", "box"])
@pytest.mark.parametrize(
    ("framing", "part"),
    [
        (Framing(112, 112, 112), (64, 0, 448, 384)),
        (Framing(96, 96, 128), (112, 48, 400, 336)),
        (Framing(128, 96, 96), (0, 0, 512, 384)),
        (Framing(112, 112, 112, "stretch"), (0, 0, 512, 384)),
        (Framing(600, 600, 600), (64, 0, 448, 384)),
    ],
)
def test_raster(
    look: Look,
    framing: Framing,
    part: tuple[int, int, int, int],
    kept: Filter,
) -> None:
    """A labeler's pixels are the part of the thumbnail that it wants, in the size that it wants."""
    spec = RenditionSpec(512, raster=replace(framing, filter=kept))
    photo = look(encoded(noise((1024, 768))), Question(spec))
    assert isinstance(photo, Inspection)
    assert photo.raster is not None
    size = (photo.raster.width, photo.raster.height)
    assert size == (framing.width, framing.height)
    shown = decoded(photo.thumbnail).crop(part).resize(size, Image.Resampling.BOX)
    difference = ImageChops.difference(
        Image.frombytes("RGB", size, photo.raster.rgb).convert("L"), shown.convert("L")
    )
    assert ImageStat.Stat(difference).mean[0] < 8


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        (RenditionSpec(512), False),
        (RenditionSpec(513), True),
        (RenditionSpec(900, frozenset({"image/jpeg"}), 5_000_000, 1200), False),
        (RenditionSpec(900, frozenset({"image/png"}), 5_000_000, 1200), True),
        (RenditionSpec(900, frozenset({"image/jpeg"}), 100, 1200), True),
        (RenditionSpec(900, frozenset({"image/jpeg"}), 5_000_000, 1199), True),
    ],
)
def test_rendition_only_where_needed(look: Look, spec: RenditionSpec, *, made: bool) -> None:
    """No rendition is made where the thumbnail or the original serves."""
    photo = look(encoded(noise((1200, 900))), Question(spec))
    assert isinstance(photo, Inspection)
    assert (photo.rendition is not None) == made


def test_digest(look: Look) -> None:
    """The hashes are those of the bytes, and are only made when asked for."""
    data = seeds()["jpeg"]
    plain, hashed = look(data), look(data, Question(digest=True))
    assert isinstance(plain, Inspection)
    assert isinstance(hashed, Inspection)
    assert plain.content is None
    assert hashed.content is not None
    assert hashed.content.sha256 == hashlib.sha256(data).hexdigest()
    assert (hashed.content.size, hashed.content.crc32) == (len(data), zlib.crc32(data))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_taken_at(look: Look, name: str) -> None:
    """When a photo was taken is read from every format, with its offset and its fraction."""
    facts = exif(taken="2024:05:06 01:02:03", offset="+02:00", fraction="456789")
    photo = look(encoded(noise(), name, exif=facts))
    assert isinstance(photo, Inspection)
    assert photo.facts.taken_at == datetime(2024, 5, 5, 23, 2, 3, 456_000, UTC)


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x7f" * 900,
    ],
)
def test_malformed_exif(look: Look, block: bytes) -> None:
    """EXIF that makes no sense costs a photo its date and nothing else."""
    photo = look(encoded(noise(), exif=block))
    assert isinstance(photo, Inspection)
    assert (photo.facts.taken_at, photo.orientation) == (None, 1)


def test_trailing_bytes(look: Look) -> None:
    """What a phone appends to a JPEG, its film of the moment say, does no harm."""
    film = b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\x08 film " * 400
    photo = look(encoded(noise(), progressive=True) + film)
    assert isinstance(photo, Inspection)
