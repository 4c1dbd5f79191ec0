import asyncio
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgtag.backends.local.model_folder import Description, Input, Resize, read_description
from imgtag.backends.local.onnx_labeler import open_labeler
from imgtag.backends.local.onnx_model import OnnxModel, confidences, picture
from imgtag.domain.errors import Invalid
from imgtag.domain.photos import Framing
from imgtag.imaging.shrink import raster
from imgtag.ports import Labeler
from tests.unit.model_folders import (
    BLUE,
    FLOAT16,
    GREEN,
    RED,
    WHITE,
    every_pixel,
    folder,
    jpeg,
    mean_colour,
    seeing,
    subject,
)

DOCS = Path(__file__).parents[2] / "docs" / "models.md"


def named(model: OnnxModel, photo: bytes) -> dict[str, float]:
    """Label *photo*: name to confidence."""
    return {str(hit.name): hit.confidence for hit in model.label(photo)}


# What is said of a photo


async def test_label_and_ancestor(tmp_path: Path) -> None:
    """A red photo is Red, and a Colour that is as sure as Red is."""
    async with open_labeler(folder(tmp_path)) as labeler:
        port_of: Labeler = labeler
        found = await port_of.detect(subject(jpeg(RED)))
    assert [(str(hit.name), hit.parents) for hit in found] == [
        ("Colour", ()),
        ("Red", ("Colour",)),
    ]
    assert found[0].confidence == found[1].confidence == pytest.approx(98, abs=2)


async def test_pixels_instead_of_the_jpeg(tmp_path: Path) -> None:
    """Pixels that come with the JPEG are what is looked at, and say the same as it would."""
    photo = jpeg(RED, GREEN, BLUE, size=(96, 64))
    async with open_labeler(folder(tmp_path, default_threshold=0.2)) as labeler:
        assert labeler.raster == Framing(8, 8, 8)
        pixels = raster(Image.open(io.BytesIO(photo)), labeler.raster)
        from_jpeg = await labeler.detect(subject(photo))
        from_pixels = await labeler.detect(subject(b"not looked at", pixels))
    sure = {str(hit.name): hit.confidence for hit in from_jpeg}
    assert {str(hit.name): hit.confidence for hit in from_pixels} == pytest.approx(sure, abs=1)


@pytest.mark.parametrize(
    "spec",
    [
        Input(width=224, height=224, resize=Resize(shorter_side=256)),
        Input(width=128, height=96),
        Input(width=64, height=100, resize=Resize(filter="lanczos")),
        Input(width=90, height=60, resize=Resize(fit="stretch", filter="box")),
    ],
)
@pytest.mark.parametrize("shape", [(512, 384), (384, 512), (200, 150)])
def test_pixels_and_jpeg_are_framed_alike(spec: Input, shape: tuple[int, int]) -> None:
    """What the decoder has framed is not framed once more."""
    ramps = [Image.linear_gradient("L"), Image.linear_gradient("L").rotate(90)]
    photo = Image.merge("RGB", [*ramps, Image.new("L", (256, 256))]).resize(shape)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=95)
    from_jpeg = picture(buffer.getvalue(), spec).astype(int)
    from_pixels = picture(raster(photo, spec.framing), spec).astype(int)
    assert from_pixels.shape == (spec.height, spec.width, 3)
    assert abs(from_pixels - from_jpeg).max() < 8


@pytest.mark.parametrize(("side", "wanted"), [(8, 512), (384, 768)])
async def test_name_and_rendition(tmp_path: Path, side: int, wanted: int) -> None:
    """The labeler is called after its model, and asks for pictures that fill a crop."""
    spec = {"width": side, "height": side}
    bound = folder(tmp_path, mean_colour((1, 3, side, side)), input=spec)
    async with open_labeler(bound) as labeler:
        assert (labeler.model, labeler.rendition_side) == ("colours-1", wanted)


async def test_nothing_sure_is_empty(tmp_path: Path) -> None:
    """A photo of which no number reaches its threshold gets no label."""
    async with open_labeler(folder(tmp_path)) as labeler:
        assert await labeler.detect(subject(jpeg((90, 90, 90)))) == ()


def test_own_threshold_and_silent_label(tmp_path: Path) -> None:
    """A label has a threshold of its own, and one that is not emitted is never said."""
    labels = [{"name": "Red", "threshold": 0.2}, {"name": "Green"}, {"name": "No", "emit": False}]
    model = OnnxModel(folder(tmp_path, labels=labels))
    assert set(named(model, jpeg((90, 90, 250)))) == {"Red"}


