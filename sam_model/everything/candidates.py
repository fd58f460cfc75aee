"""Masks on their way through the filters of everything mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int64, Shaped
from torch import Tensor

from sam_model.ops.rle import Rle


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """What the network said to some points of a crop: k maps of logits, over the model's square."""

    logits: Float[Tensor, "k h w"]
    iou: Float32[np.ndarray, " k"]
    points: Float[np.ndarray, "k 2"]
    """In pixels of the crop."""

    def take(self, kept: Bool[np.ndarray, " k"]) -> Answers:
        """Give those that are marked."""
        chosen = torch.from_numpy(kept).to(self.logits.device)
        return Answers(logits=self.logits[chosen], iou=self.iou[kept], points=self.points[kept])

    def parts(self, size: int) -> Iterator[Answers]:
        """Give them by `size` at a time."""
        for start in range(0, len(self.iou), size):
            part = slice(start, start + size)
            yield Answers(logits=self.logits[part], iou=self.iou[part], points=self.points[part])


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """n masks and what is known of them, in pixels of the picture."""

    boxes: Float32[np.ndarray, "n 4"]
    """(left, top, right, bottom), right and bottom *inclusive*: so the official code compares them."""
    iou: Float32[np.ndarray, " n"]
    stability: Float32[np.ndarray, " n"]
    points: Float[np.ndarray, "n 2"]
    crops: Int64[np.ndarray, "n 4"]
    """(left, top, right, bottom), right and bottom exclusive."""
    rles: Shaped[np.ndarray, " n"]
    """Of `Rle`, or of None where a mask is not drawn yet."""

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, places: Int[np.ndarray, " kept"] | Bool[np.ndarray, " n"]) -> Candidates:
        """Give those at some places, in that order."""
        return Candidates(**{field.name: getattr(self, field.name)[places] for field in fields(self)})

    @staticmethod
    def join(parts: Sequence[Candidates]) -> Candidates:
        """Give those of all parts, in their order; none of no parts."""
        given = (_NOTHING, *parts)
        names = [field.name for field in fields(Candidates)]
        return Candidates(**{name: np.concatenate([getattr(part, name) for part in given]) for name in names})


def as_column(rles: Sequence[Rle | None]) -> Shaped[np.ndarray, " n"]:
    """Make run lengths a column of `Candidates`."""
    column = np.empty(len(rles), object)
    column[:] = rles
    return column


def boxes_of_rles(rles: Sequence[Rle]) -> Float32[np.ndarray, "n 4"]:
    """(left, top, right, bottom) around masks, inclusive as in `Candidates`."""
    exclusive = np.array([rle.box for rle in rles], np.float32).reshape(-1, 4)
    return exclusive - np.array((0, 0, 1, 1), np.float32)


_NOTHING = Candidates(
    boxes=np.zeros((0, 4), np.float32),
    iou=np.zeros(0, np.float32),
    stability=np.zeros(0, np.float32),
    points=np.zeros((0, 2)),
    crops=np.zeros((0, 4), np.int64),
    rles=as_column(()),
)
