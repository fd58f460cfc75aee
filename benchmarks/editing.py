"""What an edit does to the rest of a picture, beside two other ways of putting back what a model painted.

    python benchmarks/editing.py

The inpainter is the identity: it gives back what it is shown, so whatever changes outside is the compositing's doing.
To see what stays of the old thing it inverts a dark picture. Ours is the node `stable_diffusion/edit`. "Whole frame"
squashes picture and mask to the model's square, has that painted, and stretches it back over the picture.
"padding_mask_crop" is diffusers' own crop, way back and overlay around the same inpainter.

Prints a table in Markdown; time is processor time, the least of several runs taken in turn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from pipelines.families import ModelSource
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Edit, EditPlan, Image
from plugins.stable_diffusion.editing import jobs_of
from plugins.stable_diffusion.masks import BoolMask
from plugins.stable_diffusion.models import Advice, Brush, Inpainter
from plugins.stable_diffusion.nodes import edit

Pixels = NDArray[np.uint8]
Painting = Callable[[Pixels], Pixels]
Way = Callable[[Pixels, BoolMask, Painting], Pixels]

SIDE, ROUNDS = 512, 3
SIZES = ((1536, 2048), (768, 1024), (480, 640))
# The padding and the blur of the examples in diffusers' documentation.
PADDING, BLUR = 32, 33
# Divided by this a picture is so dark that its inverse is bright: what is less than BRIGHT then is old in part.
DARKER, BRIGHT = 3, 128
DISCS, LEAST_DISC = 60_000, 3
PLAN = EditPlan("", (Edit("replace", "thing", "another", (0, 0)),))


class Fixed(Inpainter):
    """Paints by a function of what it is shown."""

    side = SIDE
    advice = Advice(steps=1)

    def __init__(self, painting: Painting) -> None:
        self.painting = painting

    def inpaint(
        self, pixels: Pixels, _mask: BoolMask, _brush: Brush, *, on_step: Callable[[int], None]
    ) -> Pixels | None:
        on_step(1)
        return self.painting(pixels)


class Loaded:
    """A family whose only model is at hand."""

    name = "stable_diffusion"

    def __init__(self, model: Inpainter) -> None:
        self.model = model

    def resolve(self, ref: str, *, offline: bool) -> ModelSource:  # noqa: ARG002 - the engine's own names
        return ModelSource(self.name, ref, ref, "fixed")

    def load(self, source: ModelSource, *, device: str, dtype: str) -> Inpainter:  # noqa: ARG002 - likewise
        return self.model


@dataclass(frozen=True)
class Figures:
    """What came of one way: decibels and changed pixels outside of what it may paint, old pixels in it, seconds."""

    decibels: float
    changed: float
    left: float
    seconds: float


def main() -> None:
    """Measure each way on each size, and print the table."""
    print("| picture | way | PSNR outside | pixels changed outside | old pixels left inside | CPU time |")
    print("|---|---|--:|--:|--:|--:|")
    for size in SIZES:
        pixels, mask = scene(*size)
        for name, figures in measured(pixels, mask).items():
            print(f"| {size[1]}×{size[0]} | {name} | {row(figures)} |")


def row(figures: Figures) -> str:
    """The figures as cells of the table."""
    decibels = "∞" if math.isinf(figures.decibels) else f"{figures.decibels:.1f} dB"
    return f"{decibels} | {figures.changed:.2%} | {figures.left:.2%} | {figures.seconds * 1000:.0f} ms"


def measured(pixels: Pixels, mask: BoolMask) -> dict[str, Figures]:
    """Every way on one picture, by name."""
    ways: dict[str, Way] = {"samloom": ours, "whole frame": whole_frame, "padding_mask_crop": padded_crop}
    ways["padding_mask_crop, mask blurred"] = lambda *given: padded_crop(*given, blur=BLUR)
    seconds = dict.fromkeys(ways, math.inf)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.process_time()
            way(pixels, mask, np.array)
            seconds[name] = min(seconds[name], time.process_time() - started)
    return {name: figures_of(way, pixels, mask, seconds[name]) for name, way in ways.items()}


def figures_of(way: Way, pixels: Pixels, mask: BoolMask, seconds: float) -> Figures:
    """Outside is beyond the mask and the margin that ours may paint, the same for all; inside is the mask itself."""
    outside = ~allowed(mask)
    error = way(pixels, mask, np.array)[outside].astype(np.float64) - pixels[outside]
    mean = float((error**2).mean())
    decibels = 10 * math.log10(255**2 / mean) if mean else math.inf
    inverted = way(pixels // DARKER, mask, lambda shown: 255 - shown)
    changed, left = (error != 0).any(axis=1), (inverted[mask] < BRIGHT).any(axis=1)
    return Figures(decibels, float(changed.mean()), float(left.mean()), seconds)


def scene(height: int, width: int) -> tuple[Pixels, BoolMask]:
    """A picture with the edges of a photograph, and the outline of a thing left of its middle.

    Discs of all sizes that cover each other have a photograph's statistics ("dead leaves", Lee et al. 2001).
    """
    rng = np.random.default_rng(0)
    pixels = np.zeros((height, width, 3), np.uint8)
    for _ in range(DISCS):
        centre = int(rng.integers(width)), int(rng.integers(height))
        radius = round(LEAST_DISC * (1 - rng.random()) ** -0.5)
        cv2.circle(pixels, centre, radius, rng.integers(0, 256, 3).tolist(), cv2.FILLED, cv2.LINE_AA)
    y, x = np.mgrid[:height, :width]
    turn = np.arctan2(y - 0.55 * height, x - 0.4 * width)
    reach = 0.16 * height * (1 + 0.2 * np.sin(5 * turn))
    return pixels, np.asarray(np.hypot(y - 0.55 * height, x - 0.4 * width) < reach, np.bool_)


def ours(pixels: Pixels, mask: BoolMask, painting: Painting) -> Pixels:
    """`stable_diffusion/edit`."""
    with studio(painting):
        return edit(Image(pixels.copy()), found(mask), PLAN).image.pixels


def found(mask: BoolMask) -> Detections:
    """The thing, as a detector and Segment Anything would give it."""
    return Detections(xyxy=np.zeros((1, 4), np.float32), mask=mask[None], data={"class_name": np.array(["thing"])})


@contextmanager
def studio(painting: Painting) -> Iterator[None]:
    """A place in which the only model paints like this."""
    with use_scope(Scope(pool=ModelPool(families={"stable_diffusion": Loaded(Fixed(painting))}))):
        yield


def allowed(mask: BoolMask) -> BoolMask:
    """What an edit may paint: the thing and the margin around it, known before anything is painted."""
    jobs = jobs_of(PLAN, found(mask), lambda _: Fixed.advice.geometry)
    return np.asarray(np.any([job.generate for job in jobs], axis=0), np.bool_)


def whole_frame(pixels: Pixels, mask: BoolMask, painting: Painting) -> Pixels:
    """Squash the picture to the model's square, paint it, stretch it back: the model changed what the mask allowed."""
    height, width = mask.shape
    square = np.asarray(Pil.fromarray(pixels).resize((SIDE, SIDE)))
    inside = np.asarray(Pil.fromarray(mask).resize((SIDE, SIDE)))
    painted = np.where(inside[..., None], painting(square), square)
    return np.asarray(Pil.fromarray(painted).resize((width, height)))


def padded_crop(pixels: Pixels, mask: BoolMask, painting: Painting, *, blur: int = 0) -> Pixels:
    """The crop, the scaling and the overlay of `padding_mask_crop`, by the image processor of diffusers itself.

    A blurred mask is what hides the seam there; a binary one is put back with a hard edge.
    """
    from diffusers.image_processor import VaeImageProcessor

    picture, masked = Pil.fromarray(pixels), Pil.fromarray(mask.astype(np.uint8) * 255)
    images = VaeImageProcessor()
    masked = images.blur(masked, blur) if blur else masked
    region = images.get_crop_region(masked, *picture.size, pad=PADDING)
    square = _cropped(images, picture, region)
    painted = Pil.fromarray(painting(np.asarray(square)))
    return np.asarray(images.apply_overlay(masked, picture, painted, region).convert("RGB"))


def _cropped(images: Any, picture: Pil.Image, region: tuple[int, int, int, int]) -> Pil.Image:
    tensor = images.preprocess(picture, height=SIDE, width=SIDE, crops_coords=region, resize_mode="fill")
    square: Pil.Image = images.postprocess(tensor, output_type="pil")[0]
    return square


if __name__ == "__main__":
    main()
