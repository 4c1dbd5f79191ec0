"""What parent and child say to each other: lengths first, JSON, then pictures as they are.

No pickle, and nothing is taken at its word: once it has decoded a photo the child counts as
hostile, so that every length has a cap and every field a check.
"""

import json
import re
import struct
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from imgtag.domain.photos import CONTENT_TYPES, Content, Facts, Framing, Raster
from imgtag.imaging.model import (
    CODES,
    MEBIBYTE,
    Inspection,
    Limits,
    Question,
    Refused,
    RenditionSpec,
)

MAX_QUESTION_BYTES: Final = 4096
_MAX_SAID_BYTES: Final = 4096
_MAX_THUMBNAIL_BYTES: Final = 2 * MEBIBYTE
_MAX_RENDITION_BYTES: Final = 32 * MEBIBYTE
_MAX_RASTER_BYTES: Final = 64 * MEBIBYTE
_MAX_DETAIL: Final = 400
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAGIC: Final = b"itag"
_HEADER: Final = struct.Struct(">4sQIIII")

HEADER_BYTES: Final = _HEADER.size

Parts = tuple[bytes, bytes, bytes, bytes]
"""Of an answer: what is said, the thumbnail, the rendition, and RGB."""


class Garbled(Exception):
    """The other side does not keep to the protocol."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an answer begins with: which question it answers, and the *lengths* of its parts."""

    number: int
    lengths: tuple[int, int, int, int]


def pack_question(number: int, question: Question) -> bytes:
    """Encode question *number*."""
    said = {"number": number, "digest": question.digest, "rendition": _spec(question.rendition)}
    return json.dumps(said).encode() + b"\n"


@lru_cache(maxsize=8)
def _spec(spec: RenditionSpec | None) -> dict[str, Any] | None:
    return {**asdict(spec), "unless_types": sorted(spec.unless_types)} if spec else None


def unpack_question(line: bytes) -> tuple[int, Question]:
    """Decode what `pack_question` made."""
    said = json.loads(line)
    spec = said["rendition"]
    return said["number"], Question(_unpack_spec(spec) if spec else None, said["digest"])


def _unpack_spec(spec: dict[str, Any]) -> RenditionSpec:
    framing = spec.pop("raster")
    types = frozenset(spec.pop("unless_types"))
    raster = Framing(**framing) if framing else None
    return RenditionSpec(**spec, unless_types=types, raster=raster)


def pack_ready() -> bytes:
    """Encode that the child is ready: answer 0, with nothing in it."""
    return _pack(0, {})


def pack_answer(number: int, answer: Inspection | Refused) -> bytes:
    """Encode the answer to question *number*."""
    if isinstance(answer, Refused):
        return _pack(number, {"code": answer.code, "detail": answer.detail})
    facts = answer.facts
    said = {
        "content_type": facts.content_type,
        "width": facts.width,
        "height": facts.height,
        "taken_at": facts.taken_at and facts.taken_at.isoformat(),
        "orientation": answer.orientation,
        "content": answer.content and asdict(answer.content),
        "raster": answer.raster and (answer.raster.width, answer.raster.height),
    }
    rgb = answer.raster.rgb if answer.raster else b""
    return _pack(number, said, answer.thumbnail, answer.rendition or b"", rgb)


def _pack(
    number: int,
    said: dict[str, Any],
    thumbnail: bytes = b"",
    rendition: bytes = b"",
    rgb: bytes = b"",
) -> bytes:
    parts = (json.dumps(said).encode(), thumbnail, rendition, rgb)
    return b"".join((_HEADER.pack(_MAGIC, number, *map(len, parts)), *parts))


def unpack_header(data: bytes) -> Header:
    """Decode and check the first `HEADER_BYTES` of an answer. Raises `Garbled`."""
    magic, number, *lengths = _HEADER.unpack(data)
    caps = (_MAX_SAID_BYTES, _MAX_THUMBNAIL_BYTES, _MAX_RENDITION_BYTES, _MAX_RASTER_BYTES)
    said, thumbnail, rendition, rgb = lengths
    if magic != _MAGIC or any(n > cap for n, cap in zip(lengths, caps, strict=True)):
        raise Garbled
    return Header(number, (said, thumbnail, rendition, rgb))


def unpack_answer(parts: Parts, limits: Limits) -> Inspection | Refused:
    """Decode and check the parts of an answer. Raises `Garbled`."""
    text, thumbnail, rendition, rgb = parts
    try:
        said = json.loads(text)
        if "code" in said:
            return _refused(said["code"], said["detail"])
        pictures = (thumbnail, rendition) if rendition else (thumbnail,)
        if not all(picture.startswith(b"\xff\xd8\xff") for picture in pictures):
            raise Garbled
        return Inspection(
            facts=_facts(said, limits),
            orientation=_whole(said["orientation"], 1, 8),
            thumbnail=thumbnail,
            rendition=rendition or None,
            raster=_raster(said["raster"], rgb),
            content=_content(said["content"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Garbled from error


def _refused(code: object, detail: object) -> Refused:
    if not isinstance(code, str) or not isinstance(detail, str) or code not in CODES:
        raise Garbled
    return Refused(code, "".join(c for c in detail if c.isprintable())[:_MAX_DETAIL])


def _facts(said: dict[str, Any], limits: Limits) -> Facts:
    width = _whole(said["width"], 1, limits.max_pixels)
    height = _whole(said["height"], 1, limits.max_pixels // width)
    if said["content_type"] not in CONTENT_TYPES:
        raise Garbled
    taken_at = datetime.fromisoformat(said["taken_at"]) if said["taken_at"] else None
    if taken_at and taken_at.tzinfo is not UTC:
        raise Garbled
    return Facts(said["content_type"], width, height, taken_at)


def _raster(size: list[object] | None, rgb: bytes) -> Raster | None:
    if size is None:
        return None
    width, height = (_whole(side, 1, _MAX_RASTER_BYTES) for side in size)
    if 3 * width * height != len(rgb):
        raise Garbled
    return Raster(width, height, rgb)


def _content(said: dict[str, Any] | None) -> Content | None:
    if said is None:
        return None
    if not _SHA256.fullmatch(said["sha256"]):
        raise Garbled
    size, crc32 = _whole(said["size"], 1, 2**63), _whole(said["crc32"], 0, 2**32 - 1)
    return Content(size, said["sha256"], crc32)


def _whole(value: object, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        raise Garbled
    return value
