"""Model folders made of a few bytes, and photos to show to them."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from imgtag.backends.local.onnx_model import OnnxModel
from imgtag.domain.ids import Id, OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Facts, Raster
from imgtag.ports import Rendition, Subject

RED, GREEN, BLUE, WHITE = (250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)
FLOAT, FLOAT16 = 1, 10


# Graphs, as the bytes that https://github.com/onnx/onnx/blob/main/onnx/onnx.proto describes


def varint(value: int) -> bytes:
    """Encode a number as protobuf does."""
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def number(field: int, value: int) -> bytes:
    """Encode a numeric field."""
    return varint(field << 3) + varint(value)


def part(field: int, payload: bytes | str) -> bytes:
    """Encode a field of text, bytes or a message."""
    content = payload.encode() if isinstance(payload, str) else payload
    return varint(field << 3 | 2) + varint(len(content)) + content


def port(name: str, kind: int, shape: Sequence[int]) -> bytes:
    """Encode an input or output."""
    dimensions = b"".join(part(1, number(1, side)) for side in shape)
    return part(1, name) + part(2, part(1, number(1, kind) + part(2, dimensions)))


def graph(node: bytes, takes: bytes, gives: bytes) -> bytes:
    """Encode a model of one *node*, operator set 13."""
    body = part(1, node) + part(2, "tiny") + part(11, takes) + part(12, gives)
    return number(1, 8) + part(7, body) + part(8, number(2, 13))


def mean_colour(shape: Sequence[int] = (1, 3, 8, 8), kind: int = FLOAT) -> bytes:
    """Make a model that answers with the mean of each channel."""
    axes = (2, 3) if shape[1] == 3 else (1, 2)
    attributes = part(5, part(1, "axes") + b"".join(number(8, a) for a in axes) + number(20, 7))
    attributes += part(5, part(1, "keepdims") + number(3, 0) + number(20, 2))
    node = part(1, "x") + part(2, "y") + part(4, "ReduceMean") + attributes
    return graph(node, port("x", kind, shape), port("y", kind, (1, 3)))


def every_pixel(shape: Sequence[int], operator: str = "Identity") -> bytes:
    """Make a model that answers with its input, put through *operator*."""
    node = part(1, "x") + part(2, "y") + part(4, operator)
    return graph(node, port("x", FLOAT, shape), port("y", FLOAT, shape))


def described(**changes: Any) -> dict[str, Any]:
    """Give a ``model.json`` for `mean_colour`, with *changes*."""
    labels = [{"name": name, "parents": ["Colour"]} for name in ("Red", "Green", "Blue")]
    plain = {
        "name": "colours",
        "version": "1",
        "licence": "CC0-1.0",
        "provenance": "made by a test",
        "input": {"width": 8, "height": 8},
        "output": {"activation": "none"},
        "labels": labels,
    }
    return {key: value for key, value in (plain | changes).items() if value is not None}


def folder(at: Path, graph_bytes: bytes | None = None, **changes: Any) -> Path:
    """Write a model folder."""
    (at / "model.onnx").write_bytes(mean_colour() if graph_bytes is None else graph_bytes)
    (at / "model.json").write_text(json.dumps(described(**changes)))
    return at


def seeing(at: Path, width: int, height: int, **spec: Any) -> OnnxModel:
    """Load a model that answers with its input's numbers, 0 to 1."""
    layout = spec.get("layout", "NCHW")
    shape = (1, 3, height, width) if layout == "NCHW" else (1, height, width, 3)
    labels = [{"name": f"n{i}"} for i in range(3 * width * height)]
    spec |= {"width": width, "height": height}
    return OnnxModel(folder(at, every_pixel(shape), input=spec, labels=labels))


def jpeg(*columns: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    """Make a photo of equally wide *columns*, each of one colour."""
    strip = Image.new("RGB", (len(columns), 1))
    strip.putdata(columns)
    written = io.BytesIO()
    strip.resize(size, Image.Resampling.NEAREST).save(written, "JPEG", quality=95, subsampling=0)
    return written.getvalue()


def subject(photo: bytes, pixels: Raster | None = None) -> Subject:
    """Make what a labeler is given."""
    key = BlobKey(OwnerId("owner"), BlobKind.ORIGINAL, Id("0" * 26))
    rendition = Rendition(photo, pixels)
    return Subject(key, "0" * 64, len(photo), Facts("image/jpeg", 64, 64), rendition)
