"""Training crops: an old picture, a region to repaint, and what should stand there, framed as an editor frames them.

An editor cuts a square around the region, somewhat larger than it, and scales the square to the model's native size.
The region tells nothing of what will be drawn into it: its shape comes from other things, never from the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from recipes.world.art import Atlas, Sprite
from recipes.world.backgrounds import background

Pixels = NDArray[np.uint8]
Region = NDArray[np.bool_]
Floats = NDArray[np.float32]

#: The name of a region that holds nothing but the continued background.
NOTHING = "background"

#: Two styles and one view a noun: a model this small draws one likeness well sooner than it draws several.
STYLES = ("fluent", "noto")
PORTRAITS = {
    "dog": "dog-face", "cat": "cat-face", "apple": "red-apple", "banana": "banana", "strawberry": "strawberry",
    "car": "automobile", "balloon": "balloon", "sunflower": "sunflower",
    "rabbit": "rabbit-face", "penguin": "penguin", "fish": "fish", "pineapple": "pineapple",
    "bear": "bear", "duck": "duck", "bus": "bus", "ball": "soccer-ball",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CropSpec:
    """What crops look like. Lengths are fractions of the region's box unless said otherwise."""

    side: int = 64
    """Pixels of the square crop."""
    context: tuple[float, float] = (1.3, 1.6)
    """Side of the crop over the longer side of the region's box."""
    aspect: float = 1.4
    """Largest ratio of the box's sides, either way."""
    fill: tuple[float, float] = (0.88, 1.0)
    """How much of the box the new thing takes."""
    stretch: float = 0.2
    """How far, at most, the new thing gives way to the box's aspect: 0 keeps its own, 1 takes the box's."""
    turn: float = 3.0
    """Standard deviation of the new thing's rotation, degrees."""
    boxes: float = 0.75
    """Share of regions that are boxes; the others are rough outlines of other things."""
    neighbours: float = 0.3
    """Probability that something else stands near the region."""
    nothing: float = 0.06
    """Share of regions that hold only background."""
    names: tuple[str, ...] | None = None
    """Names to draw from, each as often as it stands here; all alike if None."""


@dataclass(frozen=True, eq=False)
class Crop:
    """A picture (S, S, 3) uint8 RGB as it should become, the region (S, S) to repaint, and what comes there."""

    image: Pixels
    region: Region
    name: str

    @property
    def hidden(self) -> Pixels:
        """The picture with the region at mid-grey, as the inpainting pipeline shows it to the network."""
        return np.where(self.region[..., None], np.uint8(128), self.image).astype(np.uint8)


def portraits(atlas: Atlas) -> Atlas:
    """The drawings that the model learns to make."""
    chosen = atlas.only(names=PORTRAITS, families=STYLES).sprites
    return Atlas(tuple(sprite for sprite in chosen if sprite.icon.endswith("/" + PORTRAITS[sprite.name])))


def crops(seed: int, start: int, stop: int, *, new: Atlas, other: Atlas, spec: CropSpec) -> Iterator[Crop]:
    """Crops number `start` to `stop` of the endless sequence that `seed` names; `start` must be a multiple of 8.

    Things are drawn from `new`; shapes of regions and neighbours from `other`.
    """
    if start % _SHARED:
        raise ValueError(f"start must be a multiple of {_SHARED}, not {start}")
    for first in range(start, stop, _SHARED):
        rng = np.random.default_rng([seed, first])
        scenery = background(rng, 5 * spec.side)
        for _ in range(min(_SHARED, stop - first)):
            yield crop(rng, _cut(rng, scenery, spec.side), new=new, other=other, spec=spec)


#: Crops cut from one background, which costs more than all else about a crop.
_SHARED = 8


def crop(rng: np.random.Generator, ground: Pixels, *, new: Atlas, other: Atlas, spec: CropSpec) -> Crop:
    """One crop over the background `ground` (S, S, 3)."""
    box = _box(rng, spec)
    region = _boxed(box, spec.side) if rng.random() < spec.boxes else _outline(other.pick(rng), box, spec.side)
    canvas = ground.astype(np.float32)
    if rng.random() < spec.neighbours:
        _neighbour(rng, canvas, other.pick(rng), box)
    if rng.random() < spec.nothing:
        return Crop(_pixels(canvas), region, NOTHING)
    sprite = new.pick(rng, spec.names)
    _paste(canvas, *_fitted(rng, sprite, box, region, spec))
    return Crop(_pixels(canvas), region, sprite.name)


@dataclass(frozen=True)
class _Box:
    """Centre and size in pixels of the crop."""

    x: float
    y: float
    width: float
    height: float


def _box(rng: np.random.Generator, spec: CropSpec) -> _Box:
    longer = spec.side / rng.uniform(*spec.context)
    shorter = longer / np.exp(rng.uniform(0, np.log(spec.aspect)))
    width, height = (longer, shorter) if rng.random() < 0.5 else (shorter, longer)
    # Mostly centred; off-centre where the edge of the picture stops the crop.
    off = np.where(rng.random(2) < 0.8, rng.normal(0, 0.05, 2), rng.uniform(-1, 1, 2))
    x, y = spec.side / 2 + off * (spec.side - np.array([width, height])) / 2
    return _Box(float(x), float(y), float(width), float(height))


