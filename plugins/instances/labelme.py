"""Truth of LabelMe: a JSON file beside each picture, with boxes or outlines.

The format is that of https://github.com/wkentaro/labelme (`labelme/_label_file.py`, `labelme/utils/shape.py`).
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.upright import DAMAGE
from plugins.instances.marked import boxed, filled, numbered, outlined, size_of
from plugins.instances.truth import Record, Truth

_CIRCLE_CORNERS = 64
_CORNERS = 2
"""What a rectangle, a circle and a mask have, and an outline at least."""
_KINDS = ("rectangle", "polygon", "circle", "mask")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """One entry of a file's `shapes`; points `(k, 2)` are in pixels of the picture."""

    label: str
    kind: str
    points: NDArray[np.float64]
    group: str | int | None
    content: Record
    where: str


def read_labelme(folder: Path) -> Truth:
    """All of LabelMe's files in a folder.

    Polygons, circles and masks are outlines, rectangles boxes; shapes that share a label and a group are one thing.
    Points, lines and what else has no area are left out, and told.

    Raises:
        UserError: when there is no such file, one is of another format, or nothing is marked.
    """
    images: dict[int, Record] = {}
    marked: list[tuple[str, Record]] = []
    left_out = Counter[str]()
    for number, file in enumerate(_files(folder), start=1):
        content = _content(file)
        picture = file.parent / PureWindowsPath(content["imagePath"]).as_posix()
        width, height = _size(content, file, picture)
        name = os.path.relpath(picture, folder)
        images[number] = {"id": number, "file_name": name, "width": width, "height": height}
        shapes = [_shape(shape, f"{file}: shape {place}") for place, shape in enumerate(content["shapes"], start=1)]
        left_out.update(shape.kind for shape in shapes if not _has_area(shape))
        things = _things([shape for shape in shapes if _has_area(shape)], (height, width))
        marked += [(label, {"image_id": number, **thing}) for label, thing in things]
    if left_out:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(left_out.items()))
        _LOG.warning("%s has shapes without an area, which are left out: %s.", folder, kinds)
    return _truth(folder, images, marked)


def _truth(folder: Path, images: dict[int, Record], marked: list[tuple[str, Record]]) -> Truth:
    names = sorted({label for label, _ in marked})
    if not names:
        raise UserError(f"{folder} has nothing marked: no data.yaml, and no shape in any of LabelMe's files.")
    numbers = {name: number for number, name in enumerate(names, start=1)}
    categories = {number: {"id": number, "name": name} for name, number in numbers.items()}
    annotations = numbered({**thing, "category_id": numbers[label]} for label, thing in marked)
    return Truth(folder, images, categories, annotations, folder)


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.json"))
    if not files:
        raise UserError(f"{folder} is no data set: no data.yaml of YOLO and no .json of LabelMe.")
    return files


def _content(path: Path) -> Record:
    try:
        content: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}.") from error
    named = isinstance(content, dict) and isinstance(content.get("imagePath"), str) and content["imagePath"]
    if not (named and isinstance(content.get("shapes"), list)):
        raise UserError(f"{path} is no file of LabelMe: expected 'shapes' and 'imagePath'.")
    found: Record = content
    return found


def _size(content: Record, file: Path, picture: Path) -> tuple[int, int]:
    """Width and height as the file has them, or those of the picture where it leaves one open."""
    sides = content.get("imageWidth"), content.get("imageHeight")
    if not all(sides):
        return size_of(picture)
    width, height = (side if type(side) is int else 0 for side in sides)
    if width < 1 or height < 1:
        raise UserError(f"{file} has the size {sides[0]!r}x{sides[1]!r}, expected whole numbers of pixels.")
    return width, height


def _shape(shape: Any, where: str) -> _Shape:
    try:
        label, kind, group = str(shape["label"]), str(shape.get("shape_type") or "polygon"), shape.get("group_id")
        points = np.array(shape["points"], np.float64).reshape(-1, 2)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(f"{where} needs a label and points.") from error
    if not np.isfinite(points).all():
        raise UserError(f"{where} needs points in numbers of pixels.")
    if not isinstance(group, str | int | None):
        raise UserError(f"{where} has the group_id {group!r}, expected a number.")
    return _Shape(label, kind, points, group, shape, where)


def _has_area(shape: _Shape) -> bool:
    return shape.kind in _KINDS and len(shape.points) >= _CORNERS


def _things(shapes: list[_Shape], size: tuple[int, int]) -> Iterator[tuple[str, Record]]:
    """The label of each thing, and its box or its outline."""
    groups: dict[tuple[str, Any], list[_Shape]] = defaultdict(list)
    for shape in shapes:
        if shape.kind == "rectangle":
            yield shape.label, boxed(shape.points, size)
        else:
            groups[shape.label, shape.where if shape.group is None else shape.group].append(shape)
    for (label, _), parts in groups.items():
        mask = np.logical_or.reduce([_mask(part, size) for part in parts])
        yield label, outlined(mask, parts[0].where)


def _mask(shape: _Shape, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels `(H, W)` of a shape that is an outline."""
    match shape.kind:
        case "mask":
            return _placed(shape, size)
        case "circle":
            return filled(_circle(*shape.points[:2]), size)
        case _:
            return filled(shape.points, size)


def _circle(centre: NDArray[np.float64], edge: NDArray[np.float64]) -> NDArray[np.float64]:
    turns = np.linspace(0, 2 * np.pi, _CIRCLE_CORNERS, endpoint=False)
    around: NDArray[np.float64] = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    circle: NDArray[np.float64] = centre + np.hypot(*(edge - centre)) * around
    return circle


def _placed(shape: _Shape, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask that LabelMe keeps as a PNG of its box, which begins at the first of its two points."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(shape.content["mask"], validate=True)), formats=["PNG"]) as picture:
            pixels = np.asarray(picture.convert("L")) > 0
    except (Image.DecompressionBombError, *DAMAGE) as error:
        raise UserError(f"{shape.where} needs a mask: a PNG as base64 text.") from error
    left, top = np.clip(np.floor(shape.points[0]), 0, size[::-1]).astype(int)
    whole = np.zeros(size, np.bool_)
    seen = pixels[: size[0] - top, : size[1] - left]
    whole[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    return whole
