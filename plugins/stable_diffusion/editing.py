"""From an edit plan to jobs: which masks each edit paints, in which square, and how the result is laid over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import InstructionError
from pipelines.values import Detections, Edit, EditPlan
from plugins.stable_diffusion.crops import Window, clusters, lay_over, window_around
from plugins.stable_diffusion.masks import BoolMask, Box, Geometry, Outline, Regions, bounding_box, make_regions

_CAN = ("replace", "remove", "recolour", "keep")


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Instances of one edit that are painted together because their regions overlap in good part.

    `edit` is an index into the plan, `members` are rows of the detections. `regions` cover `window.inside`.
    """

    edit: int
    members: tuple[int, ...]
    window: Window
    regions: Regions

    @property
    def generate(self) -> BoolMask:
        """What is painted, as a mask of the whole picture `(H, W)`."""
        whole = np.zeros((self.window.height, self.window.width), np.bool_)
        whole[self.window.inside.slices] = self.regions.generate
        return whole

    def laid_over(
        self, pixels: NDArray[np.uint8], patch: NDArray[np.uint8], blend: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        """The picture with `patch` laid over it through `blend`, both of which cover `window.inside`."""
        result = pixels.copy()
        part = self.window.inside.slices
        result[part] = lay_over(pixels[part], patch, blend)
        return result


def check_plan(plan: EditPlan) -> None:
    """Raise `InstructionError` if the plan holds an edit that cannot be carried out with masks of its target alone."""
    for edit in plan.edits:
        if edit.action not in _CAN:
            said = plan.sentence[slice(*edit.span)] or plan.sentence
            raise InstructionError(
                f"'{said}' asks to {edit.action}; this node can {', '.join(_CAN)} what is already in the picture. "
                f"Try 'replace the {edit.target} with ...'."
            )


def instances_of(plan: EditPlan, number: int, detections: Detections) -> tuple[int, ...]:
    """Rows of the detections that have a mask and that the plan's edit of this number means.

    `data["edit"]` says so where things have been selected; else the class_name does, whole, letter case aside.
    """
    wanted = plan.edits[number].target.strip().casefold()
    selected = detections.data.get("edit")
    if selected is not None:
        rows = np.flatnonzero(np.asarray(selected) == number).tolist()
    else:
        names = detections.data.get("class_name", ())
        rows = [row for row, name in enumerate(names) if str(name).strip().casefold() == wanted]
    return tuple(row for row in rows if detections.mask[row].any())


def jobs_of(plan: EditPlan, detections: Detections, geometry_of: Callable[[Edit], Geometry]) -> Iterator[Job]:
    """Every job of the plan, in its order; all instances of an edit's target have a part in one.

    No job touches a pixel of what is to be kept; one that has no other pixels is none.
    """
    kept = _kept(plan, detections)
    for index, edit in enumerate(plan.edits):
        if edit.action == "keep":
            continue
        geometry = geometry_of(edit)
        rows = instances_of(plan, index, detections)
        boxes = [_painted_box(detections.mask[row], geometry) for row in rows]
        for group in clusters(boxes):
            box = reduce(Box.union, (boxes[member] for member in group))
            window = window_around(box, geometry.context, detections.mask.shape[1:])
            members = tuple(rows[member] for member in group)
            masks = detections.mask[list(members)][:, *window.inside.slices]
            regions = make_regions(masks, geometry, _outline(edit)).without(kept[window.inside.slices])
            if regions.core.any():
                yield Job(index, members, window, regions)


def _kept(plan: EditPlan, detections: Detections) -> BoolMask:
    """All that the plan keeps, as a mask of the whole picture `(H, W)`."""
    rows = [
        row
        for number, edit in enumerate(plan.edits)
        if edit.action == "keep"
        for row in instances_of(plan, number, detections)
    ]
    return np.asarray(detections.mask[rows].any(axis=0), np.bool_)


def _painted_box(mask: BoolMask, geometry: Geometry) -> Box:
    box = bounding_box(mask)
    return box.grown(geometry.radius(box)).clipped(*mask.shape)


def _outline(edit: Edit) -> Outline:
    return "new" if edit.action == "replace" else "same"
