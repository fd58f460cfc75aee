"""What nodes know of a Grounding DINO, and where its weights come from. Imports no model library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from plugins.weights import HubFamily

FAMILY = HubFamily(
    name="grounding_dino",
    title="Grounding DINO",
    loader="plugins.grounding_dino.adapter:load",
    needs=(
        ("config.json",),
        ("model*.safetensors",),
        ("preprocessor_config.json",),
        ("tokenizer.json", "vocab.txt"),
    ),
    suffixes=(".pth",),
    companions=("*.py", "bert-base-uncased/*.json", "bert-base-uncased/*.txt"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Every box that the model considered, unfiltered: one for each query and pass.

    `boxes`: `(N, 4)` x0 y0 x1 y1 in image pixels, clipped to the image. `phrases`: `(N,)` index of the phrase that the
    box fits best. `scores`: `(N,)` in [0, 1], the greatest probability of the phrase's own tokens. `fits`: `(N,)` in
    [0, 1], their mean; None where a backend tells the scores alone, which then stand for both.
    """

    boxes: NDArray[np.float32]
    phrases: NDArray[np.intp]
    scores: NDArray[np.float32]
    fits: NDArray[np.float32] | None = None

    @property
    def text_scores(self) -> NDArray[np.float32]:
        """How well each box fits its phrase as a whole, `(N,)` in [0, 1]."""
        return self.scores if self.fits is None else self.fits

    @classmethod
    def of_passes(cls, parts: Sequence[tuple[int, Candidates]]) -> Candidates:
        """Those of several passes; a pass comes with the index of its first phrase."""
        return cls(
            np.concatenate([np.empty((0, 4), np.float32), *(part.boxes for _, part in parts)]),
            np.concatenate([np.empty(0, np.intp), *(part.phrases + first for first, part in parts)]),
            np.concatenate([np.empty(0, np.float32), *(part.scores for _, part in parts)]),
            np.concatenate([np.empty(0, np.float32), *(part.text_scores for _, part in parts)]),
        )


class GroundingDino(ABC):
    """A loaded detector, with what its makers recommend.

    `box_threshold`: the least score to believe. `text_threshold`: the least that the whole phrase must fit.
    `nms_threshold`: boxes of a phrase that overlap more (IoU) are doubles. `per_class`: phrases want a pass each.
    `second_look`: what it finds, or does not find, wants to be checked by other means. `box_floor`: the least score to
    believe of the best box of a thing that somebody says is there; None where the makers do not say.
    """

    family: ClassVar[str] = "grounding_dino"
    box_threshold: float = 0.3
    text_threshold: float = 0.0
    nms_threshold: float = 0.7
    per_class: bool = False
    second_look: bool = False
    box_floor: float | None = None

    @abstractmethod
    def find(self, pixels: NDArray[np.uint8], phrases: Sequence[str]) -> Candidates:
        """Look for each phrase in an RGB picture `(H, W, 3)`. Raises `InstructionError` if a phrase is too long."""
