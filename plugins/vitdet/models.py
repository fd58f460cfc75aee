"""What nodes know of a ViTDet, and where its weights come from. Imports no model library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import ModelError
from pipelines.families import ModelSource
from plugins.presets import BUNDLED, PRESETS, bundled_directory
from plugins.weights import HubFamily


@dataclass(frozen=True, slots=True)
class VitDetFamily(HubFamily):
    """ViTDet lies on no hub: its presets are those that are on disk."""

    def resolve(self, ref: str, *, offline: bool) -> ModelSource:
        """Find the weights that `ref` names: a directory, a file or a hub id of safetensors. Raises `ModelError`."""
        here = ref == BUNDLED and bundled_directory(self.name).is_dir()
        if ref in PRESETS and not here:
            raise ModelError(
                f"{self.title} has no preset '{ref}': its weights are on no hub. Download a .pkl from the model zoo of "
                "detectron2's projects/ViTDet and name it as the model."
            )
        # A dataclass with slots is made anew by its decorator: the short super() would not find it.
        return HubFamily.resolve(self, ref, offline=offline)


FAMILY = VitDetFamily(
    name="vitdet",
    title="ViTDet",
    loader="plugins.vitdet.adapter:load",
    needs=(("config.json",), ("model*.safetensors",)),
    suffixes=(".pkl", ".pth", ".safetensors"),
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Instances:
    """The N things found in a picture, the surest first, in its pixels."""

    boxes: NDArray[np.float32]
    """`(N, 4)` x0 y0 x1 y1."""
    scores: NDArray[np.float32]
    """`(N,)` in [0, 1]."""
    classes: NDArray[np.int64]
    """`(N,)`, places in `VitDetector.class_names`."""
    masks: NDArray[np.bool_] | None
    """`(N, H, W)`, where they were asked for."""


class VitDetector(ABC):
    """A loaded ViTDet."""

    family: ClassVar[str] = "vitdet"
    class_names: tuple[str, ...]

    @abstractmethod
    def find(self, pixels: NDArray[np.uint8], *, masks: bool, least: float, most: int) -> Instances:
        """At most `most` things with scores over `least` in an RGB picture `(H, W, 3)`."""
