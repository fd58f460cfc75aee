"""Truth that people keep in folders: YOLO's labels and LabelMe's files, with boxes or outlines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.nodes.export import run_lengths
from plugins.instances.truth import Record, Truth, read_truth

PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
OUTSIDE = 0.01
"""How far, as a share of the picture, rounding may carry a coordinate out of it."""
_CIRCLE_CORNERS = 64


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
        for kind, points in _yolo_lines(_label_of(file), names):
            box = len(points) == 2
            pixels = points * (width, height)
            corners = np.stack([pixels[0] - pixels[1] / 2, pixels[0] + pixels[1] / 2]) if box else pixels
            annotations.append(_annotation(number, kind + 1, [corners], (height, width), outline=not box))
    categories = {kind + 1: {"id": kind + 1, "name": name} for kind, name in names.items()}
    return Truth(path, images, categories, _numbered(annotations), folder)


def read_labelme(folder: Path) -> Truth:
    """All of LabelMe's files in a folder.

    Polygons and circles are outlines, rectangles boxes; shapes that share a label and a group are one thing. Points and
    lines have no area and are left out. Raises `UserError`.
    """
    images: dict[int, Record] = {}
    annotations: list[tuple[int, str, list[NDArray[np.float64]], tuple[int, int], bool]] = []
    for number, file in enumerate(_labelme_files(folder), start=1):
        content = _labelme_content(file)
        picture = file.parent / PureWindowsPath(content["imagePath"]).as_posix()
        width, height = content.get("imageWidth"), content.get("imageHeight")
        if not (width and height):
            width, height = size_of(picture)
        name = os.path.relpath(picture, folder)
        images[number] = {"id": number, "file_name": name, "width": width, "height": height}
        for label, parts, outline in _things(content["shapes"], file):
            annotations.append((number, label, parts, (height, width), outline))
    names = sorted({label for _, label, *_ in annotations})
    numbers = {name: number for number, name in enumerate(names, start=1)}
    entries = [
        _annotation(number, numbers[label], parts, size, outline=outline)
        for number, label, parts, size, outline in annotations
    ]
    if not names:
        raise UserError(f"{folder} has nothing marked: no data.yaml, and no shape in any of LabelMe's files.")
    categories = {number: {"id": number, "name": name} for name, number in numbers.items()}
    return Truth(folder, images, categories, _numbered(entries), folder)


def _annotation(
    picture: int, category: int, parts: Sequence[NDArray[np.float64]], size: tuple[int, int], *, outline: bool
) -> Record:
    """A thing of corners in pixels. Outlines are filled as these formats' tools do: corners are indices of pixels."""
    entry: Record = {"image_id": picture, "category_id": category, "iscrowd": 0}
    if not outline:
        limits = np.array([size[1], size[0]])
        left_top, right_bottom = (np.clip(end, 0, limits) for end in (parts[0].min(axis=0), parts[0].max(axis=0)))
        sides = right_bottom - left_top
        return {**entry, "bbox": [*left_top.tolist(), *sides.tolist()], "area": float(sides.prod())}
    mask = _filled(parts, size)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = [columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]]
    return {**entry, "bbox": list(map(int, box)), "area": int(mask.sum()), "segmentation": run_lengths(mask)}


def _filled(parts: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> NDArray[np.bool_]:
    import cv2

    canvas = np.zeros(size, np.uint8)
    limits = np.array([size[1] - 1, size[0] - 1])
    for part in parts:
        cv2.fillPoly(canvas, [np.clip(np.floor(part), 0, limits).astype(np.int32)], (1,))
    return canvas.astype(np.bool_)


def _numbered(annotations: Iterable[Record]) -> list[Record]:
    return [{**entry, "id": number} for number, entry in enumerate(annotations, start=1)]


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


def _yolo_lines(path: Path, names: Mapping[int, str]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """The class and the points, as shares of the picture, of each line."""
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
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
        yield int(kind), np.array(values).reshape(-1, 2)


def _labelme_files(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.json"))
    if not files:
        raise UserError(f"{folder} is no data set: no data.yaml of YOLO and no .json of LabelMe.")
    return files


def _labelme_content(path: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}.") from error
    if not (isinstance(content, dict) and isinstance(content.get("shapes"), list) and content.get("imagePath")):
        raise UserError(f"{path} is no file of LabelMe: expected 'shapes' and 'imagePath'.")
    return content


def _things(shapes: Sequence[Any], path: Path) -> Iterator[tuple[str, list[NDArray[np.float64]], bool]]:
    """Label, parts in pixels, and whether they are outlines."""
    groups: dict[tuple[str, Any], list[NDArray[np.float64]]] = {}
    for place, shape in enumerate(shapes, start=1):
        try:
            label, kind = str(shape["label"]), shape.get("shape_type") or "polygon"
            points = np.array(shape["points"], np.float64).reshape(-1, 2)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path}: shape {place} needs a label and points.") from error
        if kind == "rectangle":
            yield label, [points], False
        elif kind in {"polygon", "circle"} and len(points) >= 2:
            group = shape.get("group_id")
            key = (label, f"alone {place}" if group is None else group)
            groups.setdefault(key, []).append(points if kind == "polygon" else _circle(*points[:2]))
    for (label, _), parts in groups.items():
        yield label, parts, True


def _circle(centre: NDArray[np.float64], edge: NDArray[np.float64]) -> NDArray[np.float64]:
    turns = np.linspace(0, 2 * np.pi, _CIRCLE_CORNERS, endpoint=False)
    around: NDArray[np.float64] = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    circle: NDArray[np.float64] = centre + np.hypot(*(edge - centre)) * around
    return circle


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown: its header is read, not its pixels."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            turned = (picture.getexif().get(0x0112) or 1) >= 5
            return (picture.height, picture.width) if turned else (picture.width, picture.height)
    except OSError as error:
        raise UserError(f"{path} cannot be read as a picture.") from error
