"""Pictures for people to look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pipelines.nodes.selection import names_of
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image


@node("draw/annotate", version=1)
def annotate(
    image: Image,
    boxes: Boxes,
    *,
    outlines: bool = True,
    fills: bool = True,
    labels: bool = True,
    each: bool = False,
    opacity: float = 0.45,
) -> Image:
    """Draw detections over a picture: boxes, masks where there are any, names with scores.

    Every name has a colour of its own, or every detection; lines and letters are sized to the picture.

    Args:
        image: the picture that the detections belong to.
        boxes: any detections, with masks or without.
        outlines: draw the boxes.
        fills: tint the masks.
        labels: write name and score at each box.
        each: give every detection a colour of its own, as suits masks of everything.
        opacity: strength of the tint, from 0 to 1.
    """
    if len(boxes) == 0:
        return image
    import supervision as sv

    size = image.size
    coloured = _numbered(boxes, each=each)
    scene = np.ascontiguousarray(image.pixels[..., ::-1])  # supervision draws in BGR
    if fills and boxes.mask is not None:
        scene = sv.MaskAnnotator(opacity=opacity).annotate(scene, coloured)
    if outlines:
        thickness = sv.calculate_optimal_line_thickness(size)
        scene = sv.BoxAnnotator(thickness=thickness).annotate(scene, coloured)
    if labels:
        scene = _label_annotator(size).annotate(scene, coloured, labels=_labels(boxes))
    return replace(image, pixels=np.ascontiguousarray(scene[..., ::-1]))


def _label_annotator(size: tuple[int, int]) -> Any:
    import supervision as sv

    scale = sv.calculate_optimal_text_scale(size)
    return sv.LabelAnnotator(
        text_scale=scale,
        text_thickness=max(1, round(scale * 2)),
        text_padding=max(2, round(scale * 12)),
        smart_position=True,
    )


def _numbered(boxes: Detections, *, each: bool) -> Detections:
    """The same detections with one class id a name or a detection, which is what supervision takes colours by."""
    ids = np.arange(len(boxes)) if each else np.unique(names_of(boxes), return_inverse=True)[1]
    return replace(boxes, class_id=ids)


def _labels(boxes: Detections) -> list[str]:
    names = names_of(boxes)
    if boxes.confidence is None:
        return names
    return [f"{name} {score:.2f}".strip() for name, score in zip(names, boxes.confidence, strict=True)]
