"""From an edit plan to jobs: which masks each edit paints, in which square, and how the result is laid over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import InstructionError
from pipelines.values import Detections, Edit, EditPlan
from plugins.stable_diffusion.adding import additions
from plugins.stable_diffusion.crops import Window, clusters, lay_over, seen_in, window_around
from plugins.stable_diffusion.masks import (
    BoolMask,
    Box,
    Geometry,
    Regions,
    Shape,
    bounding_box,
    everything_but,
    make_regions,
)
from plugins.stable_diffusion.shadows import with_shadow

SHADOW = "shadow"
"""Column of detections whose shadows were looked for (`with_shadows`)."""
_SHAPES: Mapping[str, Shape] = {"replace": "box", "remove": "generous", "recolour": "tight"}


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One square to paint. Instances of an edit whose regions overlap in good part are painted together.

    `edit` is an index into the plan. `members` are the rows of the detections that are painted over, those that
    something is added to, or those before a background. `regions` cover `window.inside`.
    """

    edit: int
    members: tuple[int, ...]
    window: Window
    regions: Regions

    @property
    def region(self) -> Box:
        """What is painted, in pixels of the picture."""
        return bounding_box(self.generate)

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
    """Raise `InstructionError` for a new background that is not described, or before which nothing is to stay."""
    for number, edit in enumerate(plan.edits):
        if edit.action != "background":
            continue
        said = plan.sentence[slice(*edit.span)] or plan.sentence
        if not (edit.replacement or "").strip():
            raise InstructionError(
                f"'{said}' does not say what is to be there instead. Try 'change the background to a beach'."
            )
        if not edit.which and not any(other.target for index, other in enumerate(plan.edits) if index != number):
            raise InstructionError(
                f"'{said}' does not say what is to stay. Try 'keep the dog and change the background to a beach'."
            )


def instances_of(plan: EditPlan, number: int, detections: Detections) -> tuple[int, ...]:
    """Rows of the detections that have a mask and that the plan's edit of this number means.

    `data["edit"]` says so where things have been selected; else the class_name does, whole, letter case aside. A
    background is that of everything that was found.
    """
    edit = plan.edits[number]
    selected = detections.data.get("edit")
    if edit.action == "background":
        rows = list(range(len(detections)))
    elif selected is not None:
        rows = np.flatnonzero(np.asarray(selected) == number).tolist()
    else:
        wanted = edit.target.strip().casefold()
        names = detections.data.get("class_name", ())
        rows = [row for row, name in enumerate(names) if wanted and str(name).strip().casefold() == wanted]
    return tuple(row for row in rows if detections.mask[row].any())


def can_be_done(plan: EditPlan, number: int, detections: Detections) -> bool:
    """Whether the edit changes anything: its target was found, or it adds to the picture as a whole."""
    edit = plan.edits[number]
    if edit.action == "add" and not edit.target.strip():
        return True
    return edit.action != "keep" and bool(instances_of(plan, number, detections))


def with_shadows(plan: EditPlan, detections: Detections, pixels: NDArray[np.uint8], *, always: bool) -> Detections:
    """The detections, of which some have masks that hold their shadows in the RGB picture too.

    They are those of which the plan says so, and with `always` all that make way. The column `shadow` counts the pixels
    of each one's shadow, and is -1 for those whose shadow was not looked for.
    """
    wanted = [
        number
        for number, edit in enumerate(plan.edits)
        if edit.shadow or (always and edit.action in ("replace", "remove"))
    ]
    if not wanted:
        return detections
    masks, sizes = detections.mask.copy(), np.full(len(detections), -1, np.int64)
    for row in {row for number in wanted for row in instances_of(plan, number, detections)}:
        masks[row] = with_shadow(pixels, masks[row])
        sizes[row] = masks[row].sum() - detections.mask[row].sum()
    return replace(detections, mask=masks, data={**detections.data, SHADOW: sizes})


def jobs_of(plan: EditPlan, detections: Detections, geometry_of: Callable[[Edit], Geometry]) -> Iterator[Job]:
    """Every job of the plan, in its order, but a background first: what is painted later stands before the new one.

    All instances of an edit's target have a part in one. No job touches a pixel of what is to be kept; one that has no
    other pixels is none.
    """
    kept, added = _kept(plan, detections), list[Box]()
    for number in sorted(range(len(plan.edits)), key=lambda number: plan.edits[number].action != "background"):
        edit = plan.edits[number]
        if not can_be_done(plan, number, detections):
            continue
        rows, geometry = instances_of(plan, number, detections), geometry_of(edit)
        if edit.action == "background":
            jobs = _background(number, rows, detections)
        elif edit.action == "add":
            jobs = (Job(number, *parts) for parts in additions(edit, rows, detections, geometry, added))
        else:
            jobs = _changes(number, _SHAPES[edit.action], rows, detections, geometry)
        for job in jobs:
            regions = job.regions.without(kept[job.window.inside.slices])
            if regions.core.any():
                yield replace(job, regions=regions)


def _changes(
    number: int, shape: Shape, rows: tuple[int, ...], detections: Detections, geometry: Geometry
) -> Iterator[Job]:
    """Jobs that paint over what is in the picture, one for each cluster of things."""
    boxes = [_painted_box(detections.mask[row], geometry, shape) for row in rows]
    for group in clusters(boxes):
        box = reduce(Box.union, (boxes[member] for member in group))
        window = window_around(box, geometry.context, detections.mask.shape[1:])
        members = tuple(rows[member] for member in group)
        masks = detections.mask[list(members)][:, *window.inside.slices]
        yield Job(number, members, window, make_regions(masks, geometry, shape))


def _background(number: int, rows: tuple[int, ...], detections: Detections) -> Iterator[Job]:
    """One job for the whole picture, shown at once: tiles would each paint a beach of their own.

    So a background has the detail of the model's own size, however large the picture is.
    """
    height, width = detections.mask.shape[1:]
    window = window_around(Box(0, 0, width, height), 1.0, (height, width))
    yield Job(number, rows, window, everything_but(seen_in(window, rows, detections)))


def _kept(plan: EditPlan, detections: Detections) -> BoolMask:
    """All that the plan keeps, as a mask of the whole picture `(H, W)`."""
    rows = [
        row
        for number, edit in enumerate(plan.edits)
        if edit.action == "keep"
        for row in instances_of(plan, number, detections)
    ]
    return np.asarray(detections.mask[rows].any(axis=0), np.bool_)


def _painted_box(mask: BoolMask, geometry: Geometry, shape: Shape) -> Box:
    box = bounding_box(mask)
    return box.grown(geometry.radius(box, shape)).clipped(*mask.shape)
