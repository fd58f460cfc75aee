"""What the network is shown: a picture in its square, and the masks that it will be asked for.

Samples have numbers, and a number always gives the same sample, whatever process asks for it and whatever came before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import cv2
import numpy as np
import PIL.Image
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import Dataset

from sam_model.config import SamConfig
from sam_model.data.dataset import AnnotatedPicture, MaskDataset
from sam_model.errors import DatasetError
from sam_model.preprocess import Frame, to_square
from sam_model.training.config import DataSettings
from sam_model.training.crops import Crop, draw_crop
from sam_model.training.interaction import Wanted

ATTEMPTS = 100
"""Draws after which no more is hoped for: pictures that jitter or the 90 % rule left without a mask are drawn anew."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture and what is wanted of it."""

    image: Float[Tensor, "3 square square"]
    wanted: Wanted
    crops: tuple[Crop | None, ...] = ()
    """What CLIP is shown of each mask, where it takes part."""


@dataclass(frozen=True)
class View:
    """Which part of a picture is seen, and how large.

    The picture is scaled to `scaled` (height, width). Of that a window of `inner` (height, width) from `offset`
    (top, left) on is seen, in the upper left of a square of `square` pixels.
    """

    scaled: tuple[int, int]
    offset: tuple[int, int]
    inner: tuple[int, int]
    square: int

    def of(self, image: PIL.Image.Image) -> PIL.Image.Image:
        """Scale and cut, by PIL's bilinear filter, which smooths when it shrinks."""
        (height, width), (top, left) = self.inner, self.offset
        x, y = image.width / self.scaled[1], image.height / self.scaled[0]
        source = (left * x, top * y, min((left + width) * x, image.width), min((top + height) * y, image.height))
        return image.resize((width, height), PIL.Image.Resampling.BILINEAR, box=source)


class Samples(Dataset[Sample]):
    """All samples of a training, by number; each pass over the pictures has an order of its own."""

    def __init__(
        self, pictures: MaskDataset, settings: DataSettings, network: SamConfig, *, seed: int, cropped: bool = False
    ) -> None:
        self.pictures = pictures
        self.settings = settings
        self.network = network
        self.seed = seed
        self.cropped = cropped

    def __getitem__(self, number: int) -> Sample:
        """Make sample `number`.

        Raises:
            DatasetError: when a picture cannot be read, or none gives a mask.
        """
        random = np.random.default_rng([self.seed, number])
        turn, place = divmod(number, len(self.pictures))
        index = int(_order(self.seed, turn, len(self.pictures))[place])
        for _ in range(ATTEMPTS):
            if (sample := self._sample(self.pictures[index], random)) is not None:
                return sample
            index = int(random.integers(len(self.pictures)))
        raise DatasetError(
            f"{ATTEMPTS} pictures in a row gave no mask to ask for: all cover more than {self.settings.largest:.0%} of "
            f"the picture, or are too small for a network that draws on {self.network.logits_size} cells a side"
        )

    def _sample(self, picture: AnnotatedPicture, random: np.random.Generator) -> Sample | None:
        view = draw_view(picture.size, self.network.image_size, self.settings.jitter, random)
        seen = list(islice(self._seen(picture, view, random), self.settings.masks))
        if not seen:
            return None
        masks, boxes, targets = zip(*seen, strict=True)
        whole = picture.read()
        pixels = np.asarray(view.of(PIL.Image.fromarray(whole)))
        wanted = Wanted(
            targets=torch.from_numpy(np.stack(targets)), boxes=torch.tensor(boxes).float(), inner=view.inner
        )
        crops = tuple(draw_crop(whole, mask, random) for mask in masks) if self.cropped else ()
        return Sample(to_input(pixels, view), wanted, crops)

    def _seen(
        self, picture: AnnotatedPicture, view: View, random: np.random.Generator
    ) -> Iterator[tuple[Bool[np.ndarray, "height width"], tuple[int, ...], Float[np.ndarray, "cells cells"]]]:
        """The masks, each in its picture, as a box and in cells, in random order, but none too large or too small."""
        for index in random.permutation(len(picture.outlines)):
            mask = picture.mask(picture.outlines[index])
            if mask.mean() > self.settings.largest:
                continue
            inside = see_mask(mask, view)
            cells = to_cells(inside, view, self.network.logits_size)
            if (cells > 0.5).any():
                left, top, width, height = cv2.boundingRect(inside.astype(np.uint8))
                yield mask, (left, top, left + width, top + height), cells


def draw_view(
    size: tuple[int, int], square: int, jitter: tuple[float, float] | None, random: np.random.Generator
) -> View:
    """Draw scale and place of a picture of (height, width): large-scale jitter (https://arxiv.org/abs/2012.07177).

    The longest side becomes the square's times a number drawn evenly from `jitter`; what is then too large is cut at a
    random place, what is too small is padded right and below. Without jitter the view is that of inference.
    """
    scale = 1.0 if jitter is None else float(random.uniform(*jitter))
    scaled = Frame(height=size[0], width=size[1], square=max(1, round(scale * square))).inner
    inner = min(scaled[0], square), min(scaled[1], square)
    top, left = (int(random.integers(whole - seen + 1)) for whole, seen in zip(scaled, inner, strict=True))
    return View(scaled, (top, left), inner, square)


def see_mask(mask: Bool[np.ndarray, "height width"], view: View) -> Bool[np.ndarray, "h w"]:
    """Scale and cut a mask as its picture is; a pixel is inside when at least half of it is."""
    return np.asarray(view.of(PIL.Image.fromarray(mask.astype(np.uint8) * 255))) >= 128


def to_input(pixels: UInt8[np.ndarray, "h w 3"], view: View) -> Float[Tensor, "3 square square"]:
    """Normalise and pad what is seen."""
    height, width = view.inner
    normal = to_square(pixels, Frame(height=height, width=width, square=max(height, width)))
    return F.pad(normal, (0, view.square - normal.shape[2], 0, view.square - normal.shape[1]))


def to_cells(mask: Bool[np.ndarray, "h w"], view: View, cells: int) -> Float[np.ndarray, "cells cells"]:
    """The share of each of cells × cells parts of the square that the mask covers."""
    padded = np.zeros((view.square, view.square), np.float32)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(cv2.resize(padded, (cells, cells), interpolation=cv2.INTER_AREA))


@lru_cache(maxsize=2)
def _order(seed: int, turn: int, count: int) -> Int64[np.ndarray, " count"]:
    return np.random.default_rng([seed, turn, count]).permutation(count)
