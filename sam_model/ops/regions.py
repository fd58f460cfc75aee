"""Specks and pinholes of a mask (`remove_small_regions` in `segment_anything/utils/amg.py`)."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Int

DIAGONALS_TOO = 8
"""Pixels that touch at a corner belong together, inside as outside."""


def clean(mask: Bool[np.ndarray, "height width"], *, min_area: int) -> Bool[np.ndarray, "height width"]:
    """Fill holes, then remove islands, of fewer than `min_area` pixels; where all islands are small the largest stays.

    A hole is any connected part of the outside, at the edge of the picture too. A mask with nothing to clean is given
    back itself.
    """
    labels, sizes = _parts(~mask)
    if (small := sizes < min_area).any():
        mask = mask | np.concatenate(([False], small))[labels]
    labels, sizes = _parts(mask)
    if (sizes < min_area).any():
        kept = sizes >= min_area
        kept[sizes.argmax()] = True
        mask = np.concatenate(([False], kept))[labels]
    return mask


def _parts(
    mask: Bool[np.ndarray, "height width"],
) -> tuple[Int[np.ndarray, "height width"], Int[np.ndarray, " parts"]]:
    """Number the connected parts from 1 on, 0 being outside; and count the pixels of each."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=DIAGONALS_TOO)
    return labels, stats[1:, cv2.CC_STAT_AREA]
