"""The judge's network: a plain convolutional classifier of 64-pixel crops."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recipes.world import GENERATION_NOUNS

SIDE = 64
OTHER = "other"
#: What the judge can say: one of the generation nouns, or that it sees something else or nothing.
CLASSES: tuple[str, ...] = (*GENERATION_NOUNS, OTHER)


class Network(nn.Sequential):
    """Crops (n, 3, 64, 64) in -1..1 → logits (n, classes)."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__(
            _block(3, widths[0]),
            *(_block(narrow, wide) for narrow, wide in pairwise(widths)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(widths[-1], len(CLASSES)),
        )


def _block(narrow: int, wide: int) -> nn.Sequential:
    """Two convolutions, the first with stride 2."""
    return nn.Sequential(
        nn.Conv2d(narrow, wide, kernel_size=3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(inplace=True),
        nn.Conv2d(wide, wide, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(inplace=True),
    )


def to_input(crops: Float[Tensor, "n 3 64 64"]) -> Float[Tensor, "n 3 64 64"]:
    """From 0..255 to the range that the network was trained on, whatever the brightness and contrast of the crop."""
    centred = crops - crops.mean(dim=(1, 2, 3), keepdim=True)
    return centred / torch.clamp(centred.std(dim=(1, 2, 3), keepdim=True), min=8.0)
