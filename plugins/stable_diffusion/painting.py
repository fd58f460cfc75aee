"""Carrying out jobs one after the other: each sees the picture as the one before left it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.node import Report
from pipelines.scope import current_scope
from pipelines.values import Edit
from plugins.stable_diffusion.colour import parse_colour, recoloured
from plugins.stable_diffusion.editing import Job
from plugins.stable_diffusion.masks import Geometry
from plugins.stable_diffusion.models import Advice, Brush, Inpainter

# A colour follows the outline: what lies beyond it is another thing's.
_COLOUR_GEOMETRY = Geometry(grow=0.0, feather=0.0, least_pixels=1)


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One job done. `brush` is None where arithmetic sufficed; `withheld`: a safety checker kept the pixels back."""

    job: Job
    brush: Brush | None
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Painter:
    """Paints with a model, or without where no edit needs one. `steps` and `guidance` override the model's advice."""

    inpainter: Inpainter | None
    seed: int
    steps: int | None
    guidance: float | None
    report: Report

    def geometry_of(self, edit: Edit) -> Geometry:
        """The regions that this edit is painted in."""
        return self.inpainter.advice.geometry if self.inpainter and needs_model(edit) else _COLOUR_GEOMETRY

    def paint(
        self, pixels: NDArray[np.uint8], edits: Sequence[Edit], jobs: Sequence[Job]
    ) -> tuple[NDArray[np.uint8], tuple[Stroke, ...]]:
        """The RGB picture `(H, W, 3)` after all jobs, and what was done for each."""
        strokes = []
        for number, job in enumerate(jobs):
            current_scope().check_cancelled()
            brush, patch = self._patch(pixels, edits[job.edit], job, number=number, count=len(jobs))
            strokes.append(Stroke(job, brush, withheld=patch is None))
            pixels = pixels if patch is None else job.laid_over(pixels, patch)
        return pixels, tuple(strokes)

    def _patch(
        self, pixels: NDArray[np.uint8], edit: Edit, job: Job, *, number: int, count: int
    ) -> tuple[Brush | None, NDArray[np.uint8] | None]:
        """New pixels for the job's `window.inside`."""
        if self.inpainter is None or not needs_model(edit):
            return None, _coloured(pixels, edit, job)
        side = self.inpainter.side
        brush = self._brush(self.inpainter.advice, edit, number)
        painted = self.inpainter.inpaint(
            job.window.to_model(pixels, side),
            job.window.mask_to_model(job.generate, side),
            brush,
            on_step=self._on_step(edit, number * brush.steps, count * brush.steps),
        )
        return brush, None if painted is None else job.window.to_picture(painted)

    def _brush(self, advice: Advice, edit: Edit, number: int) -> Brush:
        prompt, negative = _prompts(advice, edit)
        steps = advice.steps if self.steps is None else self.steps
        guidance = advice.guidance if self.guidance is None else self.guidance
        return Brush(prompt, negative, self.seed + number, steps, guidance)

    def _on_step(self, edit: Edit, before: int, total: int) -> Callable[[int], None]:
        scope = current_scope()

        def on_step(done: int) -> None:
            scope.check_cancelled()
            self.report(min(before + done, total), total, f"{edit.action} {edit.target}")

        return on_step


def needs_model(edit: Edit) -> bool:
    """Whether pixels must be invented: for everything but a single colour."""
    return edit.action != "recolour" or parse_colour(edit.replacement or "") is None


def _coloured(pixels: NDArray[np.uint8], edit: Edit, job: Job) -> NDArray[np.uint8]:
    colour = parse_colour(edit.replacement or "")
    if colour is None:
        raise ValueError(f"'{edit.replacement}' is no single colour.")
    return recoloured(pixels[job.window.inside.slices], job.regions.core, colour)


def _prompts(advice: Advice, edit: Edit) -> tuple[str, str]:
    """What to ask for and what to keep away from."""
    if edit.action == "remove":
        return _said(advice.removal_prompt, edit.target), _said(advice.removal_negative_prompt, edit.target)
    thing = edit.replacement or edit.target
    return _said(advice.prompt, f"{thing} {edit.target}" if edit.action == "recolour" else thing), ""


def _said(template: str, thing: str) -> str:
    return template.replace("{thing}", thing)
