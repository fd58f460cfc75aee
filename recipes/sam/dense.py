"""A teacher of the image encoder alone: what is a thing, and where does one thing end, in every cell of the picture.

Prompts tell the encoder little at a time; this tells it about all pixels at once. The head is thrown away in the end.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.training.losses import mask_iou

#: Cells of mask logits along a side of a patch.
CELLS = 4


class DenseHead(nn.Module):
    """Image embedding → logits of thing and of edge in every cell."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, 2 * CELLS**2)

    def forward(self, embedding: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 2 4*h 4*w"]:
        logits = self.project(rearrange(embedding, "b c h w -> b h w c"))
        maps: Tensor = rearrange(logits, "b h w (maps y x) -> b maps (h y) (w x)", maps=2, y=CELLS)
        return maps


def dense_loss(logits: Float[Tensor, "b 2 h w"], wanted: Float[Tensor, "b 2 h w"]) -> Tensor:
    """Cross-entropy of things plus that of edges, which are rare and count four times where they are."""
    weight = 1 + 3 * wanted[:, 1]
    thing = F.binary_cross_entropy_with_logits(logits[:, 0], wanted[:, 0])
    edge = F.binary_cross_entropy_with_logits(logits[:, 1], wanted[:, 1], weight=weight)
    return torch.add(thing, edge)


def thing_iou(logits: Float[Tensor, "b 2 h w"], wanted: Float[Tensor, "b 2 h w"]) -> float:
    """Mean IoU of the things of each picture."""
    return float(mask_iou(logits[:, 0], wanted[:, 0]).mean())


def things_and_edges(masks: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    """(2, side, side): the share of each cell that any mask covers, and whether a mask ends in it."""
    numbers = (masks * np.arange(1, len(masks) + 1)[:, None, None]).max(axis=0).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edges = cv2.morphologyEx(numbers, cv2.MORPH_GRADIENT, cross) > 0
    layers = ((numbers > 0).astype(np.float32), edges.astype(np.float32))
    thing, edge = (cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA) for layer in layers)
    return np.asarray(np.stack([thing, edge >= 0.5]), dtype=np.float32)