def test_ancestor_is_as_sure_as_surest_child(tmp_path: Path) -> None:
    """An ancestor takes the best of its children, also where it is a label of its own."""
    labels = [{"name": "Red", "parents": ["Warm"]}, {"name": "Warm"}, {"name": "Blue"}]
    model = OnnxModel(folder(tmp_path, labels=labels))
    found = named(model, jpeg((250, 150, 0)))
    assert found["Warm"] == found["Red"] > 90


def test_max_labels_keeps_the_surest(tmp_path: Path) -> None:
    """Of more labels than the folder allows the surest remain."""
    model = OnnxModel(folder(tmp_path, max_labels=1))
    assert set(named(model, jpeg((200, 250, 180)))) == {"Green", "Colour"}


def test_labels_file(tmp_path: Path) -> None:
    """A line of a labels file may start with its number, and synonyms are left out."""
    (tmp_path / "names.txt").write_text("0,rose, Rosa\n1,leaf\nsky\n")
    model = OnnxModel(folder(tmp_path, labels=None, labels_file="names.txt"))
    assert [label.name for label in model.description.labels] == ["rose", "leaf", "sky"]
    assert set(named(model, jpeg(RED))) == {"rose"}


async def test_many_at_once(tmp_path: Path) -> None:
    """Photos labelled at the same time don't mix their answers."""
    colours = [RED, GREEN, BLUE] * 20
    async with open_labeler(folder(tmp_path), threads=4) as labeler, asyncio.TaskGroup() as group:
        tasks = [group.create_task(labeler.detect(subject(jpeg(c)))) for c in colours]
    answers = [{str(hit.name) for hit in task.result()} - {"Colour"} for task in tasks]
    assert answers == [{"Red"}, {"Green"}, {"Blue"}] * 20


# How a photo becomes numbers


def test_crop_keeps_the_middle(tmp_path: Path) -> None:
    """Of a wide photo the model sees the middle square, scaled to its input."""
    model = seeing(tmp_path, 2, 2)
    red, green, blue = model.raw(jpeg(BLUE, RED, BLUE, size=(192, 64))).reshape(3, 4)
    assert min(red) > 0.8
    assert max(*green, *blue) < 0.2


def test_shorter_side_crops_further(tmp_path: Path) -> None:
    """With a shorter side twice the input, a quarter of a square photo is left on each side."""
    model = seeing(tmp_path, 8, 8, resize={"shorter_side": 16})
    red, _, blue = model.raw(jpeg(BLUE, RED, RED, BLUE)).reshape(3, 8, 8)
    assert red[:, 1:-1].min() > 0.8
    assert blue[:, 1:-1].max() < 0.2


def test_stretch_sees_everything(tmp_path: Path) -> None:
    """Stretched, a wide photo is seen whole."""
    model = seeing(tmp_path, 3, 1, resize={"fit": "stretch"})
    answer = model.raw(jpeg(RED, GREEN, BLUE, size=(192, 64))).reshape(3, 3)
    assert answer.argmax(axis=0).tolist() == [0, 1, 2]


def test_layout_and_colour_order(tmp_path: Path) -> None:
    """Channels come last in NHWC, and blue first in BGR."""
    model = seeing(tmp_path, 1, 1, layout="NHWC", colour="BGR")
    assert model.raw(jpeg(RED)).argmax() == 2


def test_mean_and_deviation(tmp_path: Path) -> None:
    """Numbers are pixel times scale, less the mean, by the deviation, for each channel."""
    model = seeing(tmp_path, 1, 1, scale=1, mean=[100, 50, 0], std=[2, 1, 5])
    assert model.raw(jpeg((200, 100, 50))) == pytest.approx([50, 50, 10], abs=2)


def test_half_precision(tmp_path: Path) -> None:
    """A graph that takes 16-bit numbers gets them."""
    model = OnnxModel(folder(tmp_path, mean_colour(kind=FLOAT16)))
    assert set(named(model, jpeg(GREEN))) == {"Green", "Colour"}


