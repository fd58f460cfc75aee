"""Masks: from the network's logits to the pixels of the picture."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def upscale_logits(
    logits: Float[Tensor, "n m h w"], *, square: int, inner: tuple[int, int], outer: tuple[int, int]
) -> Float[Tensor, "n m height width"]:
    """Bring low-resolution logits to the picture in the two bilinear steps of the official code.

    Args:
        logits: over the model's whole square, padding included.
        square: side of the model's square.
        inner: (height, width) of the picture inside the square.
        outer: (height, width) of the original picture.
    """
    height, width = inner
    seen, size = _seen(logits, square=square, inner=inner)
    filled = F.interpolate(seen, size, mode="bilinear", align_corners=False)[..., :height, :width]
    if inner == outer:
        return filled
    return F.interpolate(filled, outer, mode="bilinear", align_corners=False)


def _seen(
    logits: Float[Tensor, "n m h w"], *, square: int, inner: tuple[int, int]
) -> tuple[Float[Tensor, "n m rows columns"], tuple[int, int]]:
    """Leave away logits that lie in the padding, and give the size that scales the rest as the whole would be.

    One more row and column stay, for the last pixels of the picture lie between logits on both sides of its edge.
    """
    times, rest = divmod(square, logits.shape[-1])
    if rest:
        return logits, (square, square)
    rows, columns = (min(logits.shape[-1], math.ceil(side / times) + 1) for side in inner)
    return logits[..., :rows, :columns], (rows * times, columns * times)


def mask_iou(first: Bool[np.ndarray, "n h w"], second: Bool[np.ndarray, "n h w"]) -> Float[np.ndarray, " n"]:
    """Overlap of each mask with its partner: intersection over union, 0 where both are empty."""
    both = np.sum(first & second, axis=(1, 2))
    either = np.sum(first | second, axis=(1, 2))
    return np.asarray(both / np.maximum(either, 1))
