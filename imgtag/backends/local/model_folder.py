"""Model folders: what the ``onnx`` labeler runs.

A folder holds ``model.onnx``, any image classifier that onnxruntime can run with one picture as
input, and ``model.json``, which says how to feed it and what its answers mean. See docs/models.md.
"""

import json
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from imgtag.domain.errors import Invalid
from imgtag.domain.labels import LabelName
from imgtag.domain.photos import Filter, Fit, Framing

MODEL_FILE: Final = "model.onnx"
DESCRIPTION_FILE: Final = "model.json"
MAX_SIDE: Final = 4096

_INDEX = re.compile(r"\s*\d+\s*,")


def _checked(check: Callable[[str], str]) -> Callable[[str], str]:
    def value_error(text: str) -> str:
        try:
            return check(text)
        except Invalid as error:
            raise ValueError(error.detail) from error

    return value_error


def _plain_name(text: str) -> str:
    if Path(text).name != text or text in {".", ".."}:
        msg = "names a file of the model folder, without a path"
        raise ValueError(msg)
    return text


Name = Annotated[str, AfterValidator(_checked(LabelName))]
FileName = Annotated[str, Field(min_length=1), AfterValidator(_plain_name)]
Share = Annotated[float, Field(ge=0, le=1)]
Line = Annotated[str, Field(min_length=1, max_length=100)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Channels = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Resize(_Part):
    """How a picture of any shape gets the input's size.

    ``crop`` scales until the shorter side has *shorter_side* pixels (by default the input's own)
    and keeps the middle; ``stretch`` ignores the picture's proportions.
    """

    fit: Fit = "crop"
    shorter_side: Side | None = None
    filter: Filter = "bilinear"


class Input(_Part):
    """The one input: ``(pixel * scale - mean) / std`` for each channel, in the order of *colour*.

    *name* is needed only where the graph has several inputs. The number type is the graph's.
    *mirrored* asks the model about the mirrored picture as well and averages both answers.
    """

    name: str | None = None
    width: Side
    height: Side
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    colour: Literal["RGB", "BGR"] = "RGB"
    scale: float = 1 / 255
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    resize: Resize = Resize()
    mirrored: bool = False

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not all(self.std):
            msg = "std has a zero, by which nothing can be divided"
            raise ValueError(msg)
        if self.shorter_side < max(self.width, self.height):
            msg = "resize.shorter_side is smaller than the input"
            raise ValueError(msg)
        return self

    @property
    def shorter_side(self) -> int:
        """To how many pixels the shorter side of a picture is scaled before the crop."""
        return self.resize.shorter_side or max(self.width, self.height)

    @cached_property
    def framing(self) -> Framing:
        """How a picture of any shape becomes one of *width* by *height*."""
        resize = self.resize
        return Framing(self.width, self.height, self.shorter_side, resize.fit, resize.filter)


class Output(_Part):
    """The output that holds one number for each label.

    *activation* is what is still to be done to get 0 to 1; numbers are divided by *temperature*
    before that, which calibrates them.
    """

    name: str | None = None
    activation: Literal["softmax", "sigmoid", "none"]
    temperature: float = Field(1.0, gt=0)


class ModelLabel(_Part):
    """One place of the output. *parents* are all ancestors; *emit* is false for "none of these"."""

    name: Name
    parents: tuple[Name, ...] = ()
    threshold: Share | None = None
    emit: bool = True


class Description(_Part):
    """``model.json``. Labels stand in the order of the output, here or in *labels_file*."""

    name: Line
    version: Line
    licence: str
    provenance: str
    input: Input
    output: Output
    labels: tuple[ModelLabel, ...] = ()
    labels_file: FileName | None = None
    default_threshold: Share = 0.5
    max_labels: int = Field(25, ge=1)

    @model_validator(mode="after")
    def _one_source_of_labels(self) -> Self:
        if bool(self.labels) == (self.labels_file is not None):
            msg = "either labels or labels_file is needed, and not both"
            raise ValueError(msg)
        return self

    @property
    def model(self) -> str:
        """Name and version in one, as kept with each label."""
        return f"{self.name}-{self.version}"

    def threshold_of(self, label: ModelLabel) -> float:
        """How sure the model must be of *label*, 0 to 1."""
        return self.default_threshold if label.threshold is None else label.threshold


def read_description(folder: Path) -> Description:
    """Read and check ``model.json``, with the labels of its *labels_file* filled in.

    Raises `Invalid`, code ``invalid_model``, that names the file and the fields at fault.
    """
    text = _text_of(folder, DESCRIPTION_FILE)
    try:
        description = Description.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        msg = f"{DESCRIPTION_FILE} is no JSON: {error}"
        raise invalid_model(msg) from error
    except ValidationError as error:
        msg = f"{DESCRIPTION_FILE}: {_problems(error)}"
        raise invalid_model(msg) from error
    if description.labels_file is None:
        return description
    labels = _labels_of(folder, description.labels_file)
    return description.model_copy(update={"labels": labels, "labels_file": None})


def invalid_model(detail: str) -> Invalid:
    """Make the error for a model folder that can't be used."""
    return Invalid(f"the model folder can't be used: {detail}", code="invalid_model")


def _text_of(folder: Path, file_name: str) -> str:
    try:
        return (folder / file_name).read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{file_name} can't be read ({error.strerror})"
        raise invalid_model(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{file_name} is not UTF-8"
        raise invalid_model(msg) from error


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'top level'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )


def _labels_of(folder: Path, file_name: str) -> tuple[ModelLabel, ...]:
    """One label a line: the text up to the first comma, after an optional ``<number>,``."""
    lines = _text_of(folder, file_name).splitlines()
    if not lines:
        msg = f"{file_name} is empty"
        raise invalid_model(msg)
    labels = []
    for number, line in enumerate(lines, start=1):
        name = _INDEX.sub("", line, count=1).split(",")[0]
        try:
            labels.append(ModelLabel(name=name))
        except ValidationError as error:
            msg = f"{file_name}, line {number}: {_problems(error)}"
            raise invalid_model(msg) from error
    return tuple(labels)
