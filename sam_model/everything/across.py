"""The last steps, over the whole picture: each thing once whichever crop saw it, and no specks and pinholes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sam_model.everything.candidates import Candidates, as_column, boxes_of_rles
from sam_model.everything.settings import EverythingSettings
from sam_model.ops.nms import suppress
from sam_model.ops.regions import clean
from sam_model.ops.rle import Rle, decode, encode


def across_crops(parts: Sequence[Candidates], settings: EverythingSettings) -> Candidates:
    """Join the masks of all crops; of those with nearly the same box the one from the smallest crop stays."""
    found = Candidates.join(parts)
    if len(parts) == 1:
        return found
    left, top, right, bottom = found.crops.T
    return found.take(suppress(found.boxes, 1 / ((right - left) * (bottom - top)), settings.crop_nms))


def without_small_regions(found: Candidates, settings: EverythingSettings) -> Candidates:
    """Clean each mask, and suppress again: of masks that have become alike one that needed no cleaning stays."""
    cleaned = [_cleaned(rle, settings.min_region) for rle in found.rles]
    changed = np.array([new is not old for new, old in zip(cleaned, found.rles, strict=True)], bool)
    drawn = replace(found, boxes=boxes_of_rles(cleaned), rles=as_column(cleaned))
    return drawn.take(suppress(drawn.boxes, 1.0 - changed, max(settings.box_nms, settings.crop_nms)))


def _cleaned(rle: Rle, min_area: int) -> Rle:
    mask = decode([rle], height=rle.height, width=rle.width)[0]
    cleaned = clean(mask, min_area=min_area)
    return rle if cleaned is mask else encode(cleaned[None])[0]
