"""Results in the formats of other tools."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.files import write_atomically
from pipelines.nodes.coco_sets import with_picture
from pipelines.nodes.export_labelme import labelme
from pipelines.nodes.export_voc import voc
from pipelines.nodes.export_yolo import yolo
from pipelines.nodes.naming import entry_of, json_entry, json_of
from pipelines.nodes.outlines import parts_of
from pipelines.nodes.selection import areas_of, names_of, scores_of
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image

__all__ = ["coco", "coco_document", "labelme", "run_lengths", "voc", "yolo"]


# Pictures of a folder are done on several threads, and each changes the file of all.
_ONE_AT_A_TIME = threading.Lock()


@node("export/coco", version=3, cache=False)
def coco(image: Image, boxes: Boxes, path: Path, *, polygons: bool = False, add: bool = False) -> Path:
    """Write detections as a COCO JSON file and give its path; raises OutputError when it cannot be written.

    Masks are kept exactly. Annotations keep their scores, categories the class names.

    Args:
        image: the picture that the detections belong to.
        boxes: any detections, with masks or without.
        path: where to; the name of a folder, without .json, gets a file for each picture, named after it.
        polygons: write masks as polygons, one for each part and with slits of no width to its holes, instead of
            compressed run lengths. They follow the pixels' corners; pycocotools makes the very same masks of them.
        add: keep the pictures that are in the file already, but for the same one done again; another of its name, from
            another folder, is refused. Not for several processes at
            once, as `samloom batch --engine ray` has them.
    """
    document = coco_document(image, boxes, polygons=polygons)
    if not add:
        with json_entry(image, path) as target:
            _write(document, target)
        return target
    target = json_of(image, path)
    with entry_of(image, target, document["images"][0]["file_name"]), _ONE_AT_A_TIME:
        _write(with_picture(target, document), target)
    return target


def _write(document: dict[str, Any], path: Path) -> None:
    write_atomically(path, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())


def coco_document(image: Image, boxes: Detections, *, polygons: bool = False) -> dict[str, Any]:
    """One picture and its detections as COCO has it: ids from 1, boxes as x, y, width, height in pixels."""
    names = names_of(boxes)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names), start=1)}
    file_name = Path(image.source).name if image.source else ""
    return {
        "info": {},
        "licenses": [],
        "images": [{"id": 1, "file_name": file_name, "width": image.width, "height": image.height}],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "annotations": _annotations(boxes, [numbers[name] for name in names], polygons=polygons),
    }


def _annotations(boxes: Detections, categories: list[int], *, polygons: bool) -> list[dict[str, Any]]:
    scores, areas = scores_of(boxes).tolist(), areas_of(boxes).tolist()
    annotations = []
    for index, (left, top, right, bottom) in enumerate(np.asarray(boxes.xyxy, np.float64).tolist()):
        annotations.append(
            {
                "id": index + 1,
                "image_id": 1,
                "category_id": categories[index],
                "bbox": [left, top, right - left, bottom - top],
                "area": areas[index],
                "segmentation": [] if boxes.mask is None else _segmentation(boxes.mask[index], polygons=polygons),
                "iscrowd": 0,
                "score": round(scores[index], 6),
            }
        )
    return annotations


def _segmentation(mask: NDArray[Any], *, polygons: bool) -> dict[str, Any] | list[list[int]]:
    solid = np.asarray(mask, np.bool_)
    return [part.reshape(-1).tolist() for part in parts_of(solid, "corners")] if polygons else run_lengths(solid)


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask (H, W) in COCO's compressed form: `{"size": [H, W], "counts": text}`.

    Runs of zeros and ones alternate down the columns, zeros first (maskApi.c, rleEncode and rleToString).
    """
    column_by_column = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(column_by_column, prepend=False)).tolist()
    bounds = [0, *edges, column_by_column.size]
    counts = [end - start for start, end in pairwise(bounds)]
    changes = [count - counts[place - 2] if place > 2 else count for place, count in enumerate(counts)]
    return {"size": list(mask.shape), "counts": "".join(map(_compressed, changes))}


def _compressed(number: int) -> str:
    """A signed number in groups of five bits, lowest first, a sixth bit saying that more follow, as printable text."""
    text = ""
    while True:
        group, number = number & 31, number >> 5
        ended = number == (-1 if group & 16 else 0)
        text += chr(48 + (group if ended else group | 32))
        if ended:
            return text
