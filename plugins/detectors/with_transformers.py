"""transformers' object detection: DETR, RT-DETR, YOLOS and all others behind `AutoModelForObjectDetection`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from pipelines.errors import ModelError
from plugins.detectors.models import Detector, Found
from plugins.quiet import quietly


def load(path: Path, *, device: str, dtype: str) -> Detector:
    """Load a directory of transformers.

    Raises:
        ModelError: when it is none of object detection, or its weights do not fit.
    """
    from transformers import AutoImageProcessor, AutoModelForObjectDetection
    from transformers.utils import logging

    try:
        with quietly(logging):
            network, said = AutoModelForObjectDetection.from_pretrained(
                path, local_files_only=True, output_loading_info=True, dtype=getattr(torch, dtype)
            )
        processor = AutoImageProcessor.from_pretrained(path, local_files_only=True, backend="pil")
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise ModelError(f"{path} is no object detector of transformers: {str(error).splitlines()[0]}") from error
    if said["missing_keys"]:
        raise ModelError(f"{path} lacks the weights {', '.join(sorted(said['missing_keys'])[:3])}.")
    names = {int(number): str(name) for number, name in network.config.id2label.items()}
    return TransformersDetector(network.eval().to(device), processor, names)


class TransformersDetector(Detector):
    """A network and the processor that brings pictures to it and boxes back."""

    def __init__(self, network: nn.Module, processor: Any, names: Mapping[int, str]) -> None:
        self._network, self._processor, self._names = network, processor, names

    @torch.inference_mode()
    def find(self, pixels: NDArray[np.uint8], *, least: float, most: int) -> Found:
        first = next(self._network.parameters())
        given = self._processor(images=Image.fromarray(pixels), return_tensors="pt").to(first.device, first.dtype)
        height, width = pixels.shape[:2]
        (answer,) = self._processor.post_process_object_detection(
            self._network(**given), threshold=least, target_sizes=[(height, width)]
        )
        boxes = answer["boxes"].float().cpu().numpy().clip(0, [width, height, width, height]).astype(np.float32)
        scores, labels = answer["scores"].float().cpu().numpy(), answer["labels"].cpu().numpy()
        sound = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
        kept = sound[np.argsort(-scores[sound], kind="stable")][:most]
        return Found(
            boxes=boxes[kept],
            scores=scores[kept].astype(np.float32),
            classes=labels[kept].astype(np.int64),
            names=tuple(self._names[int(number)] for number in labels[kept]),
            masks=None,
        )
