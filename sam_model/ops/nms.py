"""Non-maximum suppression: of boxes that overlap much, the best stays."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Int64


def suppress(
    boxes: Float32[np.ndarray, "n 4"], scores: Float[np.ndarray, " n"], threshold: float
) -> Int64[np.ndarray, " kept"]:
    """Choose greedily: the box with the best score, then the best of those that do not overlap a chosen one.

    As `torchvision.ops.nms`, single precision included; of equal scores the earlier goes first.

    Args:
        boxes: (left, top, right, bottom).
        scores: the higher, the better.
        threshold: IoU above which two boxes are one thing.

    Returns:
        Places of the chosen boxes, best first.
    """
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[_overlaps(boxes[best], boxes[order]) <= threshold]
    return np.array(kept, np.int64)


def _overlaps(one: Float32[np.ndarray, " 4"], others: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, " n"]:
    """IoU of a box with others, 0 where both are empty."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    both = sides.clip(0).prod(axis=1)
    either = (one[2:] - one[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - both
    return np.asarray(np.divide(both, either, out=np.zeros_like(both), where=either > 0))
