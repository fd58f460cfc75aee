"""Average precision and recall of boxes and masks, as COCO and LVIS define them; counted by faster-coco-eval.

A large data set is counted in parts, for the library holds every detection as Python objects: precision category by
category, recall of proposals picture by picture. Both add up exactly.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from plugins.instances.results import Results
from plugins.instances.truth import FREQUENCIES, Record, Truth

Kind: TypeAlias = Literal["bbox", "segm"]
AREAS = {"all": 0, "S": 1, "M": 2, "L": 3}
"""Things of any size, of less than 32² pixels, less than 96², and larger."""
COCO_LIMIT, LVIS_LIMIT = 100, 300
"""Detections that count in a picture: for COCO of each category, for LVIS of all together."""
PROPOSALS = 1000
PART = 60_000
"""Detections that are counted at once."""
_LOG = logging.getLogger(__name__)

Places: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Shares from 0 to 1; NaN where the annotations hold nothing to measure it on."""

    values: Mapping[str, float]
    """AP, AP50, AP75, APs, APm, APl, AR@1000; with LVIS's frequencies also APr, APc, APf."""
    by_class: Mapping[str, float]
    """AP of each category, by its name."""


def measure(truth: Truth, results: Iterable[Record], kind: Kind) -> Metrics:
    """How well results fit the annotations.

    AP is the mean over categories and over IoU 0.50 to 0.95; AR@1000 the share of all things, whatever their category,
    that some of the best thousand detections of their picture meet, likewise over IoU.
    """
    found = results if isinstance(results, Results) else Results(results)
    if kind == "segm" and found.without_mask:
        raise UserError(f"{found.without_mask} of {len(found)} detections have no mask.")
    if kind == "segm" and not all(entry.get("segmentation") for entry in truth.annotations):
        raise UserError(f"{truth.source} has annotations without an outline: only boxes can be measured on it.")
    precision = _precision(truth, found, kind)
    values = {
        "AP": _mean(precision[..., 0]),
        "AP50": _mean(precision[0, ..., 0]),
        "AP75": _mean(precision[5, ..., 0]),
        **{f"AP{size.lower()}": _mean(precision[..., AREAS[size]]) for size in "SML"},
        f"AR@{PROPOSALS}": _recall(truth, found, kind),
    }
    ordered = [truth.categories[number] for number in sorted(truth.categories)]
    if truth.is_lvis:
        for frequency in FREQUENCIES:
            own = [index for index, category in enumerate(ordered) if category["frequency"] == frequency]
            values[f"AP{frequency}"] = _mean(precision[:, :, own, 0])
    names = (str(category.get("name", category["id"])) for category in ordered)
    return Metrics(values, {name: _mean(precision[:, :, index, 0]) for index, name in enumerate(names)})


def _precision(truth: Truth, found: Results, kind: Kind) -> NDArray[np.float64]:
    """`(IoU, recall, category, area)`, categories by their numbers; -1 is nothing."""
    places = _judged(truth, found) if truth.is_lvis else np.arange(len(found))
    most = LVIS_LIMIT if truth.is_lvis else COCO_LIMIT
    marked = np.array([entry["category_id"] for entry in truth.annotations], np.int64)
    parts = []
    for numbers, own, annotated in _parts(sorted(truth.categories), found.categories[places], marked):
        known = _known(truth, annotated, numbers)
        part = _evaluated(known, found, places[own], kind, most=most, lvis=truth.is_lvis)
        parts.append(part["precision"][..., -1])
    return np.concatenate(parts, axis=2)


def _recall(truth: Truth, found: Results, kind: Kind) -> float:
    """Of all things, the share that is met, whatever the categories."""
    marked = np.array([entry["image_id"] for entry in truth.annotations], np.int64)
    counted = np.array([not entry["iscrowd"] for entry in truth.annotations], np.bool_)
    met, things = 0.0, 0
    for _, own, annotated in _parts(sorted(truth.images), found.pictures, marked):
        count = int(counted[annotated].sum())
        if count:
            known = _known(truth, annotated, sorted(truth.categories))
            share = _evaluated(known, found, own, kind, most=PROPOSALS, classes=False)["recall"][..., 0, 0, -1]
            met, things = met + count * _mean(share), things + count
    return met / things if things else float("nan")


