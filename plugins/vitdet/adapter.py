"""Between nodes and the network: arrays in, arrays out."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pipelines.errors import ModelError
from plugins.vitdet.checkpoints import load_vitdet
from plugins.vitdet.modeling import VitDet
from plugins.vitdet.modeling.boxes import clip, sound
from plugins.vitdet.modeling.pasting import paste
from plugins.vitdet.models import Instances, VitDetector
from sam_model.memory import keep_freed_memory


class NetworkDetector(VitDetector):
    """ViTDet through the network of this plugin."""

    def __init__(self, network: VitDet, class_names: tuple[str, ...]) -> None:
        self.network, self.class_names = network, class_names

    def find(self, pixels: NDArray[np.uint8], *, masks: bool, least: float, most: int) -> Instances:
        height, width = pixels.shape[:2]
        seen_height, seen_width = seen_size(height, width, self.network.config.image_size)
        seen = Image.fromarray(pixels).resize((seen_width, seen_height), Image.Resampling.BILINEAR)
        picture = torch.from_numpy(np.array(seen)).permute(2, 0, 1).to(self.network.device)
        found = self.network(picture, masks=masks, least=least, most=most)
        ratio = found.boxes.new_tensor([width / seen_width, height / seen_height] * 2)
        boxes = clip(found.boxes * ratio, (height, width))
        kept = sound(boxes, found.scores)
        return Instances(
            boxes=boxes[kept].cpu().numpy(),
            scores=found.scores[kept].cpu().numpy(),
            classes=found.classes[kept].cpu().numpy(),
            masks=None if found.masks is None else paste(found.masks[kept], boxes[kept], (height, width)),
        )


def seen_size(height: int, width: int, side: int) -> tuple[int, int]:
    """(height, width) of a picture scaled so that its longer side is `side` (detectron2, ResizeShortestEdge).

    The rounding is the reference's: the shorter side comes to `side` first.
    """
    scale = side / min(height, width)
    first = (scale * height, float(side)) if height > width else (float(side), scale * width)
    shrink = side / max(first)
    return max(1, int(first[0] * shrink + 0.5)), max(1, int(first[1] * shrink + 0.5))


def load(path: Path, *, device: str, dtype: str) -> VitDetector:
    """Load weights of detectron2 or a directory of our own; only the backbone computes in a shorter `dtype`.

    Raises:
        ModelError: when the weights are unfit or torchvision is missing.
    """
    if find_spec("torchvision") is None:
        raise ModelError("ViTDet needs torchvision: pip install 'samloom[vitdet]'.")
    if device == "cpu":
        keep_freed_memory()
    network, names = load_vitdet(path)
    network.to(device)
    network.backbone.net.to(getattr(torch, dtype))
    return NetworkDetector(network, names)
