"""Records of SA-1B: one JSON file beside each picture, with its masks (https://ai.meta.com/datasets/segment-anything).

record = read_record(Path("sa_223750.json"))
masks = decode([mask.segmentation for mask in record.annotations], height=record.image.height, width=record.image.width)
"""

from __future__ import annotations

import json
import reprlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sam_model.errors import MaskError, RecordError
from sam_model.ops.rle import Rle


@dataclass(frozen=True, kw_only=True)
class Sa1bImage:
    """The picture that a record describes."""

    image_id: int
    width: int
    height: int
    file_name: str


@dataclass(frozen=True, kw_only=True)
class Sa1bAnnotation:
    """One mask. Boxes are (left, top, width, height) in pixels of the picture, points (x, y)."""

    id: int
    segmentation: Rle
    bbox: tuple[float, float, float, float]
    area: int
    predicted_iou: float
    """The model's own guess how well the mask fits."""
    stability_score: float
    """IoU between the masks at a higher and a lower threshold."""
    crop_box: tuple[float, float, float, float]
    """The crop of the picture that the model saw."""
    point_coords: tuple[tuple[float, float], ...]
    """The points that the model was given."""


@dataclass(frozen=True, kw_only=True)
class Sa1bRecord:
    """A picture and its masks, possibly none."""

    image: Sa1bImage
    annotations: tuple[Sa1bAnnotation, ...]


def read_record(path: Path) -> Sa1bRecord:
    """Read a JSON file of SA-1B.

    Raises:
        RecordError: when there is no such file, it is not JSON, or it lacks or misuses a field; it says which.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # also what is not UTF-8
        raise RecordError(f"{path}: not a JSON file ({error})") from error
    try:
        return parse_record(document)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def write_record(record: Sa1bRecord, path: Path) -> None:
    """Write a JSON file of SA-1B, whole or not at all; missing folders are made.

    Raises:
        RecordError: when it cannot be written.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(record_document(record)), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror or error}") from error


def record_document(record: Sa1bRecord) -> dict[str, Any]:
    """Give the record as the JSON of SA-1B has it."""
    return {"image": dict(vars(record.image)), "annotations": [_document(mask) for mask in record.annotations]}


def _document(mask: Sa1bAnnotation) -> dict[str, Any]:
    return {
        **vars(mask),
        "segmentation": mask.segmentation.to_coco(),
        "bbox": list(mask.bbox),
        "crop_box": list(mask.crop_box),
        "point_coords": [list(point) for point in mask.point_coords],
    }


def parse_record(document: object) -> Sa1bRecord:
    """Take the content of a JSON file of SA-1B; fields that are not SA-1B's own are passed over.

    Raises:
        RecordError: naming the first field that is missing or misused.
    """
    record = _Fields(document, "the record")
    image = _image(_Fields(record.take("image"), "image"))
    entries = record.take("annotations")
    if not isinstance(entries, list):
        raise RecordError(f"annotations must be a list, not {type(entries).__name__}")
    fields = (_Fields(entry, f"annotation {place}") for place, entry in enumerate(entries))
    return Sa1bRecord(image=image, annotations=tuple(_annotation(entry, image) for entry in fields))


@dataclass(frozen=True)
class _Fields:
    """An object of the JSON whose fields are checked as they are taken."""

    content: object
    where: str

    def take(self, name: str) -> Any:
        if not isinstance(self.content, Mapping):
            raise RecordError(f"{self.where} must be an object with named fields, not {type(self.content).__name__}")
        if name not in self.content:
            raise RecordError(f"{self.where} has no '{name}'")
        return self.content[name]

    def number(self, name: str) -> float:
        return float(self._checked(name, _is_number, "a number"))

    def count(self, name: str) -> int:
        return int(self._checked(name, _is_count, "a whole number, not negative"))

    def side(self, name: str) -> int:
        return int(self._checked(name, _is_side, "a number of pixels above 0"))

    def text(self, name: str) -> str:
        return str(self._checked(name, _is_text, "text"))

    def box(self, name: str) -> tuple[float, float, float, float]:
        left, top, width, height = map(float, self._checked(name, _is_box, "[left, top, width, height]"))
        return left, top, width, height

    def points(self, name: str) -> tuple[tuple[float, float], ...]:
        return tuple((float(x), float(y)) for x, y in self._checked(name, _are_points, "a list of [x, y] points"))

    def _checked(self, name: str, fits: Callable[[object], bool], wanted: str) -> Any:
        value = self.take(name)
        if not fits(value):
            raise RecordError(f"{self.where}: '{name}' must be {wanted}, not {reprlib.repr(value)}")
        return value


def _image(fields: _Fields) -> Sa1bImage:
    return Sa1bImage(
        image_id=fields.count("image_id"),
        width=fields.side("width"),
        height=fields.side("height"),
        file_name=fields.text("file_name"),
    )


def _annotation(fields: _Fields, image: Sa1bImage) -> Sa1bAnnotation:
    return Sa1bAnnotation(
        id=fields.count("id"),
        segmentation=_segmentation(fields, image),
        bbox=fields.box("bbox"),
        area=fields.count("area"),
        predicted_iou=fields.number("predicted_iou"),
        stability_score=fields.number("stability_score"),
        crop_box=fields.box("crop_box"),
        point_coords=fields.points("point_coords"),
    )


def _segmentation(fields: _Fields, image: Sa1bImage) -> Rle:
    try:
        rle = Rle.from_coco(fields.take("segmentation"))
    except MaskError as error:
        raise RecordError(f"{fields.where}: {error}") from error
    if (rle.width, rle.height) != (image.width, image.height):
        sizes = f"{rle.width}x{rle.height} pixels, the picture {image.width}x{image.height}"
        raise RecordError(f"{fields.where}: its mask has {sizes}")
    return rle


def _is_number(value: object) -> bool:
    """Whether a float can hold it; JSON knows larger ones, NaN and Infinity."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_side(value: object) -> bool:
    return _is_count(value) and value != 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_box(value: object) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _are_points(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(point, list) and len(point) == 2 and all(map(_is_number, point)) for point in value
    )
