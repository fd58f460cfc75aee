"""What looks at each box: what is in it, where exactly, and its mask (detectron2, box_head.py, mask_head.py)."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling.pyramid import NormedConv

BOX_PATCH, MASK_PATCH = 7, 14
"""Sides of the patches that the heads see."""


class BoxHead(nn.Module):
    """Convolutions and one fully connected layer."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.names = [f"conv{index}" for index in range(1, config.box_convolutions + 1)]
        for name in self.names:
            self.add_module(name, NormedConv(config.width, config.width, 3))
        self.fc1 = nn.Linear(config.width * BOX_PATCH**2, config.box_width)

    def forward(self, patches: Float[Tensor, "n c 7 7"]) -> Float[Tensor, "n d"]:
        for name in self.names:
            patches = F.relu(self.get_submodule(name)(patches))
        return F.relu(self.fc1(rearrange(patches, "n c h w -> n (c h w)")))


class BoxPredictor(nn.Module):
    """Logits of all classes, the last of them "nothing", and deltas: one for each class, or one for all."""

    def __init__(self, config: VitDetConfig, *, deltas: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(config.box_width, config.classes + 1)
        self.bbox_pred = nn.Linear(config.box_width, 4 * deltas)

    def forward(self, x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n classes"], Float[Tensor, "n k 4"]]:
        return self.cls_score(x), rearrange(self.bbox_pred(x), "n (k four) -> n k four", four=4)


class MaskHead(nn.Module):
    """Convolutions, one step up, and a mask of every class or one for all."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.names = [f"mask_fcn{index}" for index in range(1, config.mask_convolutions + 1)]
        for name in self.names:
            self.add_module(name, NormedConv(config.width, config.width, 3))
        self.deconv = nn.ConvTranspose2d(config.width, config.width, kernel_size=2, stride=2)
        self.predictor = nn.Conv2d(config.width, 1 if config.class_agnostic else config.classes, kernel_size=1)

    def forward(self, patches: Float[Tensor, "n c 14 14"], classes: Int64[Tensor, " n"]) -> Float[Tensor, "n 28 28"]:
        """The logit of each pixel of the box for belonging to the thing of the given class in it."""
        for name in self.names:
            patches = F.relu(self.get_submodule(name)(patches))
        logits: Tensor = self.predictor(F.relu(self.deconv(patches)))
        own = classes if logits.shape[1] > 1 else torch.zeros_like(classes)
        return logits[torch.arange(len(own), device=own.device), own]
