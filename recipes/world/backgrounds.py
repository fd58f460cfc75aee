"""Procedural backgrounds: nothing to download, nothing to license, and enough variety that flat colour is rare."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float32]
Field = NDArray[np.float32]
Painter = Callable[[np.random.Generator, int], Canvas]


def background(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """A square RGB picture (size, size, 3), one of eight kinds, sometimes blurred, always with a little grain."""
    canvas = PAINTERS[rng.integers(len(PAINTERS))](rng, size)
    if rng.random() < 0.3:
        canvas = _as_float(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.5, 3.0))))
    grain = rng.integers(-8, 9, (size, size, 1)).astype(np.float32) * rng.uniform(0.0, 1.0)
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def colour(rng: np.random.Generator) -> NDArray[np.float32]:
    """An RGB colour in 0..255 drawn in HSV, so that pale and dark colours come as often as strong ones."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0, 0.9) ** 1.3, rng.uniform(0.15, 1.0)]]], dtype=np.float32)
    return _as_float(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255)


def gradient(rng: np.random.Generator, size: int) -> Canvas:
    """Two or three colours along a line or a circle."""
    x, y = _grid(rng, size)
    field = x if rng.random() < 0.6 else np.hypot(x - rng.uniform(-0.3, 0.3), y - rng.uniform(-0.3, 0.3))
    return _palette(rng, _normalised(field))


def clouds(rng: np.random.Generator, size: int) -> Canvas:
    """Fractal noise through a palette."""
    return _palette(rng, fractal(rng, size, octaves=int(rng.integers(2, 6))))


def grainy(rng: np.random.Generator, size: int) -> Canvas:
    """Noise stretched along one direction: wood, cloth, brushed metal."""
    long, short = int(rng.integers(2, 6)), int(rng.integers(size // 6, size // 2))
    shape = (short, long) if rng.random() < 0.5 else (long, short)
    field = _as_float(cv2.resize(rng.random(shape, dtype=np.float32), (size, size), interpolation=cv2.INTER_LINEAR))
    return _palette(rng, _normalised(field + 0.5 * fractal(rng, size, octaves=3)))


def pattern(rng: np.random.Generator, size: int) -> Canvas:
    """Stripes, checks, dots or waves at any angle, in two tones that are often close."""
    x, y = _grid(rng, size)
    frequency = rng.uniform(3, 16)
    u, v = x * frequency * np.pi, y * frequency * np.pi
    waves = (np.sin(u), np.sin(u) * np.sin(v), np.sin(u) + np.sin(v) - 0.8, np.sin(u + 1.5 * np.sin(v * 0.5)))
    sharpness = rng.choice([1.0, 4.0, 40.0])
    mix = 0.5 + 0.5 * np.clip(waves[rng.integers(len(waves))] * sharpness, -1, 1)
    first, second = colour(rng), colour(rng)
    second = first + (second - first) * rng.uniform(0.15, 1.0)
    return _blend(_plain(first, size), _plain(second, size), _as_float(mix))


def shapes(rng: np.random.Generator, size: int) -> Canvas:
    """Discs, boxes, triangles and lines of all sizes over a quiet ground: edges that belong to no sticker."""
    canvas = (gradient, clouds)[rng.integers(2)](rng, size)
    for _ in range(rng.integers(3, 14)):
        layer = canvas.copy()
        centre, extent = rng.uniform(0, size, 2), rng.uniform(0.05, 0.4) * size
        tint = tuple(map(float, colour(rng)))
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 6)))
        corners = centre + extent * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        match rng.integers(3):
            case 0:
                axes = (int(extent), int(extent * rng.uniform(0.4, 1)))
                cv2.ellipse(layer, tuple(map(int, centre)), axes, rng.uniform(0, 180), 0, 360, tint, -1, cv2.LINE_AA)
            case 1:
                cv2.fillPoly(layer, [corners.astype(np.int32)], tint, cv2.LINE_AA)
            case _:
                thickness = int(rng.integers(1, 6))
                cv2.polylines(layer, [corners.astype(np.int32)], bool(rng.random() < 0.5), tint, thickness, cv2.LINE_AA)
        canvas = canvas + (layer - canvas) * np.float32(rng.uniform(0.3, 1.0))
    return canvas


