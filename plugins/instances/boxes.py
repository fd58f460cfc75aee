"""Boxes from elsewhere: any detector's results in COCO's format."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipelines.errors import PortError
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image
from plugins.coco import CATEGORY_IDS, NAMES
from plugins.instances.results import Results, read_results
from plugins.instances.truth import Record, Truth, read_truth

_LOG = logging.getLogger(__name__)
_Content = TypeVar("_Content")


@node("boxes/from_coco", version=2)
def from_coco(
    image: Image,
    path: Path,
    *,
    annotations: Path | None = None,
    image_id: int | None = None,
    score_threshold: float = 0.05,
    max_detections: int = 100,
) -> Boxes:
    """The boxes that a COCO results file has for a picture, the surest first.

    Boxes are clipped to the picture; those without an area in it are left out. A picture that the file says nothing
    about has no boxes.

    Args:
        path: A JSON list of image_id, category_id, bbox (x, y, width, height in pixels) and score.
        annotations: The data set's own file: it tells which number the picture has, by its file name, and the names of
            the categories. Without it they are COCO's.
        image_id: The picture's number; by default that of its file name, there or as COCO's own (000000000139.jpg).
        score_threshold: The score that a box must exceed, from 0 to 1.
        max_detections: The most boxes to keep.
    """
    if not 0 <= score_threshold < 1:
        raise PortError(f"score_threshold is {score_threshold}, but scores lie between 0 and 1.")
    if max_detections < 1:
        raise PortError(f"max_detections is {max_detections}, but at least 1 must be kept.")
    found, truth = contents(path, annotations)
    number = number_of(image, truth) if image_id is None else image_id
    names = dict(zip(CATEGORY_IDS, NAMES, strict=True)) if truth is None else names_of(truth)
    mine = [entry for entry in found.of_picture(number) if "bbox" in entry]
    sure = sorted((entry for entry in mine if entry["score"] > score_threshold), key=lambda entry: -entry["score"])
    unknown = {entry["category_id"] for entry in sure} - names.keys()
    if unknown:
        raise PortError(f"{path} has the category {min(unknown)}, which COCO has not: give the file of annotations.")
    return detections_of(image, sure, names, max_detections)


def contents(path: Path, annotations: Path | None) -> tuple[Results, Truth | None]:
    """What a results file and its data set hold; the latest of each is kept. Raises `UserError`."""
    truth = truth_of(annotations)
    # A truth that was read anew is another object: what was checked against the one before is read again.
    return _kept("results", path, truth, read=partial(read_results, path, truth)), truth


def truth_of(annotations: Path | None) -> Truth | None:
    """What a data set's own file holds, where there is one; the latest is kept. Raises `UserError`."""
    return None if annotations is None else _kept("truth", annotations, read=partial(read_truth, annotations))


_latest: dict[str, tuple[tuple[object, ...], Any]] = {}


def _kept(kind: str, path: Path, *key: object, read: Callable[[], _Content]) -> _Content:
    """Read a file; the latest of its kind is kept, for a folder's pictures ask for the same one after another."""
    try:
        state = path.stat()
    except OSError:
        return read()
    asked = (path.absolute(), state.st_mtime_ns, state.st_size, *key)
    # Another thread may put its file into the slot at any moment: what is given is what was compared.
    entry = _latest.get(kind)
    if entry is None or entry[0] != asked:
        entry = _latest[kind] = (asked, read())
    content: _Content = entry[1]
    return content


def detections_of(
    image: Image, entries: Sequence[Record], names: Mapping[int, str], most: int | None = None
) -> Detections:
    """The boxes of results in a picture; `category_id` keeps the number of each in its data set."""
    corner_and_size = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    corners = np.concatenate([corner_and_size[:, :2], corner_and_size[:, :2] + corner_and_size[:, 2:]], axis=1)
    boxes = corners.clip(0, [image.width, image.height] * 2).astype(np.float32)
    inside = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    if len(inside) < len(boxes):
        _LOG.warning("%d boxes have no area inside the picture and were left out.", len(boxes) - len(inside))
    kept = inside[:most]
    numbers = [entries[place]["category_id"] for place in kept]
    return Detections(
        xyxy=boxes[kept],
        confidence=np.array([entries[place]["score"] for place in kept], np.float32),
        class_id=np.array(numbers, np.int64),
        data={
            "class_name": np.array([names[number] for number in numbers], dtype=np.str_),
            "instance_id": np.arange(len(kept), dtype=np.int64),
            "category_id": np.array(numbers, np.int64),
        },
    )


def number_of(image: Image, truth: Truth | None) -> int:
    """The picture's number, by its file name; raises PortError where that tells none."""
    name = Path(image.source or "")
    if truth is None:
        if name.stem.isdecimal():
            return int(name.stem)
        raise PortError(f"'{name.name}' does not tell the picture's number: give image_id or the file of annotations.")
    if name.name not in truth.numbers:
        raise PortError(f"{truth.source} has no picture '{name.name}': give its image_id.")
    return truth.numbers[name.name]


def names_of(truth: Truth) -> dict[int, str]:
    """The name of each category, its number where it has none."""
    return {number: str(category.get("name", number)) for number, category in truth.categories.items()}
