"""Pictures made up for the tests, honest and hostile."""

import random
import struct
import zlib
from io import BytesIO
from typing import Any, Final

import pillow_heif
from PIL import Image, ImageCms

pillow_heif.register_heif_opener()

JPEG_END: Final = b"\xff\xd9"


def noise(size: tuple[int, int] = (64, 48), mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Draw soft noise, which no format compresses to nothing."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    coarse = random.Random(seed).randbytes(8 * 6 * channels)
    return Image.frombytes(mode, (8, 6), coarse).resize(size, Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, name: str = "JPEG", **options: Any) -> bytes:
    """Save *picture* in the format *name*."""
    buffer = BytesIO()
    picture.save(buffer, name, **options)
    return buffer.getvalue()


def decoded(jpeg: bytes) -> Image.Image:
    """Open a thumbnail."""
    picture = Image.open(BytesIO(jpeg), formats=("JPEG",))
    picture.load()
    return picture


def marked(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Draw white with a red top left quarter: every turn of it looks different."""
    picture = Image.new("RGB", size, "white")
    picture.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    return picture


def near(pixel: Any, colour: tuple[int, int, int], within: int = 24) -> bool:
    """Compare colours as far as JPEG keeps them."""
    return all(abs(a - b) <= within for a, b in zip(pixel, colour, strict=True))


def exif(**tags: Any) -> Image.Exif:
    """Build EXIF: *orientation*, *taken* (DateTimeOriginal), *offset* and *fraction* of it."""
    built = Image.Exif()
    built[0x010F] = "a maker"
    if "orientation" in tags:
        built[0x0112] = tags["orientation"]
    details = {0x9003: tags.get("taken"), 0x9011: tags.get("offset"), 0x9291: tags.get("fraction")}
    built.get_ifd(0x8769).update({tag: text for tag, text in details.items() if text is not None})
    return built


def swapped_profile() -> bytes:
    """Build an ICC profile whose red is sRGB's green."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table, rest = srgb[:264], srgb[264:]
    for tag in (b"%sXYZ", b"%sTRC"):
        table = table.replace(tag % b"r", b"----").replace(tag % b"g", tag % b"r")
        table = table.replace(b"----", tag % b"g")
    return (table + rest).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def scans_repeated(picture: Image.Image, times: int) -> bytes:
    """Build a progressive JPEG that repeats its last scan: cheap to send, dear to decode."""
    jpeg = encoded(picture, progressive=True, quality=50)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -len(JPEG_END)]
    return jpeg[: -len(JPEG_END)] + last * times + JPEG_END


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Put a PNG together, chunk by chunk."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        parts += [struct.pack(">I", len(body)), kind, body, crc]
    return b"".join(parts)


def png_header(width: int, height: int, *, depth: int = 8, colours: int = 2) -> tuple[bytes, bytes]:
    """Build the chunk that says how large a PNG is."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)


def solid_png(width: int, height: int) -> bytes:
    """Build a PNG of one grey: small to send, large once decoded."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(b"\0" * (width + 1)) for _ in range(height))
    body = rows + packer.flush()
    return png([png_header(width, height, colours=0), (b"IDAT", body), (b"IEND", b"")])


def seeds() -> dict[str, bytes]:
    """One small honest photo of each kind."""
    picture = noise()
    icc = swapped_profile()
    facts = exif(orientation=6, taken="2024:05:06 07:08:09")
    return {
        "jpeg": encoded(picture, exif=facts, icc_profile=icc, comment=b"seed"),
        "progressive": encoded(picture, progressive=True),
        "restarts": encoded(picture, restart_marker_blocks=2),
        "cmyk": encoded(noise(mode="CMYK")),
        "png": encoded(picture, "PNG", exif=facts, icc_profile=icc),
        "palette": encoded(picture.convert("P"), "PNG", transparency=3),
        "webp": encoded(picture, "WEBP", exif=facts),
        "lossless": encoded(picture.convert("RGBA"), "WEBP", lossless=True),
        "heic": encoded(picture, "HEIF", exif=facts),
    }


def mutated(data: bytes, source: random.Random) -> bytes:
    """Damage *data* as files get damaged: bits, bytes, holes, repeats, cuts."""
    damaged = bytearray(data)
    for _ in range(source.randint(1, 6)):
        at = source.randrange(len(damaged))
        length = source.randint(1, 24)
        match source.randrange(6):
            case 0:
                damaged[at] ^= 1 << source.randrange(8)
            case 1:
                damaged[at] = source.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                damaged[at : at + length] = source.randbytes(length)
            case 3:
                del damaged[at : at + length]
            case 4:
                damaged[at:at] = damaged[at : at + length]
            case _:
                del damaged[max(at, 16) :]
        if not damaged:
            break
    return bytes(damaged)
