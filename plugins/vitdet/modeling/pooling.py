"""What the pyramid says about each box: RoIAlign on the level that fits the box (arXiv 1612.03144, equation 1)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.modeling.pyramid import STRIDES

USUAL_SIDE = 224
"""A box of this side, in pixels, is looked up on p4."""
USUAL_LEVEL = 2


def pool(
    levels: list[Float[Tensor, "b c _ _"]],
    boxes: Float[Tensor, "n 4"],
    size: int,
    pictures: Int64[Tensor, " n"] | None = None,
) -> Float[Tensor, "n c _ _"]:
    """A patch of `size`×`size` for each box, from the one of all levels but the last that fits it.

    `pictures`: which picture of the batch each box lies in; the first without it.
    """
    from torchvision.ops import roi_align

    first = len(STRIDES) - len(levels)
    own = level_of(boxes).clamp(min=first)
    out = levels[0].new_zeros(len(boxes), levels[0].shape[1], size, size)
    rois = F.pad(boxes, (1, 0)) if pictures is None else torch.cat([pictures[:, None].to(boxes), boxes], dim=1)
    for number, (level, stride) in enumerate(zip(levels[:-1], STRIDES[first:-1], strict=True), start=first):
        here = (own == number).nonzero()[:, 0]
        out[here] = roi_align(
            level, rois[here].to(level), size, spatial_scale=1 / stride, sampling_ratio=0, aligned=True
        )
    return out


def level_of(boxes: Float[Tensor, "n 4"]) -> Int64[Tensor, " n"]:
    """0 for p2 to 3 for p5, by the square root of the box's area."""
    side = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt()
    level = torch.floor(USUAL_LEVEL + torch.log2(side / USUAL_SIDE + 1e-8))
    return level.clamp(0, 3).long()
