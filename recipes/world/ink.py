"""Things redrawn by a hand of another school: flat colours, dark lines around them and along their inner edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

#: The widest pen, as a share of the longer side of what is drawn, beyond one pixel.
WIDEST = 0.06


def inked(rng: np.random.Generator, image: Pixels, mask: NDArray[np.bool_], *, spill: bool = False) -> Pixels:
    """The picture (H, W, 3) with the thing under the mask (H, W) redrawn.

    Lines stay inside the mask, so that it remains true, unless `spill` lets them lie on its edge.
    """
    flat = np.asarray(cv2.medianBlur(image, 2 * int(rng.integers(1, 4)) + 1), np.uint8)
    step = int(rng.integers(24, 72))
    flat = np.clip(flat.astype(np.int16) // step * step + step // 2, 0, 255).astype(np.uint8)
    solid = mask.astype(np.uint8)
    pen = np.ones((int(rng.integers(1, _widest(solid) + 1)),) * 2, np.uint8)
    inner = cv2.Canny(image, 60, 60 + float(rng.uniform(60, 160))) > 0
    outer = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    lines = cv2.dilate(((inner & mask) | outer).astype(np.uint8), pen) > 0
    reach = cv2.dilate(solid, pen) > 0 if spill else mask
    drawn = np.where(mask[..., None], flat, image)
    return np.where((lines & reach)[..., None], rng.integers(0, 50, 3).astype(np.uint8), drawn)


def some_inked(
    rng: np.random.Generator, image: Pixels, masks: NDArray[np.bool_], *, pictures: float, things: float
) -> Pixels:
    """Now and then, in a share of `pictures`, the picture with a share of its `things` (N, H, W) redrawn."""
    if rng.random() < pictures:
        for mask in masks:
            image = inked(rng, image, mask) if rng.random() < things else image
    return image


def _widest(solid: NDArray[np.uint8]) -> int:
    *_, width, height = cv2.boundingRect(solid)
    return 1 + round(WIDEST * float(max(width, height)))
