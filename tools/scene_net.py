"""The scene network, how its photos are varied, and one training run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (48, 96, 192)
STEM_WIDTH = 24
BANDS = 3
SEEN = 128
GLANCES = (112, 96)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of.

    *phases* are pairs of an end, as a share of the run, and the side in pixels until then: the
    early ones are small because they are cheap.
    """

    epochs: int = 80
    batch: int = 64
    negatives_per_batch: int = 10
    phases: tuple[tuple[float, int], ...] = ((0.62, 64), (0.84, 80), (1.0, 96))
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    smoothing: float = 0.05
    mix_share: float = 0.6
    average: float = 0.993

    def side_at(self, epoch: int) -> int:
        """How many pixels a side has in *epoch*."""
        return next(side for end, side in self.phases if epoch < end * self.epochs)


class Block(nn.Module):
    """Two 3x3 convolutions beside a short cut; halves both sides of the picture at stride 2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.short = nn.Sequential(
            nn.AvgPool2d(stride, ceil_mode=True),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        return nn.functional.relu(self.body(x) + self.short(x))


class SceneNet(nn.Module):
    """Pixels [n, 3, side, side], normalised, to logits [n, classes].

    The head sees the mean over the picture, and over its upper, middle and lower third: a scene
    has its sky above.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        sizes = (STEM_WIDTH, *WIDTHS)
        self.stem = nn.Sequential(
            nn.Conv2d(3, STEM_WIDTH, 3, 2, 1, bias=False), nn.BatchNorm2d(STEM_WIDTH), nn.ReLU()
        )
        self.blocks = nn.Sequential(*(Block(i, o, 2) for i, o in pairwise(sizes)))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear((1 + BANDS) * WIDTHS[-1], classes))

    def forward(self, x: Tensor) -> Tensor:
        """Answer with one logit for each class."""
        rows = self.blocks(self.stem(x)).mean(3)
        return self.head(torch.cat([rows.mean(2), bands(rows)], 1))


