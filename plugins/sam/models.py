"""What nodes know of a Segment Anything model, and where its weights come from. Imports no model library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.signature import Report, no_report
from plugins.weights import HubFamily

FAMILY = HubFamily(
    name="sam",
    title="Segment Anything",
    loader="plugins.sam.adapter:load",
    needs=(("config.json",), ("model*.safetensors",)),
    suffixes=(".pth", ".safetensors"),
)


Profile: TypeAlias = Literal["code", "sa1b"]
"""Published settings of everything mode: the official code's defaults, and those that made the data set SA-1B."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Everything:
    """All N masks of a picture, in its pixels; boxes are x0 y0 x1 y1."""

    masks: NDArray[np.bool_]
    """`(N, H, W)`."""
    boxes: NDArray[np.float32]
    """`(N, 4)`."""
    predicted_iou: NDArray[np.float32]
    """`(N,)`: how good the model thinks each mask is."""
    stability: NDArray[np.float32]
    """`(N,)`: how little each mask changes with the threshold."""
    points: NDArray[np.float32]
    """`(N, 2)`: what the model was asked about."""
    crop_boxes: NDArray[np.float32]
    """`(N, 4)`: the part of the picture that it saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How to look for everything: a profile, and `changes` to it by the names of `EverythingSettings`."""

    profile: Profile
    changes: Mapping[str, float]
    fast: bool
    max_bytes: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asked:
    """One thing, by all that is known of it; points and box are in pixels of the picture."""

    points: NDArray[np.float64]
    """`(k, 2)` x and y."""
    labels: NDArray[np.int64]
    """`(k,)`: 1 on the thing, 0 not on it."""
    box: NDArray[np.float64] | None = None
    """x0 y0 x1 y1."""
    text: NDArray[np.float32] | None = None
    """A CLIP embedding."""


class Sam(ABC):
    """A loaded Segment Anything model."""

    family: ClassVar[str] = "sam"

    @abstractmethod
    def cut(
        self, pixels: NDArray[np.uint8], boxes: NDArray[np.float32], *, multimask: bool, refine: int = 0
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The mask of the thing in each box `(N, 4)`, and how good the model thinks it is.

        `pixels` is RGB `(H, W, 3)`, boxes are x0 y0 x1 y1 in its pixels; masks are `(N, H, W)`, predicted IoUs `(N,)`.
        `multimask`: let the model draw three masks of a box (whole, part, subpart) and keep the one it trusts most.
        `refine`: how often to ask again with the box and the mask that it trusted most (paper, section 7.4).
        """

    @abstractmethod
    def answer(self, pixels: NDArray[np.uint8], asked: Asked) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The masks `(m, H, W)` of one thing, and how good the model thinks they are `(m,)`.

        A single click or text may mean three things and has three masks, everything else one. Raises `PortError` for
        prompts that do not fit the picture or the model.
        """

    @abstractmethod
    def everything(self, pixels: NDArray[np.uint8], wanted: Wanted, report: Report = no_report) -> Everything:
        """The masks of everything in a picture, RGB `(H, W, 3)`. Raises `PortError` for settings out of range.

        Thresholds that `wanted` does not name are those that the makers of the weights recommend, else the profile's.
        """
