"""YOLO labels: one text file a picture, one line a thing, coordinates as shares of the picture's sides."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import OutputError, PortError, did_you_mean
from pipelines.files import write_atomically
from pipelines.images import write_image
from pipelines.nodes.naming import entry_of, file_of
from pipelines.nodes.outlines import whole_of
from pipelines.nodes.selection import names_of
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image

# Of a pixel: a reader meets this pixel whether it cuts the fraction off, as Ultralytics does, or rounds.
_INSIDE = 0.25
# Pictures of a folder are done on several threads, and the first of them settles the classes of all.
_ONE_AT_A_TIME = threading.Lock()


@node("export/yolo", version=1, cache=False)
def yolo(image: Image, boxes: Boxes, folder: Path, *, names: tuple[str, ...] = (), file: str | None = None) -> Path:
    """Add a picture and its labels to a YOLO data set, and give the path of the labels.

    The folder gets `images/`, `labels/` and a `data.yaml`. Boxes become detection labels, masks segmentation labels. A
    label has one polygon: parts of a mask are joined by lines of no width, as converters from COCO do, of which readers
    draw a line of pixels; holes are joined to the outline alike, and readers that fill by parity find them again.
    Scores are not kept, nor is a mask without a pixel: the format has no place for them. Raises OutputError when the
    folder cannot be written, has other classes, or a picture of that name from another file, and PortError for a name
    that is none of its classes.

    Args:
        image: the picture that the detections belong to.
        boxes: any detections, with masks or without; none give an empty file, a picture of background.
        folder: where the data set is.
        names: all classes of the data set, in order; by default those of its data.yaml, or else of this picture.
        file: name of the picture in the data set; by default that of the file it was read from.
    """
    picture = file_of(image, file)
    label = folder / "labels" / f"{picture.stem}.txt"
    with entry_of(image, label):
        with _ONE_AT_A_TIME:
            classes = _classes(folder, names, names_of(boxes))
            _write_classes(folder, classes)
        write_image(image, folder / "images" / picture.name)
        lines = _lines(image, boxes, [classes.index(name) for name in names_of(boxes)])
        write_atomically(label, "".join(f"{line}\n" for line in lines).encode())
    return label


def _classes(folder: Path, wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    """The classes of the data set, which must hold those of the picture."""
    known = _read_classes(folder / "data.yaml")
    classes = list(wanted) or known or list(dict.fromkeys(found))
    if known and known != classes:
        raise OutputError(
            f"{folder} has the classes {', '.join(known)}, not {', '.join(classes)}. Give another folder."
        )
    for name in found:
        if name not in classes:
            raise PortError(
                f"'{name}' is none of the classes {', '.join(classes)}. Give 'names', all classes of the data set, "
                f"before its first picture.{did_you_mean(name, classes)}"
            )
    return classes


def _read_classes(path: Path) -> list[str]:
    if not path.is_file():
        return []
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        names = (YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}).get("names", {})
    except (OSError, UnicodeDecodeError, YAMLError, AttributeError) as error:
        raise OutputError(f"{path} is no data.yaml of a YOLO data set. Give another folder.") from error
    return [str(names[key]) for key in sorted(names)] if isinstance(names, dict) else list(map(str, names))


def _write_classes(folder: Path, classes: Sequence[str]) -> None:
    """Write data.yaml; a JSON string is a YAML string, so that any name survives."""
    names = "".join(f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for number, name in enumerate(classes))
    text = f"path: .\ntrain: images\nval: images\nnames:{chr(10) + names if names else ' {}' + chr(10)}"
    write_atomically(folder / "data.yaml", text.encode())


def _lines(image: Image, boxes: Detections, classes: Sequence[int]) -> Iterator[str]:
    sides = np.array(image.size, np.float64)
    for row, number in enumerate(classes):
        if boxes.mask is None:
            left_top, right_bottom = np.asarray(boxes.xyxy[row], np.float64).reshape(2, 2)
            shares = np.stack([(left_top + right_bottom) / 2, right_bottom - left_top]) / sides
        else:
            shares = (whole_of(np.asarray(boxes.mask[row], np.bool_), "centres") + _INSIDE) / sides
        if shares.size:
            yield f"{number} {_numbers(shares)}"


def _numbers(shares: NDArray[np.float64]) -> str:
    return " ".join(f"{share:.6f}" for share in shares.reshape(-1))
