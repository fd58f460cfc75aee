"""Carrying out jobs one after the other: each sees the picture as the one before left it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PortError
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
_WIDEST = 10

Remover: TypeAlias = Literal["model", "opencv"]


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One job done. `brush` is None where arithmetic sufficed; `withheld`: a safety checker kept the pixels back."""

    job: Job
    brush: Brush | None
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a user wants it painted; None leaves it to the model's advice. See the arguments of `stable_diffusion/edit`.

    Raises `PortError` for what paints nothing.
    """

    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str = ""
    strength: float | None = None
    scheduler: str | None = None
    lora: Path | None = None
    widen: float = 1.0
    remover: Remover = "model"

    def needs_model(self, edit: Edit) -> bool:
        """Whether a model must invent pixels: not for a single colour, nor for what the remover takes away itself."""
        if edit.action in ("recolour", "background"):
            return parse_colour(edit.replacement or "") is None
        return edit.action != "remove" or self.remover == "model"

    def steps_of(self, advice: Advice) -> int:
        """Steps to ask a model for. Raises `PortError` where so little strength leaves none of them."""
        steps = advice.steps if self.steps is None else self.steps
        if self.strength is not None and int(steps * self.strength) < 1:
            raise PortError(
                f"strength is {self.strength:g}, which leaves none of {steps} steps. Give "
                f"{math.ceil(100 / steps) / 100:g} or more, or more steps."
            )
        return steps

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise PortError(f"steps is {self.steps}, which paints nothing. Give 1 or more.")
        if self.strength is not None and not 0 < self.strength <= 1:
            raise PortError(f"strength is {self.strength:g}; give a number from above 0 to 1.")
        if not 0 <= self.widen <= _WIDEST:
            raise PortError(f"widen is {self.widen:g}; give a multiple from 0 to {_WIDEST}.")
        if self.lora is not None and not self.lora.exists():
            raise PortError(f"there is no LoRA at {self.lora}. Give a .safetensors file, or a directory with one.")


@dataclass(frozen=True, slots=True)
class Painter:
    """Paints with a model, or without where no edit needs one."""

    inpainter: Inpainter | None
    wishes: Wishes
    report: Report

    def geometry_of(self, edit: Edit) -> Geometry:
        """The regions that this edit is painted in."""
        if edit.action != "remove" and not self.wishes.needs_model(edit):
            return _COLOUR_GEOMETRY
        usual = self.inpainter.advice.geometry if self.inpainter else Geometry()
        return replace(usual, grow=usual.grow * self.wishes.widen)

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
        if self.inpainter is None or not self.wishes.needs_model(edit):
            return None
        advice, wishes = self.inpainter.advice, self.wishes
        prompt, negative = _prompts(advice, edit)
        if prompt is None:
            return None
        return Brush(
            prompt,
            ", ".join(filter(None, (negative, wishes.negative_prompt))),
            wishes.seed + number,
            wishes.steps_of(advice),
            advice.guidance if wishes.guidance is None else wishes.guidance,
            wishes.strength,
            wishes.scheduler,
            wishes.lora,
        )

    def _on_step(self, edit: Edit, before: int, total: int) -> Callable[[int], None]:
        scope = current_scope()

        def on_step(done: int) -> None:
            scope.check_cancelled()
            self.report(min(before + done, total), total, _told(edit))

        return on_step


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
