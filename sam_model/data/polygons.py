"""Polygons → masks: a pixel is inside when its centre is.

Pixel (column, row) covers the square from there to (column + 1, row + 1), as in COCO's coordinates. pycocotools follows
the polygon's edge on a grid five times finer, so the two differ along the edge, by less than a pixel.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, Int64


def fill_polygons(
    rings: Iterable[Float[np.ndarray, "_ 2"]], *, height: int, width: int
) -> Bool[np.ndarray, "height width"]:
    """Fill the union of closed rings of (x, y) corners; what lies outside the picture is cut off.

    A ring that crosses itself is filled by the even-odd rule.
    """
    mask = np.zeros((height, width), bool)
    for ring in rings:
        row, column = _crossings(ring, height, width)
        cells = np.bincount(row * (width + 1) + column, minlength=height * (width + 1))
        mask |= np.cumsum(cells.reshape(height, width + 1), axis=1)[:, :width] % 2 == 1
    return mask


def _crossings(
    ring: Float[np.ndarray, "corners 2"], height: int, width: int
) -> tuple[Int64[np.ndarray, " crossings"], Int64[np.ndarray, " crossings"]]:
    """Where edges cross the line through a row's pixel centres: the row, and the first column whose centre is beyond.

    An edge takes its upper end and leaves its lower one to the next, so that a corner on the line counts once.
    """
    following = np.roll(ring, -1, axis=0)
    upward = ring[:, 1] > following[:, 1]
    (x0, y0), (x1, y1) = (np.where(upward[:, None], *pair).T for pair in ((following, ring), (ring, following)))
    first, stop = _beyond(y0, height), _beyond(y1, height)
    edge = np.repeat(np.arange(len(ring)), stop - first)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(stop - first) - stop, stop - first)
    share = (row + 0.5 - y0[edge]) / (y1 - y0)[edge]
    return row, _beyond(x0[edge] + share * (x1 - x0)[edge], width)


def _beyond(place: Float[np.ndarray, " n"], count: int) -> Int64[np.ndarray, " n"]:
    """The first of `count` pixels whose centre is not before the place."""
    return np.ceil(place - 0.5).clip(0, count).astype(np.int64)
