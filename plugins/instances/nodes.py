"""What instance segmentation writes for other tools, as a node."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pipelines.files import write_atomically
from pipelines.nodes.export import run_lengths
from pipelines.nodes.selection import scores_of
from pipelines.signature import node
from pipelines.values import Boxes, Detections
from plugins.coco import CATEGORY_IDS, NAMES
from plugins.instances.truth import Record

_COCO = dict(zip(NAMES, CATEGORY_IDS, strict=True))


@node("instances/coco_results", version=1, cache=False)
def coco_results(boxes: Boxes, path: Path, *, image_id: int = 1) -> Path:
    """Write detections as COCO's results files have them, masks exactly, and give the file's path.

    Boxes from a results file keep their categories; otherwise they are COCO's where all class names are, else class_id.

    Args:
        boxes: any detections, with masks or without.
        path: where to.
        image_id: the picture's number in its data set.
    """
    write_atomically(path, (json.dumps(records(boxes, image_id)) + "\n").encode())
    return path


def records(found: Detections, image_id: int) -> list[Record]:
    """Detections of a picture as results: boxes as x, y, width, height in pixels, masks as run lengths."""
    corners, scores = np.asarray(found.xyxy, np.float64), scores_of(found).tolist()
    sizes = corners[:, 2:] - corners[:, :2]
    categories = categories_of(found)
    results: list[Record] = []
    for index, (x, y) in enumerate(corners[:, :2].tolist()):
        result = {
            "image_id": image_id,
            "category_id": categories[index],
            "bbox": [x, y, *sizes[index].tolist()],
            "score": scores[index],
        }
        if found.mask is not None:
            result["segmentation"] = run_lengths(np.asarray(found.mask[index], np.bool_))
        results.append(result)
    return results


def categories_of(found: Detections) -> list[int]:
    """Each detection's number in the data set it came from, else COCO's for its class name, else its class_id."""
    if "category_id" in found.data:
        return [int(number) for number in found.data["category_id"]]
    names = [str(name) for name in found.data.get("class_name", ())]
    if len(names) == len(found) and all(name in _COCO for name in names):
        return [_COCO[name] for name in names]
    ids = found.class_id
    return [0] * len(found) if ids is None else [int(number) for number in ids]
