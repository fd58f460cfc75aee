"""torchvision's detectors: `fasterrcnn_resnet50_fpn:weights.pth` and all others that it registers."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.errors import ModelError, did_you_mean
from plugins.coco import CATEGORY_IDS, NAMES
from plugins.detectors.models import Detector, Found, names_beside
from sam_model.errors import CheckpointError
from sam_model.tensor_files import read_tensors

COCO_CLASSES = 91
"""With the background, and COCO's numbers that stand for nothing."""
_BOX_HEAD = "roi_heads.box_predictor.cls_score.weight"
#: Heads of detectors of one stage: of an anchor each has a score a class, and four numbers for its box.
_ANCHOR_HEADS = (
    ("head.classification_head.cls_logits.weight", "head.regression_head.bbox_reg.weight"),
    ("head.classification_head.module_list.0.weight", "head.regression_head.module_list.0.weight"),
    ("head.classification_head.module_list.0.1.weight", "head.regression_head.module_list.0.1.weight"),
)


def load(name: str, file: Path, *, device: str) -> Detector:
    """Build torchvision's detector `name` for the classes that its weights know.

    Names of classes are COCO's for 91 classes, the background among them; otherwise they are the lines of a text file
    beside the weights (`weights.txt`), the background left out, or numbers from 1.

    Raises:
        ModelError: when torchvision has no such detector, or the weights are not its.
    """
    if find_spec("torchvision") is None:
        raise ModelError("torchvision's detectors need it: pip install 'samloom[vitdet]'.")
    from torchvision.models import detection, get_model, list_models

    known = list_models(detection)
    if name not in known:
        raise ModelError(
            f"torchvision has no detector '{name}'. There are: {', '.join(known)}.{did_you_mean(name, known)}"
        )
    try:
        state = read_tensors(file)
    except CheckpointError as error:
        raise ModelError(f"{error}.") from error
    classes = classes_of(state)
    network = get_model(name, weights=None, weights_backbone=None, num_classes=classes)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).split("\n")[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"{file} does not fit torchvision's {name}: {reason[:200]}") from error
    return TorchvisionDetector(network.eval().to(device), names_of(file, classes))


def classes_of(state: Mapping[str, Tensor]) -> int:
    """How many classes weights know, with the background; COCO's where no head tells."""
    if _BOX_HEAD in state:
        return len(state[_BOX_HEAD])
    for scores, boxes in _ANCHOR_HEADS:
        if scores in state and boxes in state:
            return 4 * len(state[scores]) // max(len(state[boxes]), 1)
    return COCO_CLASSES


def names_of(file: Path, classes: int) -> Mapping[int, str]:
    """The name of each class number; 0 is the background. Raises `ModelError`."""
    beside = names_beside(file)
    if beside.is_file():
        names = beside.read_text(encoding="utf-8").split("\n")
        names = [name.strip() for name in names if name.strip()]
        if len(names) != classes - 1:
            raise ModelError(f"{beside} has {len(names)} names, the weights know {classes - 1} classes.")
        return dict(enumerate(names, start=1))
    if classes == COCO_CLASSES:
        return dict(zip(CATEGORY_IDS, NAMES, strict=True))
    return {number: str(number) for number in range(1, classes)}


class TorchvisionDetector(Detector):
    """A network of torchvision's, which scales and normalises pictures itself."""

    def __init__(self, network: nn.Module, names: Mapping[int, str]) -> None:
        self._network, self._names = network, names
        # R-CNNs keep their limits in their heads, detectors of one stage in themselves.
        self._limits: Any = getattr(network, "roi_heads", network)
        self._own = (self._limits.score_thresh, self._limits.detections_per_img)
        self._one_at_a_time = threading.Lock()

    @torch.inference_mode()
    def find(self, pixels: NDArray[np.uint8], *, least: float, most: int) -> Found:
        device = next(self._network.parameters()).device
        picture = torch.from_numpy(pixels.copy()).to(device).permute(2, 0, 1) / 255
        answer = self._answer(picture, least, most)
        kept = _kept(answer, self._names, least)[:most]
        boxes, scores, labels = (answer[part][kept].cpu() for part in ("boxes", "scores", "labels"))
        numbers: Sequence[int] = labels.tolist()
        return Found(
            boxes=boxes.numpy().astype(np.float32),
            scores=scores.numpy().astype(np.float32),
            classes=labels.numpy().astype(np.int64),
            names=tuple(self._names[number] for number in numbers),
            masks=(answer["masks"][kept, 0] >= 0.5).cpu().numpy() if "masks" in answer else None,
        )

    def _answer(self, picture: Tensor, least: float, most: int) -> Mapping[str, Any]:
        """What the network says when its own limits let through what is asked for; they are part of its state."""
        with self._one_at_a_time:
            self._limits.score_thresh = min(least, self._own[0])
            self._limits.detections_per_img = max(most, self._own[1])
            answer: Mapping[str, Any]
            (answer,) = self._network([picture])
        return answer


def _kept(answer: Mapping[str, Any], names: Mapping[int, str], least: float) -> Tensor:
    """Sure enough, of a class that stands for something, with an area; the surest first."""
    boxes, scores = answer["boxes"], answer["scores"]
    real = torch.tensor([number in names for number in answer["labels"].tolist()], device=scores.device)
    good = (scores > least) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    places: Tensor = (good & real.bool()).nonzero()[:, 0]
    return places[scores[places].argsort(descending=True, stable=True)]
