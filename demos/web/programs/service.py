"""What a program can ask for, whichever way it comes in."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from demos.web.editing.plans import in_words
from demos.web.studio import Studio
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


class Service:
    """Runs the ready-made pipelines, in the same line as everybody else.

    `cancel` stops a run. All raise what `Studio.perform` raises.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def picture(self, data: bytes, name: str) -> Image:
        """A picture from its bytes. Raises `ImageError`; `name` stands for it in the message."""
        self._studio.check_size(len(data), name)
        return decode(data, name=name, max_pixels=self._studio.settings.max_pixels)

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
        photo: Image,
        instruction: str,
        *,
        seed: int = 0,
        shadows: bool = False,
        cancel: Cancel = None,
    ) -> Pictured:
        """Change a picture as a sentence says."""
        said = {"instruction": instruction, "seed": seed, "shadows": shadows}
        outputs = self._run("edit", photo, said, cancel)
        return Pictured(photo, outputs["image"], outputs["masks"], json.loads(outputs["report"]))

    def segment(self, photo: Image, words: str, *, cancel: Cancel = None) -> Pictured:
        """Find what the words name, "dog. cat.", and cut it out."""
        outputs = self._run("segment", photo, {"prompt": words}, cancel)
        return Pictured(photo, outputs["overlay"], outputs["masks"])

    def everything(self, photo: Image, *, points: int = 32, cancel: Cancel = None) -> Pictured:
        """Outline every thing, with so many points along each side."""
        outputs = self._run("everything", photo, {"points": points, "fast": True}, cancel)
        return Pictured(photo, outputs["overlay"], outputs["masks"])

    def _run(self, name: str, photo: Image, said: Mapping[str, Any], cancel: Cancel) -> Mapping[str, Any]:
        inputs = {"photo": photo, **said}
        return self._studio.perform(_graph(name), inputs, cancel or threading.Event()).outputs


@cache
def _graph(name: str) -> Graph:
    return load_pipeline(name)
