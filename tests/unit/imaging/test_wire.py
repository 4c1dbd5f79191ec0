import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from imgtag.domain.photos import Content, Facts, Raster
from imgtag.imaging.model import Inspection, Limits, Question, Refused, RenditionSpec
from imgtag.imaging.wire import (
    HEADER_BYTES,
    MAX_QUESTION_BYTES,
    Garbled,
    pack_answer,
    pack_question,
    unpack_answer,
    unpack_header,
    unpack_question,
)

JPEG = b"\xff\xd8\xff made up"
PHOTO = Inspection(
    facts=Facts("image/jpeg", 4000, 3000, datetime(2024, 5, 6, 7, 8, 9, 123_000, UTC)),
    orientation=6,
    thumbnail=JPEG,
    rendition=JPEG * 2,
    raster=Raster(2, 1, b"RGBrgb"),
    content=Content(12, "ab" * 32, 2**32 - 1),
)


def read(message: bytes) -> Inspection | Refused:
    """Take an answer apart as the parent does."""
    header = unpack_header(message[:HEADER_BYTES])
    parts, at = [], HEADER_BYTES
    for length in header.lengths:
        parts.append(message[at : at + length])
        at += length
    said, thumbnail, rendition, rgb = parts
    return unpack_answer((said, thumbnail, rendition, rgb), Limits())


@pytest.mark.parametrize(
    "question",
    [
        Question(),
        Question(RenditionSpec(640), digest=True),
        Question(RenditionSpec(1, frozenset({"image/jpeg", "image/png"}), 5_000_000, 4096)),
    ],
)
def test_questions(question: Question) -> None:
    """A question arrives as it was asked, within one message."""
    line = pack_question(7, question)
    assert unpack_question(line) == (7, question)
    assert line.endswith(b"\n")
    assert len(line) < MAX_QUESTION_BYTES


def test_answers() -> None:
    """An answer arrives as it was given."""
    assert read(pack_answer(7, PHOTO)) == PHOTO
    plain = Inspection(Facts("image/heic", 1, 1), 1, JPEG)
    assert read(pack_answer(7, plain)) == plain


def test_refusals() -> None:
    """A refusal arrives with its code, and without what can't be shown."""
    refused = read(pack_answer(7, Refused("damaged_photo", "cut\x1b[31m off" + "!" * 999)))
    assert isinstance(refused, Refused)
    assert refused.code == "damaged_photo"
    assert refused.detail.startswith("cut[31m off")
    assert len(refused.detail) == 400


SAID = {
    "content_type": "image/jpeg",
    "width": 40,
    "height": 30,
    "taken_at": None,
    "orientation": 1,
    "content": None,
    "raster": None,
}


@pytest.mark.parametrize(
    "said",
    [
        {**SAID, "content_type": "text/html"},
        {**SAID, "content_type": ["image/jpeg"]},
        {**SAID, "width": 0},
        {**SAID, "width": True},
        {**SAID, "width": 40.0},
        {**SAID, "width": "40"},
        {**SAID, "width": 100_000, "height": 100_000},
        {**SAID, "height": -1},
        {**SAID, "orientation": 9},
        {**SAID, "taken_at": "yesterday"},
        {**SAID, "taken_at": "2024-05-06T07:08:09"},
        {**SAID, "taken_at": 5},
        {**SAID, "content": {"size": 1, "sha256": "../../etc/passwd", "crc32": 1}},
        {**SAID, "content": {"size": 1, "sha256": 5, "crc32": 1}},
        {**SAID, "content": {"size": 0, "sha256": "ab" * 32, "crc32": 1}},
        {**SAID, "content": {"size": 1, "sha256": "ab" * 32, "crc32": 2**32}},
        {**SAID, "content": []},
        {**SAID, "raster": [1, 1]},
        {**SAID, "raster": [0, 0]},
        {**SAID, "raster": [1]},
        {**SAID, "raster": 1},
        {"code": "made_up", "detail": "x"},
        {"code": "damaged_photo", "detail": 5},
        {"code": "damaged_photo"},
        {},
        [],
        5,
        None,
    ],
)
def test_lies(said: Any) -> None:
    """An answer with a field that can't be is no answer."""
    with pytest.raises(Garbled):
        unpack_answer((json.dumps(said).encode(), JPEG, b"", b""), Limits())


@pytest.mark.parametrize("text", [b"", b"\xff", b"{", b"[" * 4000, b"NaN"])
def test_no_json(text: bytes) -> None:
    """Neither is something that isn't JSON."""
    with pytest.raises(Garbled):
        unpack_answer((text, JPEG, b"", b""), Limits())


@pytest.mark.parametrize("picture", [b"", b"<script>alert(1)</script>", b"\x89PNG"])
def test_no_jpeg(picture: bytes) -> None:
    """What is served as a JPEG begins like one."""
    with pytest.raises(Garbled):
        unpack_answer((json.dumps(SAID).encode(), picture, b"", b""), Limits())
    with pytest.raises(Garbled):
        unpack_answer((json.dumps(SAID).encode(), JPEG, picture or b"x", b""), Limits())


def test_headers() -> None:
    """A header that isn't one, or promises more than an answer may have, is refused."""
    header = pack_answer(1, PHOTO)[:HEADER_BYTES]
    assert unpack_header(header).number == 1
    for at in (12, 16, 20, 24):
        with pytest.raises(Garbled):
            unpack_header(header[:at] + b"\x7f" + header[at + 1 :])
    with pytest.raises(Garbled):
        unpack_header(random.Random(1).randbytes(HEADER_BYTES))
