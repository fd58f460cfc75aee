"""What came of an edit, as JSON: what was found, where it was painted, with what, and proof that no more was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.values import Detections, EditPlan
from plugins.stable_diffusion.editing import SHADOW, instances_of
from plugins.stable_diffusion.models import Advice
from plugins.stable_diffusion.painting import Stroke


def write_report(
    plan: EditPlan,
    detections: Detections,
    strokes: Sequence[Stroke],
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    *,
    model: dict[str, str] | None,
    asked: Mapping[str, Any],
    advice: Advice | None = None,
) -> str:
    """The report as JSON text; `asked` is what the node was told beside the plan, `advice` that of the model.

    `second_look` are the scores of what was believed because the sentence says that it is there, `not_learnt` the
    prompts that name nothing that the model is said to know, `shadows` the pixels of each shadow that was looked for.
    Boxes are x0 y0 x1 y1 in pixels; a window is its upper left corner and its side.
    """
    edits = []
    for index, edit in enumerate(plan.edits):
        rows, own = instances_of(plan, index, detections), [stroke for stroke in strokes if stroke.job.edit == index]
        unknown = _not_learnt(own, advice or Advice())
        edits.append(
            {
                "action": edit.action,
                "target": edit.target,
                "replacement": edit.replacement,
                "found": len(rows),
                **_remarked(_second_look(detections, rows), unknown, _shadows(detections, rows)),
                "painted": [_painted(stroke, detections) for stroke in own],
            }
        )
    verified = verify(before, after, strokes)
    told = {"sentence": plan.sentence, "model": model, "asked": asked, "edits": edits, "verify": verified}
    return json.dumps(told, indent=2)


def verify(before: NDArray[np.uint8], after: NDArray[np.uint8], strokes: Sequence[Stroke]) -> dict[str, int]:
    """Pixels that changed at all, that changed outside every painted region, and that of the old things are as before.

    A pixel of a thing may be as before because the new one happens to have the very same colour there.
    """
    changed = (after != before).any(axis=2)
    generate, core = np.zeros_like(changed), np.zeros_like(changed)
    for stroke in strokes:
        part = stroke.job.window.inside.slices
        generate[part] |= stroke.job.regions.generate
        core[part] |= stroke.job.regions.core
    return {
        "changed_pixels": int(changed.sum()),
        "changed_outside": int((changed & ~generate).sum()),
        "unchanged_inside": int((core & ~changed).sum()),
    }


def _second_look(detections: Detections, rows: Sequence[int]) -> list[float] | None:
    """The scores of those things of an edit that only a second look found; None where nothing was looked at twice."""
    doubted = detections.data.get("second_look")
    if doubted is None or detections.confidence is None:
        return None
    return [round(float(detections.confidence[row]), 4) for row in rows if doubted[row]]


def _not_learnt(strokes: Sequence[Stroke], advice: Advice) -> list[str]:
    """The prompts of an edit that name nothing that the model can draw."""
    prompts = (stroke.brush.prompt for stroke in strokes if stroke.brush is not None)
    return [prompt for prompt in dict.fromkeys(prompts) if not advice.can_draw(prompt)]


def _shadows(detections: Detections, rows: Sequence[int]) -> list[int]:
    """How many pixels the shadow of each thing of an edit has, of those whose shadow was looked for."""
    sizes = detections.data.get(SHADOW)
    return [] if sizes is None else [int(sizes[row]) for row in rows if sizes[row] >= 0]


def _remarked(scores: list[float] | None, prompts: list[str], shadows: list[int]) -> dict[str, Any]:
    """What is remarkable about an edit, as numbers and words, and as a sentence."""
    told: dict[str, Any] = {} if scores is None else {"second_look": scores}
    remarks = []
    if shadows:
        told |= {"shadows": shadows}
        if missing := shadows.count(0):
            remarks.append(f"no shadow was found of {missing} of {len(shadows)}")
    if scores:
        remarks.append(f"found on a second look, score {', '.join(f'{score:.2f}' for score in scores)}")
    if prompts:
        told |= {"not_learnt": prompts}
        remarks.append(f"the model has not learnt to draw {' or '.join(map(repr, prompts))}")
    return {**told, **({"remark": "; ".join(remarks)} if remarks else {})}


def _painted(stroke: Stroke, detections: Detections) -> dict[str, Any]:
    rows = list(stroke.job.members)
    window = stroke.job.window
    region = stroke.job.region
    found: dict[str, Any] = {
        "boxes": _rounded(detections.xyxy[rows], 1),
        "scores": [] if detections.confidence is None else _rounded(detections.confidence[rows], 4),
        "instances": np.asarray(detections.data.get("instance_id", np.arange(len(detections))))[rows].tolist(),
        "region": [region.x0, region.y0, region.x1, region.y1],
        "window": [window.x, window.y, window.side],
        "pixels": int(stroke.job.regions.generate.sum()),
        "withheld": stroke.withheld,
    }
    if stroke.brush is not None:
        brush = stroke.brush
        found |= {"prompt": brush.prompt, "seed": brush.seed, "steps": brush.steps, "guidance": brush.guidance}
    return found


def _rounded(numbers: NDArray[np.float32], digits: int) -> list[Any]:
    """As JSON writes them best: a float32 of one decimal place has ten in double precision."""
    found: list[Any] = numbers.astype(np.float64).round(digits).tolist()
    return found