def bands(rows: Tensor) -> Tensor:
    """Mean of each channel in each third, [n, channels, rows] to [n, channels * thirds].

    As adaptive pooling does it, which ONNX has for whole thirds alone.
    """
    height = rows.shape[2]
    edges = [(i * height // BANDS, -(-(i + 1) * height // BANDS)) for i in range(BANDS)]
    return torch.stack([rows[..., top:foot].mean(2) for top, foot in edges], 2).flatten(1)


class Glances(nn.Module):
    """Looks at the picture in two sizes and averages: what is shipped.

    That is worth more than looking at the mirrored picture as well, and costs less.
    """

    def __init__(self, net: SceneNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Pixels [n, 3, `SEEN`, `SEEN`], normalised, to logits [n, classes]."""
        return torch.stack([self.net(self.scaled(x, side)) for side in GLANCES]).mean(0)

    @staticmethod
    def scaled(x: Tensor, side: int) -> Tensor:
        """Scale without smoothing, as the network saw its photos in training."""
        return nn.functional.interpolate(x, [side, side], mode="bilinear", align_corners=False)


class Variations:
    """Random views of photos, drawn from a generator of their own so that runs repeat."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Random numbers of *shape* between *low* and *high*."""
        drawn = torch.rand(*shape, generator=self.generator) * (high - low) + low
        return drawn.to(self.device)

    def chance(self, share: float, *shape: int) -> Tensor:
        """True in about *share* of the places of *shape*."""
        return self.uniform(0, 1, *shape) < share

    def view(self, photos: Tensor, side: int) -> Tensor:
        """Crop, turn a little, mirror and recolour uint8 photos into [n, 3, side, side]."""
        n = len(photos)
        area, stretch = self.uniform(0.4, 1, n), self.uniform(-0.28, 0.28, n).exp().sqrt()
        wide, high = (area.sqrt() * stretch).clamp(max=1), (area.sqrt() / stretch).clamp(max=1)
        turn = self.uniform(-0.14, 0.14, n) * self.chance(0.5, n)
        mirror = torch.where(self.chance(0.5, n), -1.0, 1.0)
        cos, sin = turn.cos(), turn.sin()
        right = (1 - wide) * self.uniform(-1, 1, n)
        down = (1 - high) * self.uniform(-1, 1, n)
        rows = torch.stack([wide * cos * mirror, -high * sin, right], 1)
        columns = torch.stack([wide * sin * mirror, high * cos, down], 1)
        grid = nn.functional.affine_grid(
            torch.stack([rows, columns], 1), [n, 3, side, side], align_corners=False
        )
        pixels = nn.functional.grid_sample(
            photos.float() / 255, grid, padding_mode="reflection", align_corners=False
        )
        return normalise(self._recoloured(pixels))

    def _recoloured(self, pixels: Tensor) -> Tensor:
        """Exposure, white balance, contrast and saturation as one matrix for each, then grain."""
        n = len(pixels)
        gain = self.uniform(0.6, 1.4, n, 1) * self.uniform(0.9, 1.1, n, 3)
        contrast = self.uniform(0.65, 1.4, n, 1, 1)
        drained = self.chance(0.06, n, 1, 1)
        saturation = torch.where(drained, 0.0, self.uniform(0.5, 1.5, n, 1, 1))
        mean = (pixels.mean((2, 3)) * gain).mean(1)[:, None, None]
        keep = saturation * torch.eye(3, device=self.device) + (1 - saturation) / 3
        matrix = keep * contrast * gain[:, None, :]
        moved = torch.baddbmm((1 - contrast) * mean, matrix, pixels.flatten(2))
        return self._grainy(moved.view_as(pixels)).clamp(0, 1)

    def _grainy(self, pixels: Tensor) -> Tensor:
        chosen = self.chance(0.2, len(pixels)).nonzero()[:, 0]
        shape = (len(chosen), *pixels.shape[1:])
        grain = torch.randn(shape, generator=self.generator).to(self.device)
        return pixels.index_add(0, chosen, grain, alpha=0.03)

    def mix(self, pixels: Tensor, targets: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Blend a batch with itself (mixup) or paste pieces of it into itself (CutMix)."""
        draw = self.uniform(0, 1, 3).tolist()
        if draw[0] > share:
            return pixels, targets
        order = torch.randperm(len(pixels), generator=self.generator).to(self.device)
        if draw[1] < 0.5:
            kept = 1 - 0.5 * draw[2] ** 2
            pixels = kept * pixels + (1 - kept) * pixels[order]
        else:
            pixels, kept = self._pasted(pixels, order, draw[2])
        return pixels, kept * targets + (1 - kept) * targets[order]

    def _pasted(self, pixels: Tensor, order: Tensor, share: float) -> tuple[Tensor, float]:
        side = pixels.shape[-1]
        piece = int(side * math.sqrt(0.5 * share))
        top, left = (self.uniform(0, 1, 2) * (side - piece + 1)).long().tolist()
        pixels = pixels.clone()
        window = (..., slice(top, top + piece), slice(left, left + piece))
        pixels[window] = pixels[order][window]
        return pixels, 1 - piece * piece / (side * side)


MEAN, DEVIATION = 0.45, 0.26


def normalise(pixels: Tensor) -> Tensor:
    """Map 0..1 to about -2..2, laid out as convolutions on a CPU like it."""
    return ((pixels - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True)
class Material:
    """Photos uint8 [variants, n, 3, s, s] with classes [n], and negatives uint8 [m, 3, s, s]."""

    photos: Tensor
    classes: Tensor
    negatives: Tensor

    def batches(
        self, recipe: Recipe, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch: every photo once, in a random one of its variants, beside fresh negatives."""
        per_batch = recipe.batch - recipe.negatives_per_batch
        refusal = int(self.classes.max()) + 1
        order = torch.randperm(len(self.classes), generator=generator)
        for chosen in order.split(per_batch):
            variant = torch.randint(len(self.photos), chosen.shape, generator=generator)
            others = torch.randint(
                len(self.negatives), (recipe.negatives_per_batch,), generator=generator
            )
            pixels = torch.cat([self.photos[variant, chosen], self.negatives[others]])
            classes = torch.cat([self.classes[chosen], torch.full_like(others, refusal)])
            yield pixels, nn.functional.one_hot(classes, refusal + 1).float()


def pace(step: float, recipe: Recipe) -> float:
    """The learning rate at *step*, 0 to 1 through the run: a short climb, then half a cosine."""
    if step < recipe.warm_up:
        return recipe.learning_rate * step / recipe.warm_up
    done = (step - recipe.warm_up) / (1 - recipe.warm_up)
    return recipe.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6


def train(material: Material, recipe: Recipe, seed: int, device: torch.device) -> SceneNet:
    """Train one network; the answer is the running average of its weights, ready to be asked."""
    torch.manual_seed(seed)
    classes = int(material.classes.max()) + 2
    net = SceneNet(classes).to(device, memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        net,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average),
        use_buffers=True,
    )
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=recipe.weight_decay, fused=True)
    variations = Variations(seed, device)
    for epoch in range(recipe.epochs):
        side = recipe.side_at(epoch)
        for pixels, targets in material.batches(recipe, variations.generator):
            for group in optimiser.param_groups:
                group["lr"] = pace(epoch / recipe.epochs, recipe)
            views = variations.view(pixels.to(device), side)
            views, goals = variations.mix(views, targets.to(device), recipe.mix_share)
            with torch.autocast(device.type, torch.bfloat16):
                logits = net(views).float()
            loss = nn.functional.cross_entropy(logits, goals, label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            average.update_parameters(net)
    return average.module.eval()