def _parts(numbers: Sequence[int], of_found: Places, of_marked: Places) -> Iterator[tuple[list[int], Places, Places]]:
    """Runs of `numbers` with about `PART` detections, the places of those, and the places of their annotations."""
    counts = np.searchsorted(np.sort(of_found), numbers, side="right")
    part = np.cumsum(np.diff(counts, prepend=0)) // PART
    for value in np.unique(part):
        own = np.asarray(numbers)[part == value]
        yield own.tolist(), np.flatnonzero(np.isin(of_found, own)), np.flatnonzero(np.isin(of_marked, own))


def _judged(truth: Truth, found: Results) -> Places:
    """What LVIS counts: the best of each picture, in categories that it is known to hold or known to lack."""
    pictures = found.pictures
    order = np.lexsort((-found.scores, pictures))
    starts = np.searchsorted(pictures[order], pictures[order])
    best = order[np.arange(len(order)) - starts < LVIS_LIMIT]
    known = {
        (number, lacking) for number, image in truth.images.items() for lacking in image.get("neg_category_ids", ())
    }
    known |= {(entry["image_id"], entry["category_id"]) for entry in truth.annotations}
    pairs = zip(pictures[best].tolist(), found.categories[best].tolist(), strict=True)
    return np.sort(best[[pair in known for pair in pairs]])


def _known(truth: Truth, annotated: Places, categories: Sequence[int]) -> Any:
    """Annotations as the library takes them: in copies, for it writes into what it is given."""
    from faster_coco_eval import COCO

    content = {
        "images": [{**image} for image in truth.images.values()],
        "categories": [truth.categories[number] for number in categories],
        "annotations": [{**truth.annotations[place]} for place in annotated],
    }
    return COCO(content)


def _evaluated(
    known: Any, found: Results, places: Places, kind: Kind, *, most: int, lvis: bool = False, classes: bool = True
) -> Mapping[str, NDArray[np.float64]]:
    """`precision` (IoU, recall, category, area, limit) and `recall` (IoU, category, area, limit); -1 is nothing."""
    from faster_coco_eval import COCOeval_faster

    results = _loaded(known, found, places, kind)
    evaluation = COCOeval_faster(known, results, kind, lvis_style=lvis, print_function=_LOG.debug)
    evaluation.params.maxDets = [most]
    evaluation.params.useCats = int(classes)
    evaluation.params.imgIds = sorted({*known.imgToAnns, *results.imgToAnns}) or sorted(known.imgs)
    evaluation.evaluate()
    evaluation.accumulate()
    counted: Mapping[str, Any] = evaluation.eval
    return {
        name: np.asarray(counted[name]).reshape(_shape(evaluation.params, name)) for name in ("precision", "recall")
    }


def _shape(params: Any, name: str) -> tuple[int, ...]:
    rest = (len(params.catIds) if params.useCats else 1, len(params.areaRng), len(params.maxDets))
    return (len(params.iouThrs), *((len(params.recThrs),) if name == "precision" else ()), *rest)


def _loaded(known: Any, found: Results, places: Places, kind: Kind) -> Any:
    """Detections as the library's `loadRes` would hold them, made from the columns at once.

    A mask's size is in its pixels, not its box's; only where there is no box its size is the mask's, too.
    """
    from faster_coco_eval import COCO

    columns = {
        "id": range(1, len(places) + 1),
        "image_id": found.pictures[places].tolist(),
        "category_id": found.categories[places].tolist(),
        "score": found.scores[places].tolist(),
        "iscrowd": [0] * len(places),
        **_shapes(found, places, kind),
    }
    rows = zip(*columns.values(), strict=True)
    content = known.dataset | {"annotations": [dict(zip(columns, row, strict=True)) for row in rows]}
    return COCO(content)


def _shapes(found: Results, places: Places, kind: Kind) -> dict[str, list[Any]]:
    if kind == "segm":
        return {"segmentation": found.masks(places), "area": found.areas[places].tolist()}
    boxes, bare = found.boxes[places], ~found.boxed[places]
    areas = boxes[:, 2] * boxes[:, 3]
    if bare.any():
        areas[bare] = found.areas[places[bare]]
    return {"bbox": boxes.tolist(), "area": areas.tolist()}


def _mean(values: NDArray[np.float64]) -> float:
    counted = values[values > -1]
    return float(counted.mean()) if counted.size else float("nan")
