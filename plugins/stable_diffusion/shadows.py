"""The shadow that a thing throws on what it stands on, found by its darkness alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from plugins.stable_diffusion.masks import BoolMask, Box, bounding_box, grown

# A shadow is this much darker than the ground, of about the ground's hue (distance in the a and b of CIELAB).
_DARKER, _SAME_HUE = 0.87, 18.0
# How far it reaches below the thing and to either side, as a share of the thing's box.
_BELOW, _ASIDE = 0.5, 0.75
# Between the outline that was found and the shadow may lie a few pixels of neither.
_TOUCHING = 3


def with_shadow(pixels: NDArray[np.uint8], mask: BoolMask) -> BoolMask:
    """The mask `(H, W)` and the darker region of the ground that begins at the thing's lower half.

    A region larger than the thing itself is no shadow but another ground, and is left alone. RGB pixels `(H, W, 3)`.
    """
    box = bounding_box(mask)
    part = _around(box).clipped(*mask.shape).slices
    thing = mask[part]
    shadow = _connected(_dark_ground(pixels[part], thing), thing, middle=(box.y0 + box.y1) // 2 - part[0].start)
    if shadow.sum() > mask.sum():
        return mask
    result = mask.copy()
    result[part] |= shadow
    return result


def _around(box: Box) -> Box:
    """Where the shadow can be, and the thing's lower half."""
    aside, below = round(_ASIDE * (box.x1 - box.x0)), round(_BELOW * (box.y1 - box.y0))
    return Box(box.x0 - aside, (box.y0 + box.y1) // 2, box.x1 + aside, box.y1 + below)


def _dark_ground(pixels: NDArray[np.uint8], thing: BoolMask) -> BoolMask:
    """What of the ground around the thing is darker than most of it, specks left out."""
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    ground = ~thing
    if not ground.any():
        return ground
    usual = np.median(lab[ground], axis=0)
    alike = np.hypot(lab[..., 1] - usual[1], lab[..., 2] - usual[2]) < _SAME_HUE
    dark = ground & alike & (lab[..., 0] < _DARKER * usual[0])
    return np.asarray(cv2.medianBlur(dark.astype(np.uint8), 5) > 0, np.bool_) & ground


def _connected(dark: BoolMask, thing: BoolMask, *, middle: int) -> BoolMask:
    """The dark regions that touch the thing below its middle row."""
    _, labels = cv2.connectedComponents(dark.astype(np.uint8), connectivity=8)
    lower = thing.copy()
    lower[:middle] = False
    touching = np.unique(labels[grown(lower, _TOUCHING) & dark])
    return np.asarray(np.isin(labels, touching) & dark, np.bool_)
