"""`samloom instances`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.command.execution import Settings, execute, running
from pipelines.command.terminal import say
from pipelines.errors import UserError

MOST_REFINEMENTS = 10
"""What `sam/masks` does at most."""


@running
def instances(
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE|FOLDER", help="The picture, or a folder of them.", show_default=False)
    ],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Default: IMAGE-instances.")
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="A ViTDet (.pkl of detectron2, directory), a directory of transformers, or NAME:FILE for torchvision. "
            "Default: the bundled ViTDet.",
        ),
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another detector's boxes: a COCO results file.")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The data set of those boxes, for numbers and names.")
    ] = None,
    score: Annotated[float, typer.Option(metavar="S", help="The score that a box must exceed, from 0 to 1.")] = 0.3,
    refine: Annotated[int, typer.Option(metavar="N", help="How often Segment Anything sees its own mask again.")] = 1,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders of the folder.")] = False,
    settings: Settings,
) -> None:
    """Outline all things that a detector finds.

    Boxes come from a detector or from a file, masks from Segment Anything. Writes an overlay, annotations.json as COCO
    has it, and results.json with scores and run lengths, as COCO's metrics take them. For a folder each picture's
    overlay is written as it is done, both files at the end; the same command goes on where it was stopped.
    """
    if detector is not None and boxes is not None:
        raise UserError("boxes must come from one place: give either --detector MODEL or --boxes FILE.")
    if annotations is not None and boxes is None:
        raise UserError("--annotations numbers the pictures of a results file: give --boxes FILE with it.")
    _check_numbers(score, refine)
    pipeline, source = _source(detector, boxes, annotations)
    inputs = {**source, "score": score, "refine": refine}
    folder = output or _folder_of(image)
    if image.is_dir():
        _all_of(image, folder, pipeline, inputs, annotations=annotations, recursive=recursive, settings=settings)
    else:
        _one(image, folder, pipeline, inputs, annotations=annotations, settings=settings)


def _check_numbers(score: float, refine: int) -> None:
    """Raise `UserError` now for what the nodes would refuse, of a folder picture by picture."""
    if not 0 <= score < 1:
        raise UserError(f"--score is {score}, but scores lie between 0 and 1.")
    if not 0 <= refine <= MOST_REFINEMENTS:
        raise UserError(f"--refine is {refine}, but masks are refined 0 to {MOST_REFINEMENTS} times.")


def _folder_of(image: Path) -> Path:
    """Where results go by default: named after the picture or the folder, be it the current one."""
    path = image.resolve() if image.name in {"", ".."} else image
    return Path(f"{path.name if path.is_dir() else path.stem}-instances")


def _source(detector: str | None, boxes: Path | None, annotations: Path | None) -> tuple[str, dict[str, Any]]:
    """A ready-made pipeline, and its inputs that say where boxes come from."""
    from plugins.instances.detectors import detector_of

    if boxes is not None:
        return "instances_from_boxes", {"boxes": boxes, "annotations": annotations}
    kind = detector_of(detector)
    return kind.pipeline, {"detector": kind.ref}


def _one(
    image: Path, folder: Path, pipeline: str, inputs: dict[str, Any], *, annotations: Path | None, settings: Settings
) -> None:
    from pipelines.families import Model
    from pipelines.images import read_image, write_image
    from pipelines.outputs import check_folder
    from pipelines.spec import load_pipeline
    from plugins.instances.gathering import seen_now, write_files

    photo = read_image(image)
    check_folder(folder)
    given = {name: Model(value) if name == "detector" else value for name, value in inputs.items()}
    result = execute(load_pipeline(pipeline), {"photo": photo, **given}, settings)
    masks = result.outputs["masks"]
    write_image(result.outputs["overlay"], folder / "overlay.png")
    write_files([seen_now(photo, masks)], folder, annotations)
    for name, sure in zip(masks.data["class_name"], masks.confidence, strict=True):
        say(f"{name} {sure:.2f}")
    say(str(folder) if len(masks) else f"nothing found\n{folder}")


def _all_of(
    pictures: Path,
    folder: Path,
    pipeline: str,
    inputs: dict[str, Any],
    *,
    annotations: Path | None,
    recursive: bool,
    settings: Settings,
) -> None:
    """What `samloom batch` does, and then the whole folder's files; of a batch that was refused or stopped, none."""
    from dataclasses import fields

    from pipelines.command.batch import EngineName, batch
    from pipelines.command.execution import Surroundings
    from pipelines.command.terminal import DONE, FAILED
    from plugins.instances.boxes import contents
    from plugins.instances.gathering import gather

    if settings.trace is not None or settings.events is not None:
        raise UserError("--trace and --events tell of a single run: give a picture instead of a folder.")
    if "boxes" in inputs:
        contents(inputs["boxes"], annotations)  # a mistake in these files would be told for each picture
    given = [f"{name}={value}" for name, value in inputs.items() if value is not None]
    surroundings = {field.name: getattr(settings, field.name) for field in fields(Surroundings)}
    try:
        batch(
            pipeline=pipeline, folder=pictures, output=folder, given=given, globs=None, workers=1,
            engine=EngineName.THREADS, recursive=recursive, retry_failed=False, **surroundings,
        )  # fmt: skip
    except typer.Exit as ended:
        if ended.exit_code in (DONE, FAILED):
            gather(pictures, folder, annotations)
        raise
