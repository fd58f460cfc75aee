"""Average precision and recall of boxes and masks, as COCO and LVIS define them; counted by faster-coco-eval."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from plugins.instances.truth import FREQUENCIES, Record, Truth

Kind: TypeAlias = Literal["bbox", "segm"]
AREAS = {"all": 0, "S": 1, "M": 2, "L": 3}
"""Things of any size, of less than 32² pixels, less than 96², and larger."""
COCO_LIMIT, LVIS_LIMIT = 100, 300
"""Detections that count in a picture: for COCO of each category, for LVIS of all together."""
PROPOSALS = 1000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Shares from 0 to 1; NaN where the annotations hold nothing to measure it on."""

    values: Mapping[str, float]
    """AP, AP50, AP75, APs, APm, APl, AR@1000; with LVIS's frequencies also APr, APc, APf."""
    by_class: Mapping[str, float]
    """AP of each category, by its name."""


def measure(truth: Truth, results: Sequence[Record], kind: Kind) -> Metrics:
    """How well results fit the annotations.

    AP is the mean over categories and over IoU 0.50 to 0.95; AR@1000 the share of all things, whatever their category,
    that some of the best thousand detections of their picture meet, likewise over IoU.
    """
    bare = sum("segmentation" not in entry for entry in results)
    if kind == "segm" and bare:
        raise UserError(f"{bare} of {len(results)} detections have no mask.")
    if kind == "segm" and not all(entry.get("segmentation") for entry in truth.annotations):
        raise UserError(f"{truth.source} has annotations without an outline: only boxes can be measured on it.")
    known = _known(truth)
    found = known.loadRes([_for(kind, entry) for entry in results])
    recall = _evaluated(known, found, kind, most=PROPOSALS, classes=False)["recall"][..., -1]
    if truth.is_lvis:
        judged = known.loadRes([_for(kind, entry) for entry in _judged(truth, results)])
        precision = _evaluated(known, judged, kind, most=LVIS_LIMIT, lvis=True)["precision"][..., -1]
    else:
        precision = _evaluated(known, found, kind, most=COCO_LIMIT)["precision"][..., -1]
    classes = [_mean(precision[:, :, index, 0]) for index in range(precision.shape[2])]
    values = {
        "AP": _mean(precision[..., 0]),
        "AP50": _mean(precision[0, ..., 0]),
        "AP75": _mean(precision[5, ..., 0]),
        **{f"AP{size.lower()}": _mean(precision[..., AREAS[size]]) for size in "SML"},
        f"AR@{PROPOSALS}": _mean(recall[..., 0]),
    }
    ordered = [truth.categories[number] for number in sorted(truth.categories)]
    if truth.is_lvis:
        for frequency in FREQUENCIES:
            own = [index for index, category in enumerate(ordered) if category["frequency"] == frequency]
            values[f"AP{frequency}"] = _mean(precision[:, :, own, 0])
    return Metrics(values, {str(one.get("name", one["id"])): ap for one, ap in zip(ordered, classes, strict=True)})


def _judged(truth: Truth, results: Sequence[Record]) -> list[Record]:
    """What LVIS counts: the best of each picture, in categories that it is known to hold or known to lack."""
    best: dict[int, list[Record]] = defaultdict(list)
    for entry in sorted(results, key=lambda entry: -entry["score"]):
        if len(best[entry["image_id"]]) < LVIS_LIMIT:
            best[entry["image_id"]].append(entry)
    known = {number: set(image.get("neg_category_ids", ())) for number, image in truth.images.items()}
    for entry in truth.annotations:
        known[entry["image_id"]].add(entry["category_id"])
    return [entry for number, own in best.items() for entry in own if entry["category_id"] in known[number]]


def _known(truth: Truth) -> Any:
    """The annotations as the library takes them: in copies, for it writes into what it is given."""
    from faster_coco_eval import COCO

    images, categories = list(truth.images.values()), list(truth.categories.values())
    return COCO({"images": images, "categories": categories, "annotations": [{**one} for one in truth.annotations]})


def _evaluated(
    known: Any, found: Any, kind: Kind, *, most: int, lvis: bool = False, classes: bool = True
) -> Mapping[str, NDArray[np.float64]]:
    """`precision` (IoU, recall, category, area, limit) and `recall` (IoU, category, area, limit); -1 is nothing."""
    from faster_coco_eval import COCOeval_faster

    evaluation = COCOeval_faster(known, found, kind, lvis_style=lvis, print_function=_LOG.debug)
    evaluation.params.maxDets = [most]
    evaluation.params.useCats = int(classes)
    evaluation.evaluate()
    evaluation.accumulate()
    counted: Mapping[str, Any] = evaluation.eval
    return {
        name: np.asarray(counted[name]).reshape(_shape(evaluation.params, name)) for name in ("precision", "recall")
    }


def _shape(params: Any, name: str) -> tuple[int, ...]:
    rest = (len(params.catIds) if params.useCats else 1, len(params.areaRng), len(params.maxDets))
    return (len(params.iouThrs), *((len(params.recThrs),) if name == "precision" else ()), *rest)


def _for(kind: Kind, entry: Record) -> Record:
    """A copy of a detection for the metrics of boxes or of masks: a mask's size is in its pixels, not its box's."""
    other = "bbox" if kind == "segm" else "segmentation"
    if kind == "bbox" and "bbox" not in entry:
        return {**entry}
    return {key: value for key, value in entry.items() if key != other}


def _mean(values: NDArray[np.float64]) -> float:
    counted = values[values > -1]
    return float(counted.mean()) if counted.size else float("nan")


def table_rows(measured: Mapping[str, Metrics]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A header and a row for each set of results, in percent as papers print them."""
    names = _names(metrics.values for metrics in measured.values())
    rows = [
        (title, *(percent(metrics.values.get(name, float("nan"))) for name in names))
        for title, metrics in measured.items()
    ]
    return ("", *names), rows


def class_rows(measured: Mapping[str, Metrics]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The same for each category's AP, one row a category."""
    names = _names(metrics.by_class for metrics in measured.values())
    rows = [(name, *(percent(metrics.by_class[name]) for metrics in measured.values())) for name in names]
    return ("category", *measured), rows


def percent(share: float) -> str:
    """One decimal, or a dash where there was nothing to measure."""
    return "-" if np.isnan(share) else f"{100 * share:.1f}"


def _names(mappings: Iterable[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))
