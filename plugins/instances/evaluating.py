"""`samloom evaluate instances`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.command.execution import Surroundings, running
from pipelines.command.terminal import say, show_table
from pipelines.errors import UserError

if TYPE_CHECKING:
    from plugins.instances.metrics import Metrics
    from plugins.instances.results import Results
    from plugins.instances.segmenting import Answers, Source
    from plugins.instances.truth import Truth

MODEL = "model"
_LOG = logging.getLogger(__name__)


@running
def evaluate(
    *,
    annotations: Annotated[
        Path,
        typer.Option(
            metavar="FILE|DIR", help="COCO or LVIS annotations, or a YOLO or labelme folder.", show_default=False
        ),
    ],
    detections: Annotated[
        str, typer.Option(metavar="FILE|model", help="A COCO results file, or 'model' to run the detector now.")
    ] = MODEL,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The pictures: measure Segment Anything's masks of the boxes too."),
    ] = None,
    detector: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The detector of --detections model; see `samloom instances`.")
    ] = None,
    score: Annotated[float, typer.Option(metavar="S", help="What the detector's scores must exceed.")] = 0.05,
    most: Annotated[int, typer.Option(metavar="N", help="The most things that the detector may find.")] = 100,
    work: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep each picture's answers there, and go on from them.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table, and the classes' one.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw both: .png, .svg or .pdf.")] = None,
    results: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Segment Anything's masks as a COCO results file.")
    ] = None,
    worst: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write pictures of its worst masks in right boxes.")
    ] = None,
    refine: Annotated[int, typer.Option(metavar="N", help="How often Segment Anything sees its own mask again.")] = 1,
    classes: Annotated[bool, typer.Option("--classes", help="Show the AP of each class.")] = False,
    settings: Surroundings,
) -> None:
    """Measure boxes and masks as COCO and LVIS do.

    AP over IoU 0.50 to 0.95, by size and, for LVIS, by how frequent categories are; AR of 1,000 proposals whatever
    their category. The detector's own masks stand beside those that Segment Anything draws into its boxes.
    """
    from plugins.instances.folders import read_annotations
    from plugins.instances.results import read_results
    from plugins.instances.tables import class_rows, table_rows
    from plugins.instances.targets import Files

    files = Files(csv=csv, plot=plot, results=results, worst=worst)
    _check_source(detections, detector)
    files.check()
    truth = read_annotations(annotations)
    images = images or truth.pictures
    files.check_masks(truth, images)
    if not truth.outlined:
        _LOG.warning("%s has things without an outline: only boxes are measured.", annotations)
    asked = {"detections": detections, "detector": detector, "score": score, "most": most, "refine": refine}
    answers: Answers | None
    if detections == MODEL:
        answers = _asked(truth, images, asked, work=work, settings=settings)
        found = answers.found
    else:
        found = read_results(Path(detections), truth)
        answers = (
            None
            if images is None or not truth.outlined
            else _asked(truth, images, asked, found=found, work=work, settings=settings)
        )
    if answers is not None and answers.missing:
        truth, found = truth.without(answers.missing), found.without(answers.missing)
    drawn = answers.drawn if answers is not None and truth.outlined else None
    if drawn is not None and images is not None:
        for path in files.write(truth, drawn, images):
            say(str(path))
    measured = _measured(truth, found, drawn)
    tables = [table_rows(measured), class_rows(measured)]
    for header, rows in tables if classes else tables[:1]:
        show_table(header, rows)
    files.write_tables(measured, tables)


def _check_source(detections: str, detector: str | None) -> None:
    if find_spec("faster_coco_eval") is None:
        raise UserError("evaluate instances needs faster-coco-eval: pip install 'samloom[vitdet]'.")
    if detections != MODEL and detector is not None:
        raise UserError("boxes must come from one place: give either --detector MODEL or --detections FILE.")


def _asked(
    truth: Truth,
    images: Path | None,
    asked: Mapping[str, Any],
    *,
    found: Results | None = None,
    work: Path | None,
    settings: Surroundings,
) -> Answers:
    """What models say of the pictures; what they were asked is the journal's first line."""
    from plugins.instances.journal import Journal
    from plugins.instances.segmenting import answers

    if images is None:
        raise UserError("--detections model runs the detector on the pictures: give --images DIR, or a results file.")
    source, revisions = _source(truth, asked, found, settings)
    journal = None
    if work is not None:
        contents = _contents(truth, None if found is None else Path(asked["detections"]))
        journal = Journal(work, {**asked, **revisions, "annotations": str(truth.source), **contents})
    with _bar(shown=not settings.quiet) as progress:
        return answers(source, truth, images, journal=journal, progress=progress)


def _contents(truth: Truth, detections: Path | None) -> dict[str, str]:
    """What both files hold, for a file that was overwritten still has its name."""
    from pipelines.content import content_id

    # Of a folder's data set the labels lie in many files; the truth has them all.
    whole = truth.source if truth.pictures is None else json.dumps([truth.images, truth.categories, truth.annotations])
    contents = {"content of the annotations": content_id(whole)}
    return contents if detections is None else {**contents, "content of the detections": content_id(detections)}


def _source(
    truth: Truth, asked: Mapping[str, Any], found: Results | None, settings: Surroundings
) -> tuple[Source, dict[str, str]]:
    """Where boxes come from, and which weights answer."""
    from pipelines.families import Model
    from plugins.instances.detectors import detector_of
    from plugins.instances.segmenting import FromDetector, FromResults, detector_graph

    pool, refine = settings.pool(), asked["refine"]
    revisions = {"sam": pool.resolve("sam", Model()).revision}
    if found is not None:
        return FromResults(found, truth, pool=pool, refine=refine), revisions
    kind = detector_of(asked["detector"])
    revisions["weights"] = pool.resolve(kind.family, Model(kind.ref)).revision
    graph = detector_graph(
        kind.node, Model(kind.ref), cut=truth.outlined, refine=refine, score=asked["score"], most=asked["most"]
    )
    return FromDetector(graph, truth, pool=pool), revisions


def _measured(truth: Truth, found: Results, drawn: Results | None) -> Mapping[str, Metrics]:
    """Boxes, the detector's own masks where all its detections have one, Segment Anything's where they were drawn."""
    from plugins.instances.metrics import measure

    measured = {"boxes": measure(truth, found, "bbox")}
    if truth.outlined and len(found) and not found.without_mask:
        measured["detector's masks"] = measure(truth, found, "segm")
    if drawn is not None:
        measured["Segment Anything's masks"] = measure(truth, drawn, "segm")
    return measured


@contextmanager
def _bar(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A function that shows how many pictures are done, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task("pictures", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
