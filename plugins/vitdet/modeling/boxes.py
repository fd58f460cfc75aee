"""Boxes: from a network's deltas to corners, inside the picture, without doubles (detectron2, box_regression.py)."""

from __future__ import annotations

from math import log

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

LARGEST_STEP = log(1000 / 16)
"""A side grows at most by this factor (as a logarithm) in one step: no overflow from untrained weights."""


def decode(
    deltas: Float[Tensor, "n k 4"], boxes: Float[Tensor, "n 4"], weights: tuple[float, float]
) -> Float[Tensor, "n k 4"]:
    """Move and scale each box by each of its `k` deltas (dx, dy, dw, dh).

    Args:
        deltas: shifts as parts of the box's sides, growths as logarithms, both times their weight.
        boxes: x0 y0 x1 y1.
        weights: of the shifts and of the growths.
    """
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
    centres = boxes[:, None, :2] + 0.5 * sides
    shift, growth = deltas[..., :2] / weights[0], deltas[..., 2:] / weights[1]
    moved = centres + shift * sides
    grown = sides * growth.clamp(max=LARGEST_STEP).exp()
    return torch.cat([moved - 0.5 * grown, moved + 0.5 * grown], dim=-1)


def clip(boxes: Float[Tensor, "... 4"], size: tuple[int, int]) -> Float[Tensor, "... 4"]:
    """Cut boxes off at the edges of a picture of `size` (height, width)."""
    height, width = size
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)


def sound(boxes: Float[Tensor, "n 4"], scores: Float[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Which boxes have an area, and numbers that are numbers."""
    return (boxes[:, 2:] > boxes[:, :2]).all(dim=1) & boxes.isfinite().all(dim=1) & scores.isfinite()


def without_doubles(
    boxes: Float[Tensor, "n 4"], scores: Float[Tensor, " n"], groups: Int64[Tensor, " n"], overlap: float
) -> Int64[Tensor, " kept"]:
    """Places of the boxes that no better one of their group overlaps by more than `overlap` (IoU), the best first."""
    from torchvision.ops import batched_nms

    kept: Tensor = batched_nms(boxes.float(), scores.float(), groups, overlap)
    return kept
