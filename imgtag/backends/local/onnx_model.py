"""What a model folder says of a picture, by onnxruntime on the processor. See `onnx_child`."""

import io
import math
import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgtag.backends.local.model_folder import (
    DESCRIPTION_FILE,
    MODEL_FILE,
    Description,
    Input,
    Output,
    invalid_model,
    read_description,
)
from imgtag.domain.errors import Invalid
from imgtag.domain.labels import LabelHit, LabelName
from imgtag.domain.photos import Raster

Numbers = NDArray[np.float32]

_NUMBER_TYPES: Final[dict[str, type[np.generic]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


def picture(seen: bytes | Raster, spec: Input) -> NDArray[np.uint8]:
    """Make of a JPEG, or of its pixels, what the model looks at: RGB, [height, width, 3].

    Pixels in the size that the model wants are framed already (`imgtag.imaging.shrink.raster`).
    Raises `Invalid`, code ``damaged_photo``.
    """
    size = (spec.width, spec.height)
    if isinstance(seen, Raster):
        upright = Image.frombuffer("RGB", (seen.width, seen.height), seen.rgb)
    else:
        upright = _decoded(seen, spec)
    if isinstance(seen, Raster) and upright.size == size:
        return np.asarray(upright)
    framing = spec.framing
    kept = Image.Resampling[framing.filter.upper()]
    return np.asarray(upright.resize(size, kept, box=framing.part_of(upright.size)))


def _decoded(jpeg: bytes, spec: Input) -> Image.Image:
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as opened:
            # Shrinks while decoding, by 2, 4 or 8, never below what is asked for.
            opened.draft("RGB", _least_size(opened.size, spec))
            return opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        msg = "the labeler can't read the photo"
        raise Invalid(msg, code="damaged_photo") from error


def _least_size(size: tuple[int, int], spec: Input) -> tuple[int, int]:
    if spec.resize.fit == "stretch":
        return spec.width, spec.height
    ratio = spec.shorter_side / min(size)
    return math.ceil(size[0] * ratio), math.ceil(size[1] * ratio)


def tensor(pixels: NDArray[np.uint8], spec: Input) -> Numbers:
    """Turn RGB pixels, [height, width, 3], into one input, with a first axis of 1."""
    planes = pixels.transpose(2, 0, 1)
    planes = planes[::-1] if spec.colour == "BGR" else planes
    std = np.asarray(spec.std, np.float32).reshape(3, 1, 1)
    numbers = np.ascontiguousarray(planes).astype(np.float32)
    numbers *= np.float32(spec.scale) / std
    numbers -= np.asarray(spec.mean, np.float32).reshape(3, 1, 1) / std
    placed = numbers.transpose(1, 2, 0) if spec.layout == "NHWC" else numbers
    return np.ascontiguousarray(placed[None])


def confidences(raw: Numbers, output: Output) -> Numbers:
    """Turn what the model says into 0 to 1, one for each label. Raises `Invalid` for a NaN."""
    numbers = raw.astype(np.float32) / np.float32(output.temperature)
    if not np.isfinite(numbers).all():
        msg = "the model has no answer for the photo"
        raise Invalid(msg, code="damaged_photo")
    if output.activation == "none":
        return numbers.clip(0, 1)
    if output.activation == "sigmoid":
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * numbers), np.float32)
    powers = np.exp(numbers - numbers.max())
    return np.asarray(powers / powers.sum(), np.float32)


def hits(shares: Sequence[float], description: Description) -> tuple[LabelHit, ...]:
    """Name what reached its threshold, surest first, and the ancestors of what was named.

    An ancestor is as sure as the surest of its children, as Rekognition has it.
    """
    ancestors = {label.name: label.parents for label in description.labels}
    best: dict[str, float] = {}
    for name, share in _sure(shares, description):
        for named in (name, *ancestors[name]):
            best[named] = max(share, best.get(named, 0.0))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        LabelHit(LabelName(name), round(100 * share, 2), _names(ancestors.get(name, ())))
        for name, share in ranked
    )


