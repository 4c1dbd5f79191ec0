"""The photos that the scene model is trained on, as imgtag itself would show them to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgtag.backends.local.model_folder import Input, Resize
from imgtag.backends.local.onnx_labeler import picture
from imgtag.imaging.inspect import inspect
from imgtag.imaging.model import Limits, Question

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

# Two ways of getting there, so that the model does not depend on how a decoder shrinks.
VIEWS = (
    Input(width=CACHED_SIDE, height=CACHED_SIDE),
    Input(width=CACHED_SIDE, height=CACHED_SIDE, resize=Resize(filter="lanczos")),
)


@dataclass(frozen=True, slots=True)
class Photos:
    """Renditions (JPEG), classes [n] as places in `CLASSES`, and the fold of each, -1 for none."""

    renditions: list[bytes]
    classes: NDArray[np.int64]
    folds: NDArray[np.int64]

    def cached(self, chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Pixels of the chosen photos, [views, n, side, side, 3]."""
        jpegs = [self.renditions[i] for i in np.flatnonzero(chosen)]
        return np.stack([[picture(jpeg, view) for jpeg in jpegs] for view in VIEWS])


def rendition(photo: Path) -> bytes:
    """What imgtag hands to the labeler for a photo: upright, sRGB, at most 512 pixels a side."""
    return inspect(photo.read_bytes(), Question(), Limits()).thumbnail


def load(folder: Path, folds: int, seed: int) -> Photos:
    """Read a folder with one folder of photos per class, and deal each class over the folds."""
    files = [sorted((folder / name).glob("*.jpg")) for name in CLASSES]
    classes = np.repeat(np.arange(len(CLASSES)), [len(of_class) for of_class in files])
    rng = np.random.default_rng(seed)
    dealt = [rng.permutation(np.arange(len(of_class)) % folds) for of_class in files]
    renditions = [rendition(file) for of_class in files for file in of_class]
    return Photos(renditions, classes, np.concatenate(dealt))
