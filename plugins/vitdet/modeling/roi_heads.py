"""From proposals to detections, in one step (mask R-CNN) or three (cascade); after detectron2, modeling/roi_heads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling.boxes import clip, decode, without_doubles
from plugins.vitdet.modeling.heads import BOX_PATCH, MASK_PATCH, BoxHead, BoxPredictor, MaskHead
from plugins.vitdet.modeling.pooling import pool

CASCADE_WEIGHTS = ((10.0, 5.0), (20.0, 10.0), (30.0, 15.0))
"""Of the shifts and growths in each stage; mask R-CNN has the first."""
OVERLAP = 0.5

Levels = list[Tensor]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """What was found, the surest first; boxes in pixels of the network's picture."""

    boxes: Float[Tensor, "n 4"]
    scores: Float[Tensor, " n"]
    classes: Int64[Tensor, " n"]


def likelihood(config: VitDetConfig) -> nn.Module:
    """Logits (n, classes and nothing) → probabilities."""
    return nn.Sigmoid() if config.sigmoid else nn.Softmax(dim=1)


class RoiHeads(nn.Module, ABC):
    """The heads of boxes and of masks."""

    mask_head: MaskHead

    def find(
        self, levels: Levels, proposals: Float[Tensor, "n 4"], size: Size, *, least: float, most: int
    ) -> Instances:
        """At most `most` instances with scores over `least`, without doubles of a class."""
        scores, boxes = self.classify(levels, proposals, size)
        return select(scores, clip(boxes, size), least=least, most=most)

    def masks(self, levels: Levels, found: Instances) -> Float[Tensor, "n 28 28"]:
        """The mask of each instance over its box, from 0 to 1."""
        logits: Tensor = self.mask_head(pool(levels, found.boxes, MASK_PATCH), found.classes)
        return logits.sigmoid()

    @abstractmethod
    def classify(
        self, levels: Levels, proposals: Float[Tensor, "n 4"], size: Size
    ) -> tuple[Float[Tensor, "n classes"], Float[Tensor, "n k 4"]]:
        """The probability of each class in each proposal, and a box for each class or one for all."""


class MaskRcnnHeads(RoiHeads):
    """One box head, with boxes of their own for each class."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.likely = likelihood(config)
        self.box_head = BoxHead(config)
        self.box_predictor = BoxPredictor(config, deltas=1 if config.class_agnostic else config.classes)
        self.mask_head = MaskHead(config)

    def classify(
        self,
        levels: Levels,
        proposals: Float[Tensor, "n 4"],
        size: Size,  # noqa: ARG002 - proposals lie inside the picture already
    ) -> tuple[Float[Tensor, "n classes"], Float[Tensor, "n k 4"]]:
        logits, deltas = self.box_predictor(self.box_head(pool(levels, proposals, BOX_PATCH)))
        return self.likely(logits)[:, :-1], decode(deltas, proposals, CASCADE_WEIGHTS[0])


class CascadeHeads(RoiHeads):
    """Three box heads; each looks where the one before pointed, and all have a say in the class."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.likely = likelihood(config)
        self.box_head = nn.ModuleList(BoxHead(config) for _ in CASCADE_WEIGHTS)
        self.box_predictor = nn.ModuleList(BoxPredictor(config, deltas=1) for _ in CASCADE_WEIGHTS)
        self.mask_head = MaskHead(config)

    def classify(
        self, levels: Levels, proposals: Float[Tensor, "n 4"], size: Size
    ) -> tuple[Float[Tensor, "n classes"], Float[Tensor, "n k 4"]]:
        scores, boxes = [], proposals
        for head, predictor, weights in zip(self.box_head, self.box_predictor, CASCADE_WEIGHTS, strict=True):
            boxes = clip(boxes, size)
            logits, deltas = predictor(head(pool(levels, boxes, BOX_PATCH)))
            scores.append(self.likely(logits))
            boxes = decode(deltas, boxes, weights)[:, 0]
        return torch.stack(scores).mean(dim=0)[:, :-1], boxes[:, None]


def select(scores: Float[Tensor, "n classes"], boxes: Float[Tensor, "n k 4"], *, least: float, most: int) -> Instances:
    """The best pairs of box and class."""
    finite = boxes.isfinite().all(dim=2).all(dim=1) & scores.isfinite().all(dim=1)
    rows, classes = ((scores > least) & finite[:, None]).nonzero(as_tuple=True)
    chosen = boxes[rows, classes if boxes.shape[1] > 1 else torch.zeros_like(classes)]
    kept = without_doubles(chosen, scores[rows, classes], classes, OVERLAP)[:most]
    return Instances(chosen[kept], scores[rows, classes][kept], classes[kept])
