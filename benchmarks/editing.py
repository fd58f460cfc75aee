"""What an edit does to the rest of a picture, beside two other ways of putting back what a model painted.

    python benchmarks/editing.py

First the inpainter is the identity: it gives back what it is shown, so whatever changes outside is the compositing's
doing; to see what stays of the old thing it inverts a dark picture. Then it is the bundled one, which works at squares
of 64; there a pixel counts as left that is exactly as before. Ours is the node `stable_diffusion/edit`. "Whole frame"
squashes picture and mask to the model's square, has that painted, and stretches it back over the picture.
"padding_mask_crop" is diffusers' own crop, way back and overlay around the same inpainter.

Prints tables in Markdown, and that of `labels.py`; time is processor time, the least of several runs taken in turn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import labels
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from pipelines.families import Model, ModelSource
from pipelines.models import ModelPool, default_pool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Edit, EditPlan, Image
from plugins.stable_diffusion.editing import jobs_of
from plugins.stable_diffusion.masks import BoolMask
from plugins.stable_diffusion.models import Advice, Brush, Inpainter
from plugins.stable_diffusion.nodes import edit

Pixels = NDArray[np.uint8]
ROUNDS = 3
SIZES = ((1536, 2048), (768, 1024), (480, 640))
# The padding and the blur of the examples in diffusers' documentation.
PADDING, BLUR = 32, 33
# As its pipelines bring a mask to the model's size: what is at least half in it is painted.
MASK_PROCESSOR = {"do_normalize": False, "do_binarize": True, "do_convert_grayscale": True}
# Divided by this a picture is so dark that its inverse is bright: what is less than BRIGHT then is old in part.
DARKER, BRIGHT = 3, 128
DISCS, LEAST_DISC = 60_000, 3
THING = "ball"
PLAN = EditPlan("", (Edit("replace", "thing", THING, (0, 0)),))


class Fixed(Inpainter):
    """Paints by a function of what it is shown, at the side of most models."""

    side = 512
    advice = Advice(steps=1)

    def __init__(self, painting: Callable[[Pixels], Pixels]) -> None:
        self.painting = painting

    def inpaint(self, pixels: Pixels, mask: BoolMask, _brush: Brush, *, on_step: Callable[[int], None]) -> Pixels:
        on_step(1)
        return np.where(mask[..., None], self.painting(pixels), pixels)


Way = Callable[[Pixels, BoolMask, Inpainter], Pixels]
SAME, INVERTED = Fixed(np.array), Fixed(lambda shown: 255 - shown)


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
    """Measure each way on each size, and print the tables."""
    heading("of the identity")
    for size in SIZES:
        for name, figures in measured(*scene(*size), SAME, rounds=ROUNDS).items():
            print(f"| {size[1]}×{size[0]} | {name} | {row(figures)} |")
    heading("of the bundled model")
    with default_pool().lease(Inpainter.family, Model("bundled")) as bundled:
        for name, figures in measured(*scene(*SIZES[-1]), bundled, rounds=1).items():
            print(f"| {SIZES[-1][1]}×{SIZES[-1][0]} | {name} | {row(figures)} |")
    print()
    labels.main()


def heading(what: str) -> None:
    """The first lines of a table."""
    print(f"\nPainting {what}:\n")
    print("| picture | way | PSNR outside | pixels changed outside | old pixels left inside | CPU time |")
    print("|---|---|--:|--:|--:|--:|")


def row(figures: Figures) -> str:
    """The figures as cells of the table."""
    decibels = "∞" if math.isinf(figures.decibels) else f"{figures.decibels:.1f} dB"
    return f"{decibels} | {figures.changed:.2%} | {figures.left:.2%} | {figures.seconds * 1000:.0f} ms"


def measured(pixels: Pixels, mask: BoolMask, inpainter: Inpainter, *, rounds: int) -> dict[str, Figures]:
    """Every way on one picture, by name."""
    ways: dict[str, Way] = {"samloom": ours, "whole frame": whole_frame, "padding_mask_crop": padded_crop}
    ways["padding_mask_crop, mask blurred"] = lambda *given: padded_crop(*given, blur=BLUR)
    seconds, after = dict.fromkeys(ways, math.inf), {}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            after[name] = way(pixels, mask, inpainter)
            seconds[name] = min(seconds[name], time.process_time() - started)
    outside, figures = ~allowed(mask, inpainter), {}
    for name, way in ways.items():
        left = left_by(way, pixels, mask, inpainter, after[name])
        figures[name] = Figures(*differences(pixels[outside], after[name][outside]), float(left.mean()), seconds[name])
    return figures


def differences(before: Pixels, after: Pixels) -> tuple[float, float]:
    """PSNR in decibels and the share of changed pixels, of those `(N, 3)` beyond the mask and the margin of ours."""
    error = after.astype(np.float64) - before
    mean = float((error**2).mean())
    return 10 * math.log10(255**2 / mean) if mean else math.inf, float((error != 0).any(axis=1).mean())


def left_by(way: Way, pixels: Pixels, mask: BoolMask, inpainter: Inpainter, after: Pixels) -> BoolMask:
    """Which pixels of the mask, as a row, still show something of the old thing."""
    if inpainter is not SAME:
        return np.asarray((after[mask] == pixels[mask]).all(axis=1))
    return np.asarray((way(pixels // DARKER, mask, INVERTED)[mask] < BRIGHT).any(axis=1))


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


def ours(pixels: Pixels, mask: BoolMask, inpainter: Inpainter) -> Pixels:
    """`stable_diffusion/edit`."""
    with use_scope(Scope(pool=ModelPool(families={"stable_diffusion": Loaded(inpainter)}))):
        return edit(Image(pixels.copy()), found(mask), PLAN).image.pixels


def found(mask: BoolMask) -> Detections:
    """The thing, as a detector and Segment Anything would give it."""
    return Detections(xyxy=np.zeros((1, 4), np.float32), mask=mask[None], data={"class_name": np.array(["thing"])})


def allowed(mask: BoolMask, inpainter: Inpainter) -> BoolMask:
    """What an edit may paint: the thing and the margin around it, known before anything is painted."""
    jobs = jobs_of(PLAN, found(mask), lambda _: inpainter.advice.geometry)
    return np.asarray(np.any([job.generate for job in jobs], axis=0), np.bool_)


def whole_frame(pixels: Pixels, mask: BoolMask, inpainter: Inpainter) -> Pixels:
    """Squash the picture to the model's square, paint it, stretch all of it back over the picture."""
    height, width = mask.shape
    square = np.asarray(Pil.fromarray(pixels).resize((inpainter.side, inpainter.side)))
    inside = np.asarray(Pil.fromarray(mask).resize((inpainter.side, inpainter.side)))
    return np.asarray(Pil.fromarray(painted(inpainter, square, inside)).resize((width, height)))


