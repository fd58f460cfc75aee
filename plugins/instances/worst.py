"""Where Segment Anything failed most though the box was right: pictures to look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.outputs import safe_name
from pipelines.values import Image
from plugins.instances.boxes import names_of
from plugins.instances.results import Results
from plugins.instances.segmenting import checked_picture, file_name
from plugins.instances.truth import Record, Truth

RIGHT = 0.5
"""A box is right from this IoU on."""
MARGIN = 0.25
"""How much of a thing's longer side is shown around it."""
GAP = 8
MARKED, DRAWN = (46, 204, 113), (47, 111, 227)
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A thing whose box was found and whose mask is bad: what was marked, what was drawn, and the IoU of both."""

    marked: Record
    drawn: Record
    iou: float


def worst(truth: Truth, drawn: Results, most: int) -> list[Failure]:
    """Things with a right box of their category and the lowest mask IoU, one a picture at most, the worst first."""
    failures = sorted(_failures(truth, drawn), key=lambda failure: failure.iou)
    by_picture: dict[int, Failure] = {}
    for failure in failures:
        by_picture.setdefault(failure.marked["image_id"], failure)
    return list(by_picture.values())[:most]


def write_worst(failures: Sequence[Failure], truth: Truth, images: Path, folder: Path) -> list[Path]:
    """Write each as `01-iou0.12-dog-NAME.jpg`: as marked on the left, as drawn on the right. Raises `OutputError`."""
    from pipelines.images import write_image

    names, written = names_of(truth), []
    folder.mkdir(parents=True, exist_ok=True)
    for place, failure in enumerate(failures, start=1):
        entry = truth.images[failure.marked["image_id"]]
        name = safe_name(names[failure.marked["category_id"]])
        path = folder / f"{place:02d}-iou{failure.iou:.2f}-{name}-{Path(file_name(entry)).stem}.jpg"
        photo = checked_picture(images / file_name(entry), entry)
        write_image(Image(_beside(photo.pixels, failure)), path)
        written.append(path)
    return written


def _failures(truth: Truth, drawn: Results) -> Iterator[Failure]:
    """For each thing the detection of its category whose box fits it best."""
    by_picture: dict[int, list[Record]] = defaultdict(list)
    for entry in truth.annotations:
        if not entry["iscrowd"] and entry.get("segmentation"):
            by_picture[entry["image_id"]].append(entry)
    for number, things in by_picture.items():
        mine = [entry for entry in drawn.of_picture(number) if "bbox" in entry and "segmentation" in entry]
        for thing in things:
            own = [entry for entry in mine if entry["category_id"] == thing["category_id"]]
            overlaps = _box_iou(thing, own)
            if own and overlaps.max() >= RIGHT:
                best = own[int(overlaps.argmax())]
                yield Failure(thing, best, _mask_iou(thing, best))


def _box_iou(thing: Record, found: Sequence[Record]) -> NDArray[np.float64]:
    from faster_coco_eval.core import mask as masks

    boxes = [np.array([entry["bbox"] for entry in own], np.float64).reshape(-1, 4) for own in (found, [thing])]
    return np.asarray(masks.iou(*boxes, [0]), np.float64).reshape(len(found))


def _mask_iou(thing: Record, found: Record) -> float:
    from faster_coco_eval.core import mask as masks

    return float(np.asarray(masks.iou([found["segmentation"]], [_encoded(thing, found)], [0])).item())


def _encoded(thing: Record, found: Record) -> Any:
    """What was marked, polygons or run lengths, as compressed run lengths of the picture's size."""
    from faster_coco_eval.core import mask as masks

    outline, (height, width) = thing["segmentation"], found["segmentation"]["size"]
    if isinstance(outline, list):
        return masks.merge(masks.frPyObjects(outline, height, width))
    return masks.frPyObjects(outline, height, width) if isinstance(outline["counts"], list) else outline


def _beside(pixels: Pixels, failure: Failure) -> Pixels:
    from faster_coco_eval.core import mask as masks

    marked = np.asarray(masks.decode(_encoded(failure.marked, failure.drawn)), np.bool_)
    drawn = np.asarray(masks.decode(failure.drawn["segmentation"]), np.bool_)
    crop = _around(failure.marked["bbox"], pixels.shape)
    sides = [_tinted(pixels, mask, colour)[crop] for mask, colour in ((marked, MARKED), (drawn, DRAWN))]
    gap = np.full((sides[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([sides[0], gap, sides[1]], axis=1)


def _tinted(pixels: Pixels, mask: NDArray[np.bool_], colour: tuple[int, int, int]) -> Pixels:
    """Half the colour over what the mask holds; the rest is dimmed."""
    tint = pixels * 0.5 + np.array(colour) * 0.5
    return np.where(mask[..., None], tint, pixels * 0.6).astype(np.uint8)


def _around(box: Sequence[float], shape: tuple[int, ...]) -> tuple[slice, slice]:
    x, y, width, height = box
    margin = MARGIN * max(width, height)
    rows = slice(max(int(y - margin), 0), min(int(y + height + margin) + 1, shape[0]))
    return rows, slice(max(int(x - margin), 0), min(int(x + width + margin) + 1, shape[1]))
