"""The official order of work: upscale every mask of which enough is expected, then measure and compare them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sam_model.everything.candidates import Answers, Candidates
from sam_model.everything.measures import areas_of, boxes_of, stability_of
from sam_model.everything.settings import EverythingSettings
from sam_model.everything.view import View
from sam_model.ops.nms import suppress


def exact_candidates(
    answers: Iterable[Answers], view: View, settings: EverythingSettings, *, max_bytes: int
) -> Candidates:
    """Filter, draw and suppress the masks of one crop as `SamAutomaticMaskGenerator` does.

    Args:
        answers: to the points of the crop.
        view: of the crop.
        settings: what to let through.
        max_bytes: memory to upscale masks in; one at a time always are.
    """
    parts = (part for answer in answers for part in answer.parts(view.masks_at_once(max_bytes, answer.logits.device)))
    found = Candidates.join([_measured(part, view, settings) for part in parts])
    return found.take(suppress(found.boxes, found.iou, settings.box_nms))


def _measured(answers: Answers, view: View, settings: EverythingSettings) -> Candidates:
    logits = view.upscale(answers.logits)
    masks = logits > 0
    boxes, stability = boxes_of(masks) + view.origin, stability_of(logits, settings.stability_offset)
    kept = view.accepts(settings, boxes=boxes, stability=stability, shares=areas_of(masks) / masks[0].numel())
    rles = view.encode(masks[np.flatnonzero(kept)])
    return view.candidates(answers.take(kept), boxes=boxes[kept], stability=stability[kept], rles=rles)
