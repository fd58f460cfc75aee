"""Choosing among boxes. The nodes of the same names under `masks` do so among masks and keep them."""

from __future__ import annotations

from pipelines.nodes.selection import best_of, filtered
from pipelines.signature import node
from pipelines.values import Boxes


@node("detections/filter", version=1)
def filter_boxes(
    boxes: Boxes,
    *,
    min_score: float = 0.0,
    names: tuple[str, ...] = (),
    min_area: float = 0.0,
    max_area: float | None = None,
    top: int | None = None,
) -> Boxes:
    """Keep the boxes that meet every condition, in their order.

    Args:
        boxes: any detections; those without a score count as certain.
        min_score: lowest score to keep.
        names: class names to keep, in upper or lower case; none given keeps all.
        min_area: smallest area to keep, in pixels.
        max_area: largest area to keep, in pixels.
        top: how many to keep at most, the highest scores first.
    """
    return filtered(boxes, min_score=min_score, names=names, min_area=min_area, max_area=max_area, top=top)


@node("detections/best", version=1)
def best(boxes: Boxes, *, each_name: bool = False) -> Boxes:
    """Keep the box with the highest score; of nothing, nothing.

    Args:
        boxes: any detections.
        each_name: keep the best of each class name.
    """
    return best_of(boxes, each_name=each_name)


@node("detections/count", version=1)
def count(boxes: Boxes) -> int:
    """How many there are."""
    return len(boxes)
