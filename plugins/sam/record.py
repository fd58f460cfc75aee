"""Masks as the data set SA-1B keeps them, as a node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import OutputError, PortError
from pipelines.nodes.naming import json_entry
from pipelines.signature import node
from pipelines.values import Detections, Image, Masks

if TYPE_CHECKING:
    from sam_model.everything import Everything

FOUND_BY = ("mask_score", "stability_score", "point", "crop_box")


@node("sam/sa1b", version=2, cache=False)
def sa1b(image: Image, masks: Masks, path: Path, *, image_id: int = 0) -> Path:
    """Write masks of everything as a JSON record of SA-1B, and give its path.

    Boxes are x, y, width, height, masks compressed run lengths. Raises PortError for masks that do not say how they
    were found, and OutputError when the file cannot be written or the folder has another picture of the same name.

    Args:
        image: The picture that the masks belong to; the record names its file.
        masks: What `sam/everything` gave.
        path: Where to; the name of a folder, without .json, gets a file for each picture, named after it.
        image_id: Number of the picture in its data set.
    """
    from sam_model.data.sa1b import write_record
    from sam_model.errors import RecordError

    file_name = Path(image.source).name if image.source else ""
    try:
        record = _everything(image, masks).to_record(image_id=image_id, file_name=file_name)
        with json_entry(image, path) as target:
            write_record(record, target)
    except RecordError as error:
        raise OutputError(f"{error}.") from error
    return target


def _everything(image: Image, masks: Detections) -> Everything:
    from sam_model.everything import Everything
    from sam_model.ops.rle import encode

    missing = [name for name in FOUND_BY if name not in masks.data]
    if missing:
        raise PortError(f"these masks have no {' and no '.join(missing)}: sam/sa1b writes those of sam/everything.")
    if masks.mask.shape[1:] != (image.height, image.width):
        height, width = masks.mask.shape[1:]
        raise PortError(
            f"these masks belong to a picture of {width}x{height} pixels, not {image.width}x{image.height}."
        )
    return Everything(
        height=image.height,
        width=image.width,
        rles=tuple(encode(np.asarray(masks.mask, np.bool_))),
        predicted_iou=np.asarray(masks.data["mask_score"], np.float32),
        stability=np.asarray(masks.data["stability_score"], np.float32),
        points=np.asarray(masks.data["point"], np.float64).reshape(-1, 2),
        crop_boxes=np.asarray(masks.data["crop_box"]).reshape(-1, 4).astype(np.int64),
    )
