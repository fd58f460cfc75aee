"""From a plan's words about which things to the things themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.nodes.selection import areas_of, names_of, scores_of, taken
from pipelines.plans import All, Coloured, Edit, EditPlan, InHalf, Near, Order, Ranked, Relation, Selector
from pipelines.values import Detections, Image
from plugins.instructions.hues import is_of_colour

Rows = list[int]

# Things whose distance to another differs by less than this share of the picture's diagonal are equally near.
_EQUALLY_NEAR = 0.01


def chosen(image: Image, detections: Detections, plan: EditPlan) -> Detections:
    """The detections that each edit means, edit by edit; `data["edit"]` is the edit's place in the plan.

    A background means the things that it is said to lie behind. What one edit keeps is no other's, and what one
    replaces or removes is no later one's.
    """
    found = [_rows_of(edit, image, detections) for edit in plan.edits]
    kept = {row for edit, rows in zip(plan.edits, found, strict=True) if edit.action == "keep" for row in rows}
    gone: set[int] = set()
    numbers: list[int] = []
    places: list[int] = []
    for number, (edit, rows) in enumerate(zip(plan.edits, found, strict=True)):
        free = rows if edit.action == "keep" else [row for row in rows if row not in kept | gone]
        if edit.action in ("replace", "remove"):
            gone.update(free)
        numbers += [number] * len(free)
        places += free
    result = taken(detections, places)
    result.data = {**result.data, "edit": np.array(numbers, np.int64)}
    return result


def _rows_of(edit: Edit, image: Image, detections: Detections) -> Rows:
    if edit.action == "background":
        beside = [selector.thing for selector in edit.which if isinstance(selector, Near)]
        return [row for thing in beside for row in _named(thing, detections)]
    rows = _named(edit.target, detections)
    for selector in edit.which:
        rows = _narrowed(selector, rows, image, detections)
    return rows


def _named(name: str, detections: Detections) -> Rows:
    wanted = name.strip().casefold()
    return [row for row, known in enumerate(names_of(detections)) if wanted and known.strip().casefold() == wanted]


def _narrowed(selector: Selector, rows: Rows, image: Image, detections: Detections) -> Rows:
    centres = _centres(detections)
    match selector:
        case All():
            return rows
        case Ranked(order, first, count):
            return sorted(_ranked(order, rows, image, detections)[first - 1 : first - 1 + count])
        case InHalf(side):
            return [row for row in rows if _in_half(side, centres[row], image)]
        case Coloured(colour):
            return [row for row in rows if is_of_colour(colour, image, detections, row)]
        case Near(thing, relation):
            return _nearest(rows, _named(thing, detections), relation, image, detections)


def _ranked(order: Order, rows: Rows, image: Image, detections: Detections) -> Rows:
    """The rows in an order; equals stay as they were."""
    if order == "middle":
        return _from_the_middle(_ranked("left", rows, image, detections), image, detections)
    values = _values(order, detections)
    return sorted(rows, key=lambda row: float(values[row]))


def _values(order: Order, detections: Detections) -> NDArray[Any]:
    """What an order sorts by, the least first."""
    match order:
        case "left" | "right":
            x = _centres(detections)[:, 0]
            return x if order == "left" else -x
        case "top" | "bottom":
            y = _centres(detections)[:, 1]
            return y if order == "top" else -y
        case "largest" | "smallest":
            areas = areas_of(detections)
            return areas if order == "smallest" else -areas
        case _:
            return -scores_of(detections)


def _from_the_middle(in_a_row: Rows, image: Image, detections: Detections) -> Rows:
    """Outwards from the middle of the row; of two that are equally far, first the nearer to the picture's middle."""
    middle = (len(in_a_row) - 1) / 2
    aside = np.abs(_centres(detections)[:, 0] - image.width / 2)
    places = sorted(range(len(in_a_row)), key=lambda place: (abs(place - middle), aside[in_a_row[place]]))
    return [in_a_row[place] for place in places]


def _in_half(side: str, centre: NDArray[np.float64], image: Image) -> bool:
    x, y = centre
    halves = {"left": x < image.width / 2, "right": x >= image.width / 2}
    return bool({**halves, "top": y < image.height / 2, "bottom": y >= image.height / 2}[side])


def _nearest(rows: Rows, others: Rows, relation: Relation, image: Image, detections: Detections) -> Rows:
    """Those at the least distance from any of the others, box to box; all that touch one are equally near."""
    gaps: dict[int, float] = {}
    for row in rows:
        beside = [other for other in others if other != row and _lies(relation, row, other, detections)]
        if beside:
            gaps[row] = min(_gap(detections.xyxy[row], detections.xyxy[other]) for other in beside)
    reach = min(gaps.values(), default=0.0) + _EQUALLY_NEAR * float(np.hypot(*image.size))
    return [row for row, gap in gaps.items() if gap <= reach]


def _lies(relation: Relation, row: int, other: int, detections: Detections) -> bool:
    if relation == "near":
        return True
    x, y = _centres(detections)[row] - _centres(detections)[other]
    return bool({"left": x < 0, "right": x > 0, "above": y < 0, "below": y > 0}[relation])


def _gap(box: Sequence[float], other: Sequence[float]) -> float:
    """Pixels between two boxes; 0 where they touch."""
    x = max(other[0] - box[2], box[0] - other[2], 0)
    y = max(other[1] - box[3], box[1] - other[3], 0)
    return float(np.hypot(x, y))


def _centres(detections: Detections) -> NDArray[np.float64]:
    corners = np.asarray(detections.xyxy, np.float64).reshape(-1, 2, 2)
    return np.asarray(corners.mean(axis=1))
