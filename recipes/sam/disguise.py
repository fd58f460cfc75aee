"""What stickers lack and photographs have: texture on things, and what a lens, a sensor and JPEG do to all pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from recipes.world.backgrounds import background, fractal
from recipes.world.ink import some_inked

Pixels = NDArray[np.uint8]

#: Shares of pictures whose things are redrawn with ink, and of their things.
INKED, INKED_THINGS = 0.25, 0.8


def disguise(rng: np.random.Generator, image: Pixels, masks: NDArray[np.bool_]) -> Pixels:
    """Make some pictures (H, W, 3) look less drawn, and some things drawn by other hands; masks (N, H, W) stay true."""
    image = some_inked(rng, image, masks, pictures=INKED, things=INKED_THINGS)
    if rng.random() < 0.25:
        image = textured(rng, image, masks)
    if rng.random() < 0.3:
        image = photographed(rng, image)
    return image


def textured(rng: np.random.Generator, image: Pixels, masks: NDArray[np.bool_]) -> Pixels:
    """Mix another procedural texture and light from one side into each thing."""
    canvas = image.astype(np.float32)
    for mask in masks:
        texture = background(rng, len(image)).astype(np.float32)
        light = 1 + (fractal(rng, len(image), octaves=2)[..., None] - 0.5) * rng.uniform(0, 1)
        share = np.float32(rng.uniform(0, 0.6))
        canvas[mask] = ((canvas + (texture - canvas) * share) * light)[mask]
    return np.clip(canvas, 0, 255).astype(np.uint8)


def photographed(rng: np.random.Generator, image: Pixels) -> Pixels:
    """Tint and exposure, blur, noise and JPEG, each weak more often than strong."""
    canvas = image.astype(np.float32) / 255
    canvas = canvas ** np.exp(rng.normal(0, 0.25)) * (1 + rng.normal(0, 0.08, 3))
    if rng.random() < 0.6:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.2, 1.0))
    canvas = canvas + rng.normal(0, rng.uniform(0, 0.05), canvas.shape)
    pixels: Pixels = np.clip(canvas * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return pixels
