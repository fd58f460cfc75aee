"""Everything mode: ask about a grid of points, on a picture and on crops of it, and keep each good mask once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, UInt8

from sam_model.errors import SettingsError
from sam_model.everything.across import across_crops, without_small_regions
from sam_model.everything.ask import ask
from sam_model.everything.candidates import Answers, Candidates
from sam_model.everything.exact import exact_candidates
from sam_model.everything.fast import fast_candidates
from sam_model.everything.result import Everything
from sam_model.everything.settings import CODE_DEFAULTS, EverythingSettings
from sam_model.everything.skipping import Skipping
from sam_model.everything.view import View
from sam_model.modeling.mask_decoder import PAYS
from sam_model.ops.grid import Crop, overlapping_crops, point_grid
from sam_model.predictor import Predictor
from sam_model.preprocess import check_image

MAX_BYTES = 256 << 20

Progress: TypeAlias = Callable[[int, int], None]


def nobody_looks(done: int, total: int, /) -> None:
    """Show no progress."""


@torch.inference_mode()
def segment_everything(
    predictor: Predictor,
    image: UInt8[np.ndarray, "height width 3"],
    settings: EverythingSettings = CODE_DEFAULTS,
    *,
    fast: bool = False,
    max_bytes: int = MAX_BYTES,
    progress: Progress = nobody_looks,
) -> Everything:
    """Find the masks of everything in a picture (paper, section 5 and appendix B); none is a result.

    Args:
        predictor: that answers.
        image: RGB bytes.
        settings: what to look for; `CODE_DEFAULTS`, `SA_1B`, or others by `dataclasses.replace`.
        fast: measure masks as the network gives them, upscale only those that stay, and do not ask points whose
            neighbours agree on what lies there. Otherwise the masks are those of Meta's `SamAutomaticMaskGenerator`.
        max_bytes: memory, about, to decode prompts in and to upscale masks in, beside the network and the result; one
            prompt and one mask at a time always are.
        progress: is called with the number of points that were answered and that of all points. What it raises ends
            the search and is passed on.

    Raises:
        ImageError: for a picture of another shape or type.
        SettingsError: for a `max_bytes` that is no number of bytes.
    """
    pixels = check_image(image)
    if type(max_bytes) is not int or max_bytes < 1:
        raise SettingsError(f"max_bytes must be a whole number of bytes from 1 on, not {max_bytes!r}")
    height, width = pixels.shape[:2]
    crops = overlapping_crops(height=height, width=width, layers=settings.crop_layers, overlap=settings.crop_overlap)
    search = _Search(predictor, settings, fast, max_bytes)
    tell = _counter(sum(settings.points_in(crop.layer) ** 2 for crop in crops), progress)
    found = across_crops([search.crop(pixels, crop, tell) for crop in crops], settings)
    if settings.min_region:
        found = without_small_regions(found, settings)
    return Everything(
        height=height,
        width=width,
        rles=tuple(found.rles),
        predicted_iou=found.iou,
        stability=found.stability,
        points=found.points,
        crop_boxes=found.crops,
    )


@dataclass(frozen=True)
class _Search:
    predictor: Predictor
    settings: EverythingSettings
    fast: bool
    max_bytes: int

    def crop(self, pixels: UInt8[np.ndarray, "height width 3"], crop: Crop, tell: Callable[[int], None]) -> Candidates:
        """Find the masks of one crop, in the frame of the picture."""
        tell(0)
        sam, side = self.predictor.sam, self.settings.points_in(crop.layer)
        embedding = self.predictor.embed(pixels[crop.top : crop.bottom, crop.left : crop.right])
        if side**2 >= PAYS:
            embedding = replace(embedding, picture=sam.share(embedding.picture))
        view = View(crop=crop, frame=embedding.frame, height=pixels.shape[0], width=pixels.shape[1])
        points = point_grid(side) * (crop.width, crop.height)
        asked = partial(
            ask, self.predictor, embedding, min_iou=self.settings.min_iou, max_bytes=self.max_bytes, tell=tell
        )
        if not self.fast:
            return exact_candidates(asked(points), view, self.settings, max_bytes=self.max_bytes)
        skipping = Skipping(side)
        answers = _sparingly(asked, points, skipping, tell)
        return fast_candidates(answers, view, self.settings, skipping=skipping, max_bytes=self.max_bytes)


def _sparingly(
    asked: Callable[[Float[np.ndarray, "n 2"]], Iterator[Answers]],
    points: Float[np.ndarray, "n 2"],
    skipping: Skipping,
    tell: Callable[[int], None],
) -> Iterator[Answers]:
    """Ask the first points, and when those answers have been heard the rest that needs it."""
    yield from asked(points[skipping.first])
    rest = skipping.rest()
    tell(len(points) - int(skipping.first.sum()) - int(rest.sum()))
    if rest.any():
        yield from asked(points[rest])


def _counter(total: int, progress: Progress) -> Callable[[int], None]:
    done = 0

    def tell(points: int) -> None:
        nonlocal done
        done += points
        progress(done, total)

    return tell
