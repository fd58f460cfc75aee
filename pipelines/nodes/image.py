"""Pictures in and out, and parts of pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.images import read_image, write_image
from pipelines.nodes.selection import keys_of
from pipelines.signature import node
from pipelines.values import Boxes, Each, Image, Many

Window = tuple[slice, slice]


@node("image/load", version=1, cache=False)
def load(path: Path) -> Image:
    """Read a picture file; raises ImageError when it is none.

    Args:
        path: a PNG, JPEG, WebP, TIFF, GIF, BMP or PPM file.
    """
    return read_image(path)


@node("image/save", version=1, cache=False)
def save(image: Image, path: Path) -> Path:
    """Write a picture file and give its path; raises OutputError when it cannot be written.

    Args:
        image: the picture.
        path: where to; the suffix names the format (.png, .jpg, .webp, .tif, .bmp).
    """
    write_image(image, path)
    return path


@node("image/crop", version=1)
def crop(image: Image, boxes: Boxes, *, margin: float = 0.0) -> Each[Image]:
    """Cut out each box, keyed by its instance id; a box that lies outside the picture gives no crop.

    Each crop remembers where it was cut (`offset`), so that `image/paste` can put it back.

    Args:
        image: the picture that the boxes belong to.
        boxes: what to cut out, in its pixels.
        margin: how much to add at each side, as a fraction of the box's width and height.
    """
    corners = np.asarray(boxes.xyxy, np.float64).reshape(-1, 2, 2)
    room = margin * (corners[:, 1] - corners[:, 0])
    left_top = np.floor(corners[:, 0] - room).clip(min=0).astype(int)
    right_bottom = np.ceil(corners[:, 1] + room).clip(max=image.size).astype(int)
    return {
        key: _cut(image, (slice(top, bottom), slice(left, right)))
        for key, (left, top), (right, bottom) in zip(keys_of(boxes), left_top, right_bottom, strict=True)
        if left < right and top < bottom
    }


@node("image/paste", version=1)
def paste(image: Image, crops: Many[Image]) -> Image:
    """Put crops back where they were cut, later ones over earlier ones; what hangs over the edge is left out.

    A crop with transparency lets the picture shine through, unless the picture has transparency of its own: then the
    crop's replaces it.

    Args:
        image: the picture that the crops were cut from, or a changed one of the same size.
        crops: pictures with an offset.
    """
    pixels = image.pixels.copy()
    alpha = None if image.alpha is None else image.alpha.copy()
    for part in crops.values():
        there, here = _overlap(image, part)
        if alpha is None and part.alpha is not None:
            pixels[there] = _over(pixels[there], part.pixels[here], part.alpha[here])
            continue
        pixels[there] = part.pixels[here]
        if alpha is not None:
            alpha[there] = 255 if part.alpha is None else part.alpha[here]
    return replace(image, pixels=pixels, alpha=alpha)


def _cut(image: Image, window: Window) -> Image:
    rows, columns = window
    x, y = image.offset
    return replace(
        image,
        pixels=image.pixels[window].copy(),
        alpha=None if image.alpha is None else image.alpha[window].copy(),
        offset=(x + int(columns.start), y + int(rows.start)),
    )


def _overlap(image: Image, part: Image) -> tuple[Window, Window]:
    """Where `part` lies on `image`, as a window of the picture and one of the part; both may be empty."""
    left, top = part.offset[0] - image.offset[0], part.offset[1] - image.offset[1]
    first_x, first_y = max(left, 0), max(top, 0)
    last_x = max(min(left + part.width, image.width), first_x)
    last_y = max(min(top + part.height, image.height), first_y)
    there = slice(first_y, last_y), slice(first_x, last_x)
    here = slice(first_y - top, last_y - top), slice(first_x - left, last_x - left)
    return there, here


def _over(below: NDArray[np.uint8], above: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    weight = alpha[..., None].astype(np.float32) / 255
    return np.round(above * weight + below * (1 - weight)).astype(np.uint8)
