"""What can be asked about a picture: points, boxes, mask hints, text. One value holds one prompt or many.

Points and boxes are in pixels of the picture: (0, 0) is the upper left corner of the upper left pixel, x runs right.
Several kinds given together, as a tuple, describe the same objects: the first box goes with the first row of points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import ArrayLike

from sam_model.errors import PromptError

FOREGROUND, BACKGROUND, PADDING = 1, 0, -1
"""The labels of points; a padding point only fills up a row."""


@dataclass(frozen=True, eq=False, init=False)
class Points:
    """Clicks: n prompts of k points each."""

    kind: ClassVar[str] = "points"
    xy: Float[np.ndarray, "n k 2"]
    labels: Int[np.ndarray, "n k"]

    def __init__(self, xy: ArrayLike, labels: ArrayLike) -> None:
        """Take points and their labels as one prompt, or as n prompts.

        Args:
            xy: (k, 2) or (n, k, 2), in pixels of the picture.
            labels: (k,) or (n, k): 1 on the object, 0 not on it, -1 no point, only there to fill up a row.

        Raises:
            PromptError: for other shapes or labels, and for points that are no numbers.
        """
        places = _numbers(xy, self.kind, one=("k", 2))
        try:
            marks = np.array(labels)
        except ValueError:
            raise PromptError("labels must be one number for each point, as many in every prompt") from None
        if marks.shape != np.shape(xy)[:-1]:
            expected = np.shape(xy)[:-1]
            raise PromptError(f"points of shape {np.shape(xy)} need labels of shape {expected}, not {marks.shape}")
        unknown = marks[~np.isin(marks, (FOREGROUND, BACKGROUND, PADDING))]
        if unknown.size:
            raise PromptError(f"a label must be 1 (on the object), 0 (not on it) or -1 (no point), not {unknown[0]}")
        object.__setattr__(self, "xy", places)
        object.__setattr__(self, "labels", _frozen(marks.reshape(places.shape[:2]).astype(np.int64)))

    def __len__(self) -> int:
        return len(self.xy)

    @classmethod
    def ragged(cls, prompts: Sequence[tuple[ArrayLike, ArrayLike]]) -> Points:
        """Join prompts, each of (k, 2) points and (k,) labels, that differ in their number of points.

        Raises:
            PromptError: for a prompt that `Points(xy, labels)` does not take.
        """
        rows = [cls(xy, labels) for xy, labels in prompts]
        longest = max((row.labels.shape[1] for row in rows), default=0)
        xy = np.zeros((len(rows), longest, 2))
        labels = np.full((len(rows), longest), PADDING)
        for index, row in enumerate(rows):
            count = row.labels.shape[1]
            xy[index, :count], labels[index, :count] = row.xy[0], row.labels[0]
        return cls(xy, labels)


@dataclass(frozen=True, eq=False, init=False)
class Box:
    """Boxes: n prompts of one box each."""

    kind: ClassVar[str] = "boxes"
    xyxy: Float[np.ndarray, "n 4"]

    def __init__(self, xyxy: ArrayLike) -> None:
        """Take one box or n boxes.

        Args:
            xyxy: (4,) or (n, 4): left, top, right, bottom, in pixels of the picture.

        Raises:
            PromptError: for another shape, and for corners that are no numbers or in the wrong order.
        """
        boxes = _numbers(xyxy, self.kind, one=(4,))
        for index in np.flatnonzero((boxes[:, 2:] < boxes[:, :2]).any(axis=1))[:1]:
            place = describe(boxes[index])
            raise PromptError(f"box {index}, {place}, ends before it starts: give (left, top, right, bottom)")
        object.__setattr__(self, "xyxy", boxes)

    def __len__(self) -> int:
        return len(self.xyxy)


@dataclass(frozen=True, eq=False, init=False)
class MaskHint:
    """Earlier answers to be improved: n prompts of one map of logits each."""

    kind: ClassVar[str] = "mask hints"
    logits: Float[np.ndarray, "n h w"]

    def __init__(self, logits: ArrayLike) -> None:
        """Take one map or n maps.

        Args:
            logits: (h, w) or (n, h, w): over the model's square at its low resolution, inside where > 0, as in
                `MaskPrediction.low_res_logits`.

        Raises:
            PromptError: for another shape and for values that are no numbers.
        """
        object.__setattr__(self, "logits", _numbers(logits, self.kind, one=("h", "w")))

    def __len__(self) -> int:
        return len(self.logits)


@dataclass(frozen=True, eq=False, init=False)
class TextPrompt:
    """What to look for, in words: n prompts of one CLIP embedding each, for networks trained with them.

    Such a network has learned from image embeddings of masked things (paper, section 7.5 and appendix D.5), so an image
    embedding asks for things that look alike.
    """

    kind: ClassVar[str] = "text embeddings"
    embedding: Float[np.ndarray, "n text"]

    def __init__(self, embedding: ArrayLike) -> None:
        """Take one embedding or n embeddings; their length does not matter, only their direction.

        Args:
            embedding: (text_width,) or (n, text_width), from the CLIP model that the network was trained with.

        Raises:
            PromptError: for another shape, for values that are no numbers, and for an embedding of zeros.
        """
        vectors = _numbers(embedding, self.kind, one=("text_width",))
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        for index in np.flatnonzero(lengths == 0)[:1]:
            raise PromptError(f"text embedding {index} is all zeros: it has no direction")
        object.__setattr__(self, "embedding", _frozen(vectors / lengths))

    def __len__(self) -> int:
        return len(self.embedding)


Prompt: TypeAlias = Points | Box | MaskHint | TextPrompt


def describe(row: Float[np.ndarray, " numbers"]) -> str:
    """Write a point or a box as messages do: (12, 7.5)."""
    return "(" + ", ".join(f"{value:g}" for value in row) + ")"


def _numbers(values: ArrayLike, what: str, *, one: tuple[str | int, ...]) -> Float[np.ndarray, "n ..."]:
    """Copy to a read-only array of float64 with the prompts in front; `one` is the shape of one prompt."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise PromptError(f"{what} must be an array of numbers") from None
    if array.ndim == len(one):
        array = array[None]
    fits = array.ndim == len(one) + 1 and all(
        isinstance(size, str) or size == found for size, found in zip(one, array.shape[1:], strict=True)
    )
    if not fits:
        single, many = _shape(*one), _shape("n", *one)
        raise PromptError(f"{what} must have shape {single} for one prompt or {many} for many, not {np.shape(values)}")
    if not np.isfinite(array).all():
        raise PromptError(f"{what} must be finite numbers, without NaN or infinity")
    return _frozen(array)


def _shape(*sizes: str | int) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def _frozen(array: Shaped[np.ndarray, "*shape"]) -> Shaped[np.ndarray, "*shape"]:
    array.flags.writeable = False
    return array
