"""A COCO file that grows picture by picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import OutputError

_PARTS = ("images", "categories", "annotations")


def with_picture(path: Path, one: Mapping[str, Any]) -> dict[str, Any]:
    """The data set in `path` and the picture of `one`, which takes the place of an earlier one of the same file name.

    Categories are the same where their names are; ids of what is there already stay. A missing file is an empty data
    set. Raises `OutputError` for a file that is no COCO data set.
    """
    known = _read(path)
    (image,) = one["images"]
    same = [each["id"] for each in known["images"] if image["file_name"] and each["file_name"] == image["file_name"]]
    number = same[0] if same else _next_id(known["images"])
    categories = [*known["categories"], *_new_categories(known["categories"], one["categories"])]
    by_name = {each["name"]: each["id"] for each in categories}
    # A number is free again with the annotation that had it: the last picture, done again, leaves the file as it was.
    others = [each for each in known["annotations"] if each["image_id"] != number]
    return {
        **known,
        "images": [*(each for each in known["images"] if each["id"] != number), {**image, "id": number}],
        "categories": categories,
        "annotations": [*others, *_renumbered(one, number, _next_id(others), by_name)],
    }


def _new_categories(known: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    names = {each["name"] for each in known}
    new = [each["name"] for each in wanted if each["name"] not in names]
    return [{"id": number, "name": name} for number, name in enumerate(new, start=_next_id(known))]


def _renumbered(one: Mapping[str, Any], image: int, first: int, categories: Mapping[str, int]) -> list[dict[str, Any]]:
    names = {each["id"]: each["name"] for each in one["categories"]}
    return [
        {**each, "id": number, "image_id": image, "category_id": categories[names[each["category_id"]]]}
        for number, each in enumerate(one["annotations"], start=first)
    ]


def _next_id(known: Sequence[Mapping[str, Any]]) -> int:
    return max((each["id"] for each in known), default=0) + 1


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"info": {}, "licenses": [], **{part: [] for part in _PARTS}}
    fault = OutputError(f"{path} is no COCO data set that a picture could be added to. Give another path.")
    try:
        known = json.loads(path.read_bytes())
        parts = [known[part] for part in _PARTS]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise fault from error
    if not all(isinstance(part, list) and all(map(_is_entry, part)) for part in parts):
        raise fault
    return dict(known)


def _is_entry(each: Any) -> bool:
    return isinstance(each, dict) and isinstance(each.get("id"), int)
