"""From fitted heads to a model folder: calibration, thresholds and honest figures."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scene_data import CLASSES, LOOKS
from scene_graph import Trunk
from scene_net import DEVIATION, MEAN, SEEN
from torch import nn

from imgtag.backends.local.model_folder import Description, Output
from imgtag.backends.local.onnx_model import OnnxModel, confidences, picture
from imgtag.domain.photos import Raster

Logits = NDArray[np.float32]

MIN_PRECISION = 0.975
LOWEST_THRESHOLD = 0.70  # the service keeps nothing below 70 by default
REFUSAL = "None of these"

PARENTS = {
    "Coast": ["Nature", "Outdoors"],
    "Forest": ["Nature", "Outdoors"],
    "Highway": ["Road"],
    "City": ["Urban"],
    "Mountain": ["Nature", "Outdoors"],
    "Countryside": ["Nature", "Outdoors"],
    "Street": ["Road", "Urban"],
    "Skyscraper": ["Building", "Urban"],
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns logits into labels: the temperature, and how sure one must be of a label."""

    temperature: float
    threshold: float


def description(provenance: str, calibration: Calibration, version: str) -> dict[str, Any]:
    """Give the ``model.json`` of the scene model."""
    labels = [{"name": name, "parents": PARENTS[name]} for name in CLASSES.values()]
    return {
        "name": "scenes",
        "version": version,
        "licence": "Apache-2.0",
        "provenance": provenance,
        "input": {
            "width": SEEN,
            "height": SEEN,
            "layout": "NCHW",
            "colour": "RGB",
            "scale": 1 / 255,
            "mean": [MEAN] * 3,
            "std": [DEVIATION] * 3,
            "resize": {"fit": "crop", "shorter_side": SEEN, "filter": "bilinear"},
            "mirrored": False,
        },
        "output": {"activation": "softmax", "temperature": calibration.temperature},
        "labels": [*labels, {"name": REFUSAL, "emit": False}],
        "default_threshold": calibration.threshold,
        "max_labels": 1,
    }


def write_folder(folder: Path, trunk: Trunk, head: nn.Linear, described: dict[str, Any]) -> None:
    """Write ``model.onnx`` and ``model.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    trunk.write(head, folder / "model.onnx")
    Description.model_validate(described)
    text = json.dumps(described, indent=2)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def ask(trunk: Trunk, head: nn.Linear, seen: Sequence[bytes | Raster]) -> Logits:
    """Ask as the service would: the written graph, by the labeler's own code. [n, classes + 1]."""
    untold = Calibration(1.0, LOWEST_THRESHOLD)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), trunk, head, description("a fold", untold, "0"))
        model = OnnxModel(Path(folder))
        return np.stack([model.raw(picture) for picture in seen])


def rasters(pictures: NDArray[np.uint8]) -> list[Raster]:
    """Make of pictures [n, side, side, 3] what imgtag hands to the labeler."""
    return [Raster(len(picture), len(picture), picture.tobytes()) for picture in pictures]


def looked_at(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale pictures [n, side, side, 3] as the labeler does, [n, `SEEN`, `SEEN`, 3]."""
    return np.stack([picture(raster, LOOKS) for raster in rasters(pictures)])


def shares(logits: Logits, temperature: float) -> Logits:
    """Turn logits into what the labeler would say, [n, classes + 1]."""
    output = Output(activation="softmax", temperature=temperature)
    return np.stack([confidences(row, output) for row in logits])


def calibrate(logits: Logits, classes: NDArray[np.int64]) -> Calibration:
    """Choose the temperature of least surprise, then the threshold for `MIN_PRECISION`."""
    temperatures = np.round(np.arange(0.3, 2.01, 0.02), 2)
    rows = np.arange(len(classes))

    def surprise(temperature: float) -> float:
        told = shares(logits, temperature)[rows, classes]
        return float(-np.log(told + 1e-9).mean())

    temperature = float(min(temperatures, key=surprise))
    return Calibration(temperature, _threshold(shares(logits, temperature), classes))


def _threshold(told: Logits, classes: NDArray[np.int64]) -> float:
    """Find the lowest threshold with which labels are right often enough, one for all labels.

    Shares are calibrated, so the same share means the same odds whatever the label.
    """
    truth = classes[:, None] == np.arange(len(CLASSES))
    for threshold in np.round(np.arange(LOWEST_THRESHOLD, 0.96, 0.01), 2).tolist():
        said = emitted(told, threshold)
        if said.any() and truth[said].mean() >= MIN_PRECISION:
            return float(threshold)
    return 0.96


def emitted(told: Logits, threshold: float) -> NDArray[np.bool_]:
    """Which of the classes are said of which picture, [n, classes]."""
    return told[:, : len(CLASSES)] >= threshold


def scene_figures(
    logits: Logits, classes: NDArray[np.int64], folds: NDArray[np.int64]
) -> dict[str, Any]:
    """Measure out-of-fold answers; the labels of a fold by the calibration of the other folds."""
    said = np.zeros((len(classes), len(CLASSES)), bool)
    for fold in np.unique(folds):
        outside, inside = folds != fold, folds == fold
        calibration = calibrate(logits[outside], classes[outside])
        told = shares(logits[inside], calibration.temperature)
        said[inside] = emitted(told, calibration.threshold)
    truth = classes[:, None] == np.arange(len(CLASSES))
    best = logits[:, : len(CLASSES)].argmax(axis=1)
    confusion = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(confusion, (classes, best), 1)
    return {
        "photos": len(classes),
        "top1": _share(best == classes),
        "top1_by_fold": [_share((best == classes)[folds == f]) for f in np.unique(folds)],
        "precision": _share(truth[said]),
        "recall": _share(said[truth]),
        "photos_without_label": _share(~said.any(axis=1)),
        "classes": {
            name: {
                "top1": _share(best[classes == i] == i),
                "precision": _share(truth[said[:, i], i]),
                "recall": _share(said[classes == i, i]),
            }
            for i, name in enumerate(CLASSES.values())
        },
        "confusion": confusion.tolist(),
    }


def refusal_figures(
    logits: Logits, kinds: Sequence[str], calibration: Calibration
) -> dict[str, float]:
    """Tell which share of each kind of picture that is no scene got a label all the same."""
    labelled = emitted(shares(logits, calibration.temperature), calibration.threshold).any(axis=1)
    names = np.asarray(kinds)
    return {"all": _share(labelled)} | {
        str(kind): _share(labelled[names == kind]) for kind in np.unique(names)
    }


def _share(flags: NDArray[np.bool_]) -> float:
    return round(float(flags.mean()), 4) if flags.size else 0.0
