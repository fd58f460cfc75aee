"""Whether run lengths can be read and fill their picture: asked of many masks at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.errors import UserError
from sam_model.errors import MaskError
from sam_model.ops.rle import Rle
from sam_model.ops.rle_text import from_texts


def check_filled(masks: Sequence[Mapping[str, Any]], where: Callable[[int], str]) -> None:
    """Raise `UserError` for the first mask whose compressed run lengths are damaged or do not add up to its size.

    Args:
        masks: as COCO has them, each with `counts` that are text and not empty.
        where: what to call the mask at a place.
    """
    if masks and not _all_filled(masks):
        for place, mask in enumerate(masks):
            check_mask(mask, where(place))


def check_mask(mask: Mapping[str, Any], where: str) -> None:
    """The same for one mask, its `counts` text or a list."""
    try:
        Rle.from_coco(mask)
    except MaskError as error:
        raise UserError(f"{where} has a mask that cannot be read: {error}.") from error


def _all_filled(masks: Sequence[Mapping[str, Any]]) -> bool:
    try:
        texts = [mask["counts"].encode("ascii") for mask in masks]
        runs, lengths = from_texts(b"".join(texts), np.array(list(map(len, texts)), np.int64))
    except (MaskError, UnicodeEncodeError):
        return False
    added = np.add.reduceat(runs, np.cumsum(lengths) - lengths)
    return bool((runs >= 0).all() and (added == np.prod([mask["size"] for mask in masks], axis=1)).all())
