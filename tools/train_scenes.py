"""Train the scene model that imgtag ships, measure it, and write its model folder.

    python tools/train_scenes.py PHOTOS MODEL_FOLDER --work WORK [--others PHOTOS_OF_OTHER_THINGS]

Runs k-fold cross-validation, prints what it measured as JSON, and trains the shipped network on all
photos. Every run is kept in WORK, so that an interrupted training continues.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import scene_data
import scene_negatives
import scene_report
import torch
from numpy.typing import NDArray
from scene_net import Material, Recipe, SceneNet, train

from imgtag.backends.local.onnx_model import OnnxModel
from imgtag.imaging.inspect import prepare
from imgtag.imaging.model import Limits

NEGATIVES = 4000
NEGATIVES_TO_REFUSE = 600
ALL = -1
VERSION = "2"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line asked for. Fold `ALL` leaves nothing out."""

    photos: Path
    work: Path
    folds: int
    seed: int
    recipe: Recipe
    device: str

    def weights(self, fold: int) -> Path:
        """Where the network that never saw *fold* is kept."""
        return self.work / ("all.pt" if fold == ALL else f"fold-{fold}.pt")


def channels_first(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Turn [..., side, side, 3] into what the network takes."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, -3)))


def train_one(plan: Plan, fold: int) -> float:
    """Train on everything outside of *fold*, keep the weights, and tell the seconds it took."""
    torch.set_num_threads(1)
    if plan.weights(fold).exists():
        return 0.0
    began = time.monotonic()
    photos = scene_data.load(plan.photos, plan.folds, plan.seed)
    seen = photos.folds != fold
    pixels = photos.cached(seen)
    negatives, _ = scene_negatives.make(NEGATIVES, pixels[0], plan.seed + fold + 1)
    material = Material(
        channels_first(pixels), torch.from_numpy(photos.classes[seen]), channels_first(negatives)
    )
    net = train(material, plan.recipe, plan.seed + fold + 1, torch.device(plan.device))
    partial = plan.weights(fold).with_suffix(".part")
    torch.save(net.cpu().state_dict(), partial)
    partial.replace(plan.weights(fold))
    return time.monotonic() - began


def train_all(plan: Plan, processes: int) -> None:
    """Train one network for each fold and the one that is shipped, *processes* at a time."""
    plan.work.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {fold: pool.submit(train_one, plan, fold) for fold in (*range(plan.folds), ALL)}
        for fold, run in running.items():
            print(f"{plan.weights(fold).name}: {run.result():.0f} s", file=sys.stderr, flush=True)


def trained(plan: Plan, fold: int) -> SceneNet:
    """Load the network that never saw *fold*."""
    net = SceneNet(len(scene_data.CLASSES) + 1)
    net.load_state_dict(torch.load(plan.weights(fold), weights_only=True))
    return net.eval()


def measure(
    plan: Plan, photos: scene_data.Photos
) -> tuple[dict[str, Any], scene_report.Calibration]:
    """Ask each fold's network about the photos it never saw, and about pictures made of them."""
    logits = np.zeros((len(photos.classes), len(scene_data.CLASSES) + 1), np.float32)
    refused, kinds = [], []
    for fold in range(plan.folds):
        net, unseen = trained(plan, fold), photos.folds == fold
        logits[unseen] = scene_report.ask(net, photos.seen(unseen))
        pictures, kinds_here = scene_negatives.make(
            NEGATIVES_TO_REFUSE, photos.cached(unseen)[0], plan.seed + 1000 + fold
        )
        refused.append(scene_report.ask(net, scene_report.rasters(pictures)))
        kinds += kinds_here
    calibration = scene_report.calibrate(logits, photos.classes)
    figures = scene_report.scene_figures(logits, photos.classes, photos.folds)
    refusals = scene_report.refusal_figures(np.concatenate(refused), kinds, calibration)
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


def provenance(plan: Plan, photos: scene_data.Photos) -> str:
    """Tell where the weights come from, in one sentence for ``model.json``."""
    return (
        f"Trained from random weights by tools/train_scenes.py (seed {plan.seed}) on "
        f"{len(photos.classes)} photos of eight outdoor scenes, 256 x 256 pixels, and on pictures "
        "that the tool makes of them; the photos are not distributed, nor is a licence for them"
    )


def parse(arguments: list[str]) -> tuple[argparse.Namespace, Plan]:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path, help="a folder of photos for each class")
    parser.add_argument("model", type=Path, help="the model folder to write")
    parser.add_argument("--work", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--others", type=Path, help="a folder of photos, asked and reported only")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args(arguments)
    recipe = replace(Recipe(), epochs=given.epochs)
    plan = Plan(given.photos, given.work, given.folds, given.seed, recipe, given.device)
    return given, plan


def main(arguments: list[str]) -> int:
    """Train, measure, write."""
    given, plan = parse(arguments)
    prepare(Limits())
    train_all(plan, given.processes)
    photos = scene_data.load(plan.photos, plan.folds, plan.seed)
    figures, calibration = measure(plan, photos)
    described = scene_report.description(provenance(plan, photos), calibration, VERSION)
    scene_report.write_folder(given.model, trained(plan, ALL), described)
    if given.others:
        figures["others"] = said_of(OnnxModel(given.model), given.others)
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
