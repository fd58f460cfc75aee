"""The files that a visitor takes home."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from demos.web.editing.graphs import pipeline_file
from demos.web.editing.outcome import Attempt
from demos.web.editing.pictures import stem_of
from demos.web.editing.wish import Wish
from demos.web.visits import Visit
from pipelines.images import WRITABLE, write_image
from pipelines.nodes.export import coco_document
from pipelines.outputs import write_json, write_masks
from pipelines.values import Detections, Image

_LOSSY = (".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Downloads:
    """Paths of an attempt's files. `exact` is there where the picture's own format loses something."""

    picture: Path
    exact: Path | None
    pipeline: Path
    report: Path


def write_downloads(wish: Wish, photo: Image, attempt: Attempt, told: Mapping[str, Any], visit: Visit) -> Downloads:
    """Write the picture, the pipeline that paints it again, and its report, to which `told` is added.

    The picture keeps its own format, EXIF and colour profile where that format can be written; a JPEG is rounded
    everywhere when it is written again, which is why it comes as a PNG too.
    """
    stem, picture = stem_of(photo), attempt.picture(photo)
    suffix = Path(photo.source or "").suffix.lower()
    own = visit.file(f"{stem}-edited{suffix if suffix in WRITABLE else '.png'}")
    write_image(picture, own)
    exact = visit.file(f"{stem}-edited.png") if suffix in _LOSSY else None
    if exact is not None:
        write_image(picture, exact)
    pipeline = visit.file(f"{stem}-edit.yaml")
    pipeline.write_text(pipeline_file(wish, seed=attempt.seed, widen=attempt.widen), encoding="utf-8")
    report = visit.file(f"{stem}-report.json")
    write_json(report_of(photo, attempt, told), report)
    return Downloads(own, exact, pipeline, report)


def report_of(photo: Image, attempt: Attempt, told: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, painted and proven; of the picture its name only."""
    return {
        "samloom": version("samloom"),
        "image": {"file": _name(photo), "size": photo.size},
        "seed": attempt.seed,
        "score": attempt.score,
        "changed": attempt.has_changed,
        "edit": attempt.report,
        **told,
    }


def write_mask_files(photo: Image, masks: Detections, visit: Visit) -> Path:
    """A zip: a black-and-white PNG for each mask, and all of them as COCO JSON."""
    folder = visit.file("masks")
    folder.mkdir()
    written: Sequence[Path] = write_masks(masks, folder)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in written:
            archive.write(file, f"masks/{file.name}")
        archive.writestr("annotations.json", json.dumps(coco_document(replace(photo, source=_name(photo)), masks)))
    path = visit.file(f"{stem_of(photo)}-masks.zip")
    path.write_bytes(buffer.getvalue())
    return path


def _name(photo: Image) -> str:
    return Path(photo.source).name if photo.source else "picture"
