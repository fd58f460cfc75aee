"""Crops of composed scenes: one thing each, cut as `clip/rank` cuts its masks, with more variety."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from plugins.clip.crops import Framing, square_crop
from recipes.clip.vision import SIDE
from recipes.world import Atlas, Scene, SceneSpec, compose
from recipes.world.backgrounds import fractal
from recipes.world.ink import inked

Pixels = NDArray[np.uint8]

#: What a crop of mere background is called.
NOTHING = "background"
#: As in the measurement, with recoloured things and fuller frames.
SPEC = SceneSpec(size=320, objects=(1, 5), scale=(0.2, 0.7), jitter=0.25)


@dataclass(frozen=True, eq=False)
class Crop:
    """A square (224, 224, 3) uint8 RGB and what it shows."""

    pixels: Pixels
    name: str


@dataclass(frozen=True, kw_only=True)
class Style:
    """How crops vary: the chances that the surroundings stay, fade or go, and that the thing is redrawn with ink."""

    fades: tuple[float, float, float]
    ink: float


PLAIN = Style(fades=(0.25, 0.45, 0.3), ink=0.0)
INKED = Style(fades=(0.2, 0.25, 0.55), ink=0.35)


def draw_crops(rng: np.random.Generator, atlas: Atlas, names: tuple[str, ...], style: Style) -> Iterator[Crop]:
    """Every thing of one scene and, now and then, a piece of its background."""
    spec = SceneSpec(**{**SPEC.__dict__, "names": names})
    scene = compose(rng, atlas, spec)
    for box, mask, name in zip(scene.boxes, scene.masks, scene.names, strict=True):
        yield Crop(_cut(rng, style, scene.image, box, mask), name)
    if rng.random() < 0.25 and (blob := _blob(rng, scene)) is not None:
        yield Crop(_cut(rng, style, scene.image, *blob), NOTHING)


def resized(square: Pixels) -> Pixels:
    """A square at the tower's size; smooth where it grows, free of aliases where it shrinks."""
    method = cv2.INTER_AREA if square.shape[0] > SIDE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=method), np.uint8)


def _cut(
    rng: np.random.Generator, style: Style, image: Pixels, box: NDArray[np.float32], mask: NDArray[np.bool_]
) -> Pixels:
    """A crop whose box and mask are a little off, as those of a detector are."""
    if style.ink and rng.random() < style.ink:
        image = inked(rng, image, mask, spill=True)
    fade = (0.0, rng.uniform(0.2, 0.9), 1.0)[rng.choice(3, p=style.fades)]
    framing = Framing(context=rng.uniform(0.0, 0.4) ** 1.3, fade=float(fade))
    sides = np.tile(box[2:] - box[:2], 2)
    loose = np.asarray(box + rng.normal(0, 0.04, 4) * sides, np.float32)
    square = resized(square_crop(image, loose, _rough(rng, mask), framing))
    square = _retouched(rng, square)
    return np.ascontiguousarray(square[:, ::-1]) if rng.random() < 0.5 else square


def _rough(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask grown or shrunk by a pixel or two, now and then."""
    if rng.random() < 0.5:
        return mask
    kernel = np.ones((3, 3), np.uint8)
    change = cv2.dilate if rng.random() < 0.7 else cv2.erode
    changed = change(mask.astype(np.uint8), kernel, iterations=int(rng.integers(1, 4))) > 0
    return changed if changed.any() else mask


def _blob(rng: np.random.Generator, scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """A region of background such as a segmenter finds: a piece of a noise field's level set, with its box."""
    size = scene.image.shape[0]
    field = fractal(rng, size, octaves=4) > rng.uniform(0.4, 0.65)
    free = (field & ~scene.masks.any(axis=0)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(free)
    large = [index for index in range(1, count) if stats[index, cv2.CC_STAT_AREA] > 0.01 * size * size]
    if not large:
        return None
    chosen = int(rng.choice(large))
    left, top, width, height = stats[chosen, :4]
    return np.array([left, top, left + width, top + height], np.float32), labels == chosen


def _retouched(rng: np.random.Generator, square: Pixels) -> Pixels:
    """Light, tint, greyness, blur and grain: what sets drawings of one thing by several hands apart."""
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
    canvas = (square.astype(np.float32) - 128) * gain.astype(np.float32) + np.float32(128 + rng.uniform(-25, 25))
    chance = rng.random()
    if chance < 0.08:
        canvas[:] = canvas.mean(axis=2, keepdims=True)
    elif chance < 0.25:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.5, 3.0))), np.float32)
    elif chance < 0.4:
        canvas = canvas + rng.normal(0, rng.uniform(2, 12), canvas.shape).astype(np.float32)
    return np.asarray(np.clip(canvas, 0, 255), np.uint8)
