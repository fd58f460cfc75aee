"""Between nodes and the package `sam_model`: arrays in, arrays out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.errors import ModelError
from plugins.sam.models import Sam
from sam_model.checkpoints import load_sam
from sam_model.errors import SamModelError
from sam_model.predictor import Predictor
from sam_model.prompts import Box


class PredictorSam(Sam):
    """Segment Anything through `sam_model`'s predictor."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def cut(
        self, pixels: NDArray[np.uint8], boxes: NDArray[np.float32], *, multimask: bool
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        prediction = self.predictor.predict(self.predictor.embed(pixels), Box(boxes), multimask=multimask)
        best = prediction.iou.argmax(axis=1)
        rows = np.arange(len(best))
        return prediction.masks[rows, best], prediction.iou[rows, best]


def load(path: Path, *, device: str, dtype: str) -> Sam:
    """Load an official .pth, a directory of transformers or one of our own. Raises `ModelError`."""
    try:
        sam = load_sam(path, device=device, dtype=getattr(torch, dtype))
    except SamModelError as error:
        raise ModelError(str(error)) from error
    return PredictorSam(Predictor(sam))
