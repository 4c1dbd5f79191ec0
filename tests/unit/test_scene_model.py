import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import imgtag
from imgtag.backends.local.onnx_model import OnnxModel

FOLDER = Path(imgtag.__file__).parent / "models" / "scenes"
SIZE = (384, 256)
SCENES = {
    *("Coast", "Forest", "Highway", "City"),
    *("Mountain", "Countryside", "Street", "Skyscraper"),
}
Drawing = Callable[[ImageDraw.ImageDraw, random.Random], None]
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


def stars(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """The sky at night."""
    for _ in range(150):
        x, y, wide = rng.randint(0, SIZE[0]), rng.randint(0, SIZE[1]), rng.choice((1, 1, 2, 3))
        draw.ellipse((x, y, x + wide, y + wide), fill="#f4f0e0")


def beach(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """Sky, a sea with waves, surf, sand."""
    draw.rectangle((0, 0, SIZE[0], 110), fill="#8fc0e8")
    draw.rectangle((0, 110, SIZE[0], 190), fill="#2a6f95")
    draw.rectangle((0, 190, *SIZE), fill="#d7c396")
    for _ in range(400):
        x, y, wave = rng.randint(0, SIZE[0]), rng.randint(112, 188), rng.randint(4, 24)
        draw.line((x, y, x + wave, y), fill=rng.choice(("#3d7fa6", "#245f86", "#5c9bbd")))
    for _ in range(60):
        x, y = rng.randint(-10, SIZE[0]), rng.randint(186, 196)
        draw.ellipse((x, y, x + 30, y + 4), fill="white")


def wood(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """Leaves everywhere, and trunks."""
    draw.rectangle((0, 0, *SIZE), fill="#1d2a14")
    for _ in range(3000):
        x, y, wide = rng.randint(0, SIZE[0]), rng.randint(0, SIZE[1]), rng.randint(1, 5)
        green = rng.randint(60, 150)
        draw.ellipse((x, y, x + wide, y + wide), fill=(green // 2, green, green // 4))
    for _ in range(16):
        x, wide, grey = rng.randint(0, SIZE[0]), rng.randint(4, 14), rng.randint(30, 60)
        draw.rectangle((x, 0, x + wide, 240), fill=(grey, grey, 25))


def towers(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """Tall houses with many windows before a clear sky."""
    draw.rectangle((0, 0, *SIZE), fill="#8bb8d8")
    left = 0
    while left < SIZE[0]:
        wide, top, grey = rng.randint(30, 60), rng.randint(20, 120), rng.randint(70, 150)
        draw.rectangle((left, top, left + wide, SIZE[1]), fill=(grey, grey, grey + 10))
        for y in range(top + 4, SIZE[1], 7):
            for x in range(left + 3, left + wide - 3, 6):
                draw.rectangle((x, y, x + 3, y + 4), fill=(grey - 50, grey - 40, grey - 20))
        left += wide


def drawn(drawing: Drawing) -> bytes:
    """A drawing as JPEG."""
    canvas = Image.new("RGB", SIZE)
    drawing(ImageDraw.Draw(canvas), random.Random(7))
    written = io.BytesIO()
    canvas.save(written, "JPEG", quality=80)
    return written.getvalue()


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


def test_card(model: OnnxModel) -> None:
    """The card is that of the model beside it."""
    title = (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8").partition("\n")[0]
    assert title == f"# Scenes, version {model.description.version}"


@pytest.mark.parametrize(
    ("drawing", "name"), [(beach, "Coast"), (wood, "Forest"), (towers, "Skyscraper")]
)
def test_scene(model: OnnxModel, drawing: Drawing, name: str) -> None:
    """Of its scenes it finds the drawn one the likeliest, though it may take a drawing for none."""
    names = [label.name for label in model.description.labels if label.emit]
    likeliest = model.raw(drawn(drawing))[: len(names)].argmax()
    assert names[likeliest] == name


@pytest.mark.parametrize("drawing", [plain, flag, page, balls, stars])
def test_refusal(model: OnnxModel, drawing: Drawing) -> None:
    """It has nothing to say of what is no scene."""
    assert model.label(drawn(drawing)) == ()
