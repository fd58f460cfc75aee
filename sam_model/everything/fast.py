"""Measure and compare masks as the network gives them, at a sixteenth of the pixels, and upscale only what stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sam_model.everything.candidates import Answers, Candidates, as_column, boxes_of_rles
from sam_model.everything.measures import areas_of, boxes_of, stability_of
from sam_model.everything.settings import EverythingSettings
from sam_model.everything.skipping import Skipping
from sam_model.everything.view import View
from sam_model.ops.nms import suppress
from sam_model.ops.rle import Rle


def fast_candidates(
    answers: Iterable[Answers], view: View, settings: EverythingSettings, *, skipping: Skipping, max_bytes: int
) -> Candidates:
    """Filter, suppress and draw the masks of one crop.

    Args:
        answers: to the points of the crop.
        view: of the crop.
        settings: what to let through.
        skipping: hears of every good mask before the next answers are taken.
        max_bytes: memory to upscale masks in, one at a time always; and to keep logits in that wait for it. Where more
            wait, they are upscaled before it is known whether they stay.
    """
    parts: list[Candidates] = []
    waiting: list[Tensor] = []
    drawn: list[Rle] = []
    for answer in answers:
        part, logits = _promising(answer, view, settings, skipping)
        parts.append(part)
        waiting += logits
        if sum(map(_bytes, waiting)) > max_bytes:
            drawn += _draw(waiting, view, max_bytes)
            waiting.clear()
    found = Candidates.join(parts)
    kept = suppress(found.boxes, found.iou, settings.box_nms)
    late = kept[kept >= len(drawn)]
    rles = dict(enumerate(drawn)) | dict(
        zip(late.tolist(), _draw([waiting[place - len(drawn)] for place in late], view, max_bytes), strict=True)
    )
    return _settled(found.take(kept), [rles[place] for place in kept.tolist()])


def _promising(
    answers: Answers, view: View, settings: EverythingSettings, skipping: Skipping
) -> tuple[Candidates, list[Tensor]]:
    """Filter answers by their logits, of which a pixel covers several of the crop."""
    cells = view.cells(answers.logits)
    masks = cells > 0
    height, width = cells.shape[1:]
    scale = np.array((view.crop.width / width, view.crop.height / height) * 2, np.float32)
    far = np.array((0, 0, 1, 1), np.float32)
    boxes = (boxes_of(masks) + far) * scale - far + view.origin
    stability = stability_of(cells, settings.stability_offset)
    kept = view.accepts(settings, boxes=boxes, stability=stability, shares=areas_of(masks) / (height * width))
    chosen = answers.take(kept)
    skipping.hear(chosen, view.cells(chosen.logits), chosen.points / (view.crop.width, view.crop.height))
    undrawn = [None] * len(chosen.iou)
    part = view.candidates(chosen, boxes=boxes[kept], stability=stability[kept], rles=undrawn)
    return part, list(chosen.logits)


def _draw(rows: Sequence[Float[Tensor, "h w"]], view: View, max_bytes: int) -> list[Rle]:
    """Upscale masks, as many at once as the memory allows."""
    if not rows:
        return []
    size = view.masks_at_once(max_bytes, rows[0].device)
    parts = (torch.stack(tuple(rows[start : start + size])) for start in range(0, len(rows), size))
    return [rle for part in parts for rle in view.encode(view.upscale(part) > 0)]


def _settled(found: Candidates, rles: Sequence[Rle]) -> Candidates:
    """Replace boxes of logits by those of masks; a mask that was smaller than a pixel of the crop is gone."""
    drawn = replace(found, boxes=boxes_of_rles(rles), rles=as_column(rles))
    return drawn.take(np.array([rle.area > 0 for rle in rles], bool))


def _bytes(logits: Tensor) -> int:
    return logits.numel() * logits.element_size()
