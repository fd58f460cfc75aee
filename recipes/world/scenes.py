"""Scenes of the sticker world: stickers on a background, with their visible masks, boxes and names known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from recipes.world.art import Atlas, Sprite
from recipes.world.backgrounds import background

Patch = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SceneSpec:
    """What scenes look like. Lengths are fractions of the picture's side."""

    size: int = 192
    objects: tuple[int, int] = (1, 6)
    scale: tuple[float, float] = (0.18, 0.65)
    rotation: float = 25.0
    flip: float = 0.5
    jitter: float = 0.25
    shadow: float = 0.35
    outside: float = 0.08
    min_visible: float = 0.55
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture (H, W, 3) uint8 RGB; for each object the box (N, 4) xyxy in pixels around its visible part, that part's
    mask (N, H, W) bool, and its name. Objects stand in painting order: later ones hide earlier ones."""

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    masks: NDArray[np.bool_]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Placed:
    """A sticker's premultiplied colour (h, w, 3) in 0..255, its coverage (h, w) in 0..1, and its corner (x, y)."""

    colour: Patch
    cover: Patch
    x: int
    y: int


def compose(rng: np.random.Generator, atlas: Atlas, spec: SceneSpec | None = None) -> Scene:
    """Draw one scene. A sticker that would hide too much of another is dropped, so a scene can hold fewer than asked,
    but never none. The same generator state gives the same scene."""
    spec = spec or SceneSpec()
    canvas = background(rng, spec.size).astype(np.float32)
    wanted = int(rng.integers(spec.objects[0], spec.objects[1] + 1))
    masks: list[NDArray[np.bool_]] = []
    whole: list[int] = []
    names: list[str] = []
    for _ in range(wanted * 3):
        sprite = atlas.pick(rng, spec.names)
        placed = _place(rng, sprite, spec, crowd=wanted)
        solid = _solid(placed, spec.size)
        if not _fits(solid, placed, masks, whole, spec.min_visible):
            continue
        canvas = _paint(rng, canvas, placed, spec)
        masks = [mask & ~solid for mask in masks] + [solid]
        whole.append(int((placed.cover > 0.5).sum()))
        names.append(sprite.name)
        if len(names) == wanted:
            break
    if not names:
        return compose(rng, atlas, spec)
    stacked = np.stack(masks)
    image = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
    return Scene(image, boxes_of(stacked), stacked, tuple(names))


