"""Masks for a whole data set's boxes, one picture after another: only run lengths are kept."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipelines.builder import Pipeline
from pipelines.errors import UserError
from pipelines.graph import Graph
from pipelines.images import read_image
from pipelines.pool import ModelPool
from pipelines.registry import Registry
from pipelines.runner import run
from pipelines.values import Boxes, Image
from plugins.instances.boxes import detections_of, names_of
from plugins.instances.nodes import records
from plugins.instances.truth import Record, Truth

_LOG = logging.getLogger(__name__)


def masks_for(
    results: Sequence[Record],
    truth: Truth,
    folder: Path,
    *,
    pool: ModelPool,
    refine: int,
    progress: Callable[[int, int], None],
) -> Iterator[Record]:
    """The same detections with Segment Anything's masks, scores unchanged; pictures without a file are left out.

    Raises:
        UserError: when no picture with detections lies in the folder, or one has another size than its annotations.
    """
    by_picture: dict[int, list[Record]] = defaultdict(list)
    for entry in results:
        if "bbox" in entry:
            by_picture[entry["image_id"]].append(entry)
    files = {number: folder / file_name(truth.images[number]) for number in by_picture}
    there = [number for number in by_picture if files[number].is_file()]
    if by_picture and not there:
        raise UserError(
            f"{folder} has none of the {len(by_picture)} pictures: {next(iter(files.values()))} is missing."
        )
    if len(there) < len(by_picture):
        _LOG.warning("%d pictures are not in %s; their detections get no masks.", len(by_picture) - len(there), folder)
    graph, names = mask_graph(refine), names_of(truth)
    for done, number in enumerate(there, start=1):
        photo = checked_picture(files[number], truth.images[number])
        boxes = detections_of(photo, by_picture[number], names)
        outputs = run(graph, {"photo": photo, "boxes": boxes}, pool=pool).outputs
        yield from records(outputs["masks"], number)
        progress(done, len(there))


def mask_graph(refine: int) -> Graph:
    """Boxes in, masks out: the best of three by the model's own guess, then refined."""
    builder = Pipeline("masks of boxes")
    photo, boxes = builder.input("photo", Image), builder.input("boxes", Boxes)
    masks = Registry.default().node("sam/masks")
    builder.output("masks", builder.add("cut", masks, image=photo, boxes=boxes, multimask=True, refine=refine))
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