def landscape(rng: np.random.Generator, size: int) -> Canvas:
    """Sky, one to three ranges of hills, and grass or sand with texture that grows towards the viewer."""
    canvas = _palette(rng, _normalised(np.linspace(0, 1, size)[:, None] + 0.4 * fractal(rng, size, octaves=4)))
    rows = np.arange(size)[:, None]
    horizon = rng.uniform(0.25, 0.6) * size
    for _ in range(rng.integers(1, 4)):
        knots = rng.random((1, int(rng.integers(3, 9))), dtype=np.float32)
        heights = cv2.resize(knots, (size, 1), interpolation=cv2.INTER_CUBIC)
        edge = horizon + (heights - 0.5) * size * rng.uniform(0.02, 0.3)
        texture = fractal(rng, size, octaves=6, roughness=0.9) - 0.5
        ground = colour(rng) + texture[..., None] * rng.uniform(20, 120)
        canvas = _blend(canvas, _as_float(ground), _as_float(np.clip(rows - edge, 0, 1)))
        horizon += rng.uniform(0.08, 0.3) * size
    return canvas


def room(rng: np.random.Generator, size: int) -> Canvas:
    """A wall and a floor whose boards run to a vanishing point."""
    wall = (gradient, pattern, clouds)[rng.integers(3)](rng, size)
    horizon = rng.uniform(0.35, 0.75)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    depth = 1 / np.maximum(y - horizon + 0.06, 0.02)
    boards = np.sin((x - rng.uniform(0, 1)) * depth * rng.uniform(2, 8))
    tiles = boards * np.sin(depth * rng.uniform(1, 4)) if rng.random() < 0.5 else boards
    joints = np.clip(tiles * rng.choice([1.0, 6.0]), -1, 1) * rng.uniform(5, 40)
    stains = 30 * (fractal(rng, size, octaves=4) - 0.5)
    floor = colour(rng) + (joints + stains)[..., None]
    return _blend(wall, _as_float(floor), _as_float(np.clip((y - horizon) * size, 0, 1)))


def patches(rng: np.random.Generator, size: int) -> Canvas:
    """Cells of a Voronoi diagram: stones, leaves, tiles."""
    cells = int(rng.integers(8, 60))
    side = max(size // 2, 1)
    points = rng.uniform(0, side, (cells, 2)).astype(np.float32)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    distance = (x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2
    base = colour(rng)
    tints = base + (np.stack([colour(rng) for _ in range(cells)]) - base) * rng.uniform(0.1, 0.9)
    shade = _normalised(np.sqrt(distance.min(axis=-1))) * rng.uniform(0, 60)
    cell = tints[distance.argmin(axis=-1)] - shade[..., None]
    return _as_float(cv2.resize(cell, (size, size), interpolation=cv2.INTER_LINEAR))


def fractal(rng: np.random.Generator, size: int, *, octaves: int, roughness: float = 0.55) -> Field:
    """Sum of smoothly enlarged random grids, (size, size) in 0..1; `roughness` is the gain from octave to octave."""
    total: Field = np.zeros((size, size), dtype=np.float32)
    start = int(rng.integers(2, 5))
    for octave in range(octaves):
        cells = min(start * 2**octave, size)
        grid = rng.random((cells, cells), dtype=np.float32) - 0.5
        smooth = cv2.INTER_CUBIC if cells < size // 2 else cv2.INTER_LINEAR
        total += _as_float(cv2.resize(grid, (size, size), interpolation=smooth)) * np.float32(roughness**octave)
    return _normalised(total)


def _grid(rng: np.random.Generator, size: int) -> tuple[Field, Field]:
    """Coordinates in about -0.5..0.5 of a randomly turned frame."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    return _as_float(x * np.cos(angle) + y * np.sin(angle)), _as_float(y * np.cos(angle) - x * np.sin(angle))


def _palette(rng: np.random.Generator, field: Field) -> Canvas:
    """Values in 0..1 to colours: a table of 256 interpolated between two to four random colours."""
    stops = np.stack([colour(rng) for _ in range(rng.integers(2, 5))])
    if rng.random() < 0.5:
        stops = stops[:1] + (stops - stops[:1]) * rng.uniform(0.15, 0.6)
    at = np.linspace(0, 1, len(stops))
    table = np.stack([np.interp(np.linspace(0, 1, 256), at, stops[:, channel]) for channel in range(3)], axis=1)
    return _as_float(table.astype(np.float32)[(field * 255).astype(np.uint8)])


def _plain(tint: NDArray[np.float32], size: int) -> Canvas:
    return _as_float(np.broadcast_to(tint, (size, size, 3)))


def _blend(below: Canvas, above: Canvas, weight: Field) -> Canvas:
    return below + (above - below) * weight[..., None]


def _normalised(field: NDArray[np.floating]) -> Field:
    low, high = float(field.min()), float(field.max())
    return _as_float((field - low) / max(high - low, 1e-6))


def _as_float(array: object) -> NDArray[np.float32]:
    return np.asarray(array, dtype=np.float32)


PAINTERS: tuple[Painter, ...] = (gradient, clouds, grainy, pattern, shapes, landscape, room, patches)
