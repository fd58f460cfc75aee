"""To the model's square and back.

The picture is scaled so that its longest side fills the square, and lies in the upper left corner; the rest is zero
after normalisation, as in `segment_anything/utils/transforms.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import PIL.Image
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sam_model.errors import ImageError
from sam_model.ops.masks import upscale_logits

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
"""Of ImageNet's RGB values, 0 to 255."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a picture of height × width pixels lies in the model's square."""

    height: int
    width: int
    square: int

    @property
    def inner(self) -> tuple[int, int]:
        """(height, width) of the picture inside the square; a very thin picture keeps at least one pixel."""
        scale = self.square / max(self.height, self.width)
        return max(1, int(self.height * scale + 0.5)), max(1, int(self.width * scale + 0.5))

    def to_model(self, image_points: Float[np.ndarray, "... 2"]) -> Float[np.ndarray, "... 2"]:
        """Move (x, y) points from the picture to the square."""
        inner_height, inner_width = self.inner
        scale = np.array((inner_width / self.width, inner_height / self.height))
        return np.asarray(image_points * scale)

    def boxes_to_model(self, image_boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
        """Move (left, top, right, bottom) boxes from the picture to the square."""
        corners = rearrange(image_boxes, "n (corner xy) -> n corner xy", xy=2)
        return rearrange(self.to_model(corners), "n corner xy -> n (corner xy)")

    def to_image(self, logits: Float[Tensor, "n m h w"]) -> Float[Tensor, "n m height width"]:
        """Bring low-resolution logits of the square to the pixels of the picture."""
        return upscale_logits(logits, square=self.square, inner=self.inner, outer=(self.height, self.width))


def check_image(image: object) -> UInt8[np.ndarray, "height width 3"]:
    """Let only RGB bytes through.

    Raises:
        ImageError: saying what came instead and what would turn it into RGB bytes.
    """
    if not isinstance(image, np.ndarray):
        raise ImageError(f"a picture must be a numpy array, not {type(image).__name__}: use numpy.asarray(image)")
    if image.ndim == 2:
        raise ImageError(f"the picture {image.shape} is grey: numpy.stack([image] * 3, axis=-1) makes it RGB")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"a picture must have shape (height, width, 3), not {image.shape}")
    if image.dtype != np.uint8:
        raise ImageError(f"a picture must be uint8 with values from 0 to 255, not {image.dtype}")
    if image.size == 0:
        raise ImageError(f"the picture {image.shape} has no pixels")
    return image


def resize_longest_side(image: UInt8[np.ndarray, "height width 3"], frame: Frame) -> UInt8[np.ndarray, "h w 3"]:
    """Scale the picture to its size inside the square: PIL's bilinear filter, which smooths when it shrinks."""
    height, width = frame.inner
    if (height, width) == image.shape[:2]:
        return image
    resized = PIL.Image.fromarray(image).resize((width, height), PIL.Image.Resampling.BILINEAR)
    return np.asarray(resized)


def to_square(image: UInt8[np.ndarray, "height width 3"], frame: Frame) -> Float[Tensor, "3 square square"]:
    """Scale, normalise and pad a picture to what the image encoder takes (float32)."""
    pixels = torch.from_numpy(np.array(resize_longest_side(image, frame), order="C"))
    normal = (rearrange(pixels, "h w rgb -> rgb h w").float() - _per_channel(PIXEL_MEAN)) / _per_channel(PIXEL_STD)
    height, width = frame.inner
    return F.pad(normal, (0, frame.square - width, 0, frame.square - height))


def _per_channel(values: tuple[float, float, float]) -> Float[Tensor, "3 1 1"]:
    return torch.tensor(values)[:, None, None]
