import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import imgtag
from imgtag.backends.local.onnx_labeler import OnnxModel

FOLDER = Path(imgtag.__file__).parent / "models" / "scenes"
SIZE = (384, 256)
SCENES = {
    *("Coast", "Forest", "Highway", "City"),
    *("Mountain", "Countryside", "Street", "Skyscraper"),
}
PARENTS = {"Nature", "Outdoors", "Urban", "Road", "Building"}


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    """The model folder that is used where none is set."""
    return OnnxModel(FOLDER)


def plain(draw: ImageDraw.ImageDraw, _: random.Random) -> None:
    """A wall."""
    draw.rectangle((0, 0, *SIZE), fill="#cfc8bb")


def flag(draw: ImageDraw.ImageDraw, _: random.Random) -> None:
    """Three upright stripes."""
    for place, colour in enumerate(("#ce2b37", "white", "#009246")):
        draw.rectangle((place * 128, 0, place * 128 + 128, SIZE[1]), fill=colour)


def page(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """Lines of words."""
    draw.rectangle((0, 0, *SIZE), fill="white")
    for top in range(16, SIZE[1], 16):
        for left in range(16, SIZE[0] - 50, 50):
            draw.rectangle((left, top, left + rng.randint(10, 42), top + 7), fill="black")


def balls(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """Balls on a table."""
    draw.rectangle((0, 0, *SIZE), fill="#7a5230")
    for colour in ("red", "yellow", "#204080", "white"):
        x, y = rng.randint(20, 280), rng.randint(20, 160)
        draw.ellipse((x, y, x + 80, y + 80), fill=colour)


def test_vocabulary(model: OnnxModel) -> None:
    """It speaks of eight scenes and their parents, under the names that Rekognition uses."""
    said = {label.name: set(label.parents) for label in model.description.labels if label.emit}
    assert set(said) == SCENES
    assert set().union(*said.values()) == PARENTS


def test_size(model: OnnxModel) -> None:
    """It has at most 4 MB, and says where it comes from."""
    assert (FOLDER / "model.onnx").stat().st_size <= 4_000_000
    assert model.description.licence
    assert model.description.provenance


def test_thresholds(model: OnnxModel) -> None:
    """No threshold lies under what the service keeps by default."""
    thresholds = [model.description.threshold_of(label) for label in model.description.labels]
    assert min(thresholds) >= 0.7


@pytest.mark.parametrize("drawing", [plain, flag, page, balls])
def test_refusal(
    model: OnnxModel, drawing: Callable[[ImageDraw.ImageDraw, random.Random], None]
) -> None:
    """It has nothing to say of what is no scene."""
    canvas = Image.new("RGB", SIZE)
    drawing(ImageDraw.Draw(canvas), random.Random(7))
    written = io.BytesIO()
    canvas.save(written, "JPEG", quality=80)
    assert model.label(written.getvalue()) == ()
