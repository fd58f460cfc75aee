"""How a crop lies in its picture and in the model's square, and what that means for masks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from sam_model.everything.candidates import Answers, Candidates, as_column
from sam_model.everything.settings import EverythingSettings
from sam_model.ops.grid import Crop
from sam_model.ops.rle import Rle, encode
from sam_model.preprocess import Frame

FLOAT_BYTES = 4
MASKS_AT_ONCE = {"cpu": 4}
MASKS_AT_ONCE_ELSEWHERE = 64
"""Memory of a larger stack is new to a processor each time, and to get it takes longer than to compute."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A crop of a picture of height × width pixels."""

    crop: Crop
    frame: Frame
    height: int
    width: int

    @property
    def origin(self) -> Float32[np.ndarray, " 4"]:
        """What is added to boxes of the crop to make them boxes of the picture."""
        return np.array((self.crop.left, self.crop.top) * 2, np.float32)

    def masks_at_once(self, max_bytes: int, device: torch.device) -> int:
        """Give the number of masks to upscale together."""
        most = MASKS_AT_ONCE.get(device.type, MASKS_AT_ONCE_ELSEWHERE)
        return min(most, max(1, max_bytes // self.mask_bytes))

    @property
    def mask_bytes(self) -> int:
        """Memory, about, in which one mask is upscaled, compared and encoded."""
        floats = 2 * self.frame.square**2 + 2 * self.crop.height * self.crop.width
        return FLOAT_BYTES * floats + 2 * self.height * self.width

    def upscale(self, logits: Float[Tensor, "n h w"]) -> Float[Tensor, "n height width"]:
        """Bring logits of the square to the pixels of the crop, in single precision."""
        return self.frame.to_image(logits[:, None].float())[:, 0]

    def cells(self, logits: Float[Tensor, "n h w"]) -> Float[Tensor, "n inner_h inner_w"]:
        """Leave away what lies beside the crop in the model's square."""
        scale = logits.shape[-1] / self.frame.square
        height, width = (math.ceil(side * scale) for side in self.frame.inner)
        return logits[:, :height, :width]

    def encode(self, masks: Bool[Tensor, "n height width"]) -> list[Rle]:
        """Put masks of the crop into the picture."""
        cut = masks.cpu().numpy()
        if cut.shape[1:] == (self.height, self.width):
            return encode(cut)
        placed = np.zeros((len(cut), self.height, self.width), bool)
        placed[:, self.crop.top : self.crop.bottom, self.crop.left : self.crop.right] = cut
        return encode(placed)

    def accepts(
        self,
        settings: EverythingSettings,
        *,
        boxes: Float32[np.ndarray, "n 4"],
        stability: Float32[np.ndarray, " n"],
        shares: Float[np.ndarray, " n"],
    ) -> Bool[np.ndarray, " n"]:
        """Mark the masks that the settings let through.

        Args:
            settings: what to let through.
            boxes: of the masks in the picture.
            stability: of the masks.
            shares: of the crop that the masks cover; an empty mask is never let through.
        """
        most = np.inf if settings.max_cover is None else settings.max_cover
        of_picture = shares * (self.crop.height * self.crop.width / (self.height * self.width))
        fits = (stability >= settings.min_stability) & (shares > 0) & (of_picture < most)
        return np.asarray(fits & ~self._near_inner_edge(boxes, settings.crop_edge))

    def candidates(
        self,
        answers: Answers,
        *,
        boxes: Float32[np.ndarray, "n 4"],
        stability: Float32[np.ndarray, " n"],
        rles: Sequence[Rle | None],
    ) -> Candidates:
        """Join n answers with what was measured of them in the picture."""
        return Candidates(
            boxes=boxes,
            iou=answers.iou,
            stability=stability,
            points=answers.points + self.origin[:2],
            crops=np.tile(np.array(self.crop.xyxy), (len(rles), 1)),
            rles=as_column(rles),
        )

    def _near_inner_edge(self, boxes: Float32[np.ndarray, "n 4"], reach: float) -> Bool[np.ndarray, " n"]:
        """Mark boxes that come near an edge of the crop which is no edge of the picture."""
        near_crop = np.abs(boxes - np.array(self.crop.xyxy, np.float32)) <= reach
        near_picture = np.abs(boxes - np.array((0, 0, self.width, self.height), np.float32)) <= reach
        return np.asarray((near_crop & ~near_picture).any(axis=1))
