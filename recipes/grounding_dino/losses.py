"""The detector's loss: tokens by focal loss, boxes by L1 and GIoU, one to one for queries and one to many for cells.

Written anew because transformers' own loss labels tokens wrongly when the prompts of a batch differ and leaves the
proposals of the first stage without a gradient. Weights follow Grounding DINO (arXiv 2303.05499, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

ALPHA, GAMMA = 0.25, 2.0
L1_WEIGHT, GIOU_WEIGHT = 5.0, 2.0
#: A cell whose centre lies in this inner share of a box proposes that box.
CORE = 0.6


@dataclass(frozen=True, eq=False)
class Targets:
    """Objects of a batch, padded to N: boxes (B, N, 4) cxcywh in 0..1, the tokens (B, N, T) that name each, and which
    of the N are real (B, N)."""

    boxes: Tensor
    tokens: Tensor
    real: Tensor

    @classmethod
    def stacked(cls, answers: Sequence[tuple[Tensor, Tensor]]) -> Targets:
        """Join the (boxes, tokens) of single pictures."""
        boxes, tokens = zip(*answers, strict=True)
        real = [torch.ones(len(one), dtype=torch.bool) for one in boxes]
        pad = torch.nn.utils.rnn.pad_sequence
        return cls(pad(list(boxes), batch_first=True), pad(list(tokens), batch_first=True), pad(real, batch_first=True))


@dataclass(frozen=True, eq=False)
class Predictions:
    """Token logits (B, Q, T) and boxes (B, Q, 4) cxcywh in 0..1."""

    logits: Tensor
    boxes: Tensor


@dataclass(frozen=True, eq=False)
class Terms:
    """The three parts of the loss."""

    tokens: Tensor
    l1: Tensor
    giou: Tensor

    def total(self) -> Tensor:
        """The weighted sum."""
        return self.tokens + L1_WEIGHT * self.l1 + GIOU_WEIGHT * self.giou


def query_loss(predicted: Predictions, targets: Targets, token_mask: Tensor) -> Terms:
    """Loss of decoder queries, of which exactly one answers for each object. `token_mask` (B, T): false at padding."""
    return _loss(predicted, targets, token_mask, match(predicted, targets, token_mask))


def proposal_loss(predicted: Predictions, targets: Targets, token_mask: Tensor, centres: Tensor) -> Terms:
    """Loss of the first stage, where every cell (centre (Q, 2) in 0..1) in the core of an object answers for it."""
    return _loss(predicted, targets, token_mask, cells_of(centres, targets))


@torch.no_grad()
def match(predicted: Predictions, targets: Targets, token_mask: Tensor) -> Tensor:
    """Hungarian matching: (B, Q) index of the object that each query answers for, -1 for none."""
    allowed = targets.tokens & token_mask[:, None]
    likelihood = _focal(predicted.logits, one=True) - _focal(predicted.logits, one=False)
    likelihood = likelihood.nan_to_num(0.0, 0.0, 0.0)
    shares = allowed.float() / allowed.sum(-1, keepdim=True).clamp(min=1)
    costs = likelihood @ shares.mT + L1_WEIGHT * torch.cdist(predicted.boxes, targets.boxes, p=1)
    costs -= GIOU_WEIGHT * giou(predicted.boxes[:, :, None], targets.boxes[:, None])
    owners = torch.full(predicted.logits.shape[:2], -1)
    for cost, real, owner in zip(costs, targets.real.sum(1).tolist(), owners, strict=True):
        queries, objects = linear_sum_assignment(cost[:, :real].numpy())
        owner[torch.from_numpy(queries)] = torch.from_numpy(objects)
    return owners


@torch.no_grad()
def cells_of(centres: Tensor, targets: Targets) -> Tensor:
    """(B, Q) index of the smallest object whose core holds the cell's centre, -1 for none.

    The cell nearest to the middle of an object always answers for it, so that no small thing is left out.
    """
    middle, extent = targets.boxes[:, None, :, :2], targets.boxes[:, None, :, 2:]
    away = (centres[None, :, None] - middle).abs()
    inside = (away <= CORE / 2 * extent).all(-1) & targets.real[:, None]
    area = torch.where(inside, extent.prod(-1), torch.inf)
    smallest, owners = area.min(-1)
    owners = torch.where(smallest.isfinite(), owners, -1)
    nearest = away.pow(2).sum(-1).argmin(1)
    for owner, cells, real in zip(owners, nearest, targets.real, strict=True):
        owner[cells[real]] = torch.arange(len(real))[real]
    return owners


def giou(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised IoU (arXiv 1902.09630) of boxes (..., 4) cxcywh that broadcast against each other."""
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    low_other, high_other = others[..., :2] - others[..., 2:] / 2, others[..., :2] + others[..., 2:] / 2
    both = (torch.minimum(high, high_other) - torch.maximum(low, low_other)).clamp(min=0).prod(-1)
    hull = (torch.maximum(high, high_other) - torch.minimum(low, low_other)).prod(-1)
    union = boxes[..., 2:].prod(-1) + others[..., 2:].prod(-1) - both
    return both / union.clamp(min=1e-7) - (hull - union) / hull.clamp(min=1e-7)


def focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Sigmoid focal loss (arXiv 1708.02002) of each logit; `wanted` is bool and of the same shape."""
    return torch.where(wanted, _focal(logits, one=True), _focal(logits, one=False))


def _focal(logits: Tensor, *, one: bool) -> Tensor:
    """Focal loss of each logit if its target is one, or zero."""
    if one:
        return ALPHA * torch.sigmoid(-logits) ** GAMMA * F.softplus(-logits)
    return (1 - ALPHA) * torch.sigmoid(logits) ** GAMMA * F.softplus(logits)


def _loss(predicted: Predictions, targets: Targets, token_mask: Tensor, owners: Tensor) -> Terms:
    """Focal loss over all real tokens and box losses over owned queries, both for each owned query."""
    picture, query = torch.nonzero(owners >= 0, as_tuple=True)
    owned = owners[picture, query]
    wanted = torch.zeros_like(predicted.logits, dtype=torch.bool)
    wanted[picture, query] = targets.tokens[picture, owned]
    logits = predicted.logits.masked_fill(~token_mask[:, None], -50.0)
    count = max(len(owned), 1)
    boxes, truth = predicted.boxes[picture, query], targets.boxes[picture, owned]
    return Terms(
        tokens=focal(logits, wanted).sum() / count,
        l1=(boxes - truth).abs().sum() / count,
        giou=(1 - giou(boxes, truth)).sum() / count,
    )
