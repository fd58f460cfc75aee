"""What CLIP is shown of a detection: a square around it, its surroundings faded as far as asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

#: What surroundings fade to, and what lies beyond the picture's edge: near the mean of the pictures CLIP learned from.
GREY = 127


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a crop is cut.

    `context`: how far the square reaches beyond the box on every side, as a share of the box's longer side. `fade`: how
    far what is outside the mask fades to grey, from 0 (shown as it is) to 1 (grey).
    """

    context: float = 0.1
    fade: float = 0.5


def square_crop(pixels: Pixels, box: NDArray[np.float32], mask: NDArray[np.bool_] | None, framing: Framing) -> Pixels:
    """The square `(S, S, 3)` around an x0 y0 x1 y1 box in image pixels, at the picture's own scale; S is at least 1.

    Beyond the picture's edge the square is grey. Without a mask `(H, W)`, what is outside the box counts as outside.
    """
    left, top, side = _square(box, framing.context)
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    square = np.full((side, side, 3), GREY, np.uint8)
    if x1 <= x0 or y1 <= y0:
        return square
    shown = pixels[y0:y1, x0:x1]
    if framing.fade > 0:
        kept = _inside(box, (x0, y0, x1, y1)) if mask is None else mask[y0:y1, x0:x1]
        faded = shown + (GREY - shown.astype(np.float32)) * framing.fade
        shown = np.where(kept[..., None], shown, faded.round().astype(np.uint8))
    square[y0 - top : y1 - top, x0 - left : x1 - left] = shown
    return square


def _square(box: NDArray[np.float32], context: float) -> tuple[int, int, int]:
    """Left, top and side of the square, in whole pixels."""
    longer = float(max(box[2] - box[0], box[3] - box[1], 1))
    side = max(1, round(longer * (1 + 2 * context)))
    centre_x, centre_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return round(float(centre_x) - side / 2), round(float(centre_y) - side / 2), side


def _inside(box: NDArray[np.float32], window: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Which pixels of a window x0 y0 x1 y1 of the picture have their centre in the box."""
    x = np.arange(window[0], window[2]) + 0.5
    y = np.arange(window[1], window[3]) + 0.5
    inside = ((y >= box[1]) & (y < box[3]))[:, None] & ((x >= box[0]) & (x < box[2]))[None, :]
    return np.asarray(inside, np.bool_)
