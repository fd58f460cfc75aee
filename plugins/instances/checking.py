"""What is asked of annotations and detections before anything is measured: each mistake is told with its place."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import UserError
from plugins.instances.filled import check_filled, check_mask

if TYPE_CHECKING:
    from plugins.instances.truth import Record, Truth

_LEAST_CORNERS = 3
_MOST = 2**63
"""What columns of 64 bits can hold."""
_SHOWN = 60


def member(entry: Any, key: str, where: str) -> Any:
    """A field of an entry; raises `UserError` where it has none."""
    if not isinstance(entry, dict) or key not in entry:
        raise UserError(f"{where} has no '{key}'.")
    return entry[key]


def check_result(entry: Any, where: str, truth: Truth | None) -> None:
    """Raise `UserError` if a detection lacks something, or is about another data set."""
    _check_ids(entry, where)
    score = member(entry, "score", where)
    if not _is_number(score):
        raise UserError(f"{where} has the score {_shown(score)}, expected a number.")
    if "bbox" not in entry and "segmentation" not in entry:
        raise UserError(f"{where} has neither 'bbox' nor 'segmentation'.")
    if "bbox" in entry:
        check_box(entry["bbox"], where)
    if truth is not None:
        _check_known(entry, where, truth)
    if "segmentation" in entry:
        _check_mask(entry["segmentation"], None if truth is None else truth.images[entry["image_id"]], where)


def check_id(entry: Any, key: str, where: str) -> int:
    """The number of something; raises `UserError` where an entry has none, or what is no whole number of 64 bits."""
    number: Any = member(entry, key, where)
    if not (type(number) is int and -_MOST <= number < _MOST):
        raise UserError(f"{where} has the {key} {_shown(number)}, expected a whole number.")
    return number


def check_picture(entry: Record, where: str) -> None:
    """Raise `UserError` if what a picture says beside its id cannot be used; it may leave out all of it."""
    for side in ("width", "height"):
        if side in entry and not (_is_number(entry[side]) and entry[side] > 0):
            raise UserError(f"{where} has the {side} {_shown(entry[side])}, expected a number of pixels.")
    for known in ("neg_category_ids", "not_exhaustive_category_ids"):  # of LVIS
        numbers = entry.get(known, [])
        if not (isinstance(numbers, list) and all(type(number) is int for number in numbers)):
            raise UserError(f"{where} has the {known} {_shown(numbers)}, expected a list of whole numbers.")


def _check_ids(entry: Any, where: str) -> None:
    for key in ("image_id", "category_id"):
        check_id(entry, key, where)


def check_box(box: Any, where: str) -> None:
    """Raise `UserError` for anything but x, y, width, height, the last two not negative."""
    if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box)) and min(box[2:]) >= 0):
        raise UserError(f"{where} has the bbox {_shown(box)}, expected [x, y, width, height] in pixels.")


def _check_known(entry: Record, where: str, truth: Truth) -> None:
    if entry["image_id"] not in truth.images:
        raise UserError(
            f"{where} is about picture {entry['image_id']}, which {truth.source} does not have: "
            "are these the results of another data set?"
        )
    if entry["category_id"] not in truth.categories:
        raise UserError(f"{where} has the category {entry['category_id']}, which {truth.source} does not have.")


def _check_mask(mask: Any, image: Record | None, where: str) -> None:
    """The library that counts trusts what it reads: a mask must be of its picture's size, where that is known."""
    if not (isinstance(mask, dict) and _is_text(mask.get("counts")) and _is_size(mask.get("size"))):
        raise UserError(f"{where} has a segmentation that is no compressed run lengths, {{'size', 'counts'}}.")
    if image is None:
        return
    expected = [image.get("height"), image.get("width")]
    if mask["size"] != expected:
        raise UserError(f"{where} has a mask of {mask['size']}, its picture has (height, width) {expected}.")


def _is_text(counts: Any) -> bool:
    return isinstance(counts, str) and bool(counts) and counts.isascii()


def _is_size(size: Any) -> bool:
    return isinstance(size, list) and len(size) == 2 and all(type(side) is int and 0 < side < _MOST for side in size)


def complete_annotation(entry: Any, number: int, truth: Truth) -> Record:
    """An annotation with every field that the metrics read, numbered from 1: they take the id 0 for "nothing"."""
    where = _called(truth.source, entry, number)
    _check_ids(entry, where)
    check_box(member(entry, "bbox", where), where)
    if entry["image_id"] not in truth.images:
        raise UserError(f"{where} is about picture {entry['image_id']}, which is not among the file's 'images'.")
    if entry["category_id"] not in truth.categories:
        raise UserError(f"{where} has the category {entry['category_id']}, which is not among the file's 'categories'.")
    found = {"iscrowd": 0, "area": entry["bbox"][2] * entry["bbox"][3], **entry, "id": number}
    if found["iscrowd"] not in (0, 1):
        raise UserError(f"{where} has the iscrowd {found['iscrowd']!r}, expected 0 or 1.")
    if not _is_number(found["area"]) or found["area"] < 0:
        raise UserError(f"{where} has the area {found['area']!r}, expected a number of pixels.")
    if found.get("segmentation"):
        _check_outline(found["segmentation"], truth.images[found["image_id"]], where)
    return found


def _called(source: Path, entry: Any, number: int) -> str:
    """An annotation by its own id, or by its place where it has none."""
    return f"{source}: annotation {entry.get('id', number) if isinstance(entry, dict) else number}"


def _check_outline(outline: Any, image: Record, where: str) -> None:
    """Polygons, or run lengths of the picture's size: what the library that counts can read."""
    expected = [image.get("height"), image.get("width")]
    if not all(type(side) is int and side > 0 for side in expected):
        raise UserError(f"{where} has an outline, but its picture {image['id']} no height and width in whole numbers.")
    if isinstance(outline, list) and all(map(_is_polygon, outline)):
        return
    if not (isinstance(outline, dict) and outline.get("size") == expected):
        raise UserError(
            f"{where} has a segmentation that is neither polygons, [[x, y, x, y, x, y, ...], ...], nor run lengths of "
            f"(height, width) {expected}."
        )
    if not (isinstance(outline.get("counts"), str) and outline["counts"]):
        check_mask(outline, where)


def check_texts(truth: Truth, given: list[Record]) -> None:
    """Compressed run lengths, all at once: one by one they would take longer than the metrics."""
    masked = [entry for entry in truth.annotations if isinstance(entry.get("segmentation"), dict)]
    packed = [entry for entry in masked if isinstance(entry["segmentation"].get("counts"), str)]
    check_filled(
        [entry["segmentation"] for entry in packed],
        lambda place: _called(truth.source, given[packed[place]["id"] - 1], packed[place]["id"]),
    )


def _is_polygon(part: Any) -> bool:
    numbers = isinstance(part, list) and set(map(type, part)) <= {int, float}
    return numbers and len(part) >= 2 * _LEAST_CORNERS and len(part) % 2 == 0 and _are_finite(part)


def _are_finite(numbers: list[float]) -> bool:
    """The same as `_is_number` of each, for long lists."""
    try:
        return all(map(isfinite, numbers))
    except OverflowError:  # a whole number that no float can hold
        return False


def _is_number(value: Any) -> bool:
    """A float can hold it; JSON knows larger ones, NaN and Infinity."""
    return type(value) in (int, float) and -sys.float_info.max <= value <= sys.float_info.max


def _shown(value: Any) -> str:
    """A value as it stands in the file, not a page of it."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
