"""The whole detector, for one picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling.proposals import ProposalGenerator
from plugins.vitdet.modeling.pyramid import FeaturePyramid
from plugins.vitdet.modeling.roi_heads import CascadeHeads, MaskRcnnHeads

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in a picture, the surest first."""

    boxes: Float[Tensor, "n 4"]
    """x0 y0 x1 y1 in pixels of the picture that the network saw."""
    scores: Float[Tensor, " n"]
    classes: Int64[Tensor, " n"]
    masks: Float[Tensor, "n 28 28"] | None
    """From 0 to 1, each over its box; None where they were not asked for."""


class VitDet(nn.Module):
    """ViTDet with the heads of mask R-CNN or cascade mask R-CNN."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = FeaturePyramid(config)
        self.proposal_generator = ProposalGenerator(config)
        self.roi_heads = CascadeHeads(config) if config.cascade else MaskRcnnHeads(config)

    @property
    def device(self) -> torch.device:
        """Where pictures must lie."""
        return self.backbone.net.pos_embed.device

    @torch.inference_mode()
    def forward(
        self, picture: UInt8[Tensor, "3 h w"], *, masks: bool = True, least: float = 0.05, most: int = 100
    ) -> Found:
        """Find things.

        Args:
            picture: RGB, no side longer than `config.image_size`.
            masks: draw them too.
            least: what scores no more is left out.
            most: how many things at most.
        """
        size = (picture.shape[1], picture.shape[2])
        levels = self.backbone(self.square(picture))
        proposals, _ = self.proposal_generator(levels, size)
        found = self.roi_heads.find(levels, proposals, size, least=least, most=most)
        drawn = self.roi_heads.masks(levels, found) if masks else None
        return Found(found.boxes, found.scores, found.classes, drawn)

    def square(self, picture: UInt8[Tensor, "3 h w"]) -> Float[Tensor, "1 3 side side"]:
        """Normalise a picture, and pad it right and below with the mean colour."""
        like = self.backbone.net.pos_embed
        mean, std = (like.new_tensor(value)[:, None, None] for value in (PIXEL_MEAN, PIXEL_STD))
        normal = (picture.to(like) - mean) / std
        side = self.config.image_size
        return F.pad(normal, (0, side - picture.shape[2], 0, side - picture.shape[1]))[None]
