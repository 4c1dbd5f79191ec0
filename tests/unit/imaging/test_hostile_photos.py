import random
import zlib
from collections.abc import Iterator

import pytest

from imgtag.imaging.model import CODES, MEBIBYTE, Inspection, Limits, Refused
from tests.unit.imaging.conftest import Look
from tests.unit.imaging.pictures import (
    encoded,
    mutated,
    noise,
    png,
    png_header,
    scans_repeated,
    seeds,
    solid_png,
)

END = (b"IEND", b"")


def code(answer: Inspection | Refused) -> str:
    """Name why a photo was refused."""
    assert isinstance(answer, Refused)
    assert answer.code in CODES
    return answer.code


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"GIF89a" + bytes(99), "a GIF"),
        (b"GIF89a/*" + b"alert(1)//", "a GIF"),
        (b"II*\0" + bytes(99), "a TIFF"),
        (b"MM\0*" + bytes(99), "a TIFF"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
        (b"<svg onload='alert(1)'>", "an SVG"),
        (b"<?xml version='1.0'?><svg/>", "an SVG"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"PK\x03\x04" + bytes(40), "a ZIP archive"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "an AVIF picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "an AVIF picture"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isom", "a film"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "a QuickTime film"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a Canon raw file"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "a sound or a film"),
        (b"SIMPLE  =                    T", "a FITS file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
        (b"Dear diary,\r\n", "text"),
        ("Grüße aus Köln".encode()[:-1], "text"),
        ("Grüße".encode("latin-1"), "something else"),
        (b"\xff\xd8", "something else"),
        (bytes(500), "something else"),
    ],
)
def test_other_formats(look: Look, data: bytes, named: str) -> None:
    """What is no photo is refused, and the refusal says what it is instead."""
    answer = look(data)
    assert code(answer) == "unsupported_format"
    assert named in answer.detail


def test_empty(look: Look) -> None:
    """A file without bytes has a reason of its own."""
    assert code(look(b"")) == "empty_file"


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "lossless"])
@pytest.mark.parametrize("tail", [b"PK\x03\x04" + bytes(60), b"<script>", b"%PDF-1.7", b"MZ" * 50])
def test_polyglots(look: Look, name: str, tail: bytes) -> None:
    """A photo with something else behind it is that photo, and nothing of the rest goes on."""
    photo = look(seeds()[name] + tail)
    assert isinstance(photo, Inspection)
    assert tail not in photo.thumbnail


