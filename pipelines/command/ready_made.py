"""The ready-made pipelines that have commands of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.command.execution import Settings, execute
from pipelines.command.terminal import say
from pipelines.errors import UserError
from pipelines.files import check_apart
from pipelines.files import check_writable as check_file_writable
from pipelines.images import WRITABLE, check_writable, read_image, write_image
from pipelines.outputs import check_folder, write_json, write_masks
from pipelines.spec import load_pipeline

if TYPE_CHECKING:
    from pipelines.runner import RunResult
    from pipelines.values import Detections, Image


def edit_picture(
    image: Path, options: Mapping[str, Any], *, output: Path | None, report: Path | None, settings: Settings
) -> None:
    """Run the `edit` pipeline on a file and write the picture and its report.

    `options` are the pipeline's inputs beside the photo. Without a place to write to, the result lies beside the
    working directory's other files as NAME-edited.png; a picture in which nothing was found keeps its own format, and
    thereby every byte.
    """
    photo = read_image(image)
    expected = output or beside(image, lossless=True)
    check_writable(expected, photo.size)
    # The picture itself may be replaced by the edited one, if that is asked for, but by no JSON.
    for purpose, picture in (("IMAGE", image), ("--output", expected)):
        check_apart({purpose: picture, "--report": report, **settings.files})
    if report is not None:
        check_file_writable(report)
    inputs = {"photo": photo, **options}
    graph = load_pipeline("edit")
    result = execute(graph, inputs, settings)
    edited = result.outputs["image"]
    target = output or beside(image, lossless=edited.content_id != photo.content_id)
    write_image(edited, target)
    if report is not None:
        from pipelines.records import IN_REPORT, record_of

        again = record_of(graph, inputs, result.outputs, settings.pool())
        told = _edit_report(photo, target, options["seed"], settings, result)
        write_json(told | {IN_REPORT: again.model_dump()}, report)
    say(_summary(json.loads(result.outputs["report"])))
    say(f"{target}" if report is None else f"{target}  (report: {report})")


def segment_picture(image: Path, prompt: str, *, output: Path | None, settings: Settings) -> None:
    """Run the `segment` pipeline on a file: an overlay, a mask for each thing, and all of it as COCO JSON.

    Raises `UserError` for a prompt without a word.
    """
    from pipelines.nodes.export import coco_document

    if not any(map(str.isalnum, prompt)):
        raise UserError(f"'{prompt}' names nothing to find. Say what, such as 'dog. cat.'.")
    photo = read_image(image)
    folder = output or Path(f"{image.stem}-segmented")
    check_folder(folder)
    result = execute(load_pipeline("segment"), {"photo": photo, "prompt": prompt}, settings)
    masks = result.outputs["masks"]
    write_image(result.outputs["overlay"], folder / "overlay.png")
    write_json(coco_document(photo, masks), folder / "annotations.json")
    write_masks(masks, folder / "masks")
    say(_found(masks) if len(masks) else f"nothing found for '{prompt}'")
    say(str(folder))


def outline_everything(image: Path, options: Mapping[str, Any], *, output: Path | None, settings: Settings) -> None:
    """Run the `everything` pipeline on a file: all masks in colour, and as COCO JSON.

    `options` are the pipeline's inputs beside the photo. Raises `UserError` for one that does not fit.
    """
    from pipelines.nodes.export import coco_document

    photo = read_image(image)
    folder = output or Path(f"{image.stem}-everything")
    check_folder(folder)
    result = execute(load_pipeline("everything"), {"photo": photo, **options}, settings)
    masks = result.outputs["masks"]
    write_image(result.outputs["overlay"], folder / "overlay.png")
    write_json(coco_document(photo, masks), folder / "annotations.json")
    say(f"{len(masks)} masks" if len(masks) != 1 else "1 mask")
    say(str(folder))


def beside(image: Path, *, lossless: bool) -> Path:
    """The result's name where the user gave none: in the picture's own format, unless that would lose something."""
    keeps_format = not lossless and image.suffix.lower() in WRITABLE
    return Path(f"{image.stem}-edited{image.suffix if keeps_format else '.png'}")


def _edit_report(photo: Image, target: Path, seed: int, settings: Settings, result: RunResult) -> dict[str, Any]:
    """Everything that is needed to judge an edit, and to make it again."""
    return {
        "samloom": version("samloom"),
        "image": {"file": photo.source, "size": photo.size, "content": photo.content_id},
        "output": str(target),
        "preset": settings.preset,
        "seed": seed,
        "changed": result.outputs["image"].content_id != photo.content_id,
        "edit": json.loads(result.outputs["report"]),
        "nodes": [
            {"name": span.name, "outcome": span.outcome, "seconds": round(span.seconds, 3)}
            for span in result.trace.nodes
        ],
    }


def _summary(report: Mapping[str, Any]) -> str:
    """One line an edit: what was asked, how many things it was done to, and what the model cannot draw."""
    return "\n".join(f"{_line(edit)}{_not_learnt(edit.get('not_learnt'))}" for edit in report["edits"])


def _line(edit: Mapping[str, Any]) -> str:
    if edit["action"] == "add" and not edit["target"]:
        return f"add {edit['replacement']}: {'added' if edit['painted'] else 'no room, nothing changed'}"
    if edit["action"] == "background":
        return f"background {edit['replacement']}: {_count(edit['found'], 'in front of it')}"
    what = f"{edit['replacement']} to {edit['target']}" if edit["action"] == "add" else edit["target"]
    return f"{edit['action']} {what}: {_count(edit['found'])}{_second_look(edit.get('second_look'))}"


def _count(found: int, how: str = "found") -> str:
    return f"{found} {how}" if found else "nothing found, nothing changed"


def _second_look(scores: list[float] | None) -> str:
    return f", on a second look (score {', '.join(f'{score:.2f}' for score in scores)})" if scores else ""


def _not_learnt(prompts: list[str] | None) -> str:
    if not prompts:
        return ""
    return f"; the model has not learnt to draw {' or '.join(map(repr, prompts))}: try another word or --preset base"


def _found(masks: Detections) -> str:
    return "\n".join(
        f"{name} {score:.2f}  box {' '.join(f'{edge:.0f}' for edge in box)}"
        for name, score, box in zip(masks.data["class_name"], masks.confidence, masks.xyxy, strict=True)
    )
