"""From prompts on a picture to arrays for the network: checked, moved to the model's square, cut into parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from sam_model.errors import PromptError
from sam_model.preprocess import Frame
from sam_model.prompts import PADDING, Box, MaskHint, Points, Prompt, TextPrompt, describe

P = TypeVar("P", Points, Box, MaskHint, TextPrompt)


@dataclass(frozen=True, eq=False, kw_only=True)
class PromptBatch:
    """n prompts in pixels of the model's square; every kind that is given has n rows."""

    count: int
    points: Float[np.ndarray, "n k 2"] | None
    labels: Int[np.ndarray, "n k"] | None
    boxes: Float[np.ndarray, "n 4"] | None
    hints: Float[np.ndarray, "n h w"] | None
    texts: Float[np.ndarray, "n text"] | None

    def parts(self, size: int) -> Iterator[tuple[Int[np.ndarray, " rows"], PromptBatch]]:
        """Cut into parts of at most `size` prompts that have equally many points, with their row numbers.

        A padded row would have more tokens to attend to, and so another mask, than the same prompt alone.
        """
        lengths = np.zeros(self.count) if self.labels is None else (self.labels != PADDING).sum(axis=1)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for part in np.split(rows, range(size, len(rows), size)):
                yield part, self._take(part)

    def _take(self, rows: Int[np.ndarray, " rows"]) -> PromptBatch:
        points = labels = None
        if self.points is not None and self.labels is not None:
            points, labels = _unpadded(self.points[rows], self.labels[rows])
        boxes, hints, texts = (None if part is None else part[rows] for part in (self.boxes, self.hints, self.texts))
        return PromptBatch(count=len(rows), points=points, labels=labels, boxes=boxes, hints=hints, texts=texts)


def gather(prompts: Prompt | Sequence[Prompt], frame: Frame, *, hint_size: int, text_width: int | None) -> PromptBatch:
    """Check that prompts fit one another, the picture and the network, and bring them to the model's square.

    Args:
        prompts: one kind of prompt, or several that describe the same objects.
        frame: of the picture that is asked about.
        hint_size: side of the network's low-resolution logits.
        text_width: numbers of a text embedding, or None for a network that takes no text.

    Raises:
        PromptError: for no prompt, two of a kind, different numbers, an empty prompt, one that leaves the picture (its
            edges belong to it), or mask hints or text embeddings of another size.
    """
    given = as_tuple(prompts)
    points, box = _only(Points, given), _only(Box, given)
    hint, text = _only(MaskHint, given), _only(TextPrompt, given)
    count = _common_count(given)
    if points is not None:
        _check_points(points, frame, alone=len(given) == 1)
    if box is not None:
        _check_boxes(box, frame)
    if hint is not None:
        _check_hints(hint, hint_size)
    if text is not None:
        _check_text(text, text_width)
    return PromptBatch(
        count=count,
        points=None if points is None else frame.to_model(points.xy),
        labels=None if points is None else points.labels,
        boxes=None if box is None else frame.boxes_to_model(box.xyxy),
        hints=None if hint is None else hint.logits,
        texts=None if text is None else text.embedding,
    )


def as_tuple(prompts: object) -> tuple[Prompt, ...]:
    """Make a tuple of one prompt or several.

    Raises:
        PromptError: for anything else.
    """
    given = tuple(prompts) if isinstance(prompts, list | tuple) else (prompts,)
    for prompt in given:
        if not isinstance(prompt, Prompt):
            raise PromptError(
                f"a prompt must be Points, a Box, a MaskHint or a TextPrompt, not {type(prompt).__name__}"
            )
    return given


def _only(kind: type[P], given: Sequence[Prompt]) -> P | None:
    found = [prompt for prompt in given if isinstance(prompt, kind)]
    if len(found) > 1:
        raise PromptError(f"{len(found)} {kind.__name__} prompts given together: put their rows into one")
    return found[0] if found else None


def _common_count(given: Sequence[Prompt]) -> int:
    if not given:
        raise PromptError("no prompt: give Points, a Box, a MaskHint, a TextPrompt, or several for the same objects")
    counts = {prompt.kind: len(prompt) for prompt in given}
    if len(set(counts.values())) > 1:
        found = " and ".join(f"{count} {kind}" for kind, count in counts.items())
        raise PromptError(f"prompts given together must be equally many, not {found}")
    return next(iter(counts.values()))


def _check_points(points: Points, frame: Frame, *, alone: bool) -> None:
    real = points.labels != PADDING
    for row in np.flatnonzero(~real.any(axis=1))[:1]:
        if alone:
            raise PromptError(f"prompt {row} is empty: give it a point, a box or a mask hint")
    for row, index in np.argwhere(_outside(points.xy, frame) & real)[:1]:
        place = describe(points.xy[row, index])
        raise PromptError(f"point {index} of prompt {row}, {place}, lies outside the picture of {_size(frame)}")


def _check_boxes(box: Box, frame: Frame) -> None:
    corners = box.xyxy.reshape(-1, 2, 2)
    for row in np.flatnonzero(_outside(corners, frame).any(axis=1))[:1]:
        place = describe(box.xyxy[row])
        raise PromptError(f"box {row}, {place}, leaves the picture of {_size(frame)}: cut it with ops.boxes.clip_boxes")


def _check_hints(hint: MaskHint, size: int) -> None:
    height, width = hint.logits.shape[1:]
    if (height, width) != (size, size):
        raise PromptError(f"mask hints must be this model's low-resolution logits, {size}x{size}, not {height}x{width}")


def _check_text(text: TextPrompt, width: int | None) -> None:
    found = text.embedding.shape[1]
    if width is None:
        raise PromptError(
            "this network was trained without text: rank masks with CLIP, or load weights with text_width"
        )
    if found != width:
        raise PromptError(
            f"this network takes text embeddings of {width} numbers, not {found}: use the CLIP it was trained with"
        )


def _outside(xy: Float[np.ndarray, "n k 2"], frame: Frame) -> Bool[np.ndarray, "n k"]:
    beyond: Bool[np.ndarray, "n k 2"] = (xy < 0) | (xy > (frame.width, frame.height))
    return np.asarray(beyond.any(axis=-1))


def _size(frame: Frame) -> str:
    return f"{frame.width}x{frame.height} pixels"


def _unpadded(
    points: Float[np.ndarray, "n k 2"], labels: Int[np.ndarray, "n k"]
) -> tuple[Float[np.ndarray, "n real 2"], Int[np.ndarray, "n real"]] | tuple[None, None]:
    """Drop the padding of rows that have equally many points, wherever it stands."""
    real = labels != PADDING
    count = int(real[0].sum()) if len(real) else 0
    if count == 0:
        return None, None
    return points[real].reshape(-1, count, 2), labels[real].reshape(-1, count)
