"""What the network should have said: detectron2's rules of matching and sampling, with fewer samples a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from plugins.vitdet.modeling.roi_heads import CASCADE_WEIGHTS
from recipes.vitdet.data import NOTHING, Things

SURE, UNSURE = 0.7, 0.3
"""An anchor is a thing's from this overlap on, and nobody's below that one; in between it is not asked."""
FOREGROUND = 0.5
"""A proposal shows the thing that it overlaps by this much."""
MOST_ANCHORS, MOST_PROPOSALS = 0.5, 1 / 3
"""The largest share of a sample that things may take."""
MASK_SIDE = 28


@dataclass(frozen=True, eq=False)
class Sampled:
    """Of a picture's boxes, those to learn from: their places (K,), the thing of each (K,), -1 for none."""

    places: Tensor
    owners: Tensor


def overlaps(boxes: Tensor, things: Things) -> Tensor:
    """IoU (K, N)."""
    from torchvision.ops import box_iou

    iou: Tensor = box_iou(boxes, things.boxes)
    return iou


def sampled_anchors(anchors: Tensor, things: Things, count: int, generator: torch.Generator) -> Sampled:
    """Anchors near things, and as many others as fill the sample; the best anchors of a thing are always near."""
    if not len(things.boxes):
        return _sample(torch.full((len(anchors),), -1), count, MOST_ANCHORS, generator)
    iou = overlaps(anchors, things)
    best, owner = iou.max(dim=1)
    owner = torch.where(best >= SURE, owner, torch.where(best < UNSURE, -1, -2))
    nearest, thing = torch.nonzero(iou >= iou.amax(dim=0).clamp(min=1e-3), as_tuple=True)
    owner[nearest] = thing
    return _sample(owner, count, MOST_ANCHORS, generator)


def sampled_proposals(proposals: Tensor, things: Things, count: int, generator: torch.Generator) -> Sampled:
    """Proposals of things, and others; a picture's true boxes should be among the proposals."""
    if not len(things.boxes):
        return _sample(torch.full((len(proposals),), -1), count, MOST_PROPOSALS, generator)
    best, owner = overlaps(proposals, things).max(dim=1)
    return _sample(torch.where(best >= FOREGROUND, owner, -1), count, MOST_PROPOSALS, generator)


def _sample(owners: Tensor, count: int, most: float, generator: torch.Generator) -> Sampled:
    near, far = (owners >= 0).nonzero()[:, 0], (owners == -1).nonzero()[:, 0]
    near = near[torch.randperm(len(near), generator=generator)[: int(count * most)]]
    far = far[torch.randperm(len(far), generator=generator)[: count - len(near)]]
    places = torch.cat([near, far])
    return Sampled(places, owners[places])


def encode(boxes: Tensor, wanted: Tensor, weights: tuple[float, float] = CASCADE_WEIGHTS[0]) -> Tensor:
    """The deltas (K, 4) that lead from boxes to those wanted: the inverse of `decode`."""
    sides, wanted_sides = boxes[:, 2:] - boxes[:, :2], wanted[:, 2:] - wanted[:, :2]
    shift = (wanted[:, :2] + wanted_sides / 2 - boxes[:, :2] - sides / 2) / sides
    return torch.cat([weights[0] * shift, weights[1] * (wanted_sides / sides).log()], dim=1)


def classes_of(owners: Tensor, things: Things) -> Tensor:
    """The class of each owner, `NOTHING` for none."""
    if not len(things.classes):
        return torch.full_like(owners, NOTHING)
    return torch.where(owners >= 0, things.classes[owners.clamp(min=0)], NOTHING)


def masks_of(boxes: Tensor, owners: Tensor, things: Things) -> Tensor:
    """The part of each owner's mask that lies in a box, (K, 28, 28) of 0 and 1."""
    from torchvision.ops import roi_align

    rois = torch.cat([owners[:, None].to(boxes), boxes], dim=1)
    cover: Tensor = roi_align(things.masks[:, None], rois, MASK_SIDE, aligned=True)
    return (cover[:, 0] >= 0.5).float()
