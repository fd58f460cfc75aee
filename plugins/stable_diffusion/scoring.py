"""How well an edit came out, judged by looking at the picture again: new things there, old ones gone, no seam."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.nodes.selection import names_of, scores_of
from pipelines.values import Detections
from plugins.stable_diffusion.masks import BoolMask

# So much of a new thing lies in what was painted, and an old one that is still there agrees so well with it (IoU).
_INSIDE, _STILL_THERE = 0.5, 0.3
# The step between neighbouring pixels, out of 255, at which a seam is as plain as can be.
_PLAIN_STEP = 40.0

Scores = dict[str, float]


def scores_of_squares(
    report: Mapping[str, Any], before: NDArray[np.uint8], after: NDArray[np.uint8], seen: Detections
) -> list[Scores]:
    """Scores from 0 to 1 of every square that was painted, in the order of the report of `stable_diffusion/edit`.

    `there`: how surely the new thing is seen in it. `gone`: how surely the old one is not. `smooth`: how little its
    edge shows. `before` and `after` are RGB `(H, W, 3)`, `seen` what was found in the latter.
    """
    return [
        _of_square(edit, square, before, after, seen) for edit in report["edits"] for square in edit.get("painted", ())
    ]


def total(squares: list[Scores]) -> float:
    """One number from 0 to 1: the mean of all squares, 1 where none was painted.

    A square has the geometric mean of its scores: what fails in one way is not saved by another.
    """
    return float(np.mean([np.prod([*square.values()]) ** (1 / len(square)) for square in squares])) if squares else 1.0


def _of_square(
    edit: Mapping[str, Any],
    square: Mapping[str, Any],
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    seen: Detections,
) -> Scores:
    found = dict(_looked_again(edit, square, seen))
    return {**found, "smooth": 0.0 if square["withheld"] else smoothness(before, after, square["region"])}


def _looked_again(edit: Mapping[str, Any], square: Mapping[str, Any], seen: Detections) -> Iterator[tuple[str, float]]:
    action, new = edit["action"], edit["replacement"] if edit["action"] != "recolour" else edit["target"]
    if action in ("replace", "add", "recolour"):
        inside = _shares(seen.xyxy, square["region"]) >= _INSIDE
        yield "there", _surest(seen, inside & _named(seen, new))
    if action in ("replace", "remove"):
        still = np.zeros(len(seen), np.bool_)
        for box in square["boxes"]:
            still |= _agreements(seen.xyxy, box) >= _STILL_THERE
        yield "gone", 1 - _surest(seen, still & _named(seen, edit["target"]))


def smoothness(before: NDArray[np.uint8], after: NDArray[np.uint8], region: list[int]) -> float:
    """1 where the edge of what changed within the region shows no more than the picture did there before, down to 0."""
    x0, y0, x1, y1 = region
    part = slice(max(0, y0 - 1), y1 + 1), slice(max(0, x0 - 1), x1 + 1)
    old, new = before[part].astype(np.float32), after[part].astype(np.float32)
    changed = np.asarray((old != new).any(axis=2), np.bool_)
    steps = [_steps(old, new, changed, axis) for axis in (0, 1)]
    excess = np.concatenate(steps)
    return 1 - float(np.clip(excess.mean() / _PLAIN_STEP, 0, 1)) if excess.size else 1.0


def _steps(old: NDArray[np.float32], new: NDArray[np.float32], changed: BoolMask, axis: int) -> NDArray[np.float32]:
    """By how much the step grew between each two neighbours along an axis of which one changed and one did not."""
    edge = np.diff(changed.astype(np.int8), axis=axis) != 0
    grown = np.abs(np.diff(new, axis=axis)).mean(axis=2) - np.abs(np.diff(old, axis=axis)).mean(axis=2)
    return np.asarray(grown[edge], np.float32)


def _named(seen: Detections, name: str) -> BoolMask:
    return np.array([known.casefold() == phrase_of(name).casefold() for known in names_of(seen)], np.bool_)


def phrase_of(name: str) -> str:
    """A name as it stands in a detector's prompt, where dots end phrases."""
    return " ".join(name.replace(".", " ").split())


def _surest(seen: Detections, chosen: BoolMask) -> float:
    return float(scores_of(seen)[chosen].max(initial=0.0))


def _shares(boxes: NDArray[np.float32], region: list[int]) -> NDArray[np.float64]:
    """The share of each box `(N, 4)` that lies in the region."""
    return _shared(boxes, region) / np.maximum(_areas(boxes), 1e-6)


def _agreements(boxes: NDArray[np.float32], box: list[float]) -> NDArray[np.float64]:
    """Intersection over union of each box with one."""
    both = _shared(boxes, box)
    return both / np.maximum(_areas(boxes) + _areas(np.array([box])) - both, 1e-6)


def _shared(boxes: NDArray[np.float32], other: list[Any]) -> NDArray[np.float64]:
    low, high = np.maximum(boxes[:, :2], other[:2]), np.minimum(boxes[:, 2:], other[2:])
    return np.asarray((high - low).clip(min=0).prod(axis=1), np.float64)


def _areas(boxes: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).clip(min=0).prod(axis=1), np.float64)
