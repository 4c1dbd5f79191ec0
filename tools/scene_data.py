"""The photos that the scene model is trained on, as imgtag itself would show them to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scene_net import SEEN

from imgtag.backends.local.model_folder import Input, Resize
from imgtag.backends.local.onnx_labeler import RENDITION_SIDE
from imgtag.backends.local.onnx_model import picture
from imgtag.domain.photos import Raster
from imgtag.imaging.inspect import inspect
from imgtag.imaging.model import Limits, Question, RenditionSpec
from imgtag.ports import Rendition

CLASSES = {
    "coast": "Coast",
    "forest": "Forest",
    "highway": "Highway",
    "inside_city": "City",
    "mountain": "Mountain",
    "Opencountry": "Countryside",
    "street": "Street",
    "tallbuilding": "Skyscraper",
}
CACHED_SIDE = 128
LOOKS = Input(width=SEEN, height=SEEN)
LOOKED_AT = RenditionSpec(RENDITION_SIDE, raster=LOOKS.framing)

# Two ways of getting there, so that the model does not depend on how a decoder shrinks.
VIEWS = (
    Input(width=CACHED_SIDE, height=CACHED_SIDE),
    Input(width=CACHED_SIDE, height=CACHED_SIDE, resize=Resize(filter="lanczos")),
)


@dataclass(frozen=True, slots=True)
class Photos:
    """Renditions, classes [n] as places in `CLASSES`, and the fold of each, -1 for none."""

    renditions: list[Rendition]
    classes: NDArray[np.int64]
    folds: NDArray[np.int64]

    def cached(self, chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Pixels of the chosen photos, [views, n, side, side, 3]."""
        jpegs = [self.renditions[i].jpeg for i in np.flatnonzero(chosen)]
        return np.stack([[picture(jpeg, view) for jpeg in jpegs] for view in VIEWS])

    def looked_at(self) -> NDArray[np.uint8]:
        """Pixels of every photo as the model gets them, [n, `SEEN`, `SEEN`, 3]."""
        return np.stack([picture(seen(of), LOOKS) for of in self.renditions])

    def seen(self, chosen: NDArray[np.bool_]) -> list[bytes | Raster]:
        """What the labeler looks at for each of the chosen photos."""
        return [seen(self.renditions[i]) for i in np.flatnonzero(chosen)]


def shown(photo: Path) -> Rendition:
    """What imgtag hands to the labeler for a photo: upright, sRGB, at most 512 pixels a side."""
    inspected = inspect(photo.read_bytes(), Question(LOOKED_AT), Limits())
    return Rendition(inspected.rendition or inspected.thumbnail, inspected.raster)


def seen(rendition: Rendition) -> bytes | Raster:
    """Which part of a rendition the labeler looks at."""
    return rendition.raster or rendition.jpeg


def load(folder: Path, folds: int, seed: int) -> Photos:
    """Read a folder with one folder of photos per class, and deal each class over the folds."""
    files = [sorted((folder / name).glob("*.jpg")) for name in CLASSES]
    classes = np.repeat(np.arange(len(CLASSES)), [len(of_class) for of_class in files])
    rng = np.random.default_rng(seed)
    dealt = [rng.permutation(np.arange(len(of_class)) % folds) for of_class in files]
    renditions = [shown(file) for of_class in files for file in of_class]
    return Photos(renditions, classes, np.concatenate(dealt))