def boxes_of(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Tight xyxy boxes (N, 4) of non-empty masks (N, H, W); right and bottom edges are exclusive."""
    rows, columns = np.asarray(masks.any(axis=2)), np.asarray(masks.any(axis=1))
    height, width = masks.shape[1:]
    edges = (
        columns.argmax(axis=1),
        rows.argmax(axis=1),
        width - columns[:, ::-1].argmax(axis=1),
        height - rows[:, ::-1].argmax(axis=1),
    )
    return np.stack(edges, axis=1).astype(np.float32)


def _place(rng: np.random.Generator, sprite: Sprite, spec: SceneSpec, *, crowd: int) -> _Placed:
    """Turn, mirror, scale and recolour a sprite, and choose its place. Large stickers come mostly in thin company."""
    largest = spec.scale[0] + (spec.scale[1] - spec.scale[0]) * min(1.0, 2.0 / crowd**0.7)
    side = rng.uniform(spec.scale[0], largest) * spec.size
    source = sprite.at_least(side)
    if rng.random() < spec.flip:
        source = np.ascontiguousarray(source[:, ::-1])
    patch = _turned(source, side / max(source.shape[:2]), rng.normal(0, spec.rotation / 2))
    colour = _jittered(rng, patch, spec.jitter)
    height, width = patch.shape[:2]
    margin_x, margin_y = width * spec.outside, height * spec.outside
    x = rng.uniform(-margin_x, max(spec.size - width + margin_x, -margin_x + 1))
    y = rng.uniform(-margin_y, max(spec.size - height + margin_y, -margin_y + 1))
    return _Placed(colour, patch[..., 3] / np.float32(255), round(x), round(y))


def _turned(source: NDArray[np.uint8], factor: float, degrees: float) -> Patch:
    height, width = source.shape[:2]
    radians = np.deg2rad(degrees)
    cosine, sine = abs(np.cos(radians)) * factor, abs(np.sin(radians)) * factor
    size = int(np.ceil(width * cosine + height * sine)), int(np.ceil(width * sine + height * cosine))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(degrees), float(factor))
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR), dtype=np.float32)


def _jittered(rng: np.random.Generator, patch: Patch, strength: float) -> Patch:
    """Contrast, saturation, hue and brightness as one affine map, which keeps premultiplied colour premultiplied."""
    saturation = 1 + rng.uniform(-strength, strength)
    contrast = 1 + rng.uniform(-strength, strength)
    angle = rng.normal(0, strength * 0.5)
    matrix = contrast * (_GREY + saturation * (np.cos(angle) * (np.eye(3) - _GREY) + np.sin(angle) * _TURN))
    offset = 128 * (1 - contrast) + 60 * rng.uniform(-strength, strength)
    alpha = patch[..., 3:]
    colour = patch[..., :3] @ matrix.T.astype(np.float32) + np.float32(offset / 255) * alpha
    return np.asarray(np.clip(colour, 0, alpha), dtype=np.float32)


def _solid(placed: _Placed, size: int) -> NDArray[np.bool_]:
    mask = np.zeros((size, size), dtype=np.bool_)
    inside, patch = _overlap(placed, size)
    mask[inside] = placed.cover[patch] > 0.5
    return mask


def _fits(
    solid: NDArray[np.bool_], placed: _Placed, masks: list[NDArray[np.bool_]], whole: list[int], min_visible: float
) -> bool:
    """Whether enough of the new sticker is in the picture and enough of every earlier one stays visible."""
    if solid.sum() < max(12, 0.7 * (placed.cover > 0.5).sum()):
        return False
    return all((mask & ~solid).sum() >= min_visible * area for mask, area in zip(masks, whole, strict=True))


def _paint(rng: np.random.Generator, canvas: Patch, placed: _Placed, spec: SceneSpec) -> Patch:
    if rng.random() < spec.shadow:
        _cast_shadow(rng, canvas, placed, spec.size)
    inside, patch = _overlap(placed, spec.size)
    canvas[inside] = canvas[inside] * (1 - placed.cover[patch][..., None]) + placed.colour[patch]
    return canvas


def _cast_shadow(rng: np.random.Generator, canvas: Patch, placed: _Placed, size: int) -> None:
    reach = max(placed.cover.shape)
    blur = reach * rng.uniform(0.01, 0.08) + 0.3
    pad = int(3 * blur) + 1
    soft = np.asarray(cv2.GaussianBlur(np.pad(placed.cover, pad), (0, 0), blur), dtype=np.float32)
    dx, dy = rng.normal(0, 0.05, 2) * reach
    shadow = _Placed(soft, soft, placed.x - pad + round(dx), placed.y - pad + round(dy + 0.03 * reach))
    inside, patch = _overlap(shadow, size)
    canvas[inside] *= 1 - np.float32(rng.uniform(0.15, 0.6)) * soft[patch][..., None]


def _overlap(placed: _Placed, size: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the picture and of the patch that lie on each other."""
    height, width = placed.cover.shape
    top, left = max(placed.y, 0), max(placed.x, 0)
    bottom, right = max(min(placed.y + height, size), top), max(min(placed.x + width, size), left)
    inside = slice(top, bottom), slice(left, right)
    patch = slice(top - placed.y, bottom - placed.y), slice(left - placed.x, right - placed.x)
    return inside, patch


_GREY = np.full((3, 3), 1 / 3)
#: Generator of rotations about the grey axis: turns the hue.
_TURN = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
