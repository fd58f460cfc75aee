"""Where everything mode looks: grids of points, and crops that overlap (`segment_anything/utils/amg.py`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A part of a picture, in its pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int
    layer: int
    """0 for the whole picture, n for one of 2ⁿ × 2ⁿ crops."""

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def xyxy(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom)."""
        return self.left, self.top, self.right, self.bottom


def point_grid(side: int) -> Float[np.ndarray, "points 2"]:
    """Place side × side points evenly in a square from 0 to 1, half a step from its edges; rows of (x, y), x first."""
    places = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(places, places)
    return np.stack((x, y), axis=-1).reshape(-1, 2)


def overlapping_crops(*, height: int, width: int, layers: int, overlap: float) -> tuple[Crop, ...]:
    """Cut a picture into the whole and, for each layer n from 1 on, 2ⁿ × 2ⁿ crops.

    Args:
        height: of the picture.
        width: of the picture.
        layers: how many beside the whole.
        overlap: by how much of the picture's shorter side the 2×2 crops overlap; the next layer by half of that.
    """
    crops = [Crop(left=0, top=0, right=width, bottom=height, layer=0)]
    for layer in range(1, layers + 1):
        shared = int(overlap * min(height, width) * 2 / 2**layer)
        rows, columns = (_spans(length, 2**layer, shared) for length in (height, width))
        crops += [
            Crop(left=left, top=top, right=right, bottom=bottom, layer=layer)
            for left, right in columns
            for top, bottom in rows
        ]
    return tuple(crops)


def _spans(length: int, count: int, overlap: int) -> list[tuple[int, int]]:
    """Cut a side into `count` overlapping parts; of a side with fewer pixels some parts would be empty: none is."""
    size = math.ceil((overlap * (count - 1) + length) / count)
    starts = [(size - overlap) * place for place in range(count)]
    return [(start, min(start + size, length)) for start in starts if start < length]
