"""Truth in any format that people keep it in; here that of YOLO: a folder of labels, with boxes or outlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from plugins.instances.labelme import read_labelme
from plugins.instances.marked import boxed, filled, numbered, outlined, size_of
from plugins.instances.truth import Record, Truth, read_truth

PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
OUTSIDE = 0.01
"""How far, as a share of the picture, rounding may carry a coordinate out of it."""


def read_annotations(path: Path) -> Truth:
    """Read annotations of COCO or LVIS, a YOLO data set (its folder or data.yaml) or a folder of LabelMe's files.

    Raises:
        UserError: when it is none of them, or a label is wrong; the text tells the file and the line.
    """
    if path.is_dir() and (path / "data.yaml").is_file():
        return read_yolo(path / "data.yaml")
    if path.suffix in {".yaml", ".yml"}:
        return read_yolo(path)
    return read_labelme(path) if path.is_dir() else read_truth(path)


def read_yolo(path: Path) -> Truth:
    """A YOLO data set by its data.yaml: the pictures of `val`, or else of `train`.

    A label of more than two points is an outline. A picture without labels is one of background. Category 1 is class 0.
    Raises `UserError`.
    """
    names, folder = _described(path)
    images: dict[int, Record] = {}
    annotations: list[Record] = []
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES)
    if not files:
        raise UserError(f"{path} leads to {folder}, where there are no pictures.")
    for number, file in enumerate(files, start=1):
        width, height = size_of(file)
        images[number] = {"id": number, "file_name": str(file.relative_to(folder)), "width": width, "height": height}
        for kind, points, where in _yolo_lines(_label_of(file), names):
            thing = _thing(points * (width, height), (height, width), where)
            annotations.append({"image_id": number, "category_id": kind + 1, **thing})
    categories = {kind + 1: {"id": kind + 1, "name": name} for kind, name in names.items()}
    return Truth(path, images, categories, numbered(annotations), folder)


def _thing(pixels: NDArray[np.float64], size: tuple[int, int], where: str) -> Record:
    """Two points are the centre and the sides of a box, more the corners of an outline."""
    if len(pixels) > 2:
        return outlined(filled(pixels, size), where)
    centre, sides = pixels
    return boxed(np.stack([centre - sides / 2, centre + sides / 2]), size)


def _described(path: Path) -> tuple[Mapping[int, str], Path]:
    """The names of the classes, and the folder of the pictures."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        given = content["names"]
        listed = given if isinstance(given, dict) else dict(enumerate(given))
        names = {int(number): str(name) for number, name in listed.items()}
        root = path.parent / str(content.get("path") or ".")
        folder = root / str(content.get("val") or content["train"])
    except (OSError, UnicodeDecodeError, YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no data.yaml of a YOLO data set: it needs 'names' and 'val' or 'train'.") from error
    if not folder.is_dir():
        raise UserError(f"{path} leads to {folder}, which is no folder.")
    return names, folder


def _label_of(picture: Path) -> Path:
    """`.../images/x/a.jpg` has its labels in `.../labels/x/a.txt`; without such a folder they lie beside it."""
    parts = list(picture.parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _lines(path: Path) -> list[str]:
    """The lines of a file; a file that is not there has none."""
    try:
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}.") from error


def _yolo_lines(path: Path, names: Mapping[int, str]) -> Iterator[tuple[int, NDArray[np.float64], str]]:
    """The class, the points as shares of the picture, and the place of each line."""
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path}: line {number}"
        try:
            kind, *values = (float(word) for word in line.split()) if line.split() else (0.0,)
        except ValueError as error:
            raise UserError(f"{where} is '{line[:40]}', expected numbers.") from error
        if not values:
            continue
        if kind not in names:
            raise UserError(f"{where} has the class {kind:g}, but data.yaml names {len(names)} classes from 0 on.")
        if len(values) != 4 and (len(values) < 6 or len(values) % 2):
            raise UserError(f"{where} has {len(values)} numbers after the class, expected 4 of a box or 6 and more.")
        if not all(-OUTSIDE <= value <= 1 + OUTSIDE for value in values):
            raise UserError(f"{where} has coordinates outside 0 to 1: they are shares of the picture's sides.")
        yield int(kind), np.array(values).reshape(-1, 2), where
