"""What a run gives, written to a folder: pictures as PNG, detections as JSON, the rest in one JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import OutputError
from pipelines.files import check_writable, write_atomically
from pipelines.images import write_image
from pipelines.values import Detections, Image, Mask

VALUES = "values.json"
# What some file system reads as a folder, a drive or a pattern, and the sign that stands for it.
_NOT_IN_A_NAME = re.compile(r'[%/\\:*?"<>|\x00-\x1f\x7f]')


def check_folder(folder: Path) -> None:
    """Raise OutputError now if files could not be written into `folder` later."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"cannot write into {folder}: it is a file, not a folder. Give another path.")
    check_writable(folder / VALUES)


def write_outputs(outputs: Mapping[str, Any], folder: Path, *, prefix: str = "") -> list[Path]:
    """Write every output of a run and give the files, whose names begin with `prefix`.

    An output along an axis becomes one file for each key. Keys are any text, and a file system's own signs in them are
    written as in web addresses (`a/b` as `a%2Fb`): no key names another folder, no two of an axis the same file.
    """
    written = []
    values: dict[str, Any] = {}
    for name, value in _flattened(outputs):
        if (path := _write_file(f"{prefix}{name}", value, folder)) is None:
            values[name] = value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
        else:
            written.append(path)
    if values:
        write_json(values, path := folder / f"{prefix}{VALUES}")
        written.append(path)
    return written


def write_json(value: Any, path: Path) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_atomically(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def write_masks(detections: Detections, folder: Path) -> list[Path]:
    """One black-and-white PNG for each mask, named by its number and class."""
    names = detections.data["class_name"]
    paths = [folder / f"{index:03d}-{safe_name(str(name))}.png" for index, name in enumerate(names)]
    for path, mask in zip(paths, detections.mask if len(detections) else (), strict=True):
        write_image(_grey(mask), path)
    return paths


def safe_name(text: str) -> str:
    """Text as part of a file name: letters and digits kept, the rest dashes."""
    return "".join(letter if letter.isalnum() else "-" for letter in text).strip("-") or "thing"


def _flattened(outputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in outputs.items():
        if isinstance(value, Mapping):
            inner = {_in_a_name(key): item for key, item in value.items()}
            yield from ((f"{name}-{key}", item) for key, item in _flattened(inner))
        else:
            yield name, value


def _in_a_name(key: str) -> str:
    return _NOT_IN_A_NAME.sub(lambda sign: f"%{ord(sign[0]):02X}", key)


def _write_file(name: str, value: Any, folder: Path) -> Path | None:
    """Write a value that is a file of its own; None for one that is not."""
    match value:
        case Image():
            write_image(value, path := folder / f"{name}.png")
        case Mask():
            write_image(_grey(value.array), path := folder / f"{name}.png")
        case _ if isinstance(value, Detections):
            write_json(_listed(value), path := folder / f"{name}.json")
        case _:
            return None
    return path


def _listed(detections: Detections) -> list[dict[str, Any]]:
    """Detections as plain objects: name, score, box x0 y0 x1 y1 in pixels, mask as COCO's compressed run lengths."""
    from pipelines.nodes.export import run_lengths
    from pipelines.nodes.selection import names_of, scores_of

    masks = [None] * len(detections) if detections.mask is None else [run_lengths(mask) for mask in detections.mask]
    rows = zip(names_of(detections), scores_of(detections), detections.xyxy, masks, strict=True)
    return [
        {"class_name": str(name), "score": float(score), "box": box.tolist(), "segmentation": mask}
        for name, score, box, mask in rows
    ]


def _grey(mask: np.ndarray) -> Image:
    """A mask as a picture: white where it is."""
    levels = np.rint(mask.astype(np.float32) * 255).astype(np.uint8)
    return Image(np.repeat(levels[..., None], 3, axis=2))
