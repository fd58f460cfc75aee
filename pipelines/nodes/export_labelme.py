"""LabelMe's JSON: shapes that a person can go on drawing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.files import write_atomically
from pipelines.nodes.naming import json_entry
from pipelines.nodes.outlines import parts_of
from pipelines.nodes.selection import names_of, scores_of
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image

# The version of LabelMe whose fields these are.
_VERSION = "5.5.0"
# Of a pixel: a reader meets this pixel whether it cuts the fraction off or rounds.
_INSIDE = 0.25


@node("export/labelme", version=2, cache=False)
def labelme(image: Image, boxes: Boxes, path: Path, *, file: str | None = None) -> Path:
    """Write detections as a LabelMe file and give its path; raises OutputError when it cannot be written.

    In a folder it is not written over the file of another picture of the same name either.

    Masks become polygons; the parts of one mask share a `group_id`, and its holes are joined to the outline by slits of
    no width, which readers that fill by parity, LabelMe among them, find again. Without masks, boxes become rectangles.
    Scores stand in the description. A mask without a pixel has no shape and is left out.

    Args:
        image: the picture that the detections belong to.
        boxes: any detections, with masks or without.
        path: where to; the name of a folder, without .json, gets a file for each picture, named after it. LabelMe looks
            for the picture beside it.
        file: name of the picture; by default that of the file it was read from.
    """
    document: dict[str, Any] = {
        "version": _VERSION,
        "flags": {},
        "shapes": list(_shapes(boxes)),
        "imagePath": file or (Path(image.source).name if image.source else ""),
        "imageData": None,
        "imageHeight": image.height,
        "imageWidth": image.width,
    }
    with json_entry(image, path) as target:
        write_atomically(target, (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode())
    return target


def _shapes(boxes: Detections) -> Iterator[dict[str, Any]]:
    for row, (name, score) in enumerate(zip(names_of(boxes), scores_of(boxes).tolist(), strict=True)):
        description = "" if boxes.confidence is None else f"score {score:.4f}"
        if boxes.mask is None:
            corners = np.asarray(boxes.xyxy[row], np.float64).reshape(2, 2)
            yield _shape(name, "rectangle", corners.tolist(), description, group=None)
            continue
        parts = list(parts_of(np.asarray(boxes.mask[row], np.bool_), "centres"))
        for part in parts:
            points = (part + _INSIDE).tolist()
            yield _shape(name, "polygon", points, description, group=row if len(parts) > 1 else None)


def _shape(label: str, kind: str, points: list[list[float]], description: str, *, group: int | None) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": description,
        "shape_type": kind,
        "flags": {},
        "mask": None,
    }