def jpeg_cuts(data: bytes) -> Iterator[int]:
    """Where the segments of a JPEG begin, and places within its scans."""
    scan = data.index(b"\xff\xda")
    yield from (at for at in range(2, scan) if data[at] == 0xFF)
    yield from range(scan, len(data) - 60, max(1, (len(data) - scan) // 40))


@pytest.mark.parametrize("name", ["jpeg", "progressive", "restarts", "cmyk"])
def test_truncated_jpeg(look: Look, name: str) -> None:
    """A JPEG that ends before its pixels do is damaged, wherever it ends."""
    data = seeds()[name]
    codes = {code(look(data[:cut])) for cut in jpeg_cuts(data)}
    assert codes <= {"damaged_photo", "unsupported_format"}
    assert code(look(data[: len(data) * 2 // 3])) == "damaged_photo"


@pytest.mark.parametrize("name", ["png", "palette", "webp", "lossless"])
def test_truncated(look: Look, name: str) -> None:
    """A PNG or WebP that ends before its pixels do is damaged, wherever it ends."""
    data = seeds()[name]
    marks = [data.find(mark) for mark in (b"IDAT", b"VP8 ", b"VP8L")]
    last = max(marks) + (len(data) - max(marks)) // 2
    codes = {code(look(data[:cut])) for cut in range(1, last, max(1, last // 60))}
    assert codes <= {"damaged_photo", "unsupported_format"}


def test_repaired(look: Look) -> None:
    """Damage that a decoder repairs is no reason to refuse: a restart marker out of order."""
    data = encoded(noise((200, 160)), restart_marker_blocks=4)
    assert data.count(b"\xff\xd2") > 2
    assert isinstance(look(data.replace(b"\xff\xd2", b"\xff\xd5", 1)), Inspection)


@pytest.mark.parametrize(
    "cut",
    [
        lambda jpeg: jpeg[:2] + b"\xff\xd9",
        lambda jpeg: jpeg[: jpeg.index(b"\xff\xda")] + b"\xff\xd9",
        lambda jpeg: jpeg[:2] + jpeg[jpeg.index(b"\xff\xda") :],
        lambda jpeg: jpeg[: jpeg.index(b"\xff\xc0")] * 2 + jpeg[jpeg.index(b"\xff\xc0") :],
        lambda jpeg: jpeg.replace(b"\xff\xc0\x00\x11", b"\xff\xc0\x00\x01"),
        lambda jpeg: jpeg.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x08\x00\x00\x00\x00"),
        lambda jpeg: jpeg[: jpeg.index(b"\xff\xda")] + jpeg[jpeg.index(b"\xff\xc0") :],
    ],
)
def test_headers_out_of_shape(look: Look, cut: object) -> None:
    """A JPEG without a frame, without a scan, or with two frames, is damaged."""
    assert callable(cut)
    assert code(look(cut(encoded(noise())))) == "damaged_photo"


def test_scan_bomb(look: Look) -> None:
    """A JPEG that repeats its scans is refused by counting them, before any is decoded."""
    picture = noise((400, 300))
    assert isinstance(look(scans_repeated(picture, 80)), Inspection)
    assert code(look(scans_repeated(picture, 1000))) == "photo_bomb"


def test_hidden_scans(look: Look) -> None:
    """An end marker inside a comment between the scans does not end the counting."""
    bomb = scans_repeated(noise((64, 64)), 1000)
    second = bomb.index(b"\xff\xda", bomb.index(b"\xff\xda") + 2)
    comment = b"\xff\xfe\x00\x06\xff\xd9\xff\xd9"
    assert code(look(bomb[:second] + comment + bomb[second:])) == "photo_bomb"


@pytest.mark.parametrize("place", ["before", "between"])
def test_segment_bomb(look: Look, place: str) -> None:
    """A JPEG of endless segments is refused, before its first scan and after it."""
    jpeg = scans_repeated(noise(), 120) if place == "between" else encoded(noise())
    at = 2 if place == "before" else jpeg.rindex(b"\xff\xda")
    comments = b"\xff\xfe\x00\x02" * 200_000
    assert code(look(jpeg[:at] + comments + jpeg[at:])) == "photo_bomb"


@pytest.mark.parametrize(
    "data",
    [
        png([png_header(60_000, 60_000), (b"IDAT", zlib.compress(bytes(999))), END]),
        png([png_header(2**31 - 1, 2**31 - 1), (b"IDAT", b""), END]),
        encoded(noise()).replace(b"\x00\x30\x00\x40\x03", b"\xff\xdc\xff\xdc\x03"),
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\x03\xff\xff\x03" + bytes(9),
    ],
    ids=["PNG", "largest PNG", "JPEG", "WebP"],
)
def test_pixel_flood(look: Look, data: bytes) -> None:
    """A header that claims billions of pixels is refused by what it claims."""
    assert code(look(data)) in {"too_many_pixels", "damaged_photo"}


def test_too_much_memory(look: Look) -> None:
    """What would take more memory than allowed is refused before it takes any."""
    limits = Limits(decoded_bytes=4 * MEBIBYTE)
    assert code(look(solid_png(3000, 2000), limits=limits)) == "too_many_pixels"
    progressive = encoded(noise((1400, 1000)), progressive=True, subsampling=0)
    assert code(look(progressive, limits=limits)) == "too_many_pixels"
    assert isinstance(look(encoded(noise((1400, 1000))), limits=limits), Inspection)


def test_solid_flood(look: Look) -> None:
    """49 megapixels of one grey in 50 kB are dear and lawful."""
    data = solid_png(7000, 7000)
    assert len(data) < 100_000
    assert isinstance(look(data), Inspection)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000), 9)),
        (b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 9)),
        (b"iCCP", b"k\0\0" + zlib.compress(bytes(200_000_000), 9)),
    ],
    ids=["zTXt", "iTXt", "iCCP"],
)
def test_text_bombs(look: Look, chunk: tuple[bytes, bytes]) -> None:
    """Compressed text of 200 MB is never unpacked whole."""
    pixels = (b"IDAT", zlib.compress(bytes(9 * 25)))
    answer = look(png([png_header(8, 8), chunk, pixels, END]))
    assert isinstance(answer, Inspection) or code(answer) in {"photo_bomb", "damaged_photo"}


def test_many_texts(look: Look) -> None:
    """A hundred texts of 1 MB each are refused."""
    text = (b"zTXt", b"k\0\0" + zlib.compress(bytes(1_000_000), 9))
    pixels = (b"IDAT", zlib.compress(bytes(9 * 25)))
    assert code(look(png([png_header(8, 8), *[text] * 100, pixels, END]))) == "damaged_photo"


def test_first_frame_only(look: Look) -> None:
    """Of an animation of 300 frames, one is decoded."""
    frames = [noise(seed=number) for number in range(300)]
    data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert isinstance(look(data), Inspection)


def test_mutations(look: Look) -> None:
    """2,000 damaged files of eight kinds: each is inspected or refused, nothing else."""
    source = random.Random(20261123)
    kinds = [data for name, data in seeds().items() if name != "heic"]
    answers = [look(mutated(kinds[number % len(kinds)], source)) for number in range(2000)]
    refusals = {answer.code for answer in answers if isinstance(answer, Refused)}
    assert refusals <= CODES
    assert "damaged_photo" in refusals
    assert any(isinstance(answer, Inspection) for answer in answers)


def test_no_path_in_a_refusal(look: Look) -> None:
    """What a refusal says is for the user: nothing of this machine, one short sentence."""
    source = random.Random(5)
    for data in seeds().values():
        answer = look(mutated(data[: len(data) // 2], source))
        assert isinstance(answer, Refused)
        assert answer.detail.isprintable()
        assert len(answer.detail) < 260
        assert not any(mark in answer.detail for mark in ("<", "0x", "/work", ".py"))
