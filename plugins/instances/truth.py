"""What people marked, and what a detector found, as files of COCO or LVIS have it: checked where they come in."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from plugins.instances.checking import check_id, check_picture, check_texts, complete_annotation

Record = dict[str, Any]
FREQUENCIES = ("r", "c", "f")
"""Of LVIS's categories: rare, common, frequent."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A data set's annotations; `images` and `categories` by their ids."""

    source: Path
    images: Mapping[int, Record]
    categories: Mapping[int, Record]
    annotations: list[Record]
    pictures: Path | None = None
    """The folder of its pictures, where the data set says so."""

    @property
    def outlined(self) -> bool:
        """Whether every thing has an outline, so that masks can be measured."""
        return all(entry.get("segmentation") for entry in self.annotations)

    @property
    def is_lvis(self) -> bool:
        """Whether it says how frequent each category is: then only categories known to a picture are judged in it."""
        return all(category.get("frequency") in FREQUENCIES for category in self.categories.values())

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The id of each picture by the name of its file, without folders; the first of those of one name."""
        paths = {
            number: str(image.get("file_name", image.get("coco_url", ""))) for number, image in self.images.items()
        }
        return {Path(path).name: number for number, path in reversed(paths.items())}

    def without(self, pictures: Container[int]) -> Truth:
        """The same of fewer pictures."""
        images = {number: image for number, image in self.images.items() if number not in pictures}
        kept = [entry for entry in self.annotations if entry["image_id"] in images]
        return replace(self, images=images, annotations=kept)


def read_truth(path: Path) -> Truth:
    """Read annotations in the format of COCO or LVIS v1.

    Raises:
        UserError: when the file cannot be read, is of another format, or an annotation names what is not there.
    """
    content = _read(path)
    parts = ("images", "categories", "annotations")
    if not (isinstance(content, dict) and all(isinstance(content.get(part), list) for part in parts)):
        raise UserError(f"{path} is no COCO file: expected lists 'images', 'categories' and 'annotations'.")
    images, categories = (_by_id(content[part], f"{path}: an entry of '{part}'") for part in parts[:2])
    for image in images.values():
        check_picture(image, f"{path}: picture {image['id']}")
    if not categories:
        raise UserError(f"{path} has no categories, so there is nothing to measure.")
    truth = Truth(path, images, categories, [])
    for number, entry in enumerate(content["annotations"], start=1):
        truth.annotations.append(complete_annotation(entry, number, truth))
    check_texts(truth, content["annotations"])
    return truth


def _by_id(entries: list[Any], where: str) -> dict[int, Record]:
    found = {check_id(entry, "id", where): entry for entry in entries}
    if len(found) < len(entries):
        raise UserError(f"{where} has the id of another one: ids must differ.")
    return found


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}.") from error
