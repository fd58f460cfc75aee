"""What a program can ask for, whichever way it comes in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from demos.web.editing.plans import in_words
from demos.web.studio import Studio
from pipelines.errors import ImageError
from pipelines.graph import Graph
from pipelines.images import decode
from pipelines.nodes.export import coco_document, run_lengths
from pipelines.nodes.selection import names_of, scores_of
from pipelines.spec import load_pipeline
from pipelines.values import Detections, Image
from plugins.instructions.nodes import parse


@dataclass(frozen=True, eq=False)
class Pictured:
    """A picture that came of a run, and the masks that belong to it; the report is that of an edit."""

    photo: Image
    image: Image
    masks: Detections
    report: Mapping[str, Any] | None = None

    @property
    def things(self) -> Sequence[Mapping[str, Any]]:
        """Every mask: name, score, box x0 y0 x1 y1 in pixels, COCO's compressed run lengths."""
        rows = zip(names_of(self.masks), scores_of(self.masks), self.masks.xyxy, self.masks.mask, strict=True)
        return [
            {
                "name": name,
                "score": round(float(score), 4),
                "box": [round(float(edge), 1) for edge in box],
                "segmentation": run_lengths(mask),
            }
            for name, score, box, mask in rows
        ]

    @property
    def coco(self) -> Mapping[str, Any]:
        return coco_document(self.photo, self.masks)


Cancel: TypeAlias = threading.Event | None
Opening: TypeAlias = Callable[[], Image]
"""Opens a picture: only when it is the caller's turn, so that nobody who waits holds one."""


class Service:
    """Runs the ready-made pipelines, in the same line as everybody else.

    `cancel` stops a run, or the waiting for it. All raise what `Studio.perform` and the opening of a picture raise.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def picture(self, data: bytes, name: str) -> Image:
        """A picture from its bytes. Raises `ImageError`; `name` stands for it in the message."""
        self._studio.check_size(len(data), name)
        return decode(data, name=name, max_pixels=self._studio.settings.max_pixels)

    def picture_file(self, path: Path) -> Image:
        """A picture of the user's own. Raises `ImageError`."""
        try:
            self._studio.check_size(path.stat().st_size, path.name)
            return self.picture(path.read_bytes(), path.name)
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror or error}. Give a file you may read.") from error

    def plan(self, instruction: str) -> Sequence[Mapping[str, Any]]:
        """What a sentence asks for, an item an edit. Raises `InstructionError`, which points at the words."""
        return [
            {
                "action": edit.action,
                "target": edit.target,
                "replacement": edit.replacement,
                "position": edit.position,
                "words": in_words(edit),
            }
            for edit in parse(instruction).plan.edits
        ]

    def edit(
        self,
        photo: Opening,
        instruction: str,
        *,
        seed: int = 0,
        shadows: bool = False,
        cancel: Cancel = None,
    ) -> Pictured:
        """Change a picture as a sentence says."""
        said = {"instruction": instruction, "seed": seed, "shadows": shadows}
        opened, outputs = self._run("edit", photo, said, cancel)
        return Pictured(opened, outputs["image"], outputs["masks"], json.loads(outputs["report"]))

    def segment(self, photo: Opening, words: str, *, cancel: Cancel = None) -> Pictured:
        """Find what the words name, "dog. cat.", and cut it out."""
        opened, outputs = self._run("segment", photo, {"prompt": words}, cancel)
        return Pictured(opened, outputs["overlay"], outputs["masks"])

    def everything(self, photo: Opening, *, points: int = 32, cancel: Cancel = None) -> Pictured:
        """Outline every thing, with so many points along each side."""
        opened, outputs = self._run("everything", photo, {"points": points, "fast": True}, cancel)
        return Pictured(opened, outputs["overlay"], outputs["masks"])

    def _run(
        self, name: str, photo: Opening, said: Mapping[str, Any], cancel: Cancel
    ) -> tuple[Image, Mapping[str, Any]]:
        """The picture that was opened, and what came of it."""
        stop = cancel or threading.Event()
        with self._studio.turn(stop):
            opened = photo()
            return opened, self._studio.run_now(_graph(name), {"photo": opened, **said}, stop).outputs


@cache
def _graph(name: str) -> Graph:
    return load_pipeline(name)
