"""Batches of scenes for the promptable network: normalised pictures and the masks that prompts will ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.sam.dense import things_and_edges
from recipes.world import Atlas, Scene, SceneSpec, compose
from recipes.world.scenes import boxes_of

#: RGB mean and standard deviation of the official preprocessing.
PIXEL_MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
PIXEL_STD = np.array([58.395, 57.12, 57.375], dtype=np.float32)


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, S, S) and their maps of things and edges (B, 2, L, L); for each of N prompts the picture's index
    (N,), the true box (N, 4) xyxy in pixels and the share of each logit cell that the mask covers (N, L, L)."""

    images: Tensor
    dense: Tensor
    index: Tensor
    boxes: Tensor
    targets: Tensor


@dataclass(frozen=True)
class _Sample:
    image: NDArray[np.float32]
    boxes: NDArray[np.float32]
    masks: NDArray[np.bool_]
    all_masks: NDArray[np.bool_]


def make_batch(
    atlas: Atlas, spec: SceneSpec, seeds: Sequence[Sequence[int]], *, prompts: int, logits_size: int
) -> Batch:
    """One scene a seed, at most `prompts` objects of each. The same seeds give the same batch."""
    samples = [_sample(np.random.default_rng(seed), atlas, spec, prompts) for seed in seeds]
    index = [position for position, sample in enumerate(samples) for _ in sample.boxes]
    targets = [shrink(mask, logits_size) for sample in samples for mask in sample.masks]
    return Batch(
        images=torch.from_numpy(np.stack([sample.image for sample in samples])),
        dense=torch.from_numpy(np.stack([things_and_edges(sample.all_masks, logits_size) for sample in samples])),
        index=torch.tensor(index),
        boxes=torch.from_numpy(np.concatenate([sample.boxes for sample in samples])),
        targets=torch.from_numpy(np.stack(targets)),
    )


def normalise(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """RGB (H, W, 3) uint8 to the network's (3, H, W)."""
    return np.ascontiguousarray(((image - PIXEL_MEAN) / PIXEL_STD).transpose(2, 0, 1))


def shrink(mask: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    """The share of each of side × side cells that the mask covers."""
    return np.asarray(cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _sample(rng: np.random.Generator, atlas: Atlas, spec: SceneSpec, prompts: int) -> _Sample:
    scene = compose(rng, atlas, spec)
    image, masks = _with_padding(rng, scene) if rng.random() < 0.25 else (normalise(scene.image), scene.masks)
    chosen = rng.permutation(len(masks))[:prompts]
    return _Sample(image, boxes_of(masks[chosen]), masks[chosen], masks)


def _with_padding(rng: np.random.Generator, scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pretend that the picture was not square: zeros right or below, as preprocessing leaves them.

    Objects that lose more than a third are not asked for; if none is left the picture stays whole.
    """
    image, masks = normalise(scene.image), scene.masks.copy()
    kept = int(image.shape[1] * rng.uniform(0.5, 0.95))
    hidden = (slice(kept, None), slice(None)) if rng.random() < 0.5 else (slice(None), slice(kept, None))
    masks[:, *hidden] = False
    whole = masks.sum(axis=(1, 2)) > 0.67 * scene.masks.sum(axis=(1, 2))
    if not whole.any():
        return image, scene.masks
    image[:, *hidden] = 0
    return image, masks[whole]
