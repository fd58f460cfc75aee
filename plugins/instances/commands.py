"""`samloom instances` and `samloom evaluate instances`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.command.execution import Settings, Surroundings, execute, running
from pipelines.command.terminal import say, show_table
from pipelines.errors import UserError

if TYPE_CHECKING:
    from pipelines.values import Image
    from plugins.instances.metrics import Metrics
    from plugins.instances.truth import Record, Truth

Refine = Annotated[int, typer.Option(metavar="N", help="How often Segment Anything sees its own mask again.")]


@running
def instances(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture.", show_default=False)],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Default: IMAGE-instances.")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A ViTDet: .pkl of detectron2, .safetensors or a directory.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another detector's boxes: a COCO results file.")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The data set of those boxes, for numbers and names.")
    ] = None,
    score: Annotated[float, typer.Option(metavar="S", help="The score that a box must exceed, from 0 to 1.")] = 0.3,
    refine: Refine = 1,
    settings: Settings,
) -> None:
    """Outline all things that a detector finds.

    Boxes come from a ViTDet or from a file, masks from Segment Anything. Writes an overlay, annotations.json as COCO
    has it, and results.json with scores and run lengths, as COCO's metrics take them.
    """
    from pipelines.families import Model
    from pipelines.images import read_image, write_image
    from pipelines.nodes.export import coco_document
    from pipelines.outputs import check_folder, write_json
    from pipelines.spec import load_pipeline
    from plugins.instances.nodes import records

    if (detector is None) == (boxes is None):
        raise UserError("boxes must come from one place: give either --detector MODEL or --boxes FILE.")
    photo, folder = read_image(image), output or Path(f"{image.stem}-instances")
    check_folder(folder)
    source: dict[str, Any] = {"boxes": boxes, "annotations": annotations} if boxes else {"detector": Model(detector)}
    graph = load_pipeline("instances_from_boxes" if boxes else "instances")
    result = execute(graph, {"photo": photo, "score": score, "refine": refine, **source}, settings)
    masks = result.outputs["masks"]
    write_image(result.outputs["overlay"], folder / "overlay.png")
    write_json(coco_document(photo, masks), folder / "annotations.json")
    write_json(records(masks, _image_id(photo, annotations)), folder / "results.json")
    for name, sure in zip(masks.data["class_name"], masks.confidence, strict=True):
        say(f"{name} {sure:.2f}")
    say(str(folder) if len(masks) else f"nothing found\n{folder}")


@running
def evaluate(
    *,
    annotations: Annotated[Path, typer.Option(metavar="FILE", help="COCO or LVIS annotations.", show_default=False)],
    detections: Annotated[Path, typer.Option(metavar="FILE", help="A COCO results file.", show_default=False)],
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The pictures: measure Segment Anything's masks of the boxes too."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table, and the classes' one.")] = None,
    results: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Segment Anything's masks as a COCO results file.")
    ] = None,
    refine: Refine = 1,
    classes: Annotated[bool, typer.Option("--classes", help="Show the AP of each class.")] = False,
    settings: Surroundings,
) -> None:
    """Measure boxes and masks as COCO and LVIS do.

    AP over IoU 0.50 to 0.95, by size and, for LVIS, by how frequent categories are; AR of 1,000 proposals whatever
    their category. The detector's own masks stand beside those that Segment Anything draws into its boxes.
    """
    from pipelines.files import check_writable
    from plugins.instances.metrics import class_rows, table_rows
    from plugins.instances.truth import read_results, read_truth

    for target in (csv, results):
        if target is not None:
            check_writable(target)
    if results is not None and images is None:
        raise UserError("--results writes Segment Anything's masks, which need the pictures: give --images DIR.")
    truth = read_truth(annotations)
    found = read_results(detections, truth)
    drawn = None if images is None else _drawn(found, truth, images, refine=refine, settings=settings)
    if drawn is not None and results is not None:
        _write_results(drawn, results)
    measured = _measured(truth, found, drawn)
    tables = [table_rows(measured), class_rows(measured)]
    for header, rows in tables if classes else tables[:1]:
        show_table(header, rows)
    if csv is not None:
        _write_csv(tables, csv)


def _measured(truth: Truth, found: Sequence[Record], drawn: Sequence[Record] | None) -> Mapping[str, Metrics]:
    """Boxes, the detector's own masks where all its detections have one, Segment Anything's where they were drawn."""
    from plugins.instances.metrics import measure

    measured = {"boxes": measure(truth, found, "bbox")}
    if found and all("segmentation" in entry for entry in found):
        measured["detector's masks"] = measure(truth, found, "segm")
    if drawn is not None:
        measured["Segment Anything's masks"] = measure(truth, drawn, "segm")
    return measured


def _drawn(found: Sequence[Record], truth: Truth, images: Path, *, refine: int, settings: Surroundings) -> list[Record]:
    from plugins.instances.segmenting import masks_for

    with _bar(shown=not settings.quiet) as progress:
        return list(masks_for(found, truth, images, pool=settings.pool(), refine=refine, progress=progress))


@contextmanager
def _bar(*, shown: bool) -> Iterator[Any]:
    """A function that shows how many pictures are done, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("masks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task("masks", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _write_results(drawn: Sequence[Record], path: Path) -> None:
    import json

    from pipelines.files import write_atomically

    write_atomically(path, (json.dumps(drawn) + "\n").encode())


def _write_csv(tables: Sequence[tuple[tuple[str, ...], list[tuple[str, ...]]]], path: Path) -> None:
    """Both tables, an empty line between them."""
    import csv
    import io

    from pipelines.files import write_atomically

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, (header, rows) in enumerate(tables):
        writer.writerows([*([()] if number else []), header, *rows])
    write_atomically(path, text.getvalue().encode())


def _image_id(photo: Image, annotations: Path | None) -> int:
    """The picture's number for results: that of its data set, that in its file name, or 1."""
    from plugins.instances.boxes import number_of
    from plugins.instances.truth import read_truth

    stem = Path(photo.source or "").stem
    if annotations is None and not stem.isdecimal():
        return 1
    return number_of(photo, None if annotations is None else read_truth(annotations))
