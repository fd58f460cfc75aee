"""The losses of mask R-CNN, and one that names every token, which teaches the backbone classes from the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.modeling import VitDet
from plugins.vitdet.modeling.heads import BOX_PATCH, MASK_PATCH
from plugins.vitdet.modeling.pooling import pool
from plugins.vitdet.modeling.roi_heads import MaskRcnnHeads
from recipes.precision import autocast
from recipes.vitdet.data import IGNORED, NOTHING, Batch, Things
from recipes.vitdet.stages import Stage
from recipes.vitdet.targets import classes_of, encode, masks_of, sampled_anchors, sampled_proposals

Levels = list[Tensor]


@dataclass(frozen=True, eq=False)
class Proposed:
    """Sampled proposals of a batch: boxes (K, 4), their pictures (K,), in order, and the thing of each in its picture
    (K,), or -1; those of things come first in each picture."""

    boxes: Tensor
    pictures: Tensor
    owners: Tensor


def losses(
    network: VitDet, naming: nn.Module, batch: Batch, stage: Stage, generator: torch.Generator
) -> dict[str, Tensor]:
    """Every term of the loss, weighted. Convolutions and matrices compute in bfloat16, boxes and losses in float32."""
    with autocast():
        tokens = network.backbone.net(batch.images)
        levels = [level.float() for level in network.backbone.from_tokens(tokens)]
        names = naming(rearrange(tokens, "b c h w -> b h w c")).float()
    terms = {"naming": stage.naming_weight * naming_loss(names, batch.tokens)}
    proposed, proposal_terms = proposal_losses(network, levels, batch, stage, generator)
    return terms | proposal_terms | instance_losses(network, levels, batch, proposed, stage.masks)


def naming_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy over patches of things and over patches of nothing, the latter at 0.3."""
    things, empty = (classes != NOTHING) & (classes != IGNORED), classes == NOTHING
    none = logits.sum() * 0
    named = F.cross_entropy(logits[things], classes[things]) if things.any() else none
    return named + 0.3 * (F.cross_entropy(logits[empty], classes[empty]) if empty.any() else none)


def proposal_losses(
    network: VitDet, levels: Levels, batch: Batch, stage: Stage, generator: torch.Generator
) -> tuple[Proposed, dict[str, Tensor]]:
    """What proposals to learn from next, and how good the region proposal network is."""
    generate = network.proposal_generator
    around = generate.around(levels)
    anchors = torch.cat(around)
    with autocast():
        scored = [generate.rpn_head(level) for level in levels]
    logits, deltas = [part.float() for part, _ in scored], [part.float() for _, part in scored]
    all_logits, all_deltas = torch.cat(logits, dim=1), torch.cat(deltas, dim=1)
    asked, wanted, moved, shifts, proposed = [], [], [], [], []
    for index, things in enumerate(batch.things):
        sample = sampled_anchors(anchors, things, stage.anchors, generator)
        near = sample.places[sample.owners >= 0]
        asked.append(all_logits[index, sample.places])
        wanted.append((sample.owners >= 0).float())
        moved.append(all_deltas[index, near])
        shifts.append(encode(anchors[near], things.boxes[sample.owners[sample.owners >= 0]], (1.0, 1.0)))
        with torch.no_grad():
            size = (batch.images.shape[2], batch.images.shape[3])
            boxes, _ = generate.choose([part[index] for part in logits], [part[index] for part in deltas], around, size)
        proposed.append(_proposed(boxes, things, index, stage.proposals, generator))
    count = sum(map(len, asked))
    terms = {
        "thing": F.binary_cross_entropy_with_logits(torch.cat(asked), torch.cat(wanted)),
        "anchor": (torch.cat(moved) - torch.cat(shifts)).abs().sum() / count,
    }
    boxes, pictures, owners = (torch.cat(parts) for parts in zip(*proposed, strict=True))
    return Proposed(boxes, pictures, owners), terms


def instance_losses(network: VitDet, levels: Levels, batch: Batch, proposed: Proposed, most: int) -> dict[str, Tensor]:
    """How good the heads are: classes, boxes and, for at most `most` proposals of things in a picture, masks."""
    heads = cast("MaskRcnnHeads", network.roi_heads)
    patches = pool(levels, proposed.boxes, BOX_PATCH, proposed.pictures)
    with autocast():
        logits, deltas = heads.box_predictor(heads.box_head(patches))
    near = proposed.owners >= 0
    rank = torch.arange(len(near)) - torch.searchsorted(proposed.pictures, proposed.pictures)
    drawn = near & (rank < most)
    wanted = _gathered(proposed, drawn, batch)
    with autocast():
        patches = pool(levels, proposed.boxes[drawn], MASK_PATCH, proposed.pictures[drawn])
        masks = heads.mask_head(patches, wanted.classes[drawn])
    shifts = encode(proposed.boxes[near], wanted.boxes)
    return {
        "class": F.cross_entropy(logits.float(), wanted.classes),
        "box": (deltas[near, 0].float() - shifts).abs().sum() / len(near),
        "mask": F.binary_cross_entropy_with_logits(masks.float(), wanted.masks),
    }


def _proposed(
    boxes: Tensor, things: Things, picture: int, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    everything = torch.cat([boxes, things.boxes])
    sample = sampled_proposals(everything, things, count, generator)
    return everything[sample.places], torch.full_like(sample.places, picture), sample.owners


def _gathered(proposed: Proposed, drawn: Tensor, batch: Batch) -> Things:
    """The class of every proposal, the true box of those that show a thing, the masks of those drawn."""
    parts = []
    for index, things in enumerate(batch.things):
        here = proposed.pictures == index
        owners, boxes = proposed.owners[here], proposed.boxes[here]
        near = owners >= 0
        asked = drawn[here]
        masks = masks_of(boxes[asked], owners[asked], things)
        parts.append((things.boxes[owners[near]], classes_of(owners, things), masks))
    boxes, classes, masks = (torch.cat(part) for part in zip(*parts, strict=True))
    return Things(boxes, classes, masks)
