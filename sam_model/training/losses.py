"""The mask loss of Segment Anything: 20 · focal + dice + squared error of the predicted IoU (paper, appendix A)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

FOCAL_WEIGHT = 20.0
DICE_WEIGHT = 1.0
IOU_WEIGHT = 1.0


def focal_loss(
    logits: Float[Tensor, "*masks h w"],
    targets: Float[Tensor, "*masks h w"],
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
) -> Float[Tensor, "*masks"]:
    """Mean focal loss of each mask (https://arxiv.org/abs/1708.02002).

    Targets in [0, 1] may be fractions of a pixel; they take the place of the label in every factor. The paper states
    neither alpha nor gamma: these are SAM 2's.
    """
    probability = logits.sigmoid()
    missed = probability + targets - 2 * probability * targets
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    balance = (2 * alpha - 1) * targets + (1 - alpha)
    return (balance * missed.pow(gamma) * entropy).mean(dim=(-2, -1))


def dice_loss(logits: Float[Tensor, "*masks h w"], targets: Float[Tensor, "*masks h w"]) -> Float[Tensor, "*masks"]:
    """One minus the Dice coefficient of each mask, with one pixel of smoothing so that an empty mask has a gradient."""
    probability = logits.sigmoid()
    overlap = (probability * targets).sum(dim=(-2, -1))
    total = probability.sum(dim=(-2, -1)) + targets.sum(dim=(-2, -1))
    return 1 - (2 * overlap + 1) / (total + 1)


@torch.no_grad()
def logits_iou(logits: Float[Tensor, "*masks h w"], targets: Float[Tensor, "*masks h w"]) -> Float[Tensor, "*masks"]:
    """Intersection over union of the thresholded masks; 1 where both are empty."""
    predicted, wanted = logits > 0, targets > 0.5
    intersection = (predicted & wanted).sum(dim=(-2, -1))
    union = (predicted | wanted).sum(dim=(-2, -1))
    return torch.where(union > 0, intersection / union.clamp(min=1), 1.0)


@dataclass(frozen=True)
class PromptLoss:
    """The loss of each prompt, and which of its candidate masks was supervised."""

    total: Float[Tensor, " n"]
    best: Int[Tensor, " n"]


def prompt_loss(
    logits: Float[Tensor, "n candidates h w"], iou: Float[Tensor, "n candidates"], targets: Float[Tensor, "n h w"]
) -> PromptLoss:
    """Supervise, for each prompt, only the candidate with the least focal and dice loss, and that candidate's IoU.

    With one candidate this is the plain loss. The IoU of the others is not supervised, as in SAM 2's training code.
    """
    wanted = targets[:, None].expand_as(logits)
    mask_losses = FOCAL_WEIGHT * focal_loss(logits, wanted) + DICE_WEIGHT * dice_loss(logits, wanted)
    least, best = mask_losses.min(dim=1)
    chosen = best[:, None]
    error = iou.gather(1, chosen) - logits_iou(logits, wanted).gather(1, chosen)
    return PromptLoss(total=least + IOU_WEIGHT * error.squeeze(1).square(), best=best)
