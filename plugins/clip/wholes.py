"""Whole things among masks of things and of their parts.

A dog's head looks like a dog to CLIP, often more so than the dog. But where the head is taken out of the picture a dog
is still to be seen, and where the dog is taken out there is none. So a mask is judged twice: by what it shows, and by
what is left of its surroundings without it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plugins.clip.crops import GREY, Framing, Pixels, square_crop

Masks = NDArray[np.bool_]

#: Surroundings reach so far beyond the mask's box, as a share of its longer side.
REACH = 0.5
#: Masks that share so much of the smaller one are of the same thing.
SAME = 0.5
#: So many of the likeliest masks are judged twice.
JUDGED = 48


def without(pixels: Pixels, box: NDArray[np.float32], mask: Masks) -> Pixels:
    """The square `(S, S, 3)` around a mask `(H, W)` and its box in image pixels, grey where the mask is."""
    erased = pixels.copy()
    erased[mask] = GREY
    return square_crop(erased, box, None, Framing(context=REACH, fade=0.0))


def one_for_each(masks: Masks, scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of the best masks `(N, H, W)`, the best first: of those that overlap, one."""
    flat = masks.reshape(len(masks), -1)
    areas = flat.sum(axis=1)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        shared = [(flat[index] & flat[other]).sum() / max(min(areas[index], areas[other]), 1) for other in kept]
        if all(share < SAME for share in shared):
            kept.append(int(index))
    return np.array(kept, np.intp)
