"""Boxes: (left, top, right, bottom) rows in pixels, as float arrays."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def clip_boxes(boxes: Float[np.ndarray, "n 4"], *, width: int, height: int) -> Float[np.ndarray, "n 4"]:
    """Cut boxes at the edges of the picture; detectors often reach a little beyond."""
    return np.asarray(np.clip(boxes, 0, np.array((width, height, width, height), boxes.dtype)))


def box_iou(first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Overlap of every box with every other: intersection over union, 0 where both are empty."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    both = np.prod((bottom_right - top_left).clip(0), axis=-1)
    either = _area(first)[:, None] + _area(second)[None, :] - both
    return np.asarray(both / np.maximum(either, np.finfo(either.dtype).tiny))


def _area(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    return np.asarray(np.prod((boxes[:, 2:] - boxes[:, :2]).clip(0), axis=-1))
