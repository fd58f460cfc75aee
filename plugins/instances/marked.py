"""What people marked in a picture, as COCO's annotations have it; for the formats that keep no such file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.nodes.export import run_lengths
from pipelines.upright import DAMAGE, shown_size
from plugins.instances.truth import Record

_FARTHEST = 1e6
"""Pixels beyond which a corner may as well lie here: what fills outlines counts in whole numbers of 32 bits."""


def boxed(corners: NDArray[np.float64], size: tuple[int, int]) -> Record:
    """A thing with a box only: around corners `(k, 2)` in pixels, clipped to a picture of (height, width)."""
    limits = np.array([size[1], size[0]])
    left_top, right_bottom = (np.clip(end, 0, limits) for end in (corners.min(axis=0), corners.max(axis=0)))
    sides = right_bottom - left_top
    return {"bbox": [*left_top.tolist(), *sides.tolist()], "area": float(sides.prod())}


def outlined(mask: NDArray[np.bool_], where: str) -> Record:
    """A thing with an outline: its mask `(H, W)`. Raises `UserError` where no pixel is in it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise UserError(f"{where} has no pixel in the picture of {mask.shape[1]}x{mask.shape[0]}.")
    box = [columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]]
    return {"bbox": list(map(int, box)), "area": int(mask.sum()), "segmentation": run_lengths(mask)}


def filled(corners: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask `(H, W)` of an outline with `(k, 2)` corners in pixels; what lies outside the picture is cut off.

    Corners are indices of pixels, as the tools of these formats have it.
    """
    import cv2

    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.clip(np.floor(corners), -_FARTHEST, _FARTHEST).astype(np.int32)], (1,))
    return canvas.astype(np.bool_)


def numbered(annotations: Iterable[Record]) -> list[Record]:
    """Annotations with ids from 1 on; none is a crowd."""
    return [{**entry, "iscrowd": 0, "id": number} for number, entry in enumerate(annotations, start=1)]


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown: its header is read, not its pixels. Raises `UserError`."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return shown_size(picture)
    except (Image.DecompressionBombError, *DAMAGE) as error:
        raise UserError(f"{path} cannot be read as a picture.") from error
