"""Carrying out jobs one after the other: each sees the picture as the one before left it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.scope import current_scope
from pipelines.signature import Report
from pipelines.values import Edit
from plugins.stable_diffusion.colour import parse_colour, recoloured
from plugins.stable_diffusion.crops import change
from plugins.stable_diffusion.editing import Job
from plugins.stable_diffusion.masks import Geometry
from plugins.stable_diffusion.models import Advice, Brush, Inpainter

# A colour follows the outline: what lies beyond it is another thing's.
_COLOUR_GEOMETRY = Geometry(grow=0.0, feather=0.0, least_pixels=1)
# Filling takes time by the pixel and gains nothing by more: what it makes is smooth.
_FILL_SIDE, _FILL_RADIUS = 512, 5


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One job done. `brush` is None where arithmetic sufficed; `withheld`: a safety checker kept the pixels back."""

    job: Job
    brush: Brush | None
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Painter:
    """Paints with a model, or without where no edit needs one.

    `steps` and `guidance` override the model's advice, `widen` multiplies how far beyond the things it paints.
    """

    inpainter: Inpainter | None
    seed: int
    steps: int | None
    guidance: float | None
    widen: float
    report: Report

    def geometry_of(self, edit: Edit) -> Geometry:
        """The regions that this edit is painted in."""
        if self.inpainter is None or not needs_model(edit):
            return _COLOUR_GEOMETRY
        usual = self.inpainter.advice.geometry
        return replace(usual, grow=usual.grow * self.widen)

    def paint(
        self, pixels: NDArray[np.uint8], edits: Sequence[Edit], jobs: Sequence[Job]
    ) -> tuple[NDArray[np.uint8], tuple[Stroke, ...]]:
        """The RGB picture `(H, W, 3)` after all jobs, and what was done for each."""
        strokes = []
        for number, job in enumerate(jobs):
            current_scope().check_cancelled()
            edit = edits[job.edit]
            brush = self._brush(edit, number)
            if self.inpainter and brush:
                on_step = self._on_step(edit, number * brush.steps, len(jobs) * brush.steps)
                painted = _painted(self.inpainter, pixels, job, brush, on_step)
            else:
                painted = _filled(pixels, job) if edit.action == "remove" else _coloured(pixels, edit, job)
            strokes.append(Stroke(job, brush, withheld=painted is None))
            pixels = pixels if painted is None else painted
        return pixels, tuple(strokes)

    def _brush(self, edit: Edit, number: int) -> Brush | None:
        """What to ask the model; None where arithmetic serves better."""
        if self.inpainter is None or not needs_model(edit):
            return None
        advice = self.inpainter.advice
        prompt, negative = _prompts(advice, edit)
        if prompt is None:
            return None
        steps = advice.steps if self.steps is None else self.steps
        guidance = advice.guidance if self.guidance is None else self.guidance
        return Brush(prompt, negative, self.seed + number, steps, guidance)

    def _on_step(self, edit: Edit, before: int, total: int) -> Callable[[int], None]:
        scope = current_scope()

        def on_step(done: int) -> None:
            scope.check_cancelled()
            self.report(min(before + done, total), total, _told(edit))

        return on_step


def needs_model(edit: Edit) -> bool:
    """Whether pixels must be invented: for everything but a single colour, of a thing or of the background."""
    return edit.action not in ("recolour", "background") or parse_colour(edit.replacement or "") is None


def _painted(
    inpainter: Inpainter, pixels: NDArray[np.uint8], job: Job, brush: Brush, on_step: Callable[[int], None]
) -> NDArray[np.uint8] | None:
    """The picture after one job of the model; None if the model withholds it."""
    window = job.window
    shown = window.to_model(pixels, inpainter.side)
    mask = window.mask_to_model(job.generate, inpainter.side)
    painted = inpainter.inpaint(shown, mask, brush, on_step=on_step)
    if painted is None:
        return None
    changed = np.asarray(window.to_picture(change(shown, painted)) / 255, np.float32)
    return job.laid_over(pixels, window.to_picture(painted), job.regions.blend_where(changed))


def _filled(pixels: NDArray[np.uint8], job: Job) -> NDArray[np.uint8]:
    """The picture with the job's region continued from its surroundings (Navier–Stokes, Bertalmio et al. 2001)."""
    window = job.window
    side = min(window.side, _FILL_SIDE)
    mask = window.mask_to_model(job.generate, side).astype(np.uint8)
    square = cv2.inpaint(window.to_model(pixels, side), mask, _FILL_RADIUS, cv2.INPAINT_NS)
    return job.laid_over(pixels, window.to_picture(np.asarray(square, np.uint8)), job.regions.blend)


def _coloured(pixels: NDArray[np.uint8], edit: Edit, job: Job) -> NDArray[np.uint8]:
    """The picture after one job of arithmetic."""
    colour = parse_colour(edit.replacement or "")
    if colour is None:
        raise ValueError(f"'{edit.replacement}' is no single colour.")
    part = pixels[job.window.inside.slices]
    plain = edit.action == "background"
    patch = np.full_like(part, colour) if plain else recoloured(part, job.regions.core, colour)
    return job.laid_over(pixels, patch, job.regions.blend)


def _prompts(advice: Advice, edit: Edit) -> tuple[str | None, str]:
    """What to ask for, if anything, and what to keep away from."""
    if edit.action == "remove":
        if advice.removal_prompt is None:
            return None, ""
        return _said(advice.removal_prompt, edit.target), _said(advice.removal_negative_prompt, edit.target)
    thing = edit.replacement or edit.target
    return _said(advice.prompt, f"{thing} {edit.target}" if edit.action == "recolour" else thing), ""


def _told(edit: Edit) -> str:
    return f"add {edit.replacement}" if edit.action == "add" else f"{edit.action} {edit.target}"


def _said(template: str, thing: str) -> str:
    return template.replace("{thing}", thing)
