"""The results of one picture or of a folder of them, as one COCO file and one file of results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pipelines.files import write_atomically
from pipelines.nodes.export import run_lengths
from pipelines.nodes.selection import names_of as names_in
from pipelines.nodes.selection import scores_of
from pipelines.values import Detections, Image
from plugins.coco import CATEGORY_IDS, NAMES
from plugins.instances.boxes import names_of, truth_of
from plugins.instances.marked import size_of
from plugins.instances.segmenting import file_name
from plugins.instances.truth import Record, Truth

_MASKS = ".masks.json"
_COCO = dict(zip(NAMES, CATEGORY_IDS, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture that was looked at. What was found is asked for again and again: a folder's is never in memory."""

    name: str
    """Its file, relative to the folder of pictures."""
    size: tuple[int, int]
    """Width and height."""
    found: Callable[[], Iterable[Record]]
    """`class_name`, `score`, `box` as x0 y0 x1 y1 in pixels, and `segmentation` as run lengths, of each thing."""


def gather(pictures: Path, folder: Path, annotations: Path | None) -> None:
    """Write both files of all pictures of a folder whose masks lie in `folder`; one that was removed is left out."""
    done = sorted(name for name in _done(folder) if (pictures / name).is_file())
    if done:
        seen = [Seen(name, size_of(pictures / name), partial(_masks, folder, name)) for name in done]
        write_files(seen, folder, annotations)


def seen_now(photo: Image, masks: Detections) -> Seen:
    """A picture with masks that are in memory."""
    drawn = map(run_lengths, np.asarray(masks.mask, np.bool_))
    rows = zip(names_in(masks), scores_of(masks).tolist(), masks.xyxy.tolist(), drawn, strict=True)
    found = [dict(zip(("class_name", "score", "box", "segmentation"), row, strict=True)) for row in rows]
    return Seen(Path(photo.source or "").name, photo.size, lambda: found)


def write_files(seen: Sequence[Seen], folder: Path, annotations: Path | None) -> None:
    """Write `annotations.json` and `results.json`.

    Pictures and categories have the numbers of the data set, where one is given; otherwise pictures those in their
    names, or else 1, 2, 3..., and categories COCO's, or else 1, 2, 3... by name. Raises `OutputError`.
    """
    truth = truth_of(annotations)
    numbers = _numbers([picture.name for picture in seen], truth)
    categories = _categories({entry["class_name"] for picture in seen for entry in picture.found()}, truth)

    def results() -> Iterator[Record]:
        for picture in seen:
            for entry in picture.found():
                yield _result(entry, numbers[picture.name], categories)

    write_atomically(folder / "results.json", _list(results()))
    images = [_image(picture, numbers[picture.name]) for picture in seen]
    head = {"images": images, "categories": [{"id": number, "name": name} for name, number in categories.items()]}
    opening = json.dumps(head, ensure_ascii=False)[:-1] + ', "annotations": '
    write_atomically(
        folder / "annotations.json", chain([opening.encode()], _list(map(_annotation, _counted(results()))), [b"}\n"])
    )


def _done(folder: Path) -> Iterator[str]:
    """The pictures that have masks, by the journal of the folder."""
    from pipelines.batch.journal import JOURNAL, Record

    last: dict[str, Record] = {}
    with suppress(OSError), (folder / JOURNAL).open("rb") as lines:
        for line in lines:
            with suppress(ValueError, TypeError):
                record = Record.from_json(line)
                last[record.picture] = record
    for name, record in last.items():
        if record.status == "done" and _masks_of(folder, name).is_file():
            yield name


def _masks_of(folder: Path, name: str) -> Path:
    picture = PurePosixPath(name)
    return folder / picture.parent / f"{picture.stem}{_MASKS}"


def _masks(folder: Path, name: str) -> list[Record]:
    content: list[Record] = json.loads(_masks_of(folder, name).read_bytes())
    return content


def _numbers(done: Sequence[str], truth: Truth | None) -> Mapping[str, int]:
    known = {} if truth is None else {Path(file_name(image)).name: number for number, image in truth.images.items()}
    if all(PurePosixPath(name).name in known for name in done):
        return {name: known[PurePosixPath(name).name] for name in done}
    stems = [PurePosixPath(name).stem for name in done]
    if all(stem.isdecimal() for stem in stems) and len({int(stem) for stem in stems}) == len(stems):
        return {name: int(stem) for name, stem in zip(done, stems, strict=True)}
    return {name: number for number, name in enumerate(done, start=1)}


def _categories(found: set[str], truth: Truth | None) -> Mapping[str, int]:
    for known in ({} if truth is None else {name: number for number, name in names_of(truth).items()}, _COCO):
        if found and found <= known.keys():
            return {name: known[name] for name in sorted(found)}
    return {name: number for number, name in enumerate(sorted(found), start=1)}


def _image(picture: Seen, number: int) -> Record:
    width, height = picture.size
    return {"id": number, "file_name": picture.name, "width": width, "height": height}


def _result(entry: Record, number: int, categories: Mapping[str, int]) -> Record:
    left, top, right, bottom = entry["box"]
    return {
        "image_id": number,
        "category_id": categories[entry["class_name"]],
        "bbox": [left, top, right - left, bottom - top],
        "score": entry["score"],
        "segmentation": entry["segmentation"],
    }


def _counted(results: Iterable[Record]) -> Iterator[Record]:
    return ({"id": number, **result} for number, result in enumerate(results, start=1))


def _annotation(result: Record) -> Record:
    from sam_model.ops.rle import Rle

    return {**result, "area": Rle.from_coco(result["segmentation"]).area, "iscrowd": 0}


def _list(entries: Iterable[Any]) -> Iterator[bytes]:
    """A JSON list, one entry after another."""
    first = True
    for entry in entries:
        yield (b"[" if first else b",\n") + json.dumps(entry, ensure_ascii=False).encode()
        first = False
    yield b"[]" if first else b"]"
