"""What the nodes share that choose among detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.values import Detections


def names_of(detections: Detections) -> list[str]:
    """The class name of each detection, empty where a foreign source gave none."""
    names = detections.data.get("class_name")
    return [str(name) for name in names] if names is not None else [""] * len(detections)


def scores_of(detections: Detections) -> NDArray[np.float32]:
    """The score of each detection; what comes without one (drawn by hand, read from a file) is taken as certain."""
    if detections.confidence is None:
        return np.ones(len(detections), np.float32)
    return np.asarray(detections.confidence, np.float32)


def keys_of(detections: Detections) -> list[str]:
    """One key for each detection: its instance id, or its place where ids are missing or doubled."""
    ids: Any = detections.data.get("instance_id")
    keys = [str(number) for number in ids] if ids is not None else []
    return keys if keys and len(set(keys)) == len(keys) else [str(index) for index in range(len(detections))]


def areas_of(detections: Detections) -> NDArray[np.float64]:
    """Pixels that each detection covers: those of its mask, else those of its box."""
    if detections.mask is not None:
        return np.asarray(np.count_nonzero(detections.mask, axis=(1, 2)), np.float64)
    sides = np.asarray(detections.xyxy[:, 2:] - detections.xyxy[:, :2], np.float64)
    return np.asarray(sides.clip(min=0).prod(axis=1))


def taken(detections: Detections, indices: Sequence[int] | NDArray[Any]) -> Detections:
    """The detections at these places, in this order."""
    chosen: Detections = detections[np.asarray(indices, np.int64)]
    return chosen


def filtered(
    detections: Detections,
    *,
    min_score: float,
    names: Sequence[str],
    min_area: float,
    max_area: float | None,
    top: int | None,
) -> Detections:
    """Those that meet every condition, in their order; of these the `top` with the highest scores."""
    wanted = {name.casefold() for name in names}
    scores, areas = scores_of(detections), areas_of(detections)
    keep = (scores >= min_score) & (areas >= min_area)
    if max_area is not None:
        keep &= areas <= max_area
    if wanted:
        keep &= np.array([name.casefold() in wanted for name in names_of(detections)], np.bool_)
    places = np.flatnonzero(keep)
    if top is not None:
        places = np.sort(places[np.argsort(-scores[places], kind="stable")[: max(top, 0)]])
    return taken(detections, places)


def best_of(detections: Detections, *, each_name: bool) -> Detections:
    """The one with the highest score, or with `each_name` that of every class name; the first of equals."""
    scores, names = scores_of(detections), names_of(detections)
    winners: dict[str, int] = {}
    for index in np.argsort(-scores, kind="stable").tolist():
        winners.setdefault(names[index].casefold() if each_name else "", index)
    return taken(detections, sorted(winners.values()))