def test_mirrored_averages_both_ways(tmp_path: Path) -> None:
    """Asked both ways round, a model can't tell left from right."""
    model = seeing(tmp_path, 2, 1, mirrored=True, resize={"fit": "stretch"})
    assert model.raw(jpeg(RED, BLUE)) == pytest.approx([0.5, 0.5, 0, 0, 0.5, 0.5], abs=0.05)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"activation": "softmax"}, [0.665, 0.245, 0.09]),
        ({"activation": "softmax", "temperature": 2}, [0.506, 0.307, 0.186]),
        ({"activation": "sigmoid"}, [0.881, 0.731, 0.5]),
        ({"activation": "none", "temperature": 4}, [0.5, 0.25, 0]),
    ],
)
def test_activation(tmp_path: Path, output: dict[str, Any], expected: list[float]) -> None:
    """Raw numbers become shares as the folder says."""
    model = OnnxModel(folder(tmp_path, output=output, input={"width": 8, "height": 8, "scale": 1}))
    shares = confidences(model.raw(jpeg((2, 1, 0))), model.description.output)
    assert shares == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    "photo", [b"", b"no photo", jpeg(RED)[:300], jpeg(RED)[: len(jpeg(RED)) // 2]]
)
async def test_unreadable_photo_is_an_error(tmp_path: Path, photo: bytes) -> None:
    """A photo that can't be decoded is refused, never silently without labels."""
    async with open_labeler(folder(tmp_path)) as labeler:
        with pytest.raises(Invalid) as caught:
            await labeler.detect(subject(photo))
    assert caught.value.code == "damaged_photo"


def test_no_answer_is_an_error(tmp_path: Path) -> None:
    """Numbers that are no numbers are refused, not taken for "nothing to see"."""
    logarithm = every_pixel((1, 3, 1, 1), "Log")
    model = OnnxModel(folder(tmp_path, logarithm, input={"width": 1, "height": 1, "mean": [2] * 3}))
    with pytest.raises(Invalid, match="no answer"):
        model.label(jpeg(WHITE))


# Folders that can't be used


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"colour": "RGB"}, "model.json: colour: Extra inputs"),
        ({"input": {"width": 0, "height": 8}}, "input.width"),
        ({"input": {"width": 8, "height": 8, "layout": "CHW"}}, "input.layout"),
        ({"input": {"width": 8, "height": 8, "std": [1, 0, 1]}}, "std has a zero"),
        ({"input": {"width": 8, "height": 8, "resize": {"shorter_side": 4}}}, "smaller than"),
        ({"input": {"width": 9, "height": 8}}, "model.onnx refuses the input"),
        ({"input": {"width": 8, "height": 8, "name": "z"}}, "input.name must be one of x"),
        ({"output": {"activation": "relu"}}, "output.activation"),
        ({"output": {"activation": "none", "name": "z"}}, "output.name must be one of y"),
        ({"labels": None}, "either labels or labels_file"),
        ({"labels_file": "names.txt"}, "either labels or labels_file"),
        ({"labels": None, "labels_file": "../names.txt"}, "labels_file"),
        ({"labels": None, "labels_file": "names.txt"}, "names.txt can't be read"),
        ({"labels": [{"name": "Red"}]}, "1 named, and model.onnx answers with 3"),
        ({"labels": [{"name": ""}] * 3}, "labels.0.name"),
        ({"labels": [{"name": "Red", "threshold": 70}]}, "labels.0.threshold"),
        ({"default_threshold": float("nan")}, "default_threshold"),
        ({"licence": None}, "licence: Field required"),
    ],
)
def test_description_at_fault(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    """A wrong description is refused with the name of the field at fault."""
    with pytest.raises(Invalid, match=re.escape(complaint)) as caught:
        OnnxModel(folder(tmp_path, **changes))
    assert caught.value.code == "invalid_model"
    assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("model.json", b"{", "model.json is no JSON"),
        ("model.json", b"\xff\xfe", "model.json is not UTF-8"),
        ("model.json", None, "model.json can't be read"),
        ("model.onnx", b"garbage", "model.onnx can't be loaded"),
        ("names.txt", b"", "names.txt is empty"),
        ("names.txt", b"rose\n\nsky\n", "names.txt, line 2: name"),
        ("model.onnx", None, "model.onnx is missing"),
    ],
)
def test_file_at_fault(tmp_path: Path, name: str, content: bytes | None, complaint: str) -> None:
    """A file that is missing or broken is named."""
    (tmp_path / "names.txt").write_text("rose\nleaf\nsky\n")
    file = folder(tmp_path, labels=None, labels_file="names.txt") / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(Invalid, match=re.escape(complaint)) as caught:
        OnnxModel(tmp_path)
    assert str(tmp_path) not in caught.value.detail


def test_documented_descriptions_are_valid(tmp_path: Path) -> None:
    """Every ``model.json`` that the documentation shows is accepted."""
    shown = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "labels.txt").write_text("tench\n")
    for text in shown:
        (tmp_path / "model.json").write_text(text)
        assert isinstance(read_description(tmp_path), Description)
    assert len(shown) >= 2


def test_onnxruntime_is_loaded_late() -> None:
    """A process that only knows of the labeler doesn't pay for onnxruntime."""
    program = (
        "import sys, imgtag.backends.local.onnx_labeler; sys.exit('onnxruntime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_is_told_to_anybody(tmp_path: Path) -> None:
    """Loading a model leaves no device id and no events behind that could be sent."""
    program = (
        "from imgtag.backends.local.onnx_model import OnnxModel\n"
        "from imgtag.settings import Settings\n"
        "OnnxModel(Settings().model_dir)\n"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)
    assert not list(tmp_path.iterdir())
