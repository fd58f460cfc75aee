"""Batches for the detector: pictures of the sticker world and what is in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from recipes.grounding_dino.stream import SceneStream, View, normalise
from recipes.vitdet.stages import CONFIG, Stage
from recipes.world import DETECTION_NOUNS, Atlas

NOTHING, IGNORED = len(DETECTION_NOUNS), -1
_NUMBERS = {name: number for number, name in enumerate(DETECTION_NOUNS)}
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Things:
    """What is in a picture: boxes (N, 4) xyxy in pixels, classes (N,), visible masks (N, S, S) of 0 and 1."""

    boxes: Tensor
    classes: Tensor
    masks: Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Normalised pictures (B, 3, S, S), their things, and the class of each token's patch (B, h, w): `NOTHING` for the
    background, `IGNORED` where it is neither."""

    images: Tensor
    things: tuple[Things, ...]
    tokens: Tensor


class Source:
    """Endless batches; batch `step` depends on the stage and `step` alone."""

    def __init__(self, atlas: Atlas, stage: Stage) -> None:
        self._stage = stage
        share = stage.pictures // len(stage.specs)
        self._streams = [
            SceneStream(atlas, spec, seed=stage.seed + number, batch=share, window=1500)
            for number, spec in enumerate(stage.specs)
        ]

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self._stage.seed, 3, step))
        views = [view for stream in self._streams for view in stream.views(step)]
        images = [outlined(rng, view) if rng.random() < self._stage.outlined else view.image for view in views]
        return Batch(
            images=normalise(images),
            things=tuple(things_of(view) for view in views),
            tokens=torch.from_numpy(np.stack([token_classes(view, CONFIG.patch_size) for view in views])),
        )


def things_of(view: View) -> Things:
    """The things of a view as tensors."""
    return Things(
        boxes=torch.from_numpy(view.boxes),
        classes=torch.tensor([_NUMBERS[name] for name in view.names], dtype=torch.int64),
        masks=torch.from_numpy(view.masks.astype(np.float32)),
    )


def token_classes(view: View, patch: int) -> NDArray[np.int64]:
    """(h, w): the class of the thing that covers at least half of a patch, `NOTHING` where next to none does."""
    side = view.image.shape[0] // patch
    if not view.names:
        return np.full((side, side), NOTHING)
    blocks = rearrange(view.masks, "n (h y) (w x) -> n h w (y x)", y=patch, x=patch)
    cover = blocks.mean(axis=-1)
    classes = np.array([_NUMBERS[name] for name in view.names])[cover.argmax(axis=0)]
    most = cover.max(axis=0)
    return np.where(most >= 0.5, classes, np.where(most < 0.05, NOTHING, IGNORED))


def outlined(rng: np.random.Generator, view: View) -> Pixels:
    """The picture with its things redrawn in flat colours and dark lines, along their edges and inside them."""
    smooth = cv2.medianBlur(view.image, 5)
    step = int(rng.integers(24, 72))
    flat = np.clip((smooth.astype(np.int16) // step) * step + step // 2, 0, 255).astype(np.uint8)
    inner = cv2.Canny(smooth, 60, float(rng.uniform(90, 200)))
    width = int(rng.integers(2, 4))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    line = cv2.dilate(inner, np.ones((1, 1), np.uint8) if width == 2 else brush) > 0
    inside = np.asarray(view.masks.any(axis=0))
    contours = [cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, brush) > 0 for mask in view.masks]
    line = (line & inside) | np.logical_or.reduce([np.zeros_like(inside), *contours])
    canvas = np.where(inside[..., None], flat, view.image)
    canvas[line] = rng.integers(0, 40, 3)
    return np.asarray(canvas, dtype=np.uint8)
