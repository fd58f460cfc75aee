"""The frozen tower's features of many crops, computed once and kept in shards; training on them takes minutes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from transformers import EfficientNetModel

from recipes.clip.data import INKED, PLAIN, Crop, draw_crops
from recipes.grounding_dino.stream import mixture, training_atlas
from recipes.precision import autocast
from recipes.world import Atlas

Features = NDArray[np.float32]

SEED = 31
BATCH = 32
#: Crops of a shard, and the share of the draws that are nouns rather than other icons.
SHARD, NOUNS = 1000, 0.65
#: So many shards show the art as it is; those after them show it redrawn as well.
PLAIN_SHARDS = 18


@torch.inference_mode()
def features_of(tower: EfficientNetModel, squares: Sequence[NDArray[np.uint8]]) -> Features:
    """Pooled features (N, 1280) of squares (224, 224, 3) uint8 RGB."""
    found = []
    for start in range(0, len(squares), BATCH):
        pixels = torch.from_numpy(np.stack(squares[start : start + BATCH])).permute(0, 3, 1, 2).float() / 127.5 - 1
        with autocast():
            found.append(tower(pixels.contiguous(memory_format=torch.channels_last)).pooler_output.float())
    return np.concatenate([part.numpy() for part in found])


def training_features(tower: EfficientNetModel, run: Path, shards: int) -> tuple[Features, list[str]]:
    """Features and names of so many shards of training crops; those that are not yet under `run` are computed."""
    atlas: tuple[Atlas, tuple[str, ...]] | None = None
    features, names = [], []
    for shard in track(range(shards), description="features"):
        path = run / f"features-{shard:03}.npz"
        if not path.exists():
            atlas = atlas or training_atlas()
            crops = list(islice(_crops(shard, *atlas), SHARD))
            _write(path, features_of(tower, [crop.pixels for crop in crops]), [crop.name for crop in crops])
        with np.load(path) as stored:
            features.append(stored["features"].astype(np.float32))
            names += stored["names"].tolist()
    return np.concatenate(features), names


def _crops(shard: int, atlas: Atlas, others: tuple[str, ...]) -> Iterable[Crop]:
    """An endless stream that depends on the seed and the shard alone."""
    names = mixture(others, nouns=NOUNS)
    style = PLAIN if shard < PLAIN_SHARDS else INKED
    scene = 0
    while True:
        yield from draw_crops(np.random.default_rng((SEED, shard, scene)), atlas, names, style)
        scene += 1


def _write(path: Path, features: Features, names: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, features=features.astype(np.float16), names=np.array(names))
    partial.replace(path)
