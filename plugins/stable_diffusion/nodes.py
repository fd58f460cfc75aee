"""Stable Diffusion as a node: a picture, masks and a plan in, the edited picture out."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from pipelines.errors import PortError
from pipelines.models import Model, current_pool, lease
from pipelines.signature import Report, no_report, node
from pipelines.values import EditPlan, Image, Masks, Text
from plugins.stable_diffusion.editing import can_be_done, check_plan, jobs_of, with_shadows
from plugins.stable_diffusion.models import Inpainter
from plugins.stable_diffusion.painting import Painter, Remover, Wishes
from plugins.stable_diffusion.report import write_report


class Edited(NamedTuple):
    """What `edit` gives: the picture, and in JSON what was found, painted, with what, and proof that no more was."""

    image: Image
    report: Text


@node("stable_diffusion/edit", version=3)
def edit(
    image: Image,
    masks: Masks,
    plan: EditPlan,
    *,
    model: Model[Inpainter] = Model(),
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    negative_prompt: Text = "",
    strength: float | None = None,
    scheduler: Text = "",
    lora: Path | None = None,
    shadows: bool = False,
    widen: float = 1.0,
    remover: Remover = "model",
    report: Report = no_report,
) -> Edited:
    """Carry out the plan on every thing whose class_name is an edit's target; nothing else changes, not by one bit.

    Each thing, or each group whose painted regions overlap, is painted in a square of its own at the size that the
    model works at. What the plan keeps stays as it is, also where another thing's region reaches over it. What is
    added takes the size of the thing that it is added to, and a place where it covers nothing else that was found. A
    new background is painted in one piece around everything that was found. If no target was found, the very same
    picture comes back. A single colour is given by arithmetic, everything else by the model. Raises
    `InstructionError` for a background before which nothing is to stay, and `PortError` for masks of another picture.

    Args:
        masks: Detections with masks and class_name, in the pixels of the image.
        model: A preset, a directory in diffusers' format or a hub id.
        seed: Of the first square painted; the next one has the next seed.
        steps: Steps of denoising; by default what the model's makers recommend.
        guidance: How closely to follow the words; by default what the model's makers recommend.
        negative_prompt: What to keep away from, beside what the model's makers say.
        strength: From above 0 to 1: the less, the more the old picture shapes the new one; by default the model's.
        scheduler: A scheduler of diffusers that fits the model, such as DPMSolverMultistepScheduler.
        lora: A LoRA for the model, a .safetensors file or a directory; needs peft.
        shadows: Whatever is replaced or removed takes its shadow with it, and not only where the plan says so: the
            darker ground that begins at its lower half.
        widen: How far beyond the things to paint, as a multiple of what the model's makers recommend.
        remover: With "opencv", what is removed is filled from its surroundings by arithmetic, and no model is asked.
    """
    check_plan(plan)
    _check_inputs(image, masks)
    wishes = Wishes(seed, steps, guidance, negative_prompt, strength, scheduler or None, lora, widen, remover)
    asked = {**dataclasses.asdict(wishes), "lora": lora and str(lora), "shadows": shadows}
    wanted = [item for number, item in enumerate(plan.edits) if can_be_done(plan, number, masks)]
    if not wanted:
        said = write_report(plan, masks, (), image.pixels, image.pixels, model=None, asked=asked)
        return Edited(image, said)
    with lease(Inpainter, model) if any(map(wishes.needs_model, wanted)) else nullcontext() as inpainter:
        painter = Painter(inpainter, wishes, report)
        shown = with_shadows(plan, masks, image.pixels, always=shadows)
        jobs = tuple(jobs_of(plan, shown, painter.geometry_of))
        pixels, strokes = painter.paint(image.pixels, plan.edits, jobs)
    used, advice = _named(model, inpainter), None if inpainter is None else inpainter.advice
    said = write_report(plan, shown, strokes, image.pixels, pixels, model=used, asked=asked, advice=advice)
    return Edited(dataclasses.replace(image, pixels=pixels), said)


def _check_inputs(image: Image, masks: Masks) -> None:
    height, width = masks.mask.shape[1:]
    if (width, height) != image.size:
        raise PortError(f"the masks are of a picture of {width}×{height}, this one is {image.width}×{image.height}.")


def _named(model: Model[Inpainter], used: Inpainter | None) -> dict[str, str] | None:
    """Which weights painted, for the report."""
    if used is None:
        return None
    source = current_pool().resolve(Inpainter.family, model)
    return {"ref": source.ref, "revision": source.revision}