def _boxed(box: _Box, side: int) -> Region:
    region = np.zeros((side, side), dtype=np.bool_)
    left, right = round(box.x - box.width / 2), round(box.x + box.width / 2)
    top, bottom = round(box.y - box.height / 2), round(box.y + box.height / 2)
    region[max(top, 0) : bottom, max(left, 0) : right] = True
    return region


def _outline(sprite: Sprite, box: _Box, side: int) -> Region:
    """The convex hull of another thing, stretched to the box."""
    alpha = sprite.levels[-1][..., 3]
    corners = cv2.convexHull(cv2.findNonZero((alpha > 100).astype(np.uint8)))[:, 0].astype(np.float32)
    corners = (corners / alpha.shape[::-1] - 0.5) * (box.width, box.height) + (box.x, box.y)
    region = np.zeros((side, side), dtype=np.uint8)
    cv2.fillConvexPoly(region, np.round(corners).astype(np.int32), 1)
    return region.astype(np.bool_)


def _neighbour(rng: np.random.Generator, canvas: Floats, sprite: Sprite, box: _Box) -> None:
    """Something else, just outside the box and partly outside the picture."""
    scale = max(box.width, box.height) * rng.uniform(0.4, 1.1)
    patch = _scaled(sprite, scale * _natural(sprite)[0], scale * _natural(sprite)[1], 0.0)
    angle, reach = rng.uniform(0, 2 * np.pi), 0.5 * (max(box.width, box.height) + scale) * rng.uniform(0.9, 1.2)
    _paste(canvas, patch, box.x + reach * np.cos(angle), box.y + reach * np.sin(angle))


def _fitted(
    rng: np.random.Generator, sprite: Sprite, box: _Box, region: Region, spec: CropSpec
) -> tuple[Floats, float, float]:
    """The new thing as premultiplied RGBA and where its centre goes: as large as stays inside the region."""
    turn, fill, stretch = rng.normal(0, spec.turn), rng.uniform(*spec.fill), rng.random()
    width, height = _natural(sprite)
    room = np.array([box.width / width, box.height / height])
    factors = room.min() * (room / room.min()) ** (stretch * spec.stretch)
    slack = rng.uniform(-0.5, 0.5, 2) * (np.array([box.width, box.height]) - factors * (width, height))
    light = rng.uniform(0.88, 1.08)
    for shrink in (1.0, 0.85, 0.72, 0.6):
        patch = _scaled(sprite, width * factors[0] * fill * shrink, height * factors[1] * fill * shrink, turn)
        x, y = box.x + slack[0] * fill * shrink, box.y + slack[1] * fill * shrink
        if _inside(patch, x, y, region) > 0.985:
            break
    return np.concatenate([np.minimum(patch[..., :3] * light, patch[..., 3:]), patch[..., 3:]], axis=2), x, y


def _natural(sprite: Sprite) -> tuple[float, float]:
    """Width and height with the longer at 1."""
    height, width = sprite.levels[0].shape[:2]
    return width / max(height, width), height / max(height, width)


def _scaled(sprite: Sprite, width: float, height: float, degrees: float) -> Floats:
    size = max(round(width), 2), max(round(height), 2)
    small = cv2.resize(sprite.at_least(max(size)), size, interpolation=cv2.INTER_AREA)
    if degrees == 0:
        return np.asarray(small, dtype=np.float32)
    matrix = cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), degrees, 0.96)
    return np.asarray(cv2.warpAffine(small, matrix, size, flags=cv2.INTER_LINEAR), dtype=np.float32)


def _inside(patch: Floats, x: float, y: float, region: Region) -> float:
    """Share of the patch's cover that lies in the region."""
    inside, part = _overlap(patch.shape[:2], x - patch.shape[1] / 2, y - patch.shape[0] / 2, len(region))
    cover = patch[..., 3]
    return float((cover[part] * region[inside]).sum() / cover.sum())


def _paste(canvas: Floats, patch: Floats, x: float, y: float) -> None:
    inside, part = _overlap(patch.shape[:2], x - patch.shape[1] / 2, y - patch.shape[0] / 2, len(canvas))
    canvas[inside] = canvas[inside] * (1 - patch[part][..., 3:] / 255) + patch[part][..., :3]


def _overlap(
    shape: Sequence[int], left: float, top: float, side: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of a square picture and of a patch whose corner is at (left, top)."""
    x, y = round(left), round(top)
    rows, columns = (max(y, 0), min(y + shape[0], side)), (max(x, 0), min(x + shape[1], side))
    inside = slice(rows[0], max(rows)), slice(columns[0], max(columns))
    return inside, (slice(inside[0].start - y, inside[0].stop - y), slice(inside[1].start - x, inside[1].stop - x))


def _cut(rng: np.random.Generator, scenery: Pixels, side: int) -> Pixels:
    """A square of the background, scaled as a crop of a small or a large region would be."""
    span = int(rng.integers(side, len(scenery) * 3 // 4))
    top, left = rng.integers(0, len(scenery) - span, 2)
    part = scenery[top : top + span, left : left + span]
    return np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _pixels(canvas: Floats) -> Pixels:
    return np.asarray(np.clip(canvas + 0.5, 0, 255), dtype=np.uint8)
