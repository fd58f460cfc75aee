"""What nodes know of a Segment Anything model, and where its weights come from. Imports no model library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from plugins.weights import HubFamily

FAMILY = HubFamily(
    name="sam",
    title="Segment Anything",
    loader="plugins.sam.adapter:load",
    needs=(("config.json",), ("model*.safetensors",)),
    suffixes=(".pth", ".safetensors"),
)


class Sam(ABC):
    """A loaded Segment Anything model."""

    family: ClassVar[str] = "sam"

    @abstractmethod
    def cut(
        self, pixels: NDArray[np.uint8], boxes: NDArray[np.float32], *, multimask: bool
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The mask of the thing in each box `(N, 4)`, and how good the model thinks it is.

        `pixels` is RGB `(H, W, 3)`, boxes are x0 y0 x1 y1 in its pixels; masks are `(N, H, W)`, predicted IoUs `(N,)`.
        `multimask`: let the model draw three masks of a box (whole, part, subpart) and keep the one it trusts most.
        """
