"""Segment Anything as nodes: masks for boxes, clicks, texts, or of everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipelines.errors import PortError
from pipelines.models import Model, lease
from pipelines.signature import node
from pipelines.values import Boxes, Image, Masks
from plugins.sam.asking import points, text
from plugins.sam.everything import everything
from plugins.sam.mending import mend
from plugins.sam.models import Sam
from plugins.sam.record import sa1b

__all__ = ["everything", "masks", "mend", "points", "sa1b", "text"]

MOST_REFINEMENTS = 10


@node("sam/masks", version=1)
def masks(
    image: Image, boxes: Boxes, *, model: Model[Sam] = Model(), multimask: bool = False, refine: int = 0
) -> Masks:
    """The exact outline of the thing in each box.

    Everything that the boxes carry (class_name, instance_id, score) is kept; `mask_score` is the model's own guess at
    each mask's IoU. No boxes, no masks, and no model is loaded.

    Args:
        boxes: Detections in the pixels of the image.
        model: A preset, a directory, a .pth or .safetensors file, or a hub id.
        multimask: Draw three masks of each box and keep the best; of use where boxes are loose.
        refine: How often to show the model its best mask again, with the box, so that it can improve on it.
    """
    if not 0 <= refine <= MOST_REFINEMENTS:
        raise PortError(f"refine is {refine}, but masks are refined 0 to {MOST_REFINEMENTS} times.")
    if len(boxes):
        with lease(Sam, model) as sam:
            found, scores = sam.cut(image.pixels, boxes.xyxy, multimask=multimask, refine=refine)
    else:
        found, scores = np.empty((0, image.height, image.width), np.bool_), np.empty(0, np.float32)
    return replace(boxes, mask=found, data={**boxes.data, "mask_score": scores})
