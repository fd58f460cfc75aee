"""Detections and masks for a whole data set, one picture after another: only run lengths are kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipelines.builder import Pipeline
from pipelines.errors import UserError
from pipelines.families import Model
from pipelines.graph import Graph
from pipelines.images import read_image
from pipelines.pool import ModelPool
from pipelines.registry import Registry
from pipelines.runner import run
from pipelines.values import Boxes, Detections, Image
from plugins.instances.boxes import detections_of, names_of
from plugins.instances.journal import Journal
from plugins.instances.nodes import records
from plugins.instances.results import Results
from plugins.instances.truth import Record, Truth

_LOG = logging.getLogger(__name__)
_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was found in a data set's pictures, and the same with Segment Anything's masks."""

    found: Results
    drawn: Results
    missing: set[int]
    """Pictures of the data set that nothing is known of: their files are not there."""


class Source(Protocol):
    """Where the boxes of a picture come from."""

    def pictures(self) -> Iterable[int]:
        """The pictures to look at."""
        ...

    def look(self, photo: Image, number: int) -> tuple[list[Record], list[Record]]:
        """The detections of a picture, and the same with Segment Anything's masks; scores are the detections'."""
        ...

    def unknown(self) -> Sequence[str]:
        """Classes that were found and that the data set lacks."""
        ...


class FromResults:
    """Boxes that another detector has found before."""

    def __init__(self, found: Results, truth: Truth, *, pool: ModelPool, refine: int) -> None:
        self._found, self._names, self._pool = found, names_of(truth), pool
        self._graph = mask_graph(refine)

    def pictures(self) -> Iterable[int]:
        return dict.fromkeys(self._found.pictures.tolist())

    def look(self, photo: Image, number: int) -> tuple[list[Record], list[Record]]:
        mine = [entry for entry in self._found.of_picture(number) if "bbox" in entry]
        boxes = detections_of(photo, mine, self._names)
        drawn = run(self._graph, {"photo": photo, "boxes": boxes}, pool=self._pool).outputs["masks"]
        return [], records(drawn, number)

    def unknown(self) -> Sequence[str]:
        return ()


class FromDetector:
    """Boxes that a detector finds now, with masks of its own where its node gives them."""

    def __init__(self, graph: Graph, truth: Truth, *, pool: ModelPool) -> None:
        self._graph, self._truth, self._pool = graph, truth, pool
        # A detector without names calls its classes by their numbers.
        self._numbers = {str(number): number for number in truth.categories}
        self._numbers |= {name.casefold(): number for number, name in names_of(truth).items()}
        self._unknown: dict[str, None] = {}

    def pictures(self) -> Iterable[int]:
        return self._truth.images

    def look(self, photo: Image, number: int) -> tuple[list[Record], list[Record]]:
        outputs = run(self._graph, {"photo": photo}, pool=self._pool).outputs
        drawn = self._records(outputs["masks"], number) if "masks" in outputs else []
        return self._records(outputs["found"], number), drawn

    def unknown(self) -> Sequence[str]:
        return list(self._unknown)

    def _records(self, found: Detections, number: int) -> list[Record]:
        """Detections of the data set's categories, under its numbers."""
        names = [str(name) for name in found.data.get("class_name", ())]
        results = []
        for name, entry in zip(names, records(found, number), strict=True):
            category = self._numbers.get(name.casefold())
            if category is None:
                self._unknown[name] = None
            else:
                results.append({**entry, "category_id": category})
        return results


def answers(
    source: Source, truth: Truth, folder: Path, *, journal: Journal | None, progress: Callable[[int, int], None]
) -> Answers:
    """Look at every picture of the source; those without a file are left out, those in the journal not looked at again.

    Of pictures that are in the journal no file is needed any more.

    Raises:
        UserError: when no picture lies in the folder, or one has another size than its annotations.
    """
    found, drawn, done = Results(), Results(), set[int]()

    def keep(line: Mapping[str, Any]) -> None:
        found.add(line["found"])
        drawn.add(line["drawn"])
        done.add(line["image_id"])

    for line in journal or ():
        keep(line)
    files, missing = present(truth, folder, done)
    wanted = [number for number in source.pictures() if number not in missing]
    for place, number in enumerate(wanted, start=1):
        if number not in done:
            mine = source.look(checked_picture(files[number], truth.images[number]), number)
            line = {"image_id": number, "found": mine[0], "drawn": mine[1]}
            keep(line)
            if journal is not None:
                journal.write(line)
        progress(place, len(wanted))
    if unknown := source.unknown():
        _LOG.warning("%s has no category %s; such detections are left out.", truth.source, _listed(unknown))
    return Answers(found, drawn, missing)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} others"


def present(truth: Truth, folder: Path, done: set[int]) -> tuple[Mapping[int, Path], set[int]]:
    """The files of the pictures, and the pictures without one that are not done either: these are told.

    Raises `UserError` when all are missing.
    """
    files = {number: folder / file_name(image) for number, image in truth.images.items()}
    missing = {number for number, file in files.items() if number not in done and not file.is_file()}
    if files and len(missing) == len(files):
        raise UserError(f"{folder} has none of the {len(files)} pictures: {next(iter(files.values()))} is missing.")
    if missing:
        said = "%d of %d pictures are not in %s: what is marked and found in them does not count."
        _LOG.warning(said, len(missing), len(files), folder)
    return files, missing


def mask_graph(refine: int) -> Graph:
    """Boxes in, masks out: the best of three by the model's own guess, then refined."""
    builder = Pipeline("masks of boxes")
    photo, boxes = builder.input("photo", Image), builder.input("boxes", Boxes)
    masks = Registry.default().node("sam/masks")
    builder.output("masks", builder.add("cut", masks, image=photo, boxes=boxes, multimask=True, refine=refine))
    return builder.build()


def detector_graph(node: str, detector: Model[Any], *, cut: bool, refine: int, score: float, most: int) -> Graph:
    """A picture in; what the detector finds and, with `cut`, Segment Anything's masks of it, out."""
    builder = Pipeline("masks of what a detector finds")
    photo, nodes = builder.input("photo", Image), Registry.default()
    asked: dict[str, Any] = {"model": detector, "score_threshold": score, "max_detections": most}
    found = builder.add("found", nodes.node(node), image=photo, **asked)
    builder.output("found", found)
    if cut:
        masks = nodes.node("sam/masks")
        builder.output("masks", builder.add("cut", masks, image=photo, boxes=found, multimask=True, refine=refine))
    return builder.build()


def checked_picture(path: Path, entry: Record) -> Image:
    """A picture of the size that its annotations were made for."""
    photo = read_image(path)
    expected = (entry.get("width", photo.width), entry.get("height", photo.height))
    if photo.size != expected:
        raise UserError(
            f"{path} has {photo.width}x{photo.height} pixels, its annotations expect {expected[0]}x{expected[1]}."
        )
    return photo


def file_name(entry: Record) -> str:
    """Where a picture lies in its folder; LVIS only tells its address at COCO, whose folder is `val2017` and so on."""
    return str(entry.get("file_name") or Path(str(entry.get("coco_url", entry["id"]))).name)
