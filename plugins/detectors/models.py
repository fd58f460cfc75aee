"""What nodes know of a detector, and where its weights come from. Imports no model library."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import ModelError
from pipelines.families import ModelSource
from plugins.presets import PRESETS
from plugins.weights import HubFamily, content_revision

_TORCHVISION = re.compile(r"(?P<name>\w+):(?P<file>.+\.(?:pth|pt|safetensors))")


@dataclass(frozen=True, slots=True)
class DetectorFamily(HubFamily):
    """transformers' directories and hub ids, and `NAME:FILE`: a model that torchvision builds, and its weights."""

    def resolve(self, ref: str, *, offline: bool) -> ModelSource:
        """Find the weights that `ref` names. Raises `ModelError`."""
        if ref in PRESETS:
            raise ModelError(
                "No detector comes with Samloom but ViTDet. Name a directory or a hub id of transformers, or "
                "NAME:FILE for a model of torchvision and its weights."
            )
        match = _TORCHVISION.fullmatch(ref)
        # A dataclass with slots is made anew by its decorator: the short super() would not find it.
        return _of_torchvision(ref, Path(match["file"])) if match else HubFamily.resolve(self, ref, offline=offline)

    def load(self, source: ModelSource, *, device: str, dtype: str) -> Any:
        """Build the model of `source`. Raises `ModelError`."""
        match = _TORCHVISION.fullmatch(source.ref)
        if match is None:
            return HubFamily.load(self, source, device=device, dtype=dtype)
        from plugins.detectors.with_torchvision import load

        return load(match["name"], Path(match["file"]).expanduser(), device=device)


def _of_torchvision(ref: str, file: Path) -> ModelSource:
    path = file.expanduser()
    if not path.is_file():
        raise ModelError(f"{ref}: there is no file {file}. Give NAME:FILE, the weights of torchvision's model NAME.")
    # The loader reads the names of the classes beside the weights: other names are another model.
    read = [path, *(names for names in [names_beside(path)] if names.is_file())]
    return ModelSource("detector", ref, path, content_revision(path.parent, read), path.stat().st_size)


def names_beside(weights: Path) -> Path:
    """The file that may name the classes of torchvision's weights, one a line."""
    return weights.with_suffix(".txt")


FAMILY = DetectorFamily(
    name="detector",
    title="object detector",
    loader="plugins.detectors.with_transformers:load",
    needs=(("config.json",), ("preprocessor_config.json",), ("model*.safetensors",)),
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Found:
    """The N things found in a picture, the surest first, in its pixels."""

    boxes: NDArray[np.float32]
    """`(N, 4)` x0 y0 x1 y1."""
    scores: NDArray[np.float32]
    names: tuple[str, ...]
    classes: NDArray[np.int64]
    masks: NDArray[np.bool_] | None
    """`(N, H, W)`, of detectors that draw any."""


class Detector(ABC):
    """A loaded detector of a fixed list of classes."""

    family: ClassVar[str] = "detector"

    @abstractmethod
    def find(self, pixels: NDArray[np.uint8], *, least: float, most: int) -> Found:
        """At most `most` things with scores over `least` in an RGB picture `(H, W, 3)`."""
