"""Batches of scenes for the promptable network: normalised pictures and the masks that prompts will ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.sam.dense import CELLS, dense_targets, owners_of
from recipes.sam.disguise import disguise
from recipes.world import Atlas, Scene, SceneSpec, compose
from recipes.world.scenes import boxes_of
from sam_model.training.crops import Crop, draw_crop

#: RGB mean and standard deviation of the official preprocessing.
PIXEL_MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
#: Pixels of the smallest thing that CLIP is asked about.
LEAST_AREA = 24**2
#: Share of texts that are a name instead of a crop: the bundled CLIP does not put the two quite at one place.
NAMED = 0.75
Meaning: TypeAlias = Crop | str | None
PIXEL_STD = np.array([58.395, 57.12, 57.375], dtype=np.float32)


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, S, S) and what the dense teacher wants of them (B, 6, L, L); for each of N prompts the picture's
    index (N,), the true box (N, 4) xyxy in pixels and the share of each logit cell that the mask covers (N, L, L); and
    what CLIP is given for it, if anything: a crop or its name. `owners` (B, G, G) are the rows of `names` that the
    embedding's cells belong to, -1 for none."""

    images: Tensor
    dense: Tensor
    index: Tensor
    boxes: Tensor
    targets: Tensor
    meanings: tuple[Meaning, ...]
    owners: Tensor
    names: tuple[str, ...]

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        images, dense, owners = (maps.to(device) for maps in (self.images, self.dense, self.owners))
        index, boxes, targets = (rows.to(device) for rows in (self.index, self.boxes, self.targets))
        return Batch(images, dense, index, boxes, targets, self.meanings, owners, self.names)

    def part(self, chosen: Tensor) -> Batch:
        """Only the prompts where `chosen` (N,) is true."""
        meanings = tuple(compress(self.meanings, chosen.tolist()))
        index, boxes, targets = self.index[chosen], self.boxes[chosen], self.targets[chosen]
        return replace(self, index=index, boxes=boxes, targets=targets, meanings=meanings)


@dataclass(frozen=True)
class _Sample:
    image: NDArray[np.float32]
    boxes: NDArray[np.float32]
    masks: NDArray[np.bool_]
    all_masks: NDArray[np.bool_]
    meanings: tuple[Meaning, ...]
    names: tuple[str, ...]


def make_batch(
    atlases: Sequence[Atlas],
    specs: Sequence[SceneSpec],
    seeds: Sequence[Sequence[int]],
    *,
    prompts: int,
    logits_size: int,
    texts: float = 0.0,
) -> Batch:
    """One scene a seed, of any of the atlases and kinds, at most `prompts` objects of each.

    A share of `texts` of the objects also comes with a crop or name for CLIP. The same seeds give the same
    batch.
    """
    samples = [_sample(np.random.default_rng(seed), atlases, specs, prompts, texts) for seed in seeds]
    index = [position for position, sample in enumerate(samples) for _ in sample.boxes]
    targets = [shrink(mask, logits_size) for sample in samples for mask in sample.masks]
    return Batch(
        images=torch.from_numpy(np.stack([sample.image for sample in samples])),
        dense=torch.from_numpy(np.stack([dense_targets(sample.all_masks, logits_size) for sample in samples])),
        index=torch.tensor(index),
        boxes=torch.from_numpy(np.concatenate([sample.boxes for sample in samples])),
        targets=torch.from_numpy(np.stack(targets)),
        meanings=tuple(meaning for sample in samples for meaning in sample.meanings),
        owners=torch.from_numpy(_owners(samples, logits_size // CELLS)),
        names=tuple(name for sample in samples for name in sample.names),
    )


def normalise(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """RGB (H, W, 3) uint8 to the network's (3, H, W)."""
    return np.ascontiguousarray(((image - PIXEL_MEAN) / PIXEL_STD).transpose(2, 0, 1))


def shrink(mask: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    """The share of each of side × side cells that the mask covers."""
    return np.asarray(cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _owners(samples: Sequence[_Sample], side: int) -> NDArray[np.int64]:
    """Cells of all pictures (B, side, side) with the numbers of their things, counted through the batch."""
    before = np.cumsum([0, *(len(sample.names) for sample in samples[:-1])])
    cells = np.stack([owners_of(sample.all_masks, side) for sample in samples])
    return np.where(cells >= 0, cells + before[:, None, None], -1)


def _sample(
    rng: np.random.Generator, atlases: Sequence[Atlas], specs: Sequence[SceneSpec], prompts: int, texts: float
) -> _Sample:
    spec = specs[int(rng.integers(len(specs)))]
    scene = compose(rng, atlases[int(rng.integers(len(atlases)))], spec)
    scene = replace(scene, image=disguise(rng, scene.image, scene.masks))
    image = normalise(scene.image)
    if rng.random() < 0.2:
        image, scene = _with_padding(rng, image, scene)
    chosen = rng.permutation(len(scene.masks))[:prompts]
    meanings = tuple(_meaning(rng, scene, index, texts) for index in chosen)
    masks = scene.masks[chosen]
    return _Sample(image, boxes_of(masks), masks, scene.masks, meanings, scene.names)


def _meaning(rng: np.random.Generator, scene: Scene, index: int, texts: float) -> Meaning:
    """What CLIP is given for one thing of a scene: its name, if nothing else there has it, its crop, or nothing."""
    if rng.random() >= texts:
        return None
    name = scene.names[index]
    if scene.names.count(name) == 1 and rng.random() < NAMED:
        return name
    return draw_crop(scene.image, scene.masks[index], rng, least_area=LEAST_AREA)


def _with_padding(
    rng: np.random.Generator, image: NDArray[np.float32], scene: Scene
) -> tuple[NDArray[np.float32], Scene]:
    """Pretend that the picture was not square: zeros right or below, as preprocessing leaves them.

    Objects that lose more than a third are not asked for; if none is left the picture stays whole.
    """
    kept = int(image.shape[1] * rng.uniform(0.5, 0.95))
    hidden = (slice(kept, None), slice(None)) if rng.random() < 0.5 else (slice(None), slice(kept, None))
    visible, cut = scene.masks.copy(), image.copy()
    visible[:, *hidden] = False
    cut[:, *hidden] = 0
    whole = visible.sum(axis=(1, 2)) > 0.67 * scene.masks.sum(axis=(1, 2))
    if not whole.any():
        return image, scene
    names = tuple(compress(scene.names, whole.tolist()))
    return cut, replace(scene, masks=visible[whole], boxes=scene.boxes[whole], names=names)