def padded_crop(pixels: Pixels, mask: BoolMask, inpainter: Inpainter, *, blur: int = 0) -> Pixels:
    """The crop, the scaling and the overlay of `padding_mask_crop`, by the image processor of diffusers itself.

    A blurred mask is what hides the seam there; a binary one is put back with a hard edge.
    """
    from diffusers.image_processor import VaeImageProcessor

    picture, masked = Pil.fromarray(pixels), Pil.fromarray(mask.astype(np.uint8) * 255)
    images, masks = VaeImageProcessor(), VaeImageProcessor(**MASK_PROCESSOR)
    masked = images.blur(masked, blur) if blur else masked
    region = images.get_crop_region(masked, *picture.size, pad=PADDING)
    square = images.postprocess(_cropped(images, picture, region, inpainter.side), output_type="pil")[0]
    inside = np.asarray(_cropped(masks, masked, region, inpainter.side)[0, 0] > 0)
    new = Pil.fromarray(painted(inpainter, np.asarray(square), inside))
    return np.asarray(images.apply_overlay(masked, picture, new, region).convert("RGB"))


def painted(inpainter: Inpainter, square: Pixels, mask: BoolMask) -> Pixels:
    """The square as the model paints it, asked as `stable_diffusion/edit` asks it."""
    advice = inpainter.advice
    prompt = advice.prompt.replace("{thing}", THING)
    after = inpainter.inpaint(square, mask, Brush(prompt, "", 0, advice.steps, advice.guidance), on_step=lambda _: None)
    return square if after is None else after


def _cropped(images: Any, picture: Pil.Image, region: tuple[int, int, int, int], side: int) -> Any:
    return images.preprocess(picture, height=side, width=side, crops_coords=region, resize_mode="fill")


if __name__ == "__main__":
    main()
