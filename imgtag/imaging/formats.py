"""Telling formats by content; names and declared types are not asked."""

import codecs
import re
from typing import Final

from imgtag.imaging.model import Refused

HEAD_BYTES: Final = 4096

PILLOW_FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
}

# The brands of ISO/IEC 23008-12 (HEIF), annex B and chapter 10.
_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS: Final = {b"mif1", b"msf1"}
_OTHER_BRANDS: Final = {
    b"avif": "an AVIF picture",
    b"avis": "an AVIF sequence",
    b"crx ": "a Canon raw file",
    b"qt  ": "a QuickTime film",
}

_SIGNATURES: Final = (
    (b"GIF8", "a GIF"),
    (b"II*\0", "a TIFF or a raw file"),
    (b"MM\0*", "a TIFF or a raw file"),
    (b"II+\0", "a BigTIFF"),
    (b"IIU\0", "a Panasonic raw file"),
    (b"IIRO", "an Olympus raw file"),
    (b"FUJIFILMCCD-RAW", "a Fujifilm raw file"),
    (b"FOVb", "a Sigma raw file"),
    (b"BM", "a BMP"),
    (b"%PDF-", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\x1aE\xdf\xa3", "a Matroska film"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_CONTROLS: Final = re.compile(r"[\0-\x08\x0b\x0e-\x1f\x7f]")
_MARKUP: Final = ((b"<svg", "an SVG"), (b"<html", "a web page"), (b"<!doctype html", "a web page"))


def content_type_of(head: bytes) -> str:
    """Name the content type by the first `HEAD_BYTES` of a file, or refuse it."""
    if not head:
        raise Refused("empty_file", "the file is empty")
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and (heif := _heif_type(head)):
        return heif
    detail = f"imgtag takes JPEG, PNG, WebP and HEIC; by its content this is {_looks_like(head)}"
    raise Refused("unsupported_format", detail)


def _brands(head: bytes) -> list[bytes]:
    stop = min(int.from_bytes(head[:4], "big"), len(head), 256)
    return [head[8:12], *(head[at : at + 4] for at in range(16, stop - 3, 4))]


def _heif_type(head: bytes) -> str | None:
    major, *compatible = _brands(head)
    if major in _HEIC_BRANDS:
        return "image/heic"
    if major in _HEIF_BRANDS and b"avif" not in compatible:
        return "image/heif"
    return None


def _looks_like(head: bytes) -> str:
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[4:8] == b"ftyp":
        return next((_OTHER_BRANDS[b] for b in _brands(head) if b in _OTHER_BRANDS), "a film")
    if head.startswith(b"RIFF"):
        return "a sound or a film"
    return _text(head) or "something else"


def _text(head: bytes) -> str | None:
    lowered = head.lower()
    for mark, name in _MARKUP:
        if mark in lowered:
            return name
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else "text"
