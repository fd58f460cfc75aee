"""What CLIP is shown of a mask while the network learns to take its embeddings as prompts (paper, section 7.5).

CLIP puts a picture and its words at one place, so a network that was taught with pictures can be asked with words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

Crop: TypeAlias = UInt8[np.ndarray, "side side 3"]

LEAST_AREA = 100**2
"""Pixels of the smallest mask that is shown: CLIP says little of smaller ones."""
SCALES = (1.0, 2.0)
"""Side of the square by the longer side of the mask's box."""
ALONE = 0.5
"""Share of crops without what is around the mask."""


@dataclass(frozen=True, eq=False)
class CropReader:
    """A CLIP as the training sees it; `sam_model` knows none itself."""

    width: int
    """Numbers of an embedding."""
    embed: Callable[[Sequence[Crop]], Float[np.ndarray, "n width"]]
    """RGB squares of any size to unit vectors."""


def draw_crop(
    pixels: UInt8[np.ndarray, "height width 3"],
    mask: Bool[np.ndarray, "height width"],
    random: np.random.Generator,
    *,
    least_area: int = LEAST_AREA,
) -> Crop | None:
    """Cut a square around a mask, by chance a close or a wide one, and by chance black outside the mask.

    What lies beyond the picture's edge is black. None for a mask of less than `least_area` pixels.
    """
    scale, alone = random.uniform(*SCALES), random.random() < ALONE
    if mask.sum() < least_area:
        return None
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    side = round(scale * max(width, height))
    x, y = left + (width - side) // 2, top + (height - side) // 2
    crop = np.zeros((side, side, 3), np.uint8)
    rows = slice(max(y, 0), min(y + side, pixels.shape[0]))
    columns = slice(max(x, 0), min(x + side, pixels.shape[1]))
    seen = pixels[rows, columns] * mask[rows, columns, None] if alone else pixels[rows, columns]
    crop[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] = seen
    return crop


def read_crops(clip: CropReader, crops: Sequence[Crop | None]) -> Float[Tensor, "n width"]:
    """Embeddings of crops, zero where there is none."""
    texts = torch.zeros(len(crops), clip.width)
    shown = [number for number, crop in enumerate(crops) if crop is not None]
    if shown:
        texts[shown] = torch.from_numpy(clip.embed([crop for crop in crops if crop is not None]))
    return texts
