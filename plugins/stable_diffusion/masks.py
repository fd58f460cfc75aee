"""Three masks, not one: *core* is the thing itself, *generate* what is painted anew, *blend* how the new is laid over.

By construction blend is 1 over core, so that no old pixel of the thing survives, and 0 outside generate, so that no
other pixel changes. All masks are `(H, W)` in one frame, that of the picture or of a part of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Shape = Literal["tight", "box", "generous"]
BoolMask = NDArray[np.bool_]

# How far beyond a thing is painted, as a share of what the model's makers recommend. What keeps its outline needs no
# room beyond it; around what goes, its reflections and the blurred edge of its mask must go too.
_REACH: Mapping[Shape, float] = {"tight": 0.3, "box": 1.0, "generous": 1.5}


@dataclass(frozen=True, slots=True)
class Geometry:
    """How an inpainter wants its regions, as shares of the longer side of the thing's box.

    `grow`: how far beyond the thing is painted. `feather`: width of the soft edge, which lies within what is painted.
    `context`: side of the square shown to the model ÷ longer side of the painted region.
    """

    grow: float = 0.07
    feather: float = 0.05
    context: float = 1.5
    least_pixels: int = 3

    def radius(self, box: Box, shape: Shape) -> int:
        """How many pixels beyond `box` are painted."""
        return max(self.least_pixels, math.ceil(self.grow * _REACH[shape] * box.longer_side))

    def feather_width(self, box: Box) -> float:
        """Width of the soft edge in pixels."""
        return max(self.least_pixels + 1.0, self.feather * box.longer_side)


@dataclass(frozen=True, slots=True)
class Box:
    """Whole pixels `[x0, x1) × [y0, y1)`."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def longer_side(self) -> int:
        return max(self.x1 - self.x0, self.y1 - self.y0)

    def grown(self, pixels: int) -> Box:
        return Box(self.x0 - pixels, self.y0 - pixels, self.x1 + pixels, self.y1 + pixels)

    def clipped(self, height: int, width: int) -> Box:
        return Box(max(0, self.x0), max(0, self.y0), min(width, self.x1), min(height, self.y1))

    @property
    def area(self) -> int:
        return (self.x1 - self.x0) * (self.y1 - self.y0)

    def overlap(self, other: Box) -> float:
        """The share of the smaller box that lies in both."""
        return self._shared(other) / min(self.area, other.area)

    def covered_by(self, other: Box) -> float:
        """The share of this box that lies in the other."""
        return self._shared(other) / self.area

    def _shared(self, other: Box) -> int:
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0, width) * max(0, height)

    def union(self, other: Box) -> Box:
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """The three masks of one edit: `core` and `generate` bool, `blend` float32 in [0, 1].

    `feather` is the width in pixels of every soft edge.
    """

    core: BoolMask
    generate: BoolMask
    blend: NDArray[np.float32]
    feather: float

    def without(self, kept: BoolMask) -> Regions:
        """The regions that leave `kept` `(H, W)` alone: it is neither painted nor blended over."""
        if not kept.any():
            return self
        core, generate = self.core & ~kept, self.generate & ~kept
        return Regions(core, generate, soft_edge(core, generate, self.feather), self.feather)

    def blend_where(self, change: NDArray[np.float32]) -> NDArray[np.float32]:
        """Blend, but beyond core and its soft edge only so far as the new differs: `change` `(H, W)` in [0, 1].

        What the model left as it was around the thing keeps its own pixels, which are sharper than any painted ones.
        """
        near_core = np.clip(1 - _distance_to(self.core) / self.feather, 0, 1)
        return np.asarray(self.blend * np.maximum(change, near_core), np.float32)


def make_regions(masks: BoolMask, geometry: Geometry, shape: Shape) -> Regions:
    """The regions of things that are painted together; `masks`: `(N, H, W)`, none of them empty.

    A thing that only looks different is painted tightly, one that goes generously; both are grown on all sides. One
    that gives way to another outline frees its whole box.
    """
    core, generate, feather = np.zeros(masks.shape[1:], np.bool_), np.zeros(masks.shape[1:], np.bool_), 0.0
    for mask in masks:
        filled = fill_holes(mask)
        box = bounding_box(filled)
        radius = geometry.radius(box, shape)
        core |= filled
        generate |= grown(filled, radius)
        feather = max(feather, geometry.feather_width(box))
        if shape == "box":
            generate[box.grown(radius).clipped(*mask.shape).slices] = True
    return Regions(core, generate, soft_edge(core, generate, feather), feather)


def everything_but(kept: BoolMask) -> Regions:
    """The regions of a new background: all but what is kept `(H, W)`, at full strength up to its very edge.

    A soft edge would show the old background around everything that stays.
    """
    rest = ~kept
    return Regions(core=rest, generate=rest, blend=rest.astype(np.float32), feather=1.0)


def bounding_box(mask: BoolMask) -> Box:
    """The smallest box that holds every pixel of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def fill_holes(mask: BoolMask) -> BoolMask:
    """The mask and everything that it encloses: what no path of side-by-side pixels outside it joins to the border."""
    padded = np.pad(mask.astype(np.uint8), 1)
    cv2.floodFill(padded, None, (0, 0), 2, flags=4)
    return np.asarray(padded[1:-1, 1:-1] != 2, np.bool_)


def grown(mask: BoolMask, radius: float) -> BoolMask:
    """Every pixel no farther than `radius` from the mask, centre to centre."""
    return _distance_to(mask) <= radius


def soft_edge(core: BoolMask, generate: BoolMask, width: float) -> NDArray[np.float32]:
    """1 over core, 0 outside generate, rising from generate's edge inwards over `width` pixels or the way to core.

    The border of the picture is no edge: what is painted up to it is painted at full strength.
    """
    inwards, to_core = _distance_to(~generate), _distance_to(core)
    room = np.minimum(width, inwards + to_core)
    return np.where(generate, np.minimum(inwards / np.maximum(room, 1e-6), 1), 0).astype(np.float32)


def _distance_to(mask: BoolMask) -> NDArray[np.float32]:
    """Distance in pixels from each pixel to the nearest one of the mask; infinite where there is none."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    outside = np.logical_not(mask).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
