"""What is measured of stacks of logits and masks, on the device where they lie."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor


def stability_of(logits: Float[Tensor, "n h w"], offset: float) -> Float32[np.ndarray, " n"]:
    """IoU of the masks where logits exceed +offset and -offset; 0 where both are empty (paper, section 5)."""
    inner, outer = (areas_of(logits > threshold) for threshold in (offset, -offset))
    return np.asarray(inner / np.maximum(outer, 1), np.float32)


def areas_of(masks: Bool[Tensor, "n h w"]) -> Int[np.ndarray, " n"]:
    """Pixels inside each mask."""
    if masks.device.type == "cpu":  # PyTorch widens every flag before it adds, numpy counts them by the word
        return np.array([np.count_nonzero(mask) for mask in masks.numpy()], np.int64)
    return np.asarray(masks.flatten(1).sum(dim=1).cpu().numpy())


def boxes_of(masks: Bool[Tensor, "n h w"]) -> Float32[np.ndarray, "n 4"]:
    """(left, top, right, bottom) of the pixels inside, all inclusive; zeros for an empty mask."""
    flags = masks.view(torch.uint8)
    columns, rows = flags.amax(dim=1), flags.amax(dim=2)
    (left, right), (top, bottom) = _extent(columns), _extent(rows)
    boxes = torch.stack((left, top, right, bottom), dim=1) * columns.amax(dim=1, keepdim=True)
    return np.asarray(boxes.cpu().numpy(), np.float32)


def _extent(line: UInt8[Tensor, "n size"]) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
    """First and last place inside."""
    return line.argmax(dim=1), line.shape[1] - 1 - line.flip(1).argmax(dim=1)
