"""Endless scenes for the detector: composed once, seen several times from other sides, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.world import DETECTION_NOUNS, SYNONYMS, Atlas, SceneSpec, compose, load_atlas
from recipes.world.art import load_everything
from recipes.world.ink import some_inked
from recipes.world.nouns import ICONS
from recipes.world.scenes import boxes_of

#: ImageNet statistics, the defaults of Grounding DINO's image processor.
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32) * 255
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32) * 255

#: Icons that a person might well call by one of the nouns, so they may be neither its example nor its counterexample.
_AMBIGUOUS = (
    "poodle", "tram", "metro", "rail", "ferry", "canoe", "yacht", "tennis", "football", "rugby", "volley", "chick",
    "buffalo", "bison", "blossom", "rose", "tulip", "hibiscus", "daisy", "hyacinth", "lotus", "mandarin", "gorilla",
    "orangutan", "fire-engine", "ambulance", "vehicle", "sail", "bouquet", "helmet", "motor-scooter",
)  # fmt: skip
#: Shares of views whose things are redrawn with ink, and of their things.
INKED, INKED_THINGS = 0.3, 0.85
#: Icons that are no things: faces, dials, punctuation.
_SYMBOLS = ("face", "thirty", "symbol", "-mark", "circle", "button", "banknote")


@dataclass(frozen=True, eq=False)
class View:
    """A picture (H, W, 3) uint8 RGB; of N objects the visible masks (N, H, W), boxes (N, 4) xyxy in pixels, names."""

    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Stored:
    """A scene in few bytes: `owner` (H, W) uint8 tells whose pixel it is, 0 for the background."""

    image: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    names: tuple[str, ...]


class SceneStream:
    """Batches of views. A third of a batch is new; the rest are further views of the last `window` scenes.

    Batch `step` depends on the seed and `step` alone, so a run that resumes sees what it would have seen.
    """

    def __init__(self, atlas: Atlas, spec: SceneSpec, *, seed: int, batch: int, window: int = 3000) -> None:
        self._atlas, self._spec, self._seed, self._batch, self._window = atlas, spec, seed, batch, window
        self._fresh = max(1, batch // 3)
        self._kept: dict[int, _Stored] = {}

    def views(self, step: int) -> list[View]:
        """The views of batch `step`."""
        rng = np.random.default_rng((self._seed, 1, step))
        first = step * self._fresh + self._batch
        fresh = range(first, first + self._fresh)
        again = rng.integers(max(0, first - self._window), first, self._batch - self._fresh).tolist()
        views = [look(rng, self._scene(index)) for index in (*fresh, *again)]
        for index in [index for index in self._kept if index < first - self._window]:
            del self._kept[index]
        return views

    def _scene(self, index: int) -> _Stored:
        if index not in self._kept:
            scene = compose(np.random.default_rng((self._seed, 0, index)), self._atlas, self._spec)
            numbers = np.arange(1, len(scene.names) + 1, dtype=np.uint8)[:, None, None]
            self._kept[index] = _Stored(scene.image, (scene.masks * numbers).max(axis=0), scene.names)
        return self._kept[index]


def look(rng: np.random.Generator, scene: _Stored) -> View:
    """Crop, stretch, mirror and recolour; objects that lose most of themselves are no longer asked for."""
    image, owner = _reframed(rng, scene.image, scene.owner)
    count = len(scene.names)
    before = np.bincount(scene.owner.ravel(), minlength=count + 1)[1:]
    after = np.bincount(owner.ravel(), minlength=count + 1)[1:] * (scene.owner.size / owner.size)
    kept = np.flatnonzero(after >= 0.4 * before)
    masks = owner == (kept + 1)[:, None, None].astype(np.uint8)
    boxes = boxes_of(masks) if len(kept) else np.zeros((0, 4), np.float32)
    image = some_inked(rng, image, masks, pictures=INKED, things=INKED_THINGS)
    return View(_retouched(rng, image), masks, boxes, tuple(scene.names[index] for index in kept))


def normalise(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """RGB pictures of one size to (B, 3, H, W) float32, channels last in memory."""
    batch = (np.stack(images).astype(np.float32) - MEAN) / STD
    return torch.from_numpy(batch).permute(0, 3, 1, 2)


def training_atlas() -> tuple[Atlas, tuple[str, ...]]:
    """Sprites of the nouns and of other things, and the names of the others (an icon's name, its hyphens blanks)."""
    everything = load_everything()
    nouns = {icon for icons in ICONS.values() for icon in icons}
    words = {word for noun in DETECTION_NOUNS for word in (noun, *SYNONYMS.get(noun, ()))} | nouns
    avoided = (*words, *_AMBIGUOUS, *_SYMBOLS)
    others = tuple(
        name
        for name, families in everything.by_name.items()
        if len(families) >= 2 and not any(word in name for word in avoided)
    )
    return Atlas(load_atlas().sprites + everything.only(names=set(others)).sprites), others


def mixture(others: Sequence[str], *, nouns: float) -> tuple[str, ...]:
    """Names to draw from uniformly so that the share `nouns` of the draws are nouns."""
    repeats = round(len(others) * nouns / (1 - nouns) / len(DETECTION_NOUNS))
    return DETECTION_NOUNS * max(1, repeats) + tuple(others)


def _reframed(
    rng: np.random.Generator, image: NDArray[np.uint8], owner: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A crop of at least 0.7 of each side, stretched back to the full size, perhaps mirrored."""
    size = image.shape[0]
    if rng.random() < 0.7:
        width, height = (rng.uniform(0.7, 1.0, 2) * size).astype(int)
        x, y = rng.integers(0, size - width + 1), rng.integers(0, size - height + 1)
        crop = slice(y, y + height), slice(x, x + width)
        image = cv2.resize(image[crop], (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        owner = cv2.resize(owner[crop], (size, size), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    if rng.random() < 0.5:
        image, owner = image[:, ::-1], owner[:, ::-1]
    return image, owner


def _retouched(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Light, contrast and tint; now and then grey, flat colours, blur or noise, so that drawing style matters less."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.9, 1.1, 3)
    canvas = (image.astype(np.float32) - 128) * gain.astype(np.float32) + np.float32(128 + rng.uniform(-20, 20))
    chance = rng.random()
    if chance < 0.06:
        canvas[:] = canvas.mean(axis=2, keepdims=True)
    elif chance < 0.16:
        step = np.float32(rng.uniform(24, 64))
        canvas = np.floor(canvas / step + 0.5) * step
    elif chance < 0.26:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.4, 1.4))), dtype=np.float32)
    elif chance < 0.32:
        canvas = canvas + rng.normal(0, 10, canvas.shape).astype(np.float32)
    return np.asarray(np.clip(canvas, 0, 255), dtype=np.uint8)
