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
    """Pixels [n, 3, `SEEN`, `SEEN`], normalised, to what a linear head sees, [n, `FEATURES`].

    It is the mean of each channel over the picture, and over its upper, middle and lower third: a
    scene has its sky above.
    """

    def __init__(self, trunk: EfficientNetLite) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Tensor:
        """Look at pixels."""
        rows = [seen.mean(3) for seen in self.trunk(x)]
        return torch.cat([(of_tap @ parts(int(of_tap.shape[2]))).flatten(1) for of_tap in rows], 1)


def parts(height: int) -> Tensor:
    """What turns rows into their mean and that of each third, [height, 1 + `BANDS`].

    Thirds overlap as those of adaptive pooling do, which ONNX has for whole thirds alone. One
    product is one node of the graph, where slices and means of their own were a dozen.
    """
    edges = [(i * height // BANDS, -(-(i + 1) * height // BANDS)) for i in range(BANDS)]
    shares = torch.zeros(height, 1 + BANDS)
    for part, (top, foot) in enumerate([(0, height), *edges]):
        shares[top:foot, part] = 1 / (foot - top)
    return shares


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


def fit(head: nn.Linear, features: Tensor, classes: Tensor, recipe: Recipe) -> None:
    """Fit *head* to features [n, `FEATURES`] of pictures of *classes* [n].

    The loss is convex, so the answer depends on nothing but what goes in.
    """
    mean, spread = features.mean(0), (features.std(0) + 1e-4) * FEATURES**0.5
    inputs = (features - mean) / spread
    weight = torch.zeros_like(head.weight, requires_grad=True)
    bias = torch.zeros_like(head.bias, requires_grad=True)
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
        head.weight.copy_(weight / spread)
        head.bias.copy_(bias - (weight / spread) @ mean)
