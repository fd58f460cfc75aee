"""Segment Anything without a prompt, as a node: masks of everything in a picture."""

from __future__ import annotations

import numpy as np

from pipelines.models import Model, lease
from pipelines.signature import Report, no_report, node
from pipelines.values import Detections, Image, Masks
from plugins.sam.models import Everything, Profile, Sam, Wanted

MEGABYTE = 1 << 20
NAME = "thing"
"""Masks of everything have no names of their own; `clip/rank` can find some."""


@node("sam/everything", version=1)
def everything(
    image: Image,
    *,
    model: Model[Sam] = Model(),
    profile: Profile = "code",
    points_per_side: int | None = None,
    crop_layers: int | None = None,
    min_iou: float | None = None,
    min_stability: float | None = None,
    min_region: int | None = None,
    fast: bool = False,
    max_megabytes: int = 256,
    report: Report = no_report,
) -> Masks:
    """The masks of everything in a picture, found by a grid of points; each thing once.

    Confidence and `mask_score` are the model's own guess at each mask's IoU; `stability_score`, `point` and `crop_box`
    say how it was found, as `sam/sa1b` writes it. Nothing found is no error.

    Args:
        model: A preset, a directory, a .pth or .safetensors file, or a hub id.
        profile: "code" for the defaults of the official code, "sa1b" for the crops and filters that made SA-1B.
        points_per_side: Points along each side of the picture; by default the profile's 32.
        crop_layers: Look at crops too: 1 for 2×2, 2 for 4×4 as well; by default the profile's.
        min_iou: Keep masks with a greater predicted IoU; by default what the model's makers recommend.
        min_stability: Keep masks that change at most so much with the threshold, 1 being not at all; likewise.
        min_region: Remove islands and fill holes of fewer pixels; by default the profile's.
        fast: Filter masks before they are brought to the size of the picture.
        max_megabytes: Memory to work in, beside the model and the result.
    """
    chosen = {
        "points_per_side": points_per_side,
        "crop_layers": crop_layers,
        "min_iou": min_iou,
        "min_stability": min_stability,
        "min_region": min_region,
    }
    changes = {name: value for name, value in chosen.items() if value is not None}
    wanted = Wanted(profile=profile, changes=changes, fast=fast, max_bytes=max_megabytes * MEGABYTE)
    with lease(Sam, model) as sam:
        return _detections(sam.everything(image.pixels, wanted, report))


def _detections(found: Everything) -> Detections:
    count = len(found.boxes)
    return Detections(
        xyxy=found.boxes,
        mask=found.masks,
        confidence=found.predicted_iou,
        class_id=np.zeros(count, np.int64),
        data={
            "class_name": np.full(count, NAME),
            "instance_id": np.arange(count),
            "mask_score": found.predicted_iou,
            "stability_score": found.stability,
            "point": found.points,
            "crop_box": found.crop_boxes,
        },
    )
