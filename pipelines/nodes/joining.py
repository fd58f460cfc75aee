"""What the nodes share that bring detections of one picture together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipelines.errors import PortError
from pipelines.nodes.selection import names_of, scores_of, taken
from pipelines.values import Detections


def completed(detections: Detections, more: Detections) -> Detections:
    """All of `detections`, and those of `more` whose class name none of them has; `instance_id`s are counted anew.

    Of the other columns those stay that both have. Raises `PortError` for masks of pictures of different sizes.
    """
    known = {name.casefold() for name in names_of(detections)}
    new = taken(more, [place for place, name in enumerate(names_of(more)) if name.casefold() not in known])
    _check_sizes(detections, more)
    shared = set(detections.data) & set(more.data)
    # What merges an empty part forgets the columns of both.
    parts = [_with_columns(part, shared) for part in (detections, new) if len(part)]
    if not parts:
        return detections
    joined: Detections = Detections.merge(parts)
    joined.data["instance_id"] = np.arange(len(joined), dtype=np.int64)
    return joined


def _with_columns(detections: Detections, names: set[str]) -> Detections:
    """With these columns only, and with scores and class ids in any case."""
    numbers = np.zeros(len(detections), np.int64) if detections.class_id is None else detections.class_id
    kept = {name: column for name, column in detections.data.items() if name in names}
    return replace(detections, confidence=scores_of(detections), class_id=numbers, data=kept)


def _check_sizes(detections: Detections, more: Detections) -> None:
    shapes = [part.mask.shape[1:] for part in (detections, more) if part.mask is not None]
    if len(set(shapes)) > 1:
        (height, width), (other_height, other_width) = shapes
        sizes = f"{width} by {height} and {other_width} by {other_height}"
        raise PortError(f"the masks belong to pictures of different sizes, {sizes}: combine masks of one picture.")
