"""The scene network, how its photos are varied, and how its head is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from efficientnet_lite import TAPS, EfficientNetLite
from torch import Tensor, nn

SEEN = 112
BANDS = 3
FEATURES = (1 + BANDS) * sum(TAPS.values())
MEAN, DEVIATION = 127 / 255, 128 / 255  # as the published weights want it
BATCH = 32


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the head is fitted: *decay* holds its weights down, *steps* are those of L-BFGS."""

    decay: float = 5e-5
    steps: int = 60


class SceneNet(nn.Module):
    """Pixels [n, 3, `SEEN`, `SEEN`], normalised, to logits [n, classes].

    The head is linear. It sees the mean of each channel over the picture, and over its upper,
    middle and lower third: a scene has its sky above.
    """

    def __init__(self, trunk: EfficientNetLite, classes: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x: Tensor) -> Tensor:
        """Map pixels to what the head sees, [n, `FEATURES`]."""
        rows = [seen.mean(3) for seen in self.trunk(x)]
        return torch.cat([part for of_tap in rows for part in (of_tap.mean(2), bands(of_tap))], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Answer with one logit for each class."""
        return self.head(self.features(x))

    @torch.no_grad()
    def features_of(self, views: Tensor) -> Tensor:
        """Map pixels of 0..1, [n, 3, `SEEN`, `SEEN`], to what the head sees."""
        return self.features(normalise(views))


def bands(rows: Tensor) -> Tensor:
    """Mean of each channel in each third, [n, channels, rows] to [n, channels * thirds].

    As adaptive pooling does it, which ONNX has for whole thirds alone.
    """
    height = int(rows.shape[2])
    edges = [(i * height // BANDS, -(-(i + 1) * height // BANDS)) for i in range(BANDS)]
    return torch.stack([rows[..., top:foot].mean(2) for top, foot in edges], 2).flatten(1)


def normalise(pixels: Tensor) -> Tensor:
    """Map 0..1 to about -1..1, laid out as convolutions on a CPU like it."""
    return ((pixels - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)


class Variations:
    """Random views of photos, drawn from a generator of their own so that runs repeat."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Random numbers of *shape* between *low* and *high*."""
        return torch.rand(*shape, generator=self.generator) * (high - low) + low

    def chance(self, share: float, *shape: int) -> Tensor:
        """True in about *share* of the places of *shape*."""
        return self.uniform(0, 1, *shape) < share

    def view(self, photos: Tensor, side: int) -> Tensor:
        """Crop, turn a little, mirror and recolour uint8 photos into [n, 3, side, side], 0..1."""
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
        return self._recoloured(pixels)

    def _recoloured(self, pixels: Tensor) -> Tensor:
        """Exposure, white balance, contrast and saturation as one matrix for each, then grain."""
        n = len(pixels)
        gain = self.uniform(0.6, 1.4, n, 1) * self.uniform(0.9, 1.1, n, 3)
        contrast = self.uniform(0.65, 1.4, n, 1, 1)
        drained = self.chance(0.06, n, 1, 1)
        saturation = torch.where(drained, 0.0, self.uniform(0.5, 1.5, n, 1, 1))
        mean = (pixels.mean((2, 3)) * gain).mean(1)[:, None, None]
        keep = saturation * torch.eye(3) + (1 - saturation) / 3
        matrix = keep * contrast * gain[:, None, :]
        moved = torch.baddbmm((1 - contrast) * mean, matrix, pixels.flatten(2))
        return self._grainy(moved.view_as(pixels)).clamp(0, 1)

    def _grainy(self, pixels: Tensor) -> Tensor:
        chosen = self.chance(0.2, len(pixels)).nonzero()[:, 0]
        shape = (len(chosen), *pixels.shape[1:])
        grain = torch.randn(shape, generator=self.generator)
        return pixels.index_add(0, chosen, grain, alpha=0.03)


def fit(net: SceneNet, features: Tensor, classes: Tensor, recipe: Recipe) -> None:
    """Fit the head of *net* to features [n, `FEATURES`] of pictures of *classes* [n].

    The loss is convex, so the answer depends on nothing but what goes in.
    """
    mean, spread = features.mean(0), (features.std(0) + 1e-4) * FEATURES**0.5
    inputs = (features - mean) / spread
    weight = torch.zeros_like(net.head.weight, requires_grad=True)
    bias = torch.zeros_like(net.head.bias, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=recipe.steps, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        surprise = nn.functional.cross_entropy(inputs @ weight.T + bias, classes)
        total = surprise + recipe.decay * weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    with torch.no_grad():
        net.head.weight.copy_(weight / spread)
        net.head.bias.copy_(bias - (weight / spread) @ mean)
