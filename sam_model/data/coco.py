"""Pictures with instance masks in COCO's format: one JSON file of polygons and run lengths, one folder of pictures."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sam_model.data.dataset import AnnotatedPicture, Outline, require_pictures
from sam_model.errors import DatasetError, MaskError
from sam_model.ops.rle import Rle

CROWD = "crowd regions"
EMPTY = "annotations without an outline"
MISSING = "pictures without a file"
BARE = "pictures without a mask"


class CocoInstances:
    """The pictures of a COCO file that have a mask and a file, in the order of the JSON.

    Crowd regions are no things and are left out, as are annotations without an outline, pictures that are not in the
    folder and pictures without a mask: `left_out` counts them.
    """

    def __init__(self, images: str | PathLike[str], annotations: str | PathLike[str]) -> None:
        """Read the annotations and look which pictures are there.

        Raises:
            DatasetError: when the file cannot be read, an annotation is malformed, or nothing is left.
        """
        self.folder, source = Path(images), Path(annotations)
        self.left_out: Counter[str] = Counter()
        content = _read(source)
        outlines = self._outlines(content["annotations"], source)
        self._pictures = [
            picture for entry in content["images"] if (picture := self._picture(entry, outlines, source)) is not None
        ]
        require_pictures(self._pictures, source, self.left_out)

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int, /) -> AnnotatedPicture:
        return self._pictures[index]

    def _outlines(self, annotations: list[Any], source: Path) -> Mapping[Any, list[Outline]]:
        found: dict[Any, list[Outline]] = defaultdict(list)
        for number, entry in enumerate(annotations):
            where = f"{source}: annotation {_name(entry, number)}"
            segmentation, picture = _member(entry, "segmentation", where), _id(entry, "image_id", where)
            if entry.get("iscrowd"):
                self.left_out[CROWD] += 1
            elif (outline := _outline(segmentation, where)) is None:
                self.left_out[EMPTY] += 1
            else:
                found[picture].append(outline)
        return found

    def _picture(self, entry: Any, outlines: Mapping[Any, list[Outline]], source: Path) -> AnnotatedPicture | None:
        where = f"{source}: a picture"
        own = outlines.get(_id(entry, "id", where), ())
        path = self.folder / str(_member(entry, "file_name", where))
        size = _side(entry, "height", where), _side(entry, "width", where)
        if not own:
            self.left_out[BARE] += 1
            return None
        if not path.is_file():
            self.left_out[MISSING] += 1
            return None
        for outline in own:
            if isinstance(outline, Rle) and (outline.height, outline.width) != size:
                raise DatasetError(f"{source}: a mask of {path.name} is {outline.width}x{outline.height} pixels, "
                                   f"the picture {size[1]}x{size[0]}")  # fmt: skip
        return AnnotatedPicture(path, size, tuple(own))


def _read(source: Path) -> Mapping[str, list[Any]]:
    try:
        content = json.loads(source.read_bytes())
    except OSError as error:
        raise DatasetError(f"{source} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{source} is no JSON: {error}") from error
    parts = ("images", "annotations")
    if not (isinstance(content, dict) and all(isinstance(content.get(part), list) for part in parts)):
        raise DatasetError(f"{source} is no COCO file: expected a mapping with lists 'images' and 'annotations'")
    return content


def _outline(segmentation: Any, where: str) -> Outline | None:
    """Polygons of at least three corners, or run lengths; None where there is neither."""
    if not isinstance(segmentation, list):
        try:
            rle = Rle.from_coco(segmentation)
        except MaskError as error:
            raise DatasetError(f"{where}: {error}") from error
        return rle if rle.area else None
    rings = [_ring(flat, where) for flat in segmentation]
    return tuple(ring for ring in rings if len(ring) > 2) or None


def _ring(flat: Any, where: str) -> Float[np.ndarray, "corners 2"]:
    try:
        numbers = np.asarray(flat, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.array(np.nan)
    if numbers.ndim != 1 or len(numbers) % 2 or not np.isfinite(numbers).all():
        raise DatasetError(f"{where}: a polygon must be a flat list [x, y, x, y, ...] of numbers")
    return numbers.reshape(-1, 2)


def _member(entry: Any, key: str, where: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise DatasetError(f"{where} has no '{key}'")
    return entry[key]


def _id(entry: Any, key: str, where: str) -> int | str:
    value = _member(entry, key, where)
    if not isinstance(value, int | str):
        raise DatasetError(f"{where} has the {key} {value!r}: expected a number")
    return value


def _side(entry: Any, key: str, where: str) -> int:
    value = _member(entry, key, where)
    if not isinstance(value, int) or value < 1:
        raise DatasetError(f"{where} has the {key} {value!r}: expected a number of pixels")
    return value


def _name(entry: Any, number: int) -> str:
    return str(entry["id"]) if isinstance(entry, dict) and "id" in entry else f"number {number + 1}"
