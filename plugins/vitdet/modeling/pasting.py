"""From masks over boxes to the pixels of the picture (detectron2, mask_ops.py)."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def paste(
    masks: Float[Tensor, "n side side"], boxes: Float[Tensor, "n 4"], size: tuple[int, int]
) -> Bool[np.ndarray, "n height width"]:
    """Stretch each mask over its box and keep what is at least half sure.

    Args:
        masks: from 0 to 1, over the whole box.
        boxes: x0 y0 x1 y1 in pixels of the picture, not empty.
        size: (height, width) of the picture.
    """
    whole = np.zeros((len(masks), *size), np.bool_)
    for canvas, mask, box in zip(whole, masks.float().cpu(), boxes.float().cpu(), strict=True):
        _paste_one(canvas, mask, box)
    return whole


def _paste_one(canvas: NDArray[np.bool_], mask: Float[Tensor, "side side"], box: Float[Tensor, " 4"]) -> None:
    """Sample the mask at the centres of the picture's pixels in and around the box."""
    height, width = canvas.shape
    x0, y0, x1, y1 = box.tolist()
    left, right = max(floor(x0) - 1, 0), min(ceil(x1) + 1, width)
    top, bottom = max(floor(y0) - 1, 0), min(ceil(y1) + 1, height)
    columns = (torch.arange(left, right) + 0.5 - box[0]) / (box[2] - box[0]) * 2 - 1
    rows = (torch.arange(top, bottom) + 0.5 - box[1]) / (box[3] - box[1]) * 2 - 1
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
    sampled = F.grid_sample(mask[None, None], places[None], align_corners=False)
    canvas[top:bottom, left:right] = (sampled[0, 0] >= 0.5).numpy()
