"""Between nodes and the package `sam_model`: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.errors import ModelError, PortError
from pipelines.signature import Report, no_report
from plugins.sam.models import Asked, Everything, Sam, Wanted
from plugins.weights import recommended
from sam_model.checkpoints import load_sam
from sam_model.errors import PromptError, SamModelError, SettingsError
from sam_model.everything import PROFILES, EverythingSettings, segment_everything
from sam_model.memory import keep_freed_memory
from sam_model.predictor import Predictor
from sam_model.prompts import Box, MaskHint, Points, Prompt, TextPrompt

# Each step begins the node anew: a few large ones get there sooner.
_FEWER = 4


class PredictorSam(Sam):
    """Segment Anything through `sam_model`'s predictor."""

    def __init__(self, predictor: Predictor, advice: Mapping[str, float] | None = None) -> None:
        """`advice`: settings of everything mode that fit these weights better than the published ones."""
        self.predictor = predictor
        self.advice = dict(advice or {})
        self._share = 1

    def spare_memory(self) -> str:
        """Decode a quarter of the prompts together from now on; says how many, or nothing where each is alone."""
        if self.predictor.at_once == 1:
            return ""
        self.predictor = Predictor(self.predictor.sam, at_once=max(1, self.predictor.at_once // _FEWER))
        self._share *= _FEWER
        return f"prompts decoded together: {self.predictor.at_once}"

    def cut(
        self, pixels: NDArray[np.uint8], boxes: NDArray[np.float32], *, multimask: bool, refine: int = 0
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        embedding, box, rows = self.predictor.embed(pixels), Box(boxes), np.arange(len(boxes))
        found = self.predictor.outline(embedding, box, multimask=multimask)
        for _ in range(refine):
            hint = MaskHint(found.logits[rows, found.iou.argmax(axis=1)])
            found = self.predictor.outline(embedding, (box, hint))
        best = found.iou.argmax(axis=1)
        return self.predictor.draw(embedding, found.logits[rows, best]), found.iou[rows, best]

    def answer(self, pixels: NDArray[np.uint8], asked: Asked) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        prompts: list[Prompt] = []
        try:
            if len(asked.points):
                prompts.append(Points(asked.points, asked.labels))
            if asked.box is not None:
                prompts.append(Box(asked.box))
            if asked.text is not None:
                prompts.append(TextPrompt(asked.text))
            multimask = asked.box is None and len(asked.points) <= 1
            found = self.predictor.predict(self.predictor.embed(pixels), prompts, multimask=multimask)
        except PromptError as error:
            raise PortError(f"{error}.") from error
        return found.masks[0], found.iou[0]

    def everything(self, pixels: NDArray[np.uint8], wanted: Wanted, report: Report = no_report) -> Everything:
        try:
            found = segment_everything(
                self.predictor,
                pixels,
                self._settings(wanted),
                fast=wanted.fast,
                max_bytes=max(1, wanted.max_bytes // self._share),
                progress=report,
            )
        except SettingsError as error:
            raise PortError(f"{error}.") from error
        return Everything(
            masks=found.masks(),
            boxes=found.boxes.astype(np.float32),
            predicted_iou=found.predicted_iou,
            stability=found.stability,
            points=found.points.astype(np.float32),
            crop_boxes=found.crop_boxes.astype(np.float32),
        )

    def _settings(self, wanted: Wanted) -> EverythingSettings:
        changes: dict[str, Any] = {**self.advice, **wanted.changes}
        return replace(PROFILES[wanted.profile], **changes)


def load(path: Path, *, device: str, dtype: str) -> Sam:
    """Load an official .pth, a directory of transformers or one of our own. Raises `ModelError`."""
    if device == "cpu":
        keep_freed_memory()
    try:
        sam = load_sam(path, device=device, dtype=getattr(torch, dtype))
    except SamModelError as error:
        raise ModelError(str(error)) from error
    return PredictorSam(Predictor(sam), recommended(path).get("everything"))
