"""Mask algebra, on regions (`Mask`) and on the masks of instances (`Masks`).

Soft masks keep their values: union is the maximum, intersection the minimum, inversion 1 - m. What needs an edge
(growing, feathering, holes) takes a soft mask's edge where it is one half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PortError
from pipelines.nodes.joining import completed
from pipelines.nodes.selection import best_of, filtered, taken
from pipelines.signature import node
from pipelines.values import Boxes, Image, Mask, Masks

Solid = NDArray[np.bool_]


@node("masks/filter", version=1)
def filter_masks(
    masks: Masks,
    *,
    min_score: float = 0.0,
    names: tuple[str, ...] = (),
    min_area: float = 0.0,
    max_area: float | None = None,
    top: int | None = None,
) -> Masks:
    """Keep the instances that meet every condition, in their order.

    Args:
        masks: any detections with masks; those without a score count as certain.
        min_score: lowest score to keep.
        names: class names to keep, in upper or lower case; none given keeps all.
        min_area: smallest mask to keep, in pixels.
        max_area: largest mask to keep, in pixels.
        top: how many to keep at most, the highest scores first.
    """
    return filtered(masks, min_score=min_score, names=names, min_area=min_area, max_area=max_area, top=top)


@node("masks/best", version=1)
def best(masks: Masks, *, each_name: bool = False) -> Masks:
    """Keep the instance with the highest score; of nothing, nothing.

    Args:
        masks: any detections with masks.
        each_name: keep the best of each class name.
    """
    return best_of(masks, each_name=each_name)


@node("masks/drop", version=1)
def drop(masks: Masks, *, things: tuple[int, ...]) -> Masks:
    """Leave out some instances; the others stay in their order.

    Args:
        masks: any detections with masks.
        things: which ones, counted from 0; numbers beyond the last mean none.
    """
    return taken(masks, [place for place in range(len(masks)) if place not in things])


@node("masks/complete", version=1)
def complete(masks: Masks, more: Masks) -> Masks:
    """All of `masks`, and of `more` those with a name that none of `masks` has: what was found in another way.

    Instance ids are counted anew. Raises `PortError` for masks of pictures of different sizes.

    Args:
        masks: any detections with masks.
        more: others of the same picture.
    """
    return completed(masks, more)


@node("masks/merge", version=1)
def merge(masks: Masks) -> Mask:
    """The region that any of the instances covers; of nothing, an empty region."""
    return Mask(np.logical_or.reduce(np.asarray(masks.mask, np.bool_), axis=0))


@node("masks/from_boxes", version=1)
def from_boxes(image: Image, boxes: Boxes) -> Masks:
    """Fill each box: every pixel that it touches, within the picture. Names, scores and ids stay."""
    filled = np.zeros((len(boxes), image.height, image.width), np.bool_)
    left_top = np.floor(boxes.xyxy[:, :2]).astype(int).clip(min=0)
    right_bottom = np.ceil(boxes.xyxy[:, 2:]).astype(int).clip(min=0)
    for mask, (left, top), (right, bottom) in zip(filled, left_top, right_bottom, strict=True):
        mask[top:bottom, left:right] = True
    return replace(boxes, mask=filled)


@node("masks/union", version=1)
def union(mask: Mask, other: Mask) -> Mask:
    """What lies in one or the other."""
    return _combined(np.maximum, mask, other)


@node("masks/intersect", version=1)
def intersect(mask: Mask, other: Mask) -> Mask:
    """What lies in both."""
    return _combined(np.minimum, mask, other)


@node("masks/subtract", version=1)
def subtract(mask: Mask, other: Mask) -> Mask:
    """What lies in `mask` but not in `other`."""
    return _combined(np.minimum, mask, _inverted(other))


@node("masks/invert", version=1)
def invert(mask: Mask) -> Mask:
    """What does not lie in it."""
    return _inverted(mask)


@node("masks/grow", version=1)
def grow(mask: Mask, *, pixels: float = 0.0, fraction: float = 0.0) -> Mask:
    """Move the edge outwards by `pixels` plus `fraction` of the region's size; inwards where the sum is negative.

    Args:
        mask: one region.
        pixels: distance in pixels.
        fraction: distance as a fraction of the square root of the region's area.
    """
    solid = _solid(mask)
    distance = pixels + fraction * float(np.sqrt(solid.sum()))
    if distance >= 0:
        return Mask(_distance_to(solid) <= distance)
    return Mask(_distance_to(~solid) > -distance)


@node("masks/fill_holes", version=1)
def fill_holes(mask: Mask) -> Mask:
    """Fill what the region encloses: holes from which no path leads to the picture's border."""
    import cv2

    solid = _solid(mask)
    # A frame of background joins all that touches the border into one component, whose label is that of a corner.
    framed = np.pad(~solid, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(framed, connectivity=4)
    holes = (framed > 0) & (labels != labels[0, 0])
    return _combined(np.maximum, mask, Mask(holes[1:-1, 1:-1].copy()))


@node("masks/feather", version=1)
def feather(mask: Mask, *, pixels: float = 8.0) -> Mask:
    """Let the region fade out towards its edge, over `pixels` within it: outside, the mask stays exactly 0.

    Args:
        mask: one region.
        pixels: depth at which the mask reaches 1.
    """
    solid = _solid(mask)
    inside = _distance_to(~solid) / np.float32(max(pixels, 0) + 1)
    return Mask(np.where(solid, inside, 0).clip(0, 1).astype(np.float32))


def _combined(operation: Callable[[Any, Any], Any], mask: Mask, other: Mask) -> Mask:
    if mask.array.shape != other.array.shape:
        sizes = " and ".join(f"{array.shape[1]} by {array.shape[0]}" for array in (mask.array, other.array))
        raise PortError(f"the masks belong to pictures of different sizes, {sizes}: combine masks of one picture.")
    soft = mask.array.dtype != other.array.dtype
    first, second = (array.astype(np.float32) if soft else array for array in (mask.array, other.array))
    return Mask(operation(first, second))


def _inverted(mask: Mask) -> Mask:
    if mask.array.dtype == np.bool_:
        return Mask(np.logical_not(mask.array))
    return Mask(np.float32(1) - mask.array)


def _solid(mask: Mask) -> Solid:
    return np.asarray(mask.array >= 0.5)


def _distance_to(region: Solid) -> NDArray[np.float32]:
    """Euclidean distance in pixels from each pixel's centre to the nearest of the region; infinite without a region."""
    import cv2

    if not region.any():
        return np.full(region.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