def _sure(shares: Sequence[float], description: Description) -> list[tuple[str, float]]:
    sure = [
        (label.name, float(share))
        for share, label in zip(shares, description.labels, strict=True)
        if label.emit and share >= description.threshold_of(label)
    ]
    return sorted(sure, key=lambda pair: -pair[1])[: description.max_labels]


def _names(texts: Iterable[str]) -> tuple[LabelName, ...]:
    return tuple(map(LabelName, texts))


class OnnxModel:
    """A model folder, loaded. Its methods block; they may be called by several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Load *folder* and ask it once. Raises `Invalid`, code ``invalid_model``."""
        self.description = read_description(folder)
        self._session = _session(folder)
        self._input = _chosen(self._session.get_inputs(), self.description.input.name, "input")
        self._output = _chosen(self._session.get_outputs(), self.description.output.name, "output")
        self._number_type = _NUMBER_TYPES.get(self._input.type)
        if self._number_type is None:
            msg = f"{MODEL_FILE} takes {self._input.type}, which imgtag can't give"
            raise invalid_model(msg)
        self._rehearse()

    def _rehearse(self) -> None:
        spec = self.description.input
        try:
            answer = self._ask(tensor(np.zeros((spec.height, spec.width, 3), np.uint8), spec))
        except _runtime_errors() as error:
            msg = f"{MODEL_FILE} refuses the input of {DESCRIPTION_FILE}: {error}"
            raise invalid_model(msg) from error
        if len(answer) != len(self.description.labels):
            msg = (
                f"labels: {len(self.description.labels)} named, "
                f"and {MODEL_FILE} answers with {len(answer)} numbers"
            )
            raise invalid_model(msg)

    def _ask(self, numbers: Numbers) -> Numbers:
        fed = {self._input.name: numbers.astype(self._number_type, copy=False)}
        (answer,) = self._session.run([self._output.name], fed)
        return np.asarray(answer, np.float32).ravel()

    def raw(self, seen: bytes | Raster) -> Numbers:
        """Answer as the graph does, before temperature and activation. Raises `Invalid`."""
        spec = self.description.input
        numbers = tensor(picture(seen, spec), spec)
        if not spec.mirrored:
            return self._ask(numbers)
        across = -1 if spec.layout == "NCHW" else -2
        mirrored = np.ascontiguousarray(np.flip(numbers, across))
        return (self._ask(numbers) + self._ask(mirrored)) * np.float32(0.5)

    def label(self, seen: bytes | Raster) -> tuple[LabelHit, ...]:
        """Say what a JPEG, or its pixels, show. Raises `Invalid`, code ``damaged_photo``."""
        shares = confidences(self.raw(seen), self.description.output)
        return hits(shares.tolist(), self.description)


def _runtime_errors() -> tuple[type[Exception], ...]:
    """Every error class of onnxruntime, which have no common one, and what it says of shapes."""
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    kinds = (kind for kind in vars(state).values() if isinstance(kind, type))
    return (ValueError, *(kind for kind in kinds if issubclass(kind, Exception)))


def _session(folder: Path) -> Any:
    # Since 1.32 it writes a device id and sends events to its maker, unless told before it loads:
    # "Disabling Telemetry" in its Privacy.md. What is done with photos is nobody's business.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    file = folder / MODEL_FILE
    if not file.is_file():
        msg = f"{MODEL_FILE} is missing"
        raise invalid_model(msg)
    try:
        return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except _runtime_errors() as error:
        msg = f"{MODEL_FILE} can't be loaded"
        raise invalid_model(msg) from error


def _chosen(ports: Sequence[Any], name: str | None, kind: str) -> Any:
    names = [port.name for port in ports]
    if name is None and len(ports) == 1:
        return ports[0]
    if name not in names:
        msg = f"{kind}.name must be one of {', '.join(names)}"
        raise invalid_model(msg)
    return ports[names.index(name)]
