"""Crops for the judge: things of composed scenes, worsened so that colour or sharpness alone tells nothing."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from recipes.judge.network import CLASSES, OTHER, SIDE
from recipes.world import DETECTION_NOUNS, GENERATION_NOUNS, Atlas, SceneSpec, compose
from recipes.world.backgrounds import background

Pixels = NDArray[np.uint8]

#: One thing, sometimes with a neighbour that intrudes into its crop.
SPEC = SceneSpec(size=96, objects=(1, 2), scale=(0.4, 0.85), jitter=0.4, min_visible=0.75, outside=0.05)
_OTHERS = tuple(noun for noun in DETECTION_NOUNS if noun not in GENERATION_NOUNS)


def draw_crop(rng: np.random.Generator, atlas: Atlas, *, worsen: bool = True) -> tuple[Pixels, int]:
    """An RGB crop (64, 64, 3) and its class: one in four is another thing or mere background."""
    chance = rng.random()
    if chance < 0.08:
        return cv2.resize(background(rng, SPEC.size), (SIDE, SIDE)).astype(np.uint8), CLASSES.index(OTHER)
    crop, name = _thing(rng, atlas, _OTHERS if chance < 0.25 else GENERATION_NOUNS)
    label = CLASSES.index(name) if name in GENERATION_NOUNS else CLASSES.index(OTHER)
    return (_worsened(rng, crop) if worsen else crop), label


def square(picture: Pixels, box: NDArray[np.float32], margin: float, shift: tuple[float, float] = (0.0, 0.0)) -> Pixels:
    """The square around an xyxy box, `margin` of its longer side wider on every side, cut off at the picture's edge."""
    side = float((box[2:] - box[:2]).max())
    centre = (box[:2] + box[2:]) / 2 + np.asarray(shift) * side
    half = (0.5 + margin) * side
    left, top = np.maximum(np.round(centre - half), 0).astype(int)
    right, bottom = np.round(centre + half).astype(int)
    return picture[top:bottom, left:right]


def _thing(rng: np.random.Generator, atlas: Atlas, names: tuple[str, ...]) -> tuple[Pixels, str]:
    """The topmost thing of a scene, which is never hidden; all things of the scene are among `names`."""
    scene = compose(rng, atlas, replace(SPEC, names=names))
    shift = rng.normal(0, 0.04, 2)
    crop = square(scene.image, scene.boxes[-1], rng.uniform(0.02, 0.3), (shift[0], shift[1]))
    return cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8), scene.names[-1]


def _worsened(rng: np.random.Generator, crop: Pixels) -> Pixels:
    """Grey, mixed channels, softness as of a small autoencoder, noise: each sometimes."""
    pixels: NDArray[np.floating] = crop.astype(np.float32)
    if rng.random() < 0.2:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    elif rng.random() < 0.5:
        mix = np.eye(3) + rng.normal(0, 0.2, (3, 3))
        pixels = pixels @ (mix / mix.sum(axis=1, keepdims=True)).T.astype(np.float32)
    if rng.random() < 0.4:
        small = int(rng.integers(20, SIDE))
        pixels = cv2.resize(cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA), (SIDE, SIDE))
    if rng.random() < 0.3:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.4, 1.8)))
    pixels = pixels + rng.normal(0, rng.uniform(0, 8), pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)
