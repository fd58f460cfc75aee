"""A teacher of the image encoder alone: what is a thing, where does it end, and how far does it reach, in every cell.

Prompts tell the encoder little at a time; this tells it about all pixels at once. The head is thrown away in the end.
Six maps: thing, edge, and the distances from the cell to the left, top, right and bottom of its thing's box.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from recipes.world.scenes import boxes_of
from sam_model.training.losses import logits_iou

#: Cells of mask logits along a side of a patch.
CELLS = 4
MAPS = 6
REACH_WEIGHT = 4.0


class DenseHead(nn.Module):
    """Image embedding → logits of thing and of edge, and the reach, in every cell."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, MAPS * CELLS**2)

    def forward(self, embedding: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 6 4*h 4*w"]:
        logits = self.project(rearrange(embedding, "b c h w -> b h w c"))
        maps: Tensor = rearrange(logits, "b h w (maps y x) -> b maps (h y) (w x)", maps=MAPS, y=CELLS)
        return maps


def meaning_loss(
    embedding: Float[Tensor, "b c h w"], owners: Int[Tensor, "b h w"], tokens: Float[Tensor, "n c"]
) -> tuple[Tensor, float]:
    """Whether every cell answers to the token of its thing's name, and to none where there is no thing.

    The tokens are the prompts in words themselves, so what is learned here is what the decoder's first attention
    needs: cells and names in one space. `owners` holds the row of `tokens` that a cell belongs to, -1 for none.

    Returns:
        The cross-entropy, half of it of things and half of what lies between, and the share of things' cells that
        answer to their own name.
    """
    answers = embedding.movedim(1, -1) @ tokens.T / embedding.shape[1] ** 0.5
    logits = F.pad(answers, (1, 0)).flatten(0, 2)  # nothing answers with 0
    wanted = owners.flatten() + 1
    owned = wanted > 0
    loss = F.cross_entropy(logits, wanted, reduction="none")
    parts = [loss[chosen].mean() for chosen in (owned, ~owned) if chosen.any()]
    right = (logits.argmax(dim=1) == wanted)[owned].float().mean().nan_to_num()
    return torch.stack(parts).mean(), float(right)


def dense_loss(answer: Float[Tensor, "b 6 h w"], wanted: Float[Tensor, "b 6 h w"]) -> Tensor:
    """Cross-entropy of things, that of edges, which are rare and count four times where they are, and the mean error
    of the reach inside things."""
    weight = 1 + 3 * wanted[:, 1]
    thing = F.binary_cross_entropy_with_logits(answer[:, 0], wanted[:, 0])
    edge = F.binary_cross_entropy_with_logits(answer[:, 1], wanted[:, 1], weight=weight)
    inside = (wanted[:, 2:] != 0).any(dim=1, keepdim=True)
    error = ((answer[:, 2:] - wanted[:, 2:]).abs() * inside).sum() / (4 * inside.sum()).clamp(min=1)
    return torch.add(thing, edge) + REACH_WEIGHT * error


def thing_iou(answer: Float[Tensor, "b 6 h w"], wanted: Float[Tensor, "b 6 h w"]) -> float:
    """Mean IoU of the things of each picture."""
    return float(logits_iou(answer[:, 0], wanted[:, 0]).mean())


def dense_targets(masks: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    """(6, side, side): the share of each cell that any mask covers, whether a mask ends in it, and from its middle the
    distances to the sides of its thing's box in widths of the picture, 0 where there is no thing."""
    numbers = _numbers(masks)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edges = cv2.morphologyEx(numbers, cv2.MORPH_GRADIENT, cross) > 0
    layers = ((numbers > 0).astype(np.float32), edges.astype(np.float32))
    thing, edge = (cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA) for layer in layers)
    return np.concatenate([np.stack([thing, edge >= 0.5]), _reach(numbers, masks, side)]).astype(np.float32)


def owners_of(masks: NDArray[np.bool_], side: int) -> NDArray[np.int64]:
    """(side, side): which of the masks the middle of each cell lies in, -1 for none."""
    return _in_middles(_numbers(masks), side).astype(np.int64) - 1


def _numbers(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Of every pixel the number of its mask, counted from 1; 0 where there is none."""
    numbers: NDArray[np.uint8] = (masks * np.arange(1, len(masks) + 1)[:, None, None]).max(axis=0).astype(np.uint8)
    return numbers


def _in_middles(numbers: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    at = ((np.arange(side) + 0.5) * (len(numbers) / side)).astype(int)
    return np.asarray(numbers[np.ix_(at, at)])


def _reach(numbers: NDArray[np.uint8], masks: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    owner = _in_middles(numbers, side)
    left, top, right, bottom = (boxes_of(masks) / len(numbers)).T[:, owner.astype(int) - 1]
    middle = (np.arange(side, dtype=np.float32) + 0.5) / side
    x, y = middle[None, :], middle[:, None]
    return np.where(owner > 0, np.stack([x - left, y - top, right - x, bottom - y]), 0).astype(np.float32)
