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
)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Every box that the model considered, unfiltered: one for each query and pass.

    `boxes`: `(N, 4)` x0 y0 x1 y1 in image pixels, clipped to the image. `phrases`: `(N,)` index of the phrase that the
    box fits best. `scores`: `(N,)` in [0, 1].
    """

    boxes: NDArray[np.float32]
    phrases: NDArray[np.intp]
    scores: NDArray[np.float32]


class GroundingDino(ABC):
    """A loaded detector, with what its makers recommend.

    `box_threshold`: the least score to believe. `nms_threshold`: boxes of a phrase that overlap more (IoU) are doubles.
    """

    family: ClassVar[str] = "grounding_dino"
    box_threshold: float = 0.3
    nms_threshold: float = 0.7

    @abstractmethod
    def find(self, pixels: NDArray[np.uint8], phrases: Sequence[str]) -> Candidates:
        """Look for each phrase in an RGB picture `(H, W, 3)`. Raises `InstructionError` if a phrase is too long."""
