"""What the service and the model's process say to each other: lengths first, then the bytes.

A question is a picture under a number, an answer is JSON under the same number; answers come in any
order. Answer 0 comes first, and says whether the model could be loaded.
"""

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from imgtag.domain.errors import Invalid
from imgtag.domain.labels import LabelHit, LabelName
from imgtag.domain.photos import Raster

# Number; width and height, both 0 for a JPEG; bytes that follow.
_QUESTION: Final = struct.Struct(">QIII")
# Number; bytes that follow.
_ANSWER: Final = struct.Struct(">QI")

Seen = bytes | Raster
"""A picture: a JPEG, or its pixels."""


class Broken(Exception):
    """The model failed at a picture, in a way that needn't be the picture's fault."""


Answer = Sequence[LabelHit] | Invalid | Broken
"""What the picture shows, or why the model can't tell."""


def pack_question(number: int, seen: Seen) -> tuple[bytes, bytes]:
    """Encode question *number*: a header, and the picture as it is."""
    if isinstance(seen, Raster):
        return _QUESTION.pack(number, seen.width, seen.height, len(seen.rgb)), seen.rgb
    return _QUESTION.pack(number, 0, 0, len(seen)), seen


def read_question(read: Callable[[int], bytes]) -> tuple[int, Seen] | None:
    """Decode what `pack_question` made; nothing where *read* comes to the end."""
    header = read(_QUESTION.size)
    if len(header) < _QUESTION.size:
        return None
    number, width, height, size = _QUESTION.unpack(header)
    data = read(size)
    if len(data) < size:
        return None
    return number, Raster(width, height, data) if width else data


def pack_answer(number: int, answer: Answer) -> bytes:
    """Encode the answer to question *number*."""
    if isinstance(answer, Invalid):
        said: dict[str, Any] = {"code": answer.code, "detail": answer.detail}
    elif isinstance(answer, Broken):
        said = {"broken": str(answer)}
    else:
        said = {"hits": [(hit.name, hit.confidence, hit.parents) for hit in answer]}
    text = json.dumps(said).encode()
    return _ANSWER.pack(number, len(text)) + text


def take_answers(received: bytearray) -> Iterator[tuple[int, Answer]]:
    """Decode every answer that is there as a whole, and leave the rest in *received*."""
    while len(received) >= _ANSWER.size:
        number, size = _ANSWER.unpack_from(received)
        end = _ANSWER.size + size
        if len(received) < end:
            return
        text = received[_ANSWER.size : end]
        del received[:end]
        yield number, _answer(json.loads(text))


def _answer(said: dict[str, Any]) -> Answer:
    if "code" in said:
        return Invalid(said["detail"], code=said["code"])
    if "broken" in said:
        return Broken(said["broken"])
    return tuple(
        LabelHit(LabelName(name), confidence, tuple(map(LabelName, parents)))
        for name, confidence, parents in said["hits"]
    )
