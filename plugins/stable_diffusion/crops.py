"""The square that the model is shown, and the way back: one transform, used in both directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.values import Detections
from plugins.stable_diffusion.masks import BoolMask, Box

# Boxes that share more than this much of the smaller one are painted together.
_TOGETHER = 0.25
# Differences of a colour channel, out of 255.
_NO_CHANGE, _SURE_CHANGE = 12, 36


@dataclass(frozen=True, slots=True)
class Window:
    """A square of whole pixels in a picture of `(height, width)`; beyond the borders the picture is reflected.

    `model` frame: the square scaled to the side that the model works at. Aspect is kept, in both directions.
    """

    x: int
    y: int
    side: int
    height: int
    width: int

    @property
    def inside(self) -> Box:
        """The part of the square that lies in the picture."""
        return Box(self.x, self.y, self.x + self.side, self.y + self.side).clipped(self.height, self.width)

    def to_model(self, pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
        """Cut `(H, W, 3)` pixels and scale them to `(side, side, 3)`."""
        return np.asarray(_resized(self._cut(pixels), side, enlarge=cv2.INTER_CUBIC), np.uint8)

    def mask_to_model(self, mask: BoolMask, side: int) -> BoolMask:
        """Cut and scale a mask; a model pixel belongs to it if any part of what it shows does."""
        scaled = _resized(self._cut(mask).astype(np.float32), side, enlarge=cv2.INTER_LINEAR)
        return np.asarray(scaled > 1e-6, np.bool_)

    def to_picture(self, square: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Scale a square in model pixels, of colours or of a mask, back and keep what lies in the picture: `inside`."""
        part = self.inside
        square = _resized(square, self.side, enlarge=cv2.INTER_CUBIC)
        return np.asarray(square[part.y0 - self.y : part.y1 - self.y, part.x0 - self.x : part.x1 - self.x], np.uint8)

    def _cut(self, array: NDArray[Any]) -> NDArray[Any]:
        rows, columns = _reflected(self.y, self.side, self.height), _reflected(self.x, self.side, self.width)
        return np.ascontiguousarray(array[rows[:, None], columns[None, :]])


def window_around(box: Box, context: float, shape: tuple[int, int]) -> Window:
    """The square around `box`, `context` times as wide as its longer side, moved into the picture where it fits.

    `shape`: (height, width) of the picture.
    """
    height, width = shape
    side = max(2, math.ceil(context * box.longer_side))
    x, y = _placed(box.x0, box.x1, side, width), _placed(box.y0, box.y1, side, height)
    return Window(x, y, side, height, width)


def seen_in(window: Window, rows: Sequence[int], detections: Detections) -> BoolMask:
    """What any of these rows of the detections shows of the part of the picture that lies in the window."""
    return np.asarray(detections.mask[list(rows)][:, *window.inside.slices].any(axis=0), np.bool_)


def lay_over(pixels: NDArray[np.uint8], patch: NDArray[np.uint8], blend: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`pixels` where blend is 0, `patch` where it is 1, both exactly; a mixture between."""
    share = blend[..., None]
    mixed = np.rint(pixels * (1 - share) + patch * share).astype(np.uint8)
    return np.where(share > 0, mixed, pixels)


def change(shown: NDArray[np.uint8], painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where a model painted something else than it was shown: `(S, S)`, 0 for nothing to 255 for surely.

    Both are `(S, S, 3)`. Differences as small as an autoencoder makes everywhere count for nothing.
    """
    largest = np.abs(painted.astype(np.float32) - shown).max(axis=2)
    around = cv2.GaussianBlur(largest, (3, 3), 0)
    return np.asarray(np.clip((around - _NO_CHANGE) / (_SURE_CHANGE - _NO_CHANGE), 0, 1) * 255, np.uint8)


def clusters(boxes: list[Box]) -> list[list[int]]:
    """Indices of boxes that cover each other in good part, directly or through others, by each cluster's first box.

    Boxes that overlap by a margin only stay apart: together they would be shown to the model smaller than need be.
    """
    found: list[list[int]] = []
    for index, box in enumerate(boxes):
        near = [group for group in found if any(box.overlap(boxes[member]) > _TOGETHER for member in group)]
        merged = sorted([index, *(member for group in near for member in group)])
        found = sorted([group for group in found if group not in near] + [merged])
    return found


def _placed(low: int, high: int, side: int, limit: int) -> int:
    start = (low + high - side) // 2
    return min(max(start, 0), limit - side) if side <= limit else start


def _reflected(start: int, count: int, limit: int) -> NDArray[np.intp]:
    """`count` indices from `start` on into an axis of `limit` pixels, mirrored at its ends (the edge stands once)."""
    if limit == 1:
        return np.zeros(count, np.intp)
    period = 2 * (limit - 1)
    position = np.arange(start, start + count) % period
    return np.minimum(position, period - position)


def _resized(array: NDArray[Any], side: int, *, enlarge: int) -> NDArray[Any]:
    if array.shape[0] == side:
        return array
    way = cv2.INTER_AREA if side < array.shape[0] else enlarge
    return np.asarray(cv2.resize(array, (side, side), interpolation=way))
