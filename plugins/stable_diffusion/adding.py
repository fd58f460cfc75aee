"""From an edit that adds something to the squares that it is painted in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.values import Detections, Edit
from plugins.stable_diffusion.crops import Window, seen_in, window_around
from plugins.stable_diffusion.masks import Box, Geometry, Regions, bounding_box, make_regions
from plugins.stable_diffusion.placing import COVERING, place_alone, place_beside

Rows = tuple[int, ...]


def additions(
    edit: Edit, rows: Rows, detections: Detections, geometry: Geometry, added: list[Box]
) -> Iterator[tuple[Rows, Window, Regions]]:
    """What is painted for each thing that something is added to, or once for the picture as a whole.

    Nothing else that was found is painted over, nor the thing itself, unless the new one is to be on it, in it or in
    front of it. `added` holds the boxes of all that is new, and gets those chosen here.
    """
    groups: list[Rows] = [(row,) for row in rows] or [()]
    for members in groups:
        others = [row for row in range(len(detections)) if not _is_one_of(row, members, detections)]
        box = _place(edit, members, others, detections, added)
        added.append(box)
        spared = others if edit.position in COVERING else range(len(detections))
        yield members, *_painted(box, spared, detections, geometry)


def _place(edit: Edit, members: Rows, others: Sequence[int], detections: Detections, added: Sequence[Box]) -> Box:
    masks = detections.mask
    obstacles = [*(bounding_box(masks[row]) for row in others if masks[row].any()), *added]
    if not members:
        return place_alone(edit.position, obstacles, masks.shape[1:])
    return place_beside(edit.position or "beside", bounding_box(masks[members[0]]), obstacles, masks.shape[1:])


def _painted(box: Box, spared: Sequence[int], detections: Detections, geometry: Geometry) -> tuple[Window, Regions]:
    """The square around a new box, and its regions: all of the box is core."""
    size = detections.mask.shape[1:]
    inside = np.zeros(size, np.bool_)
    inside[box.slices] = True
    window = window_around(box.grown(geometry.radius(box, "box")).clipped(*size), geometry.context, size)
    regions = make_regions(inside[None, *window.inside.slices], geometry, "box")
    return window, regions.without(seen_in(window, spared, detections))


def _is_one_of(row: int, members: Rows, detections: Detections) -> bool:
    """Whether a row is the same thing as one of these: a thing stands twice where two edits mean it."""
    return any(row == member or np.array_equal(detections.mask[row], detections.mask[member]) for member in members)
